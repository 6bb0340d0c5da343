import type { ConnectionConfig } from '../config/resolved.ts';
import type { Command } from '../model/command.ts';
import type { Decision } from '../model/decision.ts';
import { ruleName } from './rule-name.ts';
import { assumedPrincipal } from './assumed.ts';
import type { PolicyCase } from './cases.ts';
import type { DecisionContext, PolicySet } from './policy-set.ts';

/** Understands a command's text as the connection's protocol would. */
export type ToCommand = (text: string, connection: ConnectionConfig) => Promise<Command>;

/** What came of one case. */
export interface CaseResult {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly passed: boolean;
  /** What is not as expected, one line each. */
  readonly differences: readonly string[];
  /** Absent when no policy names the identity and the connection together. */
  readonly decision?: Decision;
}

/** Decides one case and compares. */
export async function runCase(policies: PolicySet, one: PolicyCase, toCommand: ToCommand): Promise<CaseResult> {
  const { name, file, line } = one;
  const policy = policies.forSession(assumedPrincipal(one.identity, one.claims), one.connection.name);
  if (policy === undefined) {
    const differences = [
      ...(one.expect === 'deny' ? [] : [`expected ${one.expect}, but no policy lets ${one.identity.name} reach ${one.connection.name}`]),
      ...(one.rule === undefined ? [] : [`expected the rule ${one.rule}, but no policy applies`]),
    ];
    return { name, file, line, passed: differences.length === 0, differences };
  }
  const command = 'command' in one.asks ? one.asks.command : await toCommand(one.asks.text, one.connection);
  const context: DecisionContext = {
    now: one.at ?? new Date(),
    ...(one.sessionAgeMs === undefined ? {} : { sessionAgeMs: one.sessionAgeMs }),
    ...(one.rows === undefined ? {} : { rows: one.rows }),
  };
  const { decision, effects } = policy.explain(command, context);
  const timed = one.at === undefined && effects.some(({ rules }) => rules.some(({ depends }) => depends.includes('now')));
  const differences = [...(timed ? ['the decision depends on the time: give at'] : []), ...compare(one, decision)];
  return { name, file, line, passed: differences.length === 0, differences, decision };
}

function compare(one: PolicyCase, { effect, rules, reason }: Decision): string[] {
  const differences: string[] = [];
  const named = rules.map(ruleName);
  if (effect !== one.expect) differences.push(`expected ${one.expect}, got ${effect}: ${reason}${named.length === 0 ? '' : ` (${named.join(', ')})`}`);
  if (one.rule !== undefined && !named.includes(one.rule)) differences.push(`expected the rule ${one.rule} to take part, got ${named.length === 0 ? 'none' : named.join(', ')}`);
  if (one.reason !== undefined && one.reason !== reason) differences.push(`expected the reason ${JSON.stringify(one.reason)}, got ${JSON.stringify(reason)}`);
  return differences;
}
