import type { LimitsConfig, MaskConfig } from '../config/resolved.ts';
import type { Command, Effect } from '../model/command.ts';
import type { Decision } from '../model/decision.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explanation.ts';
import { Instant } from './instant.ts';
import { COVERS, NONE, TOUCHES, weaker } from './level.ts';
import { SURE, type LiveWord } from './live.ts';
import { strictest, strictestRows } from './limits.ts';
import { planFor, type AppliedRule, type Plan, type Situation } from './plan.ts';
import type { DecisionContext, SessionPolicy } from './policy-set.ts';
import { settle, type Standing } from './settle.ts';
import { SessionVariable, statementVariable, type Variables } from './variables.ts';

/** What is the same for all sessions in the same situation; decisions are kept by the identity of their `effects` arrays. */
export class SharedDecisions {
  readonly situation: Situation;
  readonly standing: Standing;
  readonly masks: readonly MaskConfig[];
  readonly mayAsk: boolean;
  readonly readsBodies: boolean;
  readonly limits: LimitsConfig;
  readonly policies: readonly string[];
  readonly #kept = new WeakMap<readonly Effect[], Found>();

  constructor(situation: Situation, policyVersion: string) {
    this.situation = situation;
    this.masks = situation.policies.flatMap(({ mask }) => mask);
    this.mayAsk = situation.rules.some(({ rule }) => rule.effect === 'require_approval');
    this.readsBodies = situation.rules.some(({ rule }) => rule.match.readsBody);
    this.limits = strictest(situation.policies.map(({ limits }) => limits));
    this.policies = situation.policies.map(({ name }) => name);
    this.standing = { policyVersion, rowLimit: strictestRows(situation.policies) };
  }

  /** What could apply, and the decision when no rule has to be asked. */
  lookUp(effects: readonly Effect[]): Found {
    const kept = this.#kept.get(effects);
    if (kept !== undefined) return kept;
    const plan = planFor(this.situation, effects);
    const found = { plan, uncounted: plan.live ? undefined : Object.freeze(settle(plan, () => SURE, this.standing, undefined)) };
    this.#kept.set(effects, found);
    return found;
  }
}

interface Found {
  readonly plan: Plan;
  /** The decision while the rows are not counted, when it depends on the effects alone. */
  readonly uncounted: Decision | undefined;
}

/** The policy of one session: the shared part with the session's own variables. */
export class PolicyOfSession implements SessionPolicy {
  readonly #shared: SharedDecisions;
  readonly #variables: () => Variables;

  /** @param variables asked where a condition is: those of most sessions are never needed */
  constructor(shared: SharedDecisions, variables: () => Variables) {
    this.#shared = shared;
    this.#variables = variables;
  }

  decide(command: Command, context: DecisionContext): Decision {
    const { plan, uncounted } = this.#shared.lookUp(command.effects);
    if (uncounted !== undefined && context.rows === undefined) return uncounted;
    return settle(plan, liveWords(this.#variables(), command, context), this.#shared.standing, context.rows);
  }

  explain(command: Command, context: DecisionContext): Explanation {
    return explain(this.#shared.situation, this.decide(command, context), command.effects, (applied) => askLive(applied, withLive(this.#variables(), command, context), context));
  }

  get masks(): readonly MaskConfig[] {
    return this.#shared.masks;
  }

  get mayAsk(): boolean {
    return this.#shared.mayAsk;
  }

  get readsBodies(): boolean {
    return this.#shared.readsBodies;
  }

  get limits(): LimitsConfig {
    return this.#shared.limits;
  }

  get policies(): readonly string[] {
    return this.#shared.policies;
  }
}

/** Asks each live rule at most once for a command. */
function liveWords(variables: Variables, command: Command, context: DecisionContext): (applied: AppliedRule) => LiveWord {
  const words: LiveWord[] = [];
  let all: Variables | undefined;
  return (applied) => (words[applied.order] ??= askLive(applied, (all ??= withLive(variables, command, context)), context));
}

/** The condition's word on this command, and the threshold's. */
function askLive(applied: AppliedRule, variables: Variables, context: DecisionContext): LiveWord {
  const { condition, match } = applied.rule;
  const said = applied.settled ?? condition?.evaluate(variables) ?? SURE;
  if (match.rows === undefined) return said;
  // A count that is not known could be any.
  const left = Math.max(0, match.rows - (context.recentRows ?? 0));
  const rows = context.rows === undefined ? TOUCHES : context.rows > left ? COVERS : NONE;
  const ahead = said.level !== NONE && rows !== COVERS ? { threshold: left } : {};
  return { ...said, ...ahead, level: weaker(said.level, rows) };
}

/** The variables of one command. The statement is worked out only when a condition reads it. */
function withLive(variables: Variables, command: Command, context: DecisionContext): Variables {
  let statement: Variables['statement'];
  let asked = false;
  return {
    ...variables,
    session: new SessionVariable(context.sessionAgeMs),
    now: new Instant(context.now.getTime()),
    get statement() {
      if (!asked) statement = statementVariable(command);
      asked = true;
      return statement;
    },
  };
}
