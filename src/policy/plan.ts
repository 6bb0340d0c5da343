import type { CommandClass, Effect } from '../model/command.ts';
import type { RuleRef } from '../model/decision.ts';
import { COVERS, NONE, weaker, type Level } from './level.ts';
import type { CompiledPolicy, CompiledRule } from './rules.ts';

/** A rule in one situation: what its condition says when that is settled for the whole session. */
export interface AppliedRule {
  readonly rule: CompiledRule;
  /** Place in the order of policies by name and rules as written: index into the list of live levels. */
  readonly order: number;
  /** The condition's word when it reads nothing that changes within a session; without a condition it covers. */
  readonly settled: { readonly level: Level; readonly error?: string } | undefined;
  /** Its condition or its threshold has to be asked for each command. */
  readonly live: boolean;
}

/** A rule that could apply to an effect, as far as the effect alone says. */
export interface Candidate {
  readonly applied: AppliedRule;
  readonly level: Level;
}

/** What could apply to one effect. */
export interface PlanRow {
  readonly effect: Effect;
  readonly classGrants: readonly RuleRef[];
  readonly denies: readonly Candidate[];
  readonly approvals: readonly Candidate[];
  readonly allows: readonly Candidate[];
  /** Why nobody knows what the body says, where a rule that would allow asks about it. */
  readonly unread?: string;
}

/** What could apply to a list of effects. */
export interface Plan {
  readonly rows: readonly PlanRow[];
  /** Some rule has to be asked for each command. */
  readonly live: boolean;
}

/** Every rule and class grant of the policies that apply together, for sessions in the same situation. */
export interface Situation {
  readonly policies: readonly CompiledPolicy[];
  readonly rules: readonly AppliedRule[];
  readonly classGrants: ReadonlyMap<CommandClass, readonly RuleRef[]>;
}

/** Puts the policies (sorted by name) and the settled conditions together. */
export function situationOf(policies: readonly CompiledPolicy[], settle: (rule: CompiledRule) => AppliedRule['settled']): Situation {
  const classGrants = new Map<CommandClass, RuleRef[]>();
  const rules: AppliedRule[] = [];
  for (const policy of policies) {
    for (const granted of new Set(policy.allow)) classGrants.set(granted, [...(classGrants.get(granted) ?? []), policy.ref]);
    for (const rule of policy.rules) {
      const settled = settle(rule);
      rules.push({ rule, order: rules.length, settled, live: settled === undefined || rule.match.rows !== undefined });
    }
  }
  return { policies, rules, classGrants };
}

/** Works out, for each effect, which rules could apply. The costly half of a decision, and the half that can be kept. */
export function planFor(situation: Situation, effects: readonly Effect[]): Plan {
  let live = false;
  const rows = effects.map((effect): PlanRow => {
    const denies: Candidate[] = [];
    const approvals: Candidate[] = [];
    const allows: Candidate[] = [];
    let unread: string | undefined;
    for (const applied of situation.rules) {
      const settled = applied.settled?.level ?? COVERS;
      if (settled === NONE) continue;
      const level = weaker(settled, applied.rule.match.reach(effect));
      if (level !== NONE && level !== COVERS && applied.rule.effect === 'allow') unread ??= unreadFor(applied.rule, effect);
      if (level === NONE || (level !== COVERS && applied.rule.effect === 'allow')) continue;
      (applied.rule.effect === 'deny' ? denies : applied.rule.effect === 'allow' ? allows : approvals).push({ applied, level });
      live ||= applied.live;
    }
    return { effect, classGrants: situation.classGrants.get(effect.class) ?? [], denies, approvals, allows, ...(unread === undefined ? {} : { unread }) };
  });
  return { rows, live };
}

/** Why the body of a request could not be read, where the rule asks about it: a client has to know what to mend. */
export const unreadFor = ({ match }: CompiledRule, { request }: Effect): string | undefined => (match.readsBody && request?.body.kind === 'unread' ? request.body.why : undefined);
