import type { MaskConfig } from '../config/resolved.ts';
import type { Catalog } from '../sql/catalog.ts';
import type { StatementFacts } from '../sql/facts.ts';
import type { Understood } from '../sql/understand.ts';
import { compileBodies } from './bodies/masks.ts';
import { HashKey } from './hash-key.ts';
import { judgeStatement } from './judge.ts';
import type { StatementJudgement } from './judge.ts';
import type { AnswerPlan, DetectorMask, MaskJudgement, MaskSet } from './plan.ts';
import { columnRules, protectionOf } from './protection.ts';
import { ProtectionMemory } from './protection-memory.ts';
import type { Protection } from './protection.ts';

/**
 * Compiles the masks of a session. One set may serve all sessions with the same masks on the same target: it keeps no
 * state of theirs.
 * `memory` belongs to the target and outlives the set; without one, renames are only remembered within the set.
 * `onUnmatched` is told, for each catalog, which patterns match none of its columns.
 * Throws when a column or field pattern is malformed.
 */
export function compileMasks(
  masks: readonly MaskConfig[],
  keys: { readonly hash: Buffer },
  memory: ProtectionMemory = new ProtectionMemory(),
  onUnmatched?: (patterns: readonly string[]) => void,
): MaskSet {
  const key = new HashKey(keys.hash);
  const rules = columnRules(masks, key);
  const detect: DetectorMask[] = masks.filter((mask) => mask.detect.length > 0).map((mask) => ({ name: mask.name, kinds: mask.detect, transform: mask.transform, key }));
  const strict = rules.some((rule) => rule.strict);
  const protections = new WeakMap<Catalog, Protection>();
  const judged = new WeakMap<Catalog, WeakMap<StatementFacts, StatementJudgement>>();

  const protection = (catalog: Catalog): Protection => {
    let found = protections.get(catalog);
    if (found === undefined) {
      protections.set(catalog, (found = protectionOf(rules, catalog, memory)));
      if (found.unmatched.length > 0) onUnmatched?.(found.unmatched);
    }
    return found;
  };
  const judgeOne = (facts: StatementFacts, catalog: Catalog): StatementJudgement => {
    let known = judged.get(catalog);
    if (known === undefined) judged.set(catalog, (known = new WeakMap()));
    let found = known.get(facts);
    if (found === undefined) {
      found = judgeStatement(facts, { protection: protection(catalog), catalog, strict, columns: rules.length > 0, blame: (rules.find((rule) => rule.strict) ?? rules[0])?.mask.name ?? '', detect });
      known.set(facts, found);
    }
    return found;
  };
  return {
    empty: rules.length === 0 && detect.length === 0,
    columns: rules.length > 0,
    strict,
    names: masks.map((mask) => mask.name),
    detect,
    bodies: compileBodies(masks, key),
    protection,
    judge(understood: Understood, catalog: Catalog): MaskJudgement {
      const plans: AnswerPlan[] = [];
      const named = new Map<string, AnswerPlan>();
      for (const statement of understood.statements) {
        const judgement = judgeOne(statement.facts, catalog);
        if (judgement.kind === 'refused') return judgement;
        plans.push(follow(judgement.plan, statement.facts, named));
      }
      return { kind: 'plan', statements: plans };
    },
  };
}

/** Resolves EXECUTE and FETCH of what the same message prepared or declared. */
function follow(plan: AnswerPlan, facts: StatementFacts, named: Map<string, AnswerPlan>): AnswerPlan {
  const name = facts.named?.name;
  if (name !== undefined && plan.inner !== undefined) named.set(`${facts.named!.kind} ${name}`, plan.inner);
  if (plan.from === undefined) return plan;
  return named.get(`${plan.from.kind} ${plan.from.name}`) ?? plan;
}
