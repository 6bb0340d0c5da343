import type { ApprovalDemand, ApprovalStep } from '../model/approval.ts';
import { samePerson } from '../model/person.ts';
import type { Person } from '../model/person.ts';
import type { Verdict } from './approvals.ts';
import { entitled, inStep } from './duties.ts';
import type { Asker } from './duties.ts';
import type { ApprovalSettings } from './ports.ts';

/** An answer as far as counting goes. */
export interface Counted {
  readonly person: Person;
  readonly verdict: Verdict;
}

export interface Quorum<One extends Counted = Counted> {
  readonly met: boolean;
  /** Each step's people so far, each once, and how many more it needs. */
  readonly steps: readonly { readonly step: ApprovalStep; readonly by: readonly One[]; readonly lacks: number }[];
  /** It is met against the rule: by break-glass. */
  readonly forced?: One;
}

/**
 * Counts answers under what is in force now: the demand of the policy, the roles, the forbidden. An answer that its person could not give
 * today does not count. A demand without steps is met by nobody.
 */
export function count<One extends Counted>(demand: ApprovalDemand, answers: readonly One[], askers: readonly Asker[], settings: ApprovalSettings): Quorum<One> {
  const counts = answers.filter(({ person, verdict }) => verdict !== 'deny' && entitled(person, verdict, demand, askers, settings) === undefined);
  const forced = counts.find(({ verdict }) => verdict === 'force');
  const steps = demand.steps.map((step) => {
    const by: One[] = [];
    for (const answer of counts) {
      if (answer.verdict === 'approve' && inStep(answer.person, step.groups, settings) && !by.some(({ person }) => samePerson(person, answer.person))) by.push(answer);
    }
    // A count that is no number lets nobody through, rather than everybody.
    const needs = step.count >= 1 ? step.count : Number.POSITIVE_INFINITY;
    return { step, by, lacks: Math.max(0, needs - by.length) };
  });
  const met = forced !== undefined || (steps.length > 0 && steps.every(({ lacks }) => lacks === 0));
  return { met, steps, ...(forced === undefined ? {} : { forced }) };
}
