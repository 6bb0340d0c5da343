import type { Effect } from '../model/command.ts';
import type { Decision, RuleRef } from '../model/decision.ts';
import { demandOf } from './demand.ts';
import { COVERS, NONE, weaker, type Level } from './level.ts';
import type { RowLimit } from './limits.ts';
import type { LiveWord } from './live.ts';
import { unreadFor, type AppliedRule, type Candidate, type Plan, type PlanRow } from './plan.ts';
import { changesRows, nextThreshold } from './threshold.ts';

/** The word of a rule's condition and threshold on the command in question. */
export type LiveWords = (applied: AppliedRule) => LiveWord;

/** What stays the same for every decision of a session. */
export interface Standing {
  readonly policyVersion: string;
  readonly rowLimit: RowLimit | undefined;
}

/**
 * The composition. For each effect: a deny that touches it refuses the command, whatever else; without one, the effect needs its class
 * in an `allow`, or a rule with allow or require_approval that covers it; a require_approval that touches it asks for approval even
 * where the effect is granted. `count`: the rows that the command changes, when that is known.
 */
export function settle(plan: Plan, live: LiveWords, { policyVersion, rowLimit }: Standing, count: number | undefined): Decision {
  const level = ({ applied, level: reach }: Candidate): Level => (applied.live ? weaker(reach, live(applied).level) : reach);
  const touches = (candidate: Candidate): boolean => level(candidate) !== NONE;
  const covers = (candidate: Candidate): boolean => level(candidate) === COVERS;

  const denies = new Map<AppliedRule, Effect>();
  const approvals = new Map<AppliedRule, Effect>();
  let ungranted: PlanRow | undefined;
  for (const row of plan.rows) {
    note(denies, row.denies, touches, row.effect);
    note(approvals, row.approvals, touches, row.effect);
    ungranted ??= isGranted(row, covers) ? undefined : row;
  }
  const changing = rowLimit === undefined ? undefined : plan.rows.find(({ effect }) => changesRows(effect))?.effect;
  const changeLimit = changing === undefined ? undefined : rowLimit;
  const tooMany = changeLimit !== undefined && count !== undefined && count > changeLimit.rows ? changeLimit : undefined;
  const number = nextThreshold(plan, live, tooMany === undefined ? changeLimit : undefined);
  const threshold = number === undefined ? {} : { threshold: number };

  if (denies.size > 0) {
    const rules = inOrder(denies);
    const [applied, denied] = rules[0] as [AppliedRule, Effect];
    // It names what the effect is about, and not something that this could reach.
    const sure = plan.rows.some((row) => row.effect === denied && row.denies.some((candidate) => candidate.applied === applied && covers(candidate)));
    // Only a count that is not known yet can lift a deny, and only when nothing else refuses.
    const unsure = ungranted === undefined && rules.every(([rule]) => rule.live && live(rule).threshold !== undefined) ? threshold : {};
    return { effect: 'deny', rules: rules.map(([{ rule }]) => rule.ref), reason: `${applied.rule.reason ?? `${denied.verb} is denied`}${doubt(denied, sure)}${asksOfBody(unreadFor(applied.rule, denied))}`, denied, ...unsure, policyVersion };
  }
  if (ungranted !== undefined) return { effect: 'deny', rules: [], reason: `${whyNotGranted(ungranted.effect)}${asksOfBody(ungranted.unread)}`, denied: ungranted.effect, policyVersion };
  if (tooMany !== undefined && changing !== undefined) {
    return { effect: 'deny', rules: [tooMany.ref], reason: `it changes more than the ${tooMany.rows} rows that one command may`, denied: changing, policyVersion };
  }

  const grants = grantsOf(plan, covers);
  const limits = { ...(rowLimit === undefined ? {} : { maxRows: rowLimit.rows }), ...threshold };
  if (approvals.size > 0) {
    const rules = inOrder(approvals);
    const [applied, effect] = rules[0] as [AppliedRule, Effect];
    const refs = new Set([...rules.map(([{ rule }]) => rule.ref), ...grants]);
    const approval = demandOf(rules.map(([{ rule }]) => rule));
    return { effect: 'require_approval', rules: [...refs], reason: applied.rule.reason ?? `${effect.verb} needs an approval`, ...limits, ...(approval === undefined ? {} : { approval }), policyVersion };
  }
  return { effect: 'allow', rules: [...grants], reason: plan.rows.length === 0 ? 'it has no effect' : 'every effect is granted', ...limits, policyVersion };
}

/** Keeps, for each rule that counts, the first effect that it counts for; one that is understood before one that could be anything. */
function note(found: Map<AppliedRule, Effect>, candidates: readonly Candidate[], counts: (candidate: Candidate) => boolean, effect: Effect): void {
  for (const candidate of candidates) {
    const kept = found.get(candidate.applied);
    if ((kept === undefined || (kept.class === 'unknown' && effect.class !== 'unknown')) && counts(candidate)) found.set(candidate.applied, effect);
  }
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

/** A rule can touch what does not name its object at all, and whoever sent it must not look for that name in vain. */
function doubt(effect: Effect, sure: boolean): string {
  if (effect.class !== 'unknown') return sure || effect.object?.kind !== 'schema' ? '' : ' (what is in the schema goes with it)';
  return ` (it was not understood, and could be that${effect.why === undefined ? '' : `: ${effect.why}`})`;
}

/** A rule was not met, or was met in doubt, because nobody knows what the body says. */
const asksOfBody = (unread: string | undefined): string => (unread === undefined ? '' : `; a rule asks about its body, and ${unread}`);

/** Our words and the understander's: nothing of the client's text. */
function whyNotGranted(effect: Effect): string {
  if (effect.class === 'unknown') return `not understood, and no policy grants that${effect.why === undefined ? '' : `: ${effect.why}`}`;
  if (effect.class === 'admin') return `${effect.verb} is of class admin, and no rule grants it`;
  return `no policy grants ${effect.verb} (class ${effect.class})`;
}
