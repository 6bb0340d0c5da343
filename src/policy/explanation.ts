import type { Effect } from '../model/command.ts';
import type { Decision, DecisionEffect, RuleRef } from '../model/decision.ts';

/** Everything that was considered for one command. For the person who asks, on their own machine: it can show object names. */
export interface Explanation {
  readonly decision: Decision;
  /** Names of the policies that apply. */
  readonly policies: readonly string[];
  readonly effects: readonly EffectExplanation[];
}

/** What was considered for one effect. */
export interface EffectExplanation {
  readonly effect: Effect;
  /** What the effect alone would come to. `deny` also when nothing grants it. */
  readonly verdict: DecisionEffect;
  /** The rules and class grants that decided it; empty when nothing grants it. */
  readonly by: readonly RuleRef[];
  /** Policies that grant its class. */
  readonly classGrants: readonly RuleRef[];
  /** Every rule of the policies that apply. */
  readonly rules: readonly RuleExplanation[];
}

/** What one rule says to one effect. */
export interface RuleExplanation {
  readonly rule: RuleRef;
  readonly effect: DecisionEffect;
  /** `covers`: matches for sure and as a whole. `touches`: in part, or could as far as is known. */
  readonly match: 'covers' | 'touches' | 'no';
  /** It counted: a deny or require_approval that touches, an allow that covers. */
  readonly counts: boolean;
  /** Why, one line for each key of the rule that says so. */
  readonly why: readonly string[];
  /** Variables that change within a session and that decided here: `now`, `session`, `statement`, `rows`. */
  readonly depends: readonly string[];
}
