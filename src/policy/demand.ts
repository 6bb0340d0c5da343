import type { ApprovalDemand, ApprovalStep } from '../model/approval.ts';
import type { CompiledRule } from './rules.ts';

/**
 * Who has to approve, when these rules ask for it: each of them a step, in their order. Times are the shortest of all, so that no rule lets
 * a command wait, or an approval live, longer than another wants; data is covered when one of them wants that, up to the smallest of their sizes. Undefined when no rule asks.
 */
export function demandOf(rules: readonly CompiledRule[]): ApprovalDemand | undefined {
  const steps: ApprovalStep[] = [];
  const times = { hold: Infinity, expires: Infinity, holdInTransaction: Infinity };
  let coverData: number | undefined;
  for (const { ref, approval } of rules) {
    if (approval === undefined) continue;
    steps.push({ rule: ref, groups: approval.groups, count: approval.count });
    for (const time of ['hold', 'expires', 'holdInTransaction'] as const) times[time] = Math.min(times[time], approval[time]);
    if (approval.coverData !== undefined) coverData = Math.min(coverData ?? Infinity, approval.coverData);
  }
  return steps.length === 0 ? undefined : { steps, ...times, ...(coverData === undefined ? {} : { coverData }) };
}
