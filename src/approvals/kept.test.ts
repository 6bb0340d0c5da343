import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { tempFolder } from '../../test/kit/temp.ts';
import { until } from '../../test/kit/until.ts';
import type { Asked } from './approvals.ts';
import { Scene, asking, endOf, held, person } from './testdata/scene.ts';
import { MINUTE, ada, approve, bob, deny, force, refusal, scenes, stateOf, withCode } from './testdata/steps.ts';

scenes('after a restart requests and approvals are there, waiters are not', async (scene) => {
  const waiting = held(scene.ask({ text: 'a', count: 2 }));
  await approve(scene, waiting.request);
  const ready = held(scene.ask({ text: 'b' }));
  await approve(scene, ready.request);
  scene.restart();
  assert.equal(await endOf(waiting), 'shutting_down');
  assert.equal(stateOf(scene, waiting.request), 'pending');
  assert.equal(scene.approvals.get(waiting.request)?.text, 'a');
  assert.equal(scene.approvals.get(waiting.request)?.waiting, 0);
  await approve(scene, waiting.request, bob);
  assert.deepEqual(scene.ask({ text: 'a', count: 2 }), { kind: 'approved', request: waiting.request });
  assert.deepEqual(scene.ask({ text: 'b' }), { kind: 'approved', request: ready.request });
});

test('an approval whose use was stored and whose intent was not is burned', async () => {
  using folder = tempFolder('approvals');
  using scene = new Scene(folder.path);
  const waiter = held(scene.ask());
  await approve(scene, waiter.request);
  // The process dies right after the swap, as if the answer of `ask` were never read.
  assert.equal(scene.ask({ waiter }).kind, 'approved');
  scene.restart();
  const again = held(scene.ask());
  assert.notEqual(again.request, waiter.request);
  assert.equal(stateOf(scene, waiter.request), 'used');
});

test('of two processes over one store exactly one gets an approval; each sees what the other does', async () => {
  using folder = tempFolder('approvals');
  using one = new Scene(folder.path);
  using two = new Scene(folder.path, one);
  for (let round = 0; round < 3; round += 1) {
    const first = held(one.ask({ text: 'DROP', session: 'one' }));
    const second = held(two.ask({ text: 'DROP', session: 'two' }));
    assert.equal(first.request, second.request);
    // Answered in one process; the other, whose command waits as well, calls its own.
    await approve(one, first.request, round % 2 === 0 ? ada : bob);
    assert.equal(await first.over, 'again');
    assert.equal(await second.over, 'again');
    const asked = round % 2 === 0
      ? [one.ask({ text: 'DROP', session: 'one', waiter: first }), two.ask({ text: 'DROP', session: 'two', waiter: second })]
      : [two.ask({ text: 'DROP', session: 'two', waiter: second }), one.ask({ text: 'DROP', session: 'one', waiter: first })];
    assert.deepEqual(asked.map(({ kind }) => kind), ['approved', 'held']);
    const loser = held(asked[1] as Asked);
    assert.notEqual(loser.request, first.request);
    loser.leave('client_left');
    await deny(two, loser.request);
    assert.equal(stateOf(one, loser.request), 'denied');
  }
});

test('an approval given in another process wakes the command that waits in this one; a denial ends it', async () => {
  using folder = tempFolder('approvals');
  using one = new Scene(folder.path);
  using two = new Scene(folder.path, one);
  const a = held(one.ask({ text: 'a' }));
  const b = held(one.ask({ text: 'b' }));
  await approve(two, a.request);
  await deny(two, b.request, ada, 'no');
  assert.equal(await a.over, 'again');
  const end = await b.over;
  assert.ok(end !== 'again');
  assert.match(end.message, /no \(/);
  // Used by another process while one waits here: it goes on waiting, for another request.
  const c = held(one.ask({ text: 'c', session: 'one' }));
  const before = c.request;
  const d = held(two.ask({ text: 'c', session: 'two' }));
  one.records.mode = 'durable';
  await approve(two, before);
  assert.equal(two.ask({ text: 'c', session: 'two', waiter: d }).kind, 'approved');
  await until(() => c.request !== before || one.approvals.get(before)?.state !== 'used', 5_000, 'the other command to move on');
  assert.equal(one.approvals.get(c.request)?.state, 'pending');
});

test('two people who answer at once in two processes are both counted', async () => {
  using folder = tempFolder('approvals');
  using one = new Scene(folder.path);
  using two = new Scene(folder.path, one);
  const { request } = held(one.ask({ count: 2 }));
  one.records.mode = 'wait';
  two.records.mode = 'wait';
  const answers = [approve(one, request, ada), approve(two, request, bob)];
  const same = approve(two, request, ada);
  one.records.sync();
  two.records.sync();
  const views = await Promise.all(answers);
  await assert.rejects(same, (error) => withCode('already')(error) || withCode('over')(error));
  assert.equal(views[1]?.state, 'approved');
  assert.equal(views[1]?.answers.length, 2);
});

scenes('what people see: the recorded form, with what is hidden counted', async (scene) => {
  const text = 'UPDATE cards SET n = <literal:text>, m = <us_ssn> WHERE a < b AND c = <literal:number>';
  const { request } = held(scene.ask({ text, parameters: ['<value:int4>', null, 'plain'], requester: 'ada', owner: 'okta/team' }));
  const view = scene.approvals.get(request);
  assert.equal(view?.text, text);
  assert.deepEqual(view.parameters, ['<value:int4>', null, 'plain']);
  assert.equal(view.hidden, 4);
  assert.deepEqual(view.effects, [{ class: 'schema', verb: 'drop', object: 'table:public.orders' }]);
  assert.deepEqual(view.steps, [{ rule: 'jobs/drops', file: 'w.yaml', line: 7, groups: ['okta/dba'], count: 1, approvedBy: [] }]);
  assert.deepEqual([view.requester, view.owner, view.url], ['ada', { group: 'okta/team' }, `https://wicketgate.example/approvals/${request}`]);
});

test('nothing of a text, a reason or a name is on the disk in clear, nor in a leaf', async () => {
  using folder = tempFolder('approvals');
  using scene = new Scene(folder.path);
  const { request } = held(scene.ask({ text: 'DROP TABLE verysecrettable', requester: 'requestername', parameters: ['parametervalue'] }));
  await approve(scene, request, person('approvername'), { reason: 'because-of-this' });
  const names = ['verysecrettable', 'requestername', 'parametervalue', 'approvername', 'because-of-this'];
  const disk = Buffer.concat(readdirSync(folder.path).map((name) => readFileSync(join(folder.path, name))));
  assert.ok(disk.includes(request));
  const leaves = JSON.stringify(scene.records.all.map(({ record }) => record));
  for (const name of names) {
    assert.equal(disk.includes(name), false, name);
    assert.equal(leaves.includes(name), false, name);
  }
  const bodies = scene.records.all.flatMap(({ bodies: each }) => each).map(({ part, bytes }) => `${part} ${Buffer.from(bytes).toString()}`);
  assert.deepEqual(bodies, [
    'statement DROP TABLE verysecrettable', 'parameters ["parametervalue"]',
    'detail {"name":"approvername","issuer":"https://okta.example","subject":"sub-approvername","reason":"because-of-this"}',
  ]);
});

scenes('when its key was destroyed, a request can be neither read nor answered nor used', async (scene) => {
  const pending = refusal(scene.ask({ text: 'a', place: 'series' })).approval ?? '';
  const ready = refusal(scene.ask({ text: 'b', place: 'series' })).approval ?? '';
  await approve(scene, ready);
  scene.seals.key = Buffer.alloc(32, 1);
  scene.seals.key = undefined;
  assert.equal(scene.approvals.get(pending)?.text, undefined);
  assert.equal(scene.approvals.get(pending)?.state, 'pending');
  await assert.rejects(approve(scene, pending), withCode('over'));
  assert.equal(refusal(scene.ask({ text: 'b', place: 'series' })).code, 'internal');
  assert.equal(scene.approvals.list({ limit: 10 }).length, 2);
});

scenes('lists are paged, newest first, and by state', async (scene) => {
  const ids = ['a', 'b', 'c', 'd'].map((text) => refusal(scene.ask({ text, place: 'series' })).approval ?? '');
  await deny(scene, ids[1] ?? '');
  assert.deepEqual(scene.approvals.list({ limit: 3 }).map(({ id }) => id), ids.toReversed().slice(0, 3));
  assert.deepEqual(scene.approvals.list({ limit: 3, before: ids[1] ?? '' }).map(({ id }) => id), [ids[0]]);
  assert.deepEqual(scene.approvals.list({ limit: 9, state: 'pending' }).map(({ id }) => id), [ids[3], ids[2], ids[0]]);
  const carol = person('carol', { groups: ['okta/incident'] });
  await force(scene, ids[2] ?? '', carol);
  await force(scene, ids[0] ?? '', carol);
  assert.deepEqual(scene.approvals.list({ limit: 9, exceptions: true }).map(({ id }) => id), [ids[2], ids[0]]);
  assert.deepEqual(scene.approvals.list({ limit: 9, exceptions: true, before: ids[2] ?? '' }).map(({ id }) => id), [ids[0]]);
  assert.deepEqual(scene.approvals.list({ limit: 9, exceptions: true, state: 'denied' }), []);
  assert.deepEqual(scene.approvals.list({ limit: 9, before: 'nothing' }), []);
  assert.deepEqual(scene.approvals.list({ limit: -1 }), []);
});

scenes('changes are told, and a listener that fails harms nobody', async (scene) => {
  const seen: string[] = [];
  scene.approvals.onChange(() => {
    throw new Error('mine');
  });
  const stop = scene.approvals.onChange(({ state }) => seen.push(state));
  const waiter = held(scene.ask());
  await endOf(waiter);
  await approve(scene, waiter.request);
  scene.ask({ waiter });
  await endOf(waiter);
  assert.deepEqual(seen, ['pending', 'approved', 'used']);
  stop();
  held(scene.ask());
  await endOf(waiter);
  assert.equal(seen.length, 3);
});

test('when the store fails, commands are refused and the process goes on', async () => {
  using folder = tempFolder('approvals');
  const scene = new Scene(folder.path);
  const waiter = held(scene.ask({ session: 'a' }));
  const other = new DatabaseSync(folder.file('state.db'));
  other.exec('DROP TABLE approval_answer; DROP TABLE approval;');
  other.close();
  assert.equal(refusal(scene.ask({ text: 'b' })).code, 'internal');
  scene.clock.pass(11 * MINUTE);
  assert.equal(await endOf(waiter), 'approval_required');
  assert.ok(scene.lines.all.some(({ level }) => level === 'error'));
  scene.close();
});

test('closing tells all who wait', async () => {
  using folder = tempFolder('approvals');
  const scene = new Scene(folder.path);
  const waiters = ['a', 'b'].map((text) => held(scene.ask({ text })));
  scene.records.mode = 'wait';
  const late = approve(scene, waiters[0]?.request ?? '');
  scene.close();
  scene.records.sync();
  for (const waiter of waiters) assert.equal(await endOf(waiter), 'shutting_down');
  await assert.rejects(late, withCode('over'));
  assert.equal(scene.approvals.ask(asking()).kind, 'refused');
});
