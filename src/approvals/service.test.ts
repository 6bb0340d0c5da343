import assert from 'node:assert/strict';
import type { Waiter } from './approvals.ts';
import { MOST_PENDING_OF_ONE } from './bounds.ts';
import { endOf, held, person } from './testdata/scene.ts';
import { MINUTE, ada, approve, refusal, scenes, stateOf, withCode } from './testdata/steps.ts';

scenes('a held command goes on once it is approved, once', async (scene) => {
  const waiter = held(scene.ask());
  assert.match(waiter.notice, new RegExp(`^waiting for approval of request ${waiter.request} until 2026-01-02T03:14:05.000Z: https://wicketgate.example/approvals/${waiter.request}$`));
  assert.equal(await endOf(waiter), 'waits');
  const view = await approve(scene, waiter.request);
  assert.equal(view.state, 'approved');
  assert.deepEqual(view.steps[0]?.approvedBy, ['ada']);
  assert.equal(await endOf(waiter), 'again');
  assert.deepEqual(scene.ask({ waiter }), { kind: 'approved', request: waiter.request });
  assert.equal(stateOf(scene, waiter.request), 'used');
  const next = held(scene.ask({ waiter }));
  assert.notEqual(next.request, waiter.request);
  assert.deepEqual(scene.records.events(), ['requested', 'answered', 'approved', 'requested']);
});

scenes('equal commands are one request; the oldest goes first, and the others wait for a new one', async (scene) => {
  const [first, second, third] = ['a', 'b', 'c'].map((session) => held(scene.ask({ session })));
  assert.ok(first && second && third);
  assert.equal(new Set([first.request, second.request, third.request]).size, 1);
  assert.equal(scene.approvals.get(first.request)?.waiting, 3);
  const before = second.request;
  await approve(scene, first.request);
  assert.deepEqual([await endOf(first), await endOf(second), await endOf(third)], ['again', 'waits', 'waits']);
  // Somebody new does not overtake the one it is kept for.
  const late = held(scene.ask({ session: 'd' }));
  assert.equal(scene.ask({ session: 'a', waiter: first }).kind, 'approved');
  assert.notEqual(second.request, before);
  assert.equal(second.request, third.request);
  assert.equal(late.request, third.request);
  assert.match(second.notice, new RegExp(second.request));
  assert.deepEqual([await endOf(second), await endOf(third), await endOf(late)], ['waits', 'waits', 'waits']);
  const view = scene.approvals.get(second.request);
  assert.equal(view?.session, 'b');
  assert.equal(view?.waiting, 3);
  await approve(scene, second.request);
  assert.deepEqual([await endOf(second), await endOf(third)], ['again', 'waits']);
});

scenes('what was kept for one who leaves goes to the next', async (scene) => {
  for (const why of ['client_left', 'cancelled', 'ended'] as const) {
    const text = `DROP TABLE ${why}`;
    const first = held(scene.ask({ text, session: 'a' }));
    const second = held(scene.ask({ text, session: 'b' }));
    await approve(scene, first.request);
    assert.deepEqual([await endOf(first), await endOf(second)], ['again', 'waits']);
    first.leave(why);
    first.leave(why);
    assert.equal(await endOf(second), 'again');
    assert.deepEqual(scene.ask({ text, session: 'b', waiter: second }), { kind: 'approved', request: first.request });
  }
});

scenes('an approval that finds no live client stays unused, and is there on the next try', async (scene) => {
  const waiter = held(scene.ask());
  waiter.leave('client_left');
  assert.equal(await endOf(waiter), 'approval_required');
  assert.equal(stateOf(scene, waiter.request), 'pending');
  await approve(scene, waiter.request);
  assert.deepEqual(scene.ask(), { kind: 'approved', request: waiter.request });
});

scenes('when every client has cancelled, the request is withdrawn; not when one may return', async (scene) => {
  const one = held(scene.ask({ session: 'a' }));
  const two = held(scene.ask({ session: 'b' }));
  one.leave('cancelled');
  assert.equal(await endOf(one), 'cancelled');
  assert.equal(stateOf(scene, one.request), 'pending');
  two.leave('cancelled');
  assert.equal(stateOf(scene, one.request), 'withdrawn');
  await assert.rejects(approve(scene, one.request), withCode('over'));

  const other = held(scene.ask({ text: 'DROP TABLE b' }));
  assert.equal(refusal(scene.ask({ text: 'DROP TABLE b', place: 'series' })).code, 'approval_required');
  other.leave('cancelled');
  assert.equal(stateOf(scene, other.request), 'pending');
});

scenes('cancelled when it was approved already: the approval stays', async (scene) => {
  const waiter = held(scene.ask());
  await approve(scene, waiter.request);
  waiter.leave('cancelled');
  assert.equal(stateOf(scene, waiter.request), 'approved');
  assert.equal(scene.ask().kind, 'approved');
});

scenes('where it cannot be held it is refused with the link, and runs on a next try', async (scene) => {
  for (const place of ['transaction', 'series'] as const) {
    const text = `DROP TABLE ${place}`;
    const told = refusal(scene.ask({ text, place }));
    assert.equal(told.code, 'approval_required');
    assert.ok(told.approval);
    assert.match(told.hint ?? '', new RegExp(`https://wicketgate.example/approvals/${told.approval}$`));
    assert.equal(refusal(scene.ask({ text, place })).approval, told.approval);
    await approve(scene, told.approval);
    assert.equal(scene.ask({ text, place }).kind, 'approved');
  }
  assert.deepEqual(scene.records.events().filter((event) => event === 'requested').length, 2);
});

scenes('inside a transaction it is held as long as the rule lets, at most 60 s', async (scene) => {
  const short = held(scene.ask({ text: 'a', place: 'transaction', demand: { holdInTransaction: 5_000 } }));
  const long = held(scene.ask({ text: 'b', place: 'transaction', demand: { holdInTransaction: 10 * MINUTE } }));
  assert.equal(short.until - scene.clock.now, 5_000);
  assert.equal(long.until - scene.clock.now, MINUTE);
  scene.clock.pass(4_999);
  assert.equal(await endOf(short), 'waits');
  scene.clock.pass(1);
  assert.equal(await endOf(short), 'approval_required');
  scene.clock.pass(MINUTE);
  assert.equal(await endOf(long), 'approval_required');
});

scenes('the hold ends in an error with the link; approved later, it runs on the next try until the approval expires', async (scene) => {
  const waiter = held(scene.ask());
  scene.clock.pass(10 * MINUTE);
  const end = await waiter.over;
  assert.ok(end !== 'again');
  assert.equal(end.code, 'approval_required');
  assert.equal(end.approval, waiter.request);
  assert.equal(stateOf(scene, waiter.request), 'pending');
  await approve(scene, waiter.request);
  scene.clock.pass(15 * MINUTE - 1);
  assert.equal(stateOf(scene, waiter.request), 'approved');
  assert.equal(scene.ask().kind, 'approved');
});

scenes('what nobody answers and what nobody uses expires', async (scene) => {
  const unanswered = refusal(scene.ask({ text: 'a', place: 'series' })).approval ?? '';
  const unused = refusal(scene.ask({ text: 'b', place: 'series' })).approval ?? '';
  scene.clock.pass(MINUTE);
  await approve(scene, unused);
  scene.clock.pass(15 * MINUTE);
  assert.deepEqual([stateOf(scene, unanswered), stateOf(scene, unused)], ['expired', 'expired']);
  await assert.rejects(approve(scene, unanswered), withCode('over'));
  const ends = scene.records.all.filter(({ record }) => record.event === 'expired').map(({ record }) => record);
  assert.deepEqual(ends.map((record) => [record.request, 'state' in record ? record.state : '']), [[unanswered, 'pending'], [unused, 'approved']]);
  assert.notEqual(refusal(scene.ask({ text: 'b', place: 'series' })).approval, unused);
});

scenes('asked again, it lives on', (scene) => {
  const first = refusal(scene.ask({ place: 'series' })).approval;
  for (let i = 0; i < 5; i += 1) {
    scene.clock.pass(14 * MINUTE);
    assert.equal(refusal(scene.ask({ place: 'series' })).approval, first);
  }
  scene.clock.pass(15 * MINUTE);
  assert.notEqual(refusal(scene.ask({ place: 'series' })).approval, first);
});

scenes('a wall clock that is set back lengthens no approval; set forward, no waiter is lost', async (scene) => {
  const id = refusal(scene.ask({ text: 'a', place: 'series' })).approval ?? '';
  await approve(scene, id);
  scene.clock.set(-30_000);
  scene.clock.pass(15 * MINUTE);
  assert.equal(refusal(scene.ask({ text: 'a', place: 'series' })).code, 'approval_required');
  assert.equal(stateOf(scene, id), 'expired');

  const far = refusal(scene.ask({ text: 'b', place: 'series' })).approval ?? '';
  await approve(scene, far);
  scene.clock.set(-86_400_000);
  scene.restart();
  assert.equal(refusal(scene.ask({ text: 'b', place: 'series' })).code, 'approval_required');

  const waiter = held(scene.ask({ text: 'c' }));
  scene.clock.set(7 * 86_400_000);
  scene.clock.pass(5 * MINUTE);
  assert.equal(await endOf(waiter), 'waits');
  assert.equal(stateOf(scene, waiter.request), 'pending');
  await approve(scene, waiter.request);
  assert.equal(scene.ask({ text: 'c', waiter }).kind, 'approved');
});

scenes('another command finds nothing approved', async (scene) => {
  const id = refusal(scene.ask({ place: 'series' })).approval ?? '';
  await approve(scene, id);
  for (const other of [
    { text: 'DROP TABLE  orders' }, { identity: 'reports' }, { context: { search_path: 'evil' } }, { parameters: ['1'] }, { parameters: [null] },
  ]) {
    assert.notEqual(refusal(scene.ask({ place: 'series', ...other })).approval, id);
  }
  assert.equal(scene.ask({ place: 'series' }).kind, 'approved');
});

scenes('a command that means something else when it comes back is refused, and the next is called', async (scene) => {
  const first = held(scene.ask({ session: 'a' }));
  const second = held(scene.ask({ session: 'b' }));
  await approve(scene, first.request);
  const told = refusal(scene.ask({ session: 'a', waiter: first, context: { search_path: 'evil' } }));
  assert.equal(told.code, 'approval_required');
  assert.match(told.message, /has changed/);
  assert.equal(await endOf(second), 'again');
  assert.equal(scene.ask({ session: 'b', waiter: second }).kind, 'approved');
});

scenes('a waiter of another session, or a made-up one, gives no place in line', async (scene) => {
  const first = held(scene.ask({ session: 'a' }));
  await approve(scene, first.request);
  assert.equal(scene.ask({ session: 'b', waiter: first }).kind, 'held');
  const forged: Waiter = { request: first.request, notice: '', until: 0, over: Promise.resolve('again'), leave: () => {} };
  assert.equal(scene.ask({ session: 'b', waiter: forged }).kind, 'held');
  assert.equal(scene.ask({ session: 'a', waiter: first }).kind, 'approved');
});

scenes('commands held beyond the limit of identity and connection are refused with the link', async (scene) => {
  const waiters = [1, 2].map((n) => held(scene.ask({ session: `s${n}`, mostHeld: 2 })));
  const told = refusal(scene.ask({ session: 's3', mostHeld: 2 }));
  assert.equal(told.code, 'approval_required');
  assert.equal(told.approval, waiters[0]?.request);
  assert.equal(scene.ask({ session: 'other', identity: 'reports', mostHeld: 2 }).kind, 'held');
  waiters[0]?.leave('client_left');
  assert.equal(scene.ask({ session: 's3', mostHeld: 2 }).kind, 'held');
  scene.settings = { ...scene.settings, heldCommands: 1 };
  assert.equal(scene.ask({ session: 's4' }).kind, 'refused');
});

scenes('requests are bounded: of one identity, and how fast they come', (scene) => {
  for (let n = 0; n < MOST_PENDING_OF_ONE; n += 1) assert.equal(refusal(scene.ask({ text: `q${n}`, place: 'series' })).code, 'approval_required');
  const told = refusal(scene.ask({ text: 'one more', place: 'series' }));
  assert.deepEqual([told.code, told.approval], ['limit', undefined]);
  assert.equal(refusal(scene.ask({ text: 'q1', place: 'series' })).code, 'approval_required');
  scene.clock.pass(16 * MINUTE);
  const refusals = Array.from({ length: MOST_PENDING_OF_ONE }, (_, n) => {
    const { approval } = refusal(scene.ask({ text: `r${n}`, place: 'series', demand: { expires: 1, hold: 1 } }));
    scene.clock.pass(2);
    return approval;
  });
  assert.ok(refusals.every((id) => id !== undefined));
  assert.deepEqual(refusal(scene.ask({ text: 'too fast', place: 'series' })).code, 'limit');
  assert.equal(refusal(scene.ask({ text: 'somebody else', place: 'series', identity: 'reports' })).code, 'approval_required');
  scene.clock.pass(1_000);
  assert.equal(refusal(scene.ask({ text: 'later', place: 'series' })).code, 'approval_required');
});

scenes('a command that policy judges again while it waits keeps its place', async (scene) => {
  const first = held(scene.ask({ session: 'a' }));
  const second = held(scene.ask({ session: 'b' }));
  const again = held(scene.ask({ session: 'a', waiter: first, groups: ['okta/security'] }));
  assert.equal(await endOf(first), 'again');
  assert.equal(again.request, second.request);
  await assert.rejects(approve(scene, again.request, ada), withCode('not_approver'));
  await approve(scene, again.request, person('sue', { groups: ['okta/security'] }));
  assert.deepEqual([await endOf(again), await endOf(second)], ['again', 'waits']);
});
