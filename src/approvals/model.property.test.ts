import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tempFolder } from '../../test/kit/temp.ts';
import type { Verdict, Waiter } from './approvals.ts';
import { AnswerRefused } from './approvals.ts';
import { Scene, endOf, person } from './testdata/scene.ts';

const MINUTE = 60_000;
const names = ['ada', 'bob', 'eve', 'joe'] as const;
const people = {
  ada: person('ada'), bob: person('bob'), eve: person('eve', { groups: ['okta/dba', 'okta/oncall'] }), joe: person('joe', { groups: ['okta/incident'] }),
};

type Step =
  | { readonly do: 'ask'; readonly command: number; readonly requester: string | undefined; readonly place: 'free' | 'series'; readonly count: number }
  | { readonly do: 'answer'; readonly pick: number; readonly name: (typeof names)[number]; readonly verdict: Verdict }
  | { readonly do: 'come' | 'leave'; readonly pick: number; readonly why: 'client_left' | 'cancelled' | 'ended' }
  | { readonly do: 'pass'; readonly minutes: number }
  | { readonly do: 'roles'; readonly oncall: boolean }
  | { readonly do: 'clock'; readonly minutes: number }
  | { readonly do: 'restart' };

const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('ask' as const), command: fc.nat({ max: 1 }), requester: fc.constantFrom(undefined, undefined, undefined, 'ada', 'bob'), place: fc.constantFrom('free' as const, 'free' as const, 'series' as const), count: fc.constantFrom(1, 1, 2) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('answer' as const), pick: fc.constantFrom(0, 0, 1, 2), name: fc.constantFrom(...names), verdict: fc.constantFrom<Verdict>('approve', 'approve', 'approve', 'approve', 'approve', 'force', 'deny') }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('come' as const), pick: fc.nat({ max: 3 }), why: fc.constant('ended' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), pick: fc.nat({ max: 3 }), why: fc.constantFrom('client_left' as const, 'cancelled' as const, 'ended' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), minutes: fc.constantFrom(1, 1, 4, 9, 16) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('roles' as const), oncall: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clock' as const), minutes: fc.constantFrom(-60, -2, 2, 60) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
), { minLength: 15, maxLength: 40, size: 'max' });

/** What a person has said about a request, as a test that knows nothing of the service would write it down. */
interface Said { readonly name: (typeof names)[number]; readonly verdict: Verdict; readonly at: number }

interface Waiting { readonly waiter: Waiter; readonly command: number; readonly requester: string | undefined; readonly count: number; readonly session: string; readonly since: number; called: boolean }

/** Whether these answers let a command of this requester through, by the letter of the rule. */
const enough = (said: readonly Said[], requester: string | undefined, count: number, oncall: boolean): boolean => {
  const free = said.filter(({ name }) => name !== requester);
  const approving = new Set(free.filter(({ name, verdict }) => verdict === 'approve' && name !== 'joe' && (!oncall || name === 'eve')).map(({ name }) => name));
  return approving.size >= count || free.some(({ name, verdict }) => verdict === 'force' && name === 'joe');
};

test('whatever happens in whatever order: one execution for one approval, none without its people, nobody left waiting', async () => {
  using folder = tempFolder('approvals-model');
  let run = 0;
  let executions = 0;
  await fc.assert(fc.asyncProperty(steps, async (sequence) => {
    run += 1;
    using scene = new Scene(folder.file(`run-${run}`));
    let oncall = false;
    let session = 0;
    /** Time that really passed, whatever clocks say. */
    let elapsed = 0;
    const waiting: Waiting[] = [];
    const said = new Map<string, Said[]>();
    const used = new Set<string>();
    const denied = new Set<string>();
    const commandOf = new Map<string, number>();

    const executed = (request: string, asked: { command: number; requester: string | undefined; count: number }): void => {
      executions += 1;
      assert.equal(used.has(request), false, 'two executions for one approval');
      assert.equal(denied.has(request), false, 'executed what was denied');
      used.add(request);
      assert.equal(commandOf.get(request), asked.command, 'executed another command');
      const recent = (said.get(request) ?? []).filter(({ at }) => at > elapsed - 30 * MINUTE);
      assert.ok(enough(recent, asked.requester, asked.count, oncall), 'executed without its people');
    };

    const ask = (asked: { command: number; requester: string | undefined; count: number; place: 'free' | 'series'; session: string; since: number }, waiter?: Waiter): void => {
      const { command, requester, count, place, session: name } = asked;
      const answer = scene.ask({ text: `DROP TABLE t${command}`, session: name, count, place, demand: { hold: 10 * MINUTE, expires: 5 * MINUTE }, ...(requester === undefined ? {} : { requester }), ...(waiter === undefined ? {} : { waiter }) });
      if (answer.kind === 'approved') executed(answer.request, asked);
      else if (answer.kind === 'held') {
        commandOf.set(answer.waiter.request, command);
        waiting.push({ ...asked, waiter: answer.waiter, called: false });
      } else if (answer.refusal.approval !== undefined) commandOf.set(answer.refusal.approval, command);
      assert.notEqual(answer.kind === 'refused' ? answer.refusal.code : '', 'internal');
    };

    const look = async (): Promise<void> => {
      // Whoever looks ends what has lapsed; those who waited for it are moved on in a turn of their own.
      scene.approvals.list({ limit: 1 });
      await new Promise((resolve) => setImmediate(resolve));
      for (const one of waiting.slice()) {
        // A waiter that moved on belongs to a request that began for it.
        commandOf.set(one.waiter.request, one.command);
        const end = await endOf(one.waiter);
        if (end === 'again') one.called = true;
        else if (end !== 'waits') waiting.splice(waiting.indexOf(one), 1);
        if (end === 'waits') assert.ok(elapsed - one.since < 10 * MINUTE, 'left waiting beyond its hold');
      }
      for (const command of [0, 1]) {
        const called = waiting.filter((one) => one.command === command && one.called);
        assert.ok(called.length <= 1, 'one approval is kept for two');
        const oldest = waiting.filter((one) => one.command === command).toSorted((one, other) => one.since - other.since)[0];
        if (called[0] !== undefined && oldest !== undefined) assert.ok(called[0].since <= oldest.since, 'a younger one was called first');
        const open = scene.approvals.list({ limit: 100 }).filter(({ id, state }) => commandOf.get(id) === command && (state === 'pending' || state === 'approved'));
        assert.ok(open.length <= 1, 'equal commands are two requests');
        if (waiting.some((one) => one.command === command && !one.called)) assert.equal(open.length, 1, 'somebody waits for nothing');
        if (open[0]?.state === 'approved' && waiting.some((one) => one.command === command)) assert.equal(called.length, 1, 'approved, and nobody was called');
      }
    };

    for (const one of sequence) {
      if (one.do === 'ask') {
        session += 1;
        ask({ ...one, session: `s${session}`, since: elapsed });
      } else if (one.do === 'answer') {
        const open = scene.approvals.list({ limit: 4 });
        const request = open[one.pick % Math.max(1, open.length)]?.id;
        if (request !== undefined) {
          try {
            const view = await scene.approvals.answer({ request, person: people[one.name], verdict: one.verdict, reason: 'so', channel: 'terminal' });
            said.set(request, [...(said.get(request) ?? []), { name: one.name, verdict: one.verdict, at: elapsed }]);
            if (one.verdict === 'deny') {
              assert.equal(view.state, 'denied');
              denied.add(request);
            }
          } catch (error) {
            assert.ok(error instanceof AnswerRefused, String(error));
          }
        }
      } else if (one.do === 'come' || one.do === 'leave') {
        const candidates = one.do === 'come' ? waiting.filter(({ called }) => called) : waiting;
        const picked = candidates[one.pick % Math.max(1, candidates.length)];
        if (picked !== undefined) {
          waiting.splice(waiting.indexOf(picked), 1);
          if (one.do === 'leave') picked.waiter.leave(one.why);
          else ask({ ...picked, place: 'free' }, picked.waiter);
        }
      } else if (one.do === 'pass') {
        elapsed += one.minutes * MINUTE;
        scene.clock.pass(one.minutes * MINUTE);
      } else if (one.do === 'roles') {
        oncall = one.oncall;
        scene.settings = { ...scene.settings, approvers: oncall ? ['okta/oncall'] : undefined };
      } else if (one.do === 'clock') {
        scene.clock.set(one.minutes * MINUTE);
      } else {
        const before = waiting.splice(0);
        scene.restart();
        for (const { waiter, called } of before) if (!called) assert.equal(await endOf(waiter), 'shutting_down');
      }
      await look();
    }
    // In the end every hold ends.
    const left = [...waiting];
    scene.clock.pass(10 * MINUTE);
    for (const { waiter } of left) assert.notEqual(await endOf(waiter), 'waits');
  }), { numRuns: Number(process.env['APPROVAL_RUNS'] ?? 100) });
  assert.ok(executions > 25, `only ${executions} executions: the sequences prove nothing`);
});
