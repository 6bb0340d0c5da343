import { defineAction, READERS } from '../api/action.ts';
import { PurgePlan } from '../api/schema/evidence.ts';
import type { Plan, PlanLine } from '../../evidence/retention/plan.ts';
import type { Steward } from '../../evidence/retention/steward.ts';

const MOST_LINES = 1000;
/** Whoever asks while a plan is made gets that one: each reads the whole log. */
const underWay = new WeakMap<Steward, Promise<Plan>>();
const line = ({ connection, day, bodies, bytes, stays, why }: PlanLine) => ({ connection, day, bodies, bytes, ...(stays === undefined ? {} : { stays }), why });

export const evidencePurgePlan = defineAction({
  id: 'evidence.purgePlan',
  method: 'GET',
  path: '/evidence/purge-plan',
  says: 'What a purge would do now. Reads the whole log, so it may take a while. Purging itself is for the command line.',
  cost: 50,
  who: READERS,
  response: PurgePlan,
  handle: async ({ services }) => {
    let planning = underWay.get(services.steward);
    if (!planning) underWay.set(services.steward, (planning = services.steward.plan().finally(() => underWay.delete(services.steward))));
    const { digest, asOf, records, goes, stays } = await planning;
    return { digest, asOf, records, goes: goes.slice(0, MOST_LINES).map(line), stays: stays.slice(0, MOST_LINES).map(line), going: goes.length, staying: stays.length };
  },
});
