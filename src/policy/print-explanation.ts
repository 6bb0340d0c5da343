import { formatDuration, formatSize } from '../config/units.ts';
import type { ApprovalDemand } from '../model/approval.ts';
import type { Effect } from '../model/command.ts';
import type { Origin } from '../model/decision.ts';
import type { Explanation, RuleExplanation } from './explanation.ts';
import { ruleName } from './rule-name.ts';

const verdicts = { allow: 'allowed', deny: 'denied', require_approval: 'needs approval' } as const;
const place = ({ file, line }: Origin): string => `${file}:${line}`;

/** An explanation for people: the decision first, then each effect with what decided it and what else was considered. */
export function printExplanation({ decision, policies, effects }: Explanation): string {
  const lines = [`${verdicts[decision.effect]}: ${decision.reason}`];
  for (const ref of decision.rules) lines.push(`  by ${ruleName(ref)}  ${place(ref.origin)}`);
  if (decision.approval !== undefined) lines.push(...printDemand(decision.approval));
  if (decision.maxRows !== undefined) lines.push(`  at most ${decision.maxRows} rows`);
  if (decision.threshold !== undefined) lines.push(`  it depends on the number of rows that are changed: above ${decision.threshold} it is decided otherwise${decision.effect === 'allow' ? '' : ' than up to it'}`);
  lines.push(`policies that apply: ${policies.join(', ')}`, `policy version: ${decision.policyVersion}`);
  if (effects.length === 0) lines.push('', 'the command has no effect that needs a grant');
  for (const { effect, verdict, by, classGrants, rules } of effects) {
    lines.push('', `${describeEffect(effect)}: ${verdicts[verdict]}${by.length === 0 ? ', nothing grants it' : ''}`);
    if (classGrants.length === 0) lines.push(`  class ${effect.class}: in no allow`);
    for (const ref of classGrants) lines.push(`  class ${effect.class}: allowed by ${ref.policy}  ${place(ref.origin)}`);
    for (const rule of rules) lines.push(...printRule(rule));
  }
  return lines.join('\n');
}

/** Who approves, and how long everything waits. */
function printDemand({ steps, hold, expires, holdInTransaction, coverData }: ApprovalDemand): string[] {
  return [
    ...steps.map(({ rule, groups, count }) => `  approved by ${count === 1 ? 'one person' : `${count} people`} of ${groups.length === 0 ? 'no group: nobody can' : groups.join(', ')} (${ruleName(rule)})`),
    `  held for ${formatDuration(hold)}, ${holdInTransaction === 0 ? 'in a transaction not at all' : `in a transaction for ${formatDuration(holdInTransaction)}`}; an approval can be used for ${formatDuration(expires)}`,
    ...(coverData === undefined ? [] : [`  an approval covers the data that follows as well, up to ${formatSize(coverData)}`]),
  ];
}

function printRule({ rule, effect, counts, why }: RuleExplanation): string[] {
  return [`  ${counts ? '*' : '-'} ${effect} ${ruleName(rule)}: ${counts ? 'counts' : 'does not count'}  ${place(rule.origin)}`, ...why.map((line) => `      ${line}`)];
}

/** `delete on table public.customers (id, ssn), class write`. */
function describeEffect({ verb, class: of, object, columns, function: called, why }: Effect): string {
  const parts = [verb];
  if (object !== undefined) parts.push(`on ${object.kind} ${object.schema === undefined ? '' : `${object.schema}.`}${object.name}`);
  if (columns !== undefined && columns.length > 0) parts.push(`(${columns.join(', ')})`);
  if (called !== undefined) parts.push(`of ${called}`);
  return `${parts.join(' ')}, class ${of}${why === undefined ? '' : ` (${why})`}`;
}
