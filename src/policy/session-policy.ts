import type { Command, Effect } from '../model/command.ts';
import type { Decision } from '../model/decision.ts';
import { explain } from './explain.ts';
import { Instant } from './instant.ts';
import { COVERS, NONE, TOUCHES, weaker, type Level } from './level.ts';
import { strictest } from './limits.ts';
import { planFor, type AppliedRule, type Plan, type Situation } from './plan.ts';
import type { DecisionContext, SessionPolicy } from './policy-set.ts';
import { settle, type Standing } from './settle.ts';
import { SessionVariable, statementVariable, type Variables } from './variables.ts';

/** Decisions of sessions in the same situation, kept by the identity of their `effects` arrays. */
export class SharedDecisions {
  readonly situation: Situation;
  readonly standing: Standing;
  readonly #kept = new WeakMap<readonly Effect[], Plan | Decision>();

  constructor(situation: Situation, policyVersion: string) {
    this.situation = situation;
    this.standing = { policyVersion, maxRows: strictest(situation.policies.map(({ limits }) => limits)).rowsPerCommand };
  }

  /** The decision, when it depends on the effects alone; otherwise what is left to be asked. */
  lookUp(effects: readonly Effect[]): Plan | Decision {
    const kept = this.#kept.get(effects);
    if (kept !== undefined) return kept;
    const plan = planFor(this.situation, effects);
    const found = plan.live ? plan : Object.freeze(settle(plan, () => COVERS, this.standing));
    this.#kept.set(effects, found);
    return found;
  }
}

const isPlan = (found: Plan | Decision): found is Plan => 'rows' in found;

/** The policy of one session: the shared part with the session's own variables. */
export function sessionPolicy(shared: SharedDecisions, variables: Variables): SessionPolicy {
  const { situation, standing } = shared;
  const decide: SessionPolicy['decide'] = (command, context) => {
    const found = shared.lookUp(command.effects);
    return isPlan(found) ? settle(found, liveLevels(variables, command, context), standing) : found;
  };
  return {
    decide,
    explain: (command, context) => explain(situation, decide(command, context), command.effects, (applied) => askLive(applied, withLive(variables, command, context), context)),
    masks: situation.policies.flatMap(({ mask }) => mask),
    limits: strictest(situation.policies.map(({ limits }) => limits)),
    policies: situation.policies.map(({ name }) => name),
  };
}

/** Asks each live rule at most once for a command. */
function liveLevels(variables: Variables, command: Command, context: DecisionContext): (applied: AppliedRule) => Level {
  const levels: Level[] = [];
  let all: Variables | undefined;
  return (applied) => (levels[applied.order] ??= askLive(applied, (all ??= withLive(variables, command, context)), context).level);
}

/** The condition's word on this command, and the threshold's. */
function askLive(applied: AppliedRule, variables: Variables, context: DecisionContext): { readonly level: Level; readonly error?: string } {
  const { condition, match } = applied.rule;
  const said = applied.settled ?? condition?.evaluate(variables) ?? { level: COVERS };
  if (match.rows === undefined) return said;
  // A count that is not known could be any.
  const rows = context.rows === undefined ? TOUCHES : context.rows > match.rows ? COVERS : NONE;
  return { ...said, level: weaker(said.level, rows) };
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
