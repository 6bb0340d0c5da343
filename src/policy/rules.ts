import type { ApprovalConfig, LimitsConfig, MaskConfig, PolicyConfig, RuleConfig } from '../config/resolved.ts';
import type { Origin, RuleRef } from '../model/decision.ts';
import { compileCondition, type Condition } from './conditions.ts';
import { compileMatch, type CompiledMatch } from './match.ts';

/** One rule, compiled. */
export interface CompiledRule {
  readonly ref: RuleRef;
  readonly effect: RuleConfig['effect'];
  readonly reason: string | undefined;
  /** Who approves. Present exactly when the effect is `require_approval`. */
  readonly approval: ApprovalConfig | undefined;
  readonly match: CompiledMatch;
  readonly condition: Condition | undefined;
}

/** One policy, compiled. */
export interface CompiledPolicy {
  readonly name: string;
  readonly ref: RuleRef;
  readonly groups: ReadonlySet<string>;
  readonly identities: ReadonlySet<string>;
  readonly connections: ReadonlySet<string>;
  readonly allow: PolicyConfig['allow'];
  readonly rules: readonly CompiledRule[];
  readonly mask: readonly MaskConfig[];
  readonly limits: LimitsConfig;
}

/** One thing that is wrong with a policy, and where. */
export interface PolicyProblem {
  readonly origin: Origin;
  /** `policies[NAME].rules[NAME]`. */
  readonly path: string;
  readonly message: string;
}

/** Nobody is named, so nobody can approve and nothing is held. The configuration does not accept such a rule. */
const NOBODY: ApprovalConfig = { groups: [], count: 1, hold: 0, expires: 0, holdInTransaction: 0 };

/** Compiles one policy; what cannot be compiled is added to `problems`, and then the result must not be used. */
export function compilePolicy(policy: PolicyConfig, problems: PolicyProblem[]): CompiledPolicy {
  return {
    name: policy.name,
    ref: { policy: policy.name, origin: policy.origin },
    groups: new Set(policy.groups),
    identities: new Set(policy.identities),
    connections: new Set(policy.connections),
    allow: policy.allow,
    rules: policy.rules.map((rule) => compileRule(policy.name, rule, problems)),
    mask: policy.mask,
    limits: policy.limits,
  };
}

function compileRule(policy: string, rule: RuleConfig, problems: PolicyProblem[]): CompiledRule {
  const problem = (message: string): void => {
    problems.push({ origin: rule.origin, path: `policies[${policy}].rules[${rule.name}]`, message });
  };
  let condition: Condition | undefined;
  if (rule.when !== undefined) {
    const compiled = compileCondition(rule.when);
    if (typeof compiled === 'string') problem(`when: ${compiled}`);
    else condition = compiled;
  }
  return {
    ref: { policy, rule: rule.name, origin: rule.origin },
    effect: rule.effect,
    reason: rule.reason,
    approval: rule.effect === 'require_approval' ? (rule.approval ?? NOBODY) : undefined,
    match: compileMatch(rule.match, problem),
    condition,
  };
}
