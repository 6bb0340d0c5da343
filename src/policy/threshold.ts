import type { Effect } from '../model/command.ts';
import type { RowLimit } from './limits.ts';
import type { LiveWord } from './live.ts';
import type { AppliedRule, Plan } from './plan.ts';

/** Verbs whose commands tell how many rows they changed. TRUNCATE does not: rules name it by its verb. */
const CHANGES: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'merge', 'copy']);

/** `rowsPerCommand` limits the rows that such an effect changes. What a request changes has no rows. */
export const changesRows = ({ class: of, verb, request }: Effect): boolean => of === 'write' && request === undefined && CHANGES.has(verb);

/** The next number of rows above which the decision could be another: of every rule that refuses or asks, and of the limit on changes. */
export function nextThreshold(plan: Plan, live: (applied: AppliedRule) => LiveWord, limit: RowLimit | undefined): number | undefined {
  let next = limit?.rows;
  for (const { denies, approvals } of plan.rows) {
    for (const candidates of [denies, approvals]) {
      for (const { applied } of candidates) {
        const threshold = applied.live ? live(applied).threshold : undefined;
        if (threshold !== undefined && (next === undefined || threshold < next)) next = threshold;
      }
    }
  }
  return next;
}
