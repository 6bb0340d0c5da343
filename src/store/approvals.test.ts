import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { tempFolder } from '../../test/kit/temp.ts';
import type { ApprovalState } from '../approvals/approvals.ts';
import type { StoredRequest } from '../approvals/ports.ts';
import { openState } from './state.ts';

const request = (id: string, more: Partial<StoredRequest> = {}): StoredRequest => ({
  id, digest: `d-${id}`, state: 'pending', session: 's', identity: 'job', connection: 'db', askedAt: 1, lastAskedAt: 1, approvedAt: undefined, expiresAt: 100, sealed: new Uint8Array([1, 2, 3]), ...more,
});

test('a request comes back as it was kept, after a restart too', () => {
  using folder = tempFolder('approvals-store');
  const first = openState(folder.path);
  assert.equal(first.approvals.insert(request('a')), true);
  first.approvals.addAnswer({ request: 'a', verdict: 'approve', provider: 'okta', channel: 'page', at: 5, sealed: new Uint8Array([9]) });
  first.approvals.addAnswer({ request: 'a', verdict: 'deny', provider: 'okta', channel: 'page', at: 4, sealed: new Uint8Array([8]) });
  first.close();
  const second = openState(folder.path);
  assert.deepEqual({ ...second.approvals.get('a') }, request('a'));
  assert.deepEqual(second.approvals.answers('a').map((answer) => ({ ...answer })), [
    { request: 'a', verdict: 'approve', provider: 'okta', channel: 'page', at: 5, sealed: new Uint8Array([9]) },
    { request: 'a', verdict: 'deny', provider: 'okta', channel: 'page', at: 4, sealed: new Uint8Array([8]) },
  ]);
  assert.equal(second.approvals.get('b'), undefined);
  second.close();
});

test('of one digest at most one request is open', () => {
  using folder = tempFolder('approvals-store');
  const state = openState(folder.path);
  const { approvals } = state;
  assert.equal(approvals.insert(request('a', { digest: 'd' })), true);
  assert.equal(approvals.insert(request('b', { digest: 'd' })), false);
  assert.equal(approvals.insert(request('a', { digest: 'e' })), false);
  assert.equal(approvals.move('a', 'pending', 'approved', { at: 2, approvedAt: 2, expiresAt: 50 }), true);
  assert.equal(approvals.insert(request('b', { digest: 'd' })), false);
  assert.deepEqual([approvals.open('d')?.id, approvals.open('d')?.approvedAt, approvals.open('d')?.expiresAt], ['a', 2, 50]);
  assert.equal(approvals.move('a', 'approved', 'used', { at: 3 }), true);
  assert.equal(approvals.open('d'), undefined);
  assert.equal(approvals.insert(request('b', { digest: 'd' })), true);
  state.close();
});

test('a move is made once, from the state it says', () => {
  using folder = tempFolder('approvals-store');
  const state = openState(folder.path);
  const { approvals } = state;
  approvals.insert(request('a'));
  const states: ApprovalState[] = ['approved', 'denied', 'used', 'expired', 'withdrawn'];
  for (const from of states) assert.equal(approvals.move('a', from, 'used', { at: 1 }), false);
  assert.equal(approvals.move('a', 'pending', 'approved', { at: 1 }), true);
  assert.equal(approvals.move('a', 'pending', 'approved', { at: 1 }), false);
  assert.equal(approvals.renew('a', { lastAskedAt: 9, expiresAt: 9 }), false);
  assert.equal(approvals.move('a', 'approved', 'used', { at: 1 }), true);
  assert.equal(approvals.move('a', 'approved', 'used', { at: 1 }), false);
  assert.equal(approvals.move('nothing', 'approved', 'used', { at: 1 }), false);
  state.close();
});

test('of many processes that try to use one approval, exactly one does', async () => {
  using folder = tempFolder('approvals-store');
  const state = openState(folder.path);
  const ids = Array.from({ length: 20 }, (_, n) => `a${n}`);
  for (const id of ids) state.approvals.insert(request(id));
  for (const id of ids) state.approvals.move(id, 'pending', 'approved', { at: 1 });
  const script = `import { openState } from ${JSON.stringify(pathToFileURL(`${import.meta.dirname}/state.ts`).href)};
    const state = openState(${JSON.stringify(folder.path)});
    process.stdout.write('ready\\n');
    process.stdin.once('data', () => {
      const won = ${JSON.stringify(ids)}.filter((id) => state.approvals.move(id, 'approved', 'used', { at: 2 }));
      process.stdout.write(JSON.stringify(won) + '\\n');
      state.close();
      process.stdin.unref();
    });`;
  const children = Array.from({ length: 4 }, () => spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] }));
  await Promise.all(children.map((child) => once(child.stdout, 'data')));
  const results = children.map(async (child) => {
    child.stdin.write('go');
    const [data] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill();
    return JSON.parse(data.toString()) as string[];
  });
  const won = (await Promise.all(results)).flat();
  assert.deepEqual(won.toSorted(), ids.toSorted());
  state.close();
});

test('a use survives the killing of the process that made it', async () => {
  using folder = tempFolder('approvals-store');
  const script = `import { openState } from ${JSON.stringify(pathToFileURL(`${import.meta.dirname}/state.ts`).href)};
    const { approvals } = openState(${JSON.stringify(folder.path)});
    approvals.insert({ ...${JSON.stringify(request('a'))}, sealed: new Uint8Array(3) });
    approvals.move('a', 'pending', 'approved', { at: 1 });
    if (approvals.move('a', 'approved', 'used', { at: 2 })) process.stdout.write('used');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const state = openState(folder.path);
  assert.equal(state.approvals.get('a')?.state, 'used');
  assert.equal(state.approvals.move('a', 'approved', 'used', { at: 3 }), false);
  state.close();
});

test('work that fails leaves nothing behind', () => {
  using folder = tempFolder('approvals-store');
  const state = openState(folder.path);
  const { approvals } = state;
  assert.throws(() => approvals.exclusively(() => {
    approvals.insert(request('a'));
    throw new Error('mine');
  }), /mine/);
  assert.equal(approvals.get('a'), undefined);
  assert.equal(approvals.exclusively(() => approvals.insert(request('a'))), true);
  assert.equal(approvals.get('a')?.id, 'a');
  state.close();
});

test('pending requests are counted, in all and of one identity', () => {
  using folder = tempFolder('approvals-store');
  const state = openState(folder.path);
  const { approvals } = state;
  approvals.insert(request('a'));
  approvals.insert(request('b'));
  approvals.insert(request('c', { identity: 'other' }));
  approvals.move('b', 'pending', 'approved', { at: 1 });
  assert.deepEqual([approvals.pending(), approvals.pending('job'), approvals.pending('other'), approvals.pending('none')], [2, 1, 1, 0]);
  state.close();
});

test('what is due comes most overdue first', () => {
  using folder = tempFolder('approvals-store');
  const state = openState(folder.path);
  const { approvals } = state;
  assert.equal(approvals.nextDue(), undefined);
  approvals.insert(request('a', { expiresAt: 30 }));
  approvals.insert(request('b', { expiresAt: 10 }));
  approvals.insert(request('c', { expiresAt: 20 }));
  approvals.move('a', 'pending', 'denied', { at: 1 });
  assert.equal(approvals.nextDue(), 10);
  assert.deepEqual(approvals.due(19, 9).map(({ id }) => id), ['b']);
  assert.deepEqual(approvals.due(20, 9).map(({ id }) => id), ['b', 'c']);
  assert.deepEqual(approvals.due(99, 1).map(({ id }) => id), ['b']);
  approvals.renew('b', { lastAskedAt: 3, expiresAt: 40, sealed: new Uint8Array([7]) });
  assert.deepEqual([approvals.nextDue(), [...(approvals.get('b')?.sealed ?? [])], approvals.get('b')?.lastAskedAt], [20, [7], 3]);
  state.close();
});

test('what ended long ago is forgotten with its answers; what is open never', () => {
  using folder = tempFolder('approvals-store');
  const state = openState(folder.path);
  const { approvals } = state;
  for (const [n, id] of ['a', 'b', 'c', 'open'].entries()) {
    approvals.insert(request(id));
    approvals.addAnswer({ request: id, verdict: 'deny', provider: 'okta', channel: 'page', at: 1, sealed: new Uint8Array([1]) });
    if (id !== 'open') approvals.move(id, 'pending', 'denied', { at: 10 * (n + 1) });
  }
  approvals.forget(15, 100, 1e9);
  assert.deepEqual(approvals.list({ limit: 9 }).map(({ id }) => id), ['open', 'c', 'b']);
  assert.equal(approvals.answers('a').length, 0);
  approvals.forget(0, 1, 1e9);
  assert.deepEqual(approvals.list({ limit: 9 }).map(({ id }) => id), ['open', 'c']);
  assert.equal(approvals.answers('c').length, 1);
  for (const [n, id] of ['d', 'e', 'f'].entries()) {
    approvals.insert({ ...request(id), sealed: new Uint8Array(1000) });
    approvals.move(id, 'pending', 'denied', { at: 100 + n });
  }
  approvals.forget(0, 100, 2100);
  assert.deepEqual(approvals.list({ limit: 9 }).map(({ id }) => id), ['f', 'e', 'open'], 'the oldest beyond so many bytes');
  state.close();
});

test('an answer needs its request, and words that are known', () => {
  using folder = tempFolder('approvals-store');
  const state = openState(folder.path);
  const { approvals } = state;
  assert.throws(() => approvals.addAnswer({ request: 'nothing', verdict: 'approve', provider: 'p', channel: 'c', at: 1, sealed: new Uint8Array(1) }), /FOREIGN KEY/);
  approvals.insert(request('a'));
  assert.throws(() => approvals.addAnswer({ request: 'a', verdict: 'maybe' as 'deny', provider: 'p', channel: 'c', at: 1, sealed: new Uint8Array(1) }), /CHECK/);
  assert.throws(() => approvals.insert(request('b', { state: 'else' as 'pending' })), /CHECK/);
  state.close();
});

test('a change by another process is told, one of our own is not', async () => {
  using folder = tempFolder('approvals-store');
  const one = openState(folder.path);
  const two = openState(folder.path);
  const told = Promise.withResolvers<void>();
  let times = 0;
  const stop = one.approvals.watch(() => {
    times += 1;
    told.resolve();
  });
  one.approvals.insert(request('a'));
  assert.equal(times, 0);
  // The watch does not keep the process alive, so the test must.
  const alive = setInterval(() => {}, 1_000);
  two.approvals.insert(request('b'));
  await told.promise;
  clearInterval(alive);
  assert.equal(one.approvals.get('b')?.id, 'b');
  stop();
  one.close();
  two.close();
});
