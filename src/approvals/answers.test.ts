import assert from 'node:assert/strict';
import type { ApprovalView } from './approvals.ts';
import { endOf, held, person } from './testdata/scene.ts';
import { MINUTE, ada, approve, bob, deny, refusal, scenes, stateOf, withCode } from './testdata/steps.ts';

scenes('a denial reaches all who wait, with its reason, and takes back an approval that is unused', async (scene) => {
  const one = held(scene.ask({ session: 'a' }));
  const two = held(scene.ask({ session: 'b' }));
  await deny(scene, one.request, person('eve'), 'the backup runs');
  for (const waiter of [one, two]) {
    const end = await waiter.over;
    assert.ok(end !== 'again');
    assert.equal(end.code, 'denied');
    assert.match(end.message, /the backup runs/);
    assert.doesNotMatch(end.message, /eve/);
  }
  const third = held(scene.ask({ session: 'a' }));
  assert.notEqual(third.request, one.request);
  await approve(scene, third.request);
  await deny(scene, third.request, bob, 'stop');
  assert.equal(await endOf(third), 'again');
  assert.match(refusal(scene.ask({ session: 'a', waiter: third })).message, /stop/);
  assert.equal(stateOf(scene, third.request), 'denied');
});

scenes('a quorum of people: each once, none behind the job', async (scene) => {
  const waiter = held(scene.ask({ requester: 'ada', count: 2 }));
  await assert.rejects(approve(scene, waiter.request, ada), withCode('forbidden'));
  await assert.rejects(approve(scene, waiter.request, person('joe', { groups: ['okta/else'] })), withCode('not_approver'));
  await assert.rejects(approve(scene, waiter.request, person('joe', { accounts: {} })), withCode('forbidden'));
  assert.equal((await approve(scene, waiter.request, bob)).state, 'pending');
  await assert.rejects(approve(scene, waiter.request, bob), withCode('already'));
  await assert.rejects(approve(scene, waiter.request, person('bob', { name: 'Robert' })), withCode('already'));
  assert.equal(await endOf(waiter), 'waits');
  // The same subject of another issuer is somebody else; so is the same name with another subject.
  assert.equal((await approve(scene, waiter.request, person('bob', { issuer: 'https://other.example' }))).state, 'approved');
  assert.equal(scene.ask({ requester: 'ada', count: 2, waiter }).kind, 'approved');
});

scenes('whoever joins a request with a job of their own may not answer it', async (scene) => {
  const first = held(scene.ask({ session: 'a', requester: 'ada' }));
  held(scene.ask({ session: 'b', requester: 'bob' }));
  await assert.rejects(approve(scene, first.request, bob), withCode('forbidden'));
  assert.equal((await approve(scene, first.request, person('eve'))).state, 'approved');
});

scenes('an approval by the one whose job uses it does not count for that job', async (scene) => {
  const first = refusal(scene.ask({ session: 'a', requester: 'ada', place: 'series' })).approval ?? '';
  await approve(scene, first, bob);
  assert.equal(refusal(scene.ask({ session: 'b', requester: 'bob', place: 'series' })).approval, first);
  assert.equal(stateOf(scene, first), 'pending');
});

scenes('break-glass: alone, with a reason, loudly, never the requester', async (scene) => {
  const glass = person('joe', { groups: ['okta/incident'] });
  const force = (id: string, who = glass, reason = 'site is down'): Promise<ApprovalView> => scene.approvals.answer({ request: id, person: who, verdict: 'force', reason, channel: 'terminal' });
  const waiter = held(scene.ask({ count: 3, requester: 'ada' }));
  await assert.rejects(force(waiter.request, glass, ' '), withCode('reason'));
  await assert.rejects(force(waiter.request, bob), withCode('not_approver'));
  scene.settings = { ...scene.settings, forbid: [] };
  await assert.rejects(force(waiter.request, person('ada', { groups: ['okta/incident'] })), withCode('forbidden'));
  const view = await force(waiter.request);
  assert.equal(view.state, 'approved');
  assert.equal(view.answers[0]?.verdict, 'force');
  assert.ok(scene.lines.all.some(({ level, message }) => level === 'warn' && /forced/.test(message)));
  const answered = scene.records.all.find(({ record }) => record.event === 'answered')?.record;
  assert.ok(answered?.event === 'answered');
  assert.deepEqual([answered.verdict, answered.groups, answered.provider], ['force', ['okta/incident'], 'okta']);
  assert.equal(scene.ask({ count: 3, requester: 'ada', waiter }).kind, 'approved');
});

scenes('at use, what is in force then decides: an approver whose role is gone counts no more', async (scene) => {
  const waiter = held(scene.ask());
  await approve(scene, waiter.request);
  scene.settings = { ...scene.settings, approvers: ['okta/oncall'] };
  const again = held(scene.ask({ waiter }));
  assert.equal(again.request, waiter.request);
  assert.equal(again.until, waiter.until);
  assert.equal(stateOf(scene, waiter.request), 'pending');
  assert.equal(await endOf(again), 'waits');
  await approve(scene, waiter.request, person('bob', { groups: ['okta/dba', 'okta/oncall'] }));
  assert.equal(scene.ask({ waiter: again }).kind, 'approved');
  assert.deepEqual(scene.records.events(), ['requested', 'answered', 'approved', 'requested', 'answered', 'approved']);
});

scenes('a policy that asks for more than was given asks again; one that asks for less takes what was given', async (scene) => {
  const id = refusal(scene.ask({ place: 'series', text: 'a' })).approval ?? '';
  await approve(scene, id);
  assert.equal(refusal(scene.ask({ place: 'series', text: 'a', count: 2 })).approval, id);
  assert.equal(stateOf(scene, id), 'pending');
  await approve(scene, id, bob);
  assert.equal(scene.ask({ place: 'series', text: 'a', count: 2 }).kind, 'approved');

  const two = refusal(scene.ask({ place: 'series', text: 'b', count: 2 })).approval ?? '';
  await approve(scene, two);
  assert.equal(stateOf(scene, two), 'pending');
  assert.deepEqual(scene.ask({ place: 'series', text: 'b', count: 1 }), { kind: 'approved', request: two });

  const shorter = refusal(scene.ask({ place: 'series', text: 'c' })).approval ?? '';
  await approve(scene, shorter);
  scene.clock.pass(2 * MINUTE);
  assert.notEqual(refusal(scene.ask({ place: 'series', text: 'c', demand: { expires: MINUTE } })).approval, shorter);
});

scenes('an answer counts only as long as a request lives', async (scene) => {
  const id = refusal(scene.ask({ place: 'series', count: 2 })).approval ?? '';
  await approve(scene, id);
  scene.clock.pass(14 * MINUTE);
  scene.ask({ place: 'series', count: 2 });
  scene.clock.pass(2 * MINUTE);
  assert.equal((await approve(scene, id, bob)).state, 'pending');
  assert.equal((await approve(scene, id, ada)).state, 'approved');
});

scenes('evidence comes before effect', async (scene) => {
  const waiter = held(scene.ask());
  scene.records.mode = 'wait';
  const answer = approve(scene, waiter.request);
  await assert.rejects(approve(scene, waiter.request), withCode('already'));
  assert.equal(stateOf(scene, waiter.request), 'pending');
  assert.equal(await endOf(waiter), 'waits');
  assert.equal(refusal(scene.ask({ place: 'series' })).code, 'approval_required');
  scene.records.sync();
  assert.equal((await answer).state, 'approved');
  assert.equal(await endOf(waiter), 'again');
});

scenes('an answer that cannot be recorded has no effect; a request that cannot be recorded is none', async (scene) => {
  const waiter = held(scene.ask());
  scene.records.mode = 'fail';
  await assert.rejects(approve(scene, waiter.request), withCode('evidence'));
  assert.equal(stateOf(scene, waiter.request), 'pending');
  assert.equal(refusal(scene.ask({ text: 'other' })).code, 'evidence_unavailable');
  assert.equal(scene.approvals.list({ limit: 10 }).length, 1);
  scene.records.mode = 'durable';
  assert.equal((await approve(scene, waiter.request)).state, 'approved');
});

scenes('an answer that is overtaken while it is recorded has no effect', async (scene) => {
  const waiter = held(scene.ask());
  scene.records.mode = 'wait';
  const late = approve(scene, waiter.request);
  waiter.leave('cancelled');
  scene.records.sync();
  await assert.rejects(late, withCode('over'));
  assert.equal(stateOf(scene, waiter.request), 'withdrawn');
});

scenes('answers that cannot count are refused in words', async (scene) => {
  const { request } = held(scene.ask());
  await assert.rejects(approve(scene, 'nothing'), withCode('unknown'));
  await assert.rejects(approve(scene, request, ada, { digest: '00' }), withCode('digest'));
  for (const reason of ['', '  ', 'two\nlines', 'bell\u0007', 'right\u202Eleft', 'x'.repeat(501), '\uD800', 7, undefined, 'tab\there', 'sep\u2028']) {
    await assert.rejects(approve(scene, request, ada, { reason }), withCode('reason'), JSON.stringify(reason));
  }
  await assert.rejects(approve(scene, request, ada, { verdict: 'maybe' }), withCode('reason'));
  const view = await approve(scene, request, ada, { digest: scene.approvals.get(request)?.digest });
  assert.equal(view.state, 'approved');
  await assert.rejects(approve(scene, request, bob), withCode('over'));
});

scenes('an answer to what has run, was cancelled, was denied or has expired says which, whatever the answer, and changes nothing', async (scene) => {
  const used = held(scene.ask({ text: 'a' }));
  await approve(scene, used.request);
  assert.equal(scene.ask({ text: 'a', waiter: used }).kind, 'approved');
  const cancelled = held(scene.ask({ text: 'b' }));
  cancelled.leave('cancelled');
  const denied = held(scene.ask({ text: 'c' }));
  await deny(scene, denied.request);
  const expired = refusal(scene.ask({ text: 'd', place: 'series' })).approval ?? '';
  scene.clock.pass(16 * MINUTE);
  for (const [request, state, words] of [
    [used.request, 'used', /^this was approved and has run already$/],
    [cancelled.request, 'withdrawn', /^the client has cancelled this command$/],
    [denied.request, 'denied', /^this was denied already$/],
    [expired, 'expired', /^this request has expired; when the command is sent again, there will be a new one$/],
  ] as const) {
    assert.equal(stateOf(scene, request), state);
    const before = scene.records.all.length;
    for (const verdict of ['approve', 'deny', 'force'] as const) {
      await assert.rejects(scene.approvals.answer({ request, person: person('mina', { groups: ['okta/dba', 'okta/incident'] }), verdict, reason: 'late', channel: 'page' }), (error: Error) => withCode('over')(error) && words.test(error.message), `${state} ${verdict}`);
    }
    assert.equal(stateOf(scene, request), state);
    assert.equal(scene.records.all.length, before, 'nothing is recorded of it');
  }
});
