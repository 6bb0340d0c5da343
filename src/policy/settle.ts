import type { Effect } from '../model/command.ts';
import type { Decision, RuleRef } from '../model/decision.ts';
import { COVERS, NONE, weaker, type Level } from './level.ts';
import type { AppliedRule, Candidate, Plan, PlanRow } from './plan.ts';

/** The word of a rule's condition and threshold on the command in question. */
export type LiveLevel = (applied: AppliedRule) => Level;

/** What stays the same for every decision of a session. */
export interface Standing {
  readonly policyVersion: string;
  readonly maxRows: number | undefined;
}

/**
 * The composition. For each effect: a deny that touches it refuses the command, whatever else; without one, the effect needs its class
 * in an `allow`, or a rule with allow or require_approval that covers it; a require_approval that touches it asks for approval even
 * where the effect is granted.
 */
export function settle(plan: Plan, live: LiveLevel, standing: Standing): Decision {
  const level = ({ applied, level: reach }: Candidate): Level => (applied.live ? weaker(reach, live(applied)) : reach);
  const touches = (candidate: Candidate): boolean => level(candidate) !== NONE;
  const covers = (candidate: Candidate): boolean => level(candidate) === COVERS;

  const denies = new Map<AppliedRule, Effect>();
  const approvals = new Map<AppliedRule, Effect>();
  let ungranted: Effect | undefined;
  for (const row of plan.rows) {
    note(denies, row.denies, touches, row.effect);
    note(approvals, row.approvals, touches, row.effect);
    ungranted ??= isGranted(row, covers) ? undefined : row.effect;
  }

  const { policyVersion } = standing;
  if (denies.size > 0) {
    const rules = inOrder(denies);
    const [applied, denied] = rules[0] as [AppliedRule, Effect];
    return { effect: 'deny', rules: rules.map(([{ rule }]) => rule.ref), reason: applied.rule.reason ?? `${denied.verb} is denied`, denied, policyVersion };
  }
  if (ungranted !== undefined) return { effect: 'deny', rules: [], reason: whyNotGranted(ungranted), denied: ungranted, policyVersion };

  const grants = grantsOf(plan, covers);
  const maxRows = standing.maxRows === undefined ? {} : { maxRows: standing.maxRows };
  if (approvals.size > 0) {
    const rules = inOrder(approvals);
    const [applied, effect] = rules[0] as [AppliedRule, Effect];
    const refs = new Set([...rules.map(([{ rule }]) => rule.ref), ...grants]);
    return { effect: 'require_approval', rules: [...refs], reason: applied.rule.reason ?? `${effect.verb} needs an approval`, ...maxRows, policyVersion };
  }
  return { effect: 'allow', rules: [...grants], reason: plan.rows.length === 0 ? 'it has no effect' : 'every effect is granted', ...maxRows, policyVersion };
}

/** Keeps, for each rule that counts, the first effect that it counts for. */
function note(found: Map<AppliedRule, Effect>, candidates: readonly Candidate[], counts: (candidate: Candidate) => boolean, effect: Effect): void {
  for (const candidate of candidates) if (!found.has(candidate.applied) && counts(candidate)) found.set(candidate.applied, effect);
}

const isGranted = (row: PlanRow, covers: (candidate: Candidate) => boolean): boolean =>
  row.classGrants.length > 0 || row.allows.some(covers) || row.approvals.some(covers);

function grantsOf(plan: Plan, covers: (candidate: Candidate) => boolean): Set<RuleRef> {
  const refs = new Set<RuleRef>();
  for (const row of plan.rows) {
    for (const ref of row.classGrants) refs.add(ref);
    for (const candidate of row.allows) if (covers(candidate)) refs.add(candidate.applied.rule.ref);
  }
  return refs;
}

const inOrder = (found: ReadonlyMap<AppliedRule, Effect>): [AppliedRule, Effect][] => [...found].sort(([a], [b]) => a.order - b.order);

/** Our words and the understander's: nothing of the client's text. */
function whyNotGranted(effect: Effect): string {
  if (effect.class === 'unknown') return `not understood, and no policy grants that${effect.why === undefined ? '' : `: ${effect.why}`}`;
  if (effect.class === 'admin') return `${effect.verb} is of class admin, and no rule grants it`;
  return `no policy grants ${effect.verb} (class ${effect.class})`;
}
