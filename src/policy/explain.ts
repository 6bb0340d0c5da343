import type { Effect } from '../model/command.ts';
import type { Decision } from '../model/decision.ts';
import type { EffectExplanation, Explanation, RuleExplanation } from './explanation.ts';
import { COVERS, NONE, TOUCHES, weaker, type Level } from './level.ts';
import type { LiveWord } from './live.ts';
import type { MatchKey } from './match.ts';
import type { AppliedRule, Situation } from './plan.ts';

/** What the condition and the threshold of a rule say to the command. */
export type Asked = (applied: AppliedRule) => LiveWord;

const words = ['no', 'touches', 'covers'] as const;

/** Lists every rule with its reasons. Goes its own way through the same matchers as the decision, and must come to the same end. */
export function explain(situation: Situation, decision: Decision, effects: readonly Effect[], asked: Asked): Explanation {
  return {
    decision,
    policies: situation.policies.map(({ name }) => name),
    effects: effects.map((effect) => explainEffect(situation, effect, asked)),
  };
}

function explainEffect(situation: Situation, effect: Effect, asked: Asked): EffectExplanation {
  const rules = situation.rules.map((applied) => explainRule(applied, effect, asked));
  const counting = (word: RuleExplanation['effect']) => rules.filter((rule) => rule.effect === word && rule.counts).map(({ rule }) => rule);
  const classGrants = situation.classGrants.get(effect.class) ?? [];
  const denies = counting('deny');
  const approvals = counting('require_approval');
  const allows = [...classGrants, ...counting('allow')];
  const granted = allows.length > 0 || rules.some((rule) => rule.effect === 'require_approval' && rule.match === 'covers');
  const base = { effect, classGrants, rules };
  if (denies.length > 0) return { ...base, verdict: 'deny', by: denies };
  if (!granted) return { ...base, verdict: 'deny', by: [] };
  if (approvals.length > 0) return { ...base, verdict: 'require_approval', by: approvals };
  return { ...base, verdict: 'allow', by: allows };
}

function explainRule(applied: AppliedRule, effect: Effect, asked: Asked): RuleExplanation {
  const { rule } = applied;
  const why: string[] = [];
  let level: Level = COVERS;
  for (const key of rule.match.keys) {
    const reach = key.reach(effect);
    level = weaker(level, reach);
    why.push(wordKey(key, reach, effect));
  }
  const limit = rule.match.mayNotGrant(effect);
  if (limit !== undefined && level === COVERS) {
    level = TOUCHES;
    why.push(limit);
  }
  const depends: string[] = [];
  if (rule.condition !== undefined || rule.match.rows !== undefined) {
    const said = asked(applied);
    if (level !== NONE) depends.push(...(rule.condition?.reads ?? []), ...(rule.match.rows === undefined ? [] : ['rows']));
    level = weaker(level, said.level);
    why.push(wordLive(applied, said));
  }
  if (why.length === 0) why.push('the rule has no match and no condition: it means everything');
  return {
    rule: rule.ref,
    effect: rule.effect,
    match: words[level],
    counts: rule.effect === 'allow' ? level === COVERS : level !== NONE,
    why,
    depends,
  };
}

function wordKey({ key, entries }: MatchKey, reach: Level, effect: Effect): string {
  const wanted = `${key} [${entries.join(', ')}]`;
  const has = wordEffect(key, effect);
  return reach === COVERS ? `${wanted} matches ${has}` : reach === TOUCHES ? `${wanted} could match ${has}: enough to refuse, not to grant` : `${wanted} does not match ${has}`;
}

function wordEffect(key: MatchKey['key'], effect: Effect): string {
  const { object } = effect;
  const name = object === undefined ? 'no object' : `${object.kind} ${object.schema === undefined ? '' : `${object.schema}.`}${object.name}`;
  switch (key) {
    case 'verbs':
      return effect.verb;
    case 'classes':
      return `class ${effect.class}`;
    case 'functions':
      return effect.function ?? 'no function';
    case 'objects':
      return name;
    case 'request':
      return effect.request === undefined ? 'no request' : `${effect.request.method} ${effect.request.path}`;
    case 'columns':
      return `${name}, columns ${effect.columns === undefined ? 'not known' : `[${effect.columns.join(', ')}]`}`;
  }
}

function wordLive({ rule }: AppliedRule, { level, error }: LiveWord): string {
  const parts = [
    ...(rule.condition === undefined ? [] : [`when ${rule.condition.source}`]),
    ...(rule.match.rows === undefined ? [] : [`rows > ${rule.match.rows}`]),
  ].join(' and ');
  if (error !== undefined) return `${parts} could not be evaluated (${error}): counts for refusing, not for granting`;
  return `${parts} is ${level === COVERS ? 'true' : level === TOUCHES ? 'not known: counts for refusing, not for granting' : 'false'}`;
}
