import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once as event } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { tempFolder } from '../../test/kit/temp.ts';
import { until } from '../../test/kit/until.ts';
import { openState, STATE_FILE, StateUnusable } from './state.ts';

test('a token is used once, also after a restart, and of many at once exactly one gets it', async () => {
  using folder = tempFolder('state');
  const later = Date.now() + 60_000;
  const first = openState(folder.path);
  const results = await Promise.all(Array.from({ length: 20 }, () => first.once.use('token', later)));
  assert.equal(results.filter(Boolean).length, 1);
  first.close();
  const second = openState(folder.path);
  assert.equal(await second.once.use('token', later), false);
  assert.equal(await second.once.use('another', later), true);
  second.close();
});

test('a use survives the killing of the process that made it', async () => {
  using folder = tempFolder('state');
  const script = `import { openState } from ${JSON.stringify(pathToFileURL(`${import.meta.dirname}/state.ts`).href)};
    const state = openState(${JSON.stringify(folder.path)});
    state.revocations.revoke('billing', 'ada');
    if (await state.once.use('token', Date.now() + 60000)) process.stdout.write('used');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await event(child.stdout, 'data');
  child.kill('SIGKILL');
  await event(child, 'exit');
  const state = openState(folder.path);
  assert.equal(await state.once.use('token', Date.now() + 60_000), false);
  assert.equal(state.revocations.isRevoked('billing'), true);
  state.close();
});

test('tokens that can no longer be accepted are forgotten', async () => {
  using folder = tempFolder('state');
  let now = 1_000_000;
  const state = openState(folder.path, () => now);
  await state.once.use('old', now + 10);
  now += 1000;
  await state.once.use('new', now + 10);
  state.close();
  const database = new DatabaseSync(folder.file(STATE_FILE));
  assert.deepEqual(database.prepare('SELECT fingerprint FROM used_token').all().map((row) => row['fingerprint']), ['new']);
  database.close();
});

test('revocations last, name who made them, and can be taken back', () => {
  using folder = tempFolder('state');
  const now = 1_700_000_000_000;
  const first = openState(folder.path, () => now);
  const seen: unknown[] = [];
  const stop = first.revocations.onChange((change) => seen.push(change));
  first.revocations.revoke('billing', 'ada');
  first.revocations.revoke('billing', 'bob');
  assert.equal(first.revocations.isRevoked('billing'), true);
  assert.equal(first.revocations.isRevoked('billin'), false);
  first.close();
  const second = openState(folder.path, () => now + 1);
  assert.deepEqual(second.revocations.list(), [{ identity: 'billing', by: 'ada', at: now }]);
  assert.equal(second.revocations.restore('billing'), true);
  assert.equal(second.revocations.restore('billing'), false);
  assert.equal(second.revocations.isRevoked('billing'), false);
  second.close();
  assert.deepEqual(seen, [{ revoked: ['billing'], restored: [] }]);
  stop();
});

test('a change by another process is seen', async () => {
  using folder = tempFolder('state');
  const gateway = openState(folder.path);
  const other = openState(folder.path);
  const seen: string[] = [];
  gateway.revocations.onChange(({ revoked, restored }) => seen.push(...revoked.map((name) => `+${name}`), ...restored.map((name) => `-${name}`)));
  // The poll does not keep a process alive; this test's own waiting does.
  other.revocations.revoke('billing', 'ada');
  await until(() => gateway.revocations.isRevoked('billing'));
  other.revocations.restore('billing');
  await until(() => !gateway.revocations.isRevoked('billing'));
  assert.deepEqual(seen, ['+billing', '-billing']);
  gateway.close();
  other.close();
});

test('a newer schema, a damaged file and an unusable folder are refused with a clear message', () => {
  using folder = tempFolder('state');
  openState(folder.path).close();
  const database = new DatabaseSync(folder.file(STATE_FILE));
  database.exec('PRAGMA user_version = 99');
  database.close();
  assert.throws(() => openState(folder.path), (error) => error instanceof StateUnusable && /newer version \(schema 99, this one knows \d+\)/.test(error.message));

  using damaged = tempFolder('state');
  openState(damaged.path).close();
  // The header of the file is overwritten, as by a failing disk.
  const broken = new DatabaseSync(damaged.file(STATE_FILE));
  broken.exec('PRAGMA journal_mode = DELETE');
  broken.close();
  overwrite(damaged.file(STATE_FILE));
  assert.throws(() => openState(damaged.path), StateUnusable);
  assert.throws(() => openState(folder.file(STATE_FILE, 'below-a-file')), StateUnusable);
});

test('the file is for its owner only, written through to the disk', () => {
  using folder = tempFolder('state');
  const state = openState(folder.path);
  assert.equal(statSync(folder.file(STATE_FILE)).mode & 0o777, 0o600);
  state.revocations.revoke('a', 'b');
  assert.equal(statSync(folder.file(`${STATE_FILE}-wal`)).mode & 0o077, 0);
  state.close();
});

const overwrite = (path: string): void => {
  const { size } = statSync(path);
  writeFileSync(path, Buffer.alloc(size, 0x55));
};
