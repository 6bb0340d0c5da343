import { list, open, strings, text } from '../ast.ts';
import type { Ast } from '../ast.ts';
import { sameTree } from './same.ts';
import { walk } from './walk.ts';

/**
 * What can be said of a condition without any row: `constant` has the same value for all rows, which one is not computed here;
 * `parameter` the same, decided by the client's values; `varies` looks at rows. A column compared with itself counts as `true`
 * although it is not where it is NULL.
 */
export type Truth = 'true' | 'false' | 'null' | 'constant' | 'parameter' | 'varies';

export interface ConditionContext {
  /** Only one relation is in sight: `t.a` and `a` are the same column. */
  readonly single: boolean;
  /** Says that the answer rests on the value of a literal. */
  dependsOnLiteral(): void;
}

/** Folds a condition as far as that needs no arithmetic. */
export function truthOf(node: unknown, context: ConditionContext): Truth {
  const [kind, fields] = open(node);
  switch (kind) {
    case 'A_Const':
      if (fields['isnull'] === true) return 'null';
      if ('boolval' in fields) return (fields['boolval'] as Ast)['boolval'] === true ? 'true' : 'false';
      return 'constant';
    case 'BoolExpr': {
      const parts = list(fields, 'args').map((each) => truthOf(each, context));
      if (fields['boolop'] === 'NOT_EXPR') return not(parts[0]!);
      return fields['boolop'] === 'OR_EXPR' ? not(all(parts.map(not), 'or')) : all(parts, 'and');
    }
    case 'TypeCast': {
      const target = strings(list((fields['typeName'] ?? {}) as Ast, 'names')).at(-1);
      return target === 'bool' && 'boolval' in open(fields['arg'])[1] ? truthOf(fields['arg'], context) : general(node);
    }
    case 'BooleanTest':
      return booleanTest(truthOf(fields['arg'], context), String(fields['booltesttype']));
    case 'NullTest': {
      const isNull = open(fields['arg'])[1]['isnull'] === true;
      if (!isNull) return general(fields['arg']);
      return fields['nulltesttype'] === 'IS_NULL' ? 'true' : 'false';
    }
    case 'CaseExpr': {
      const results = [...list(fields, 'args').map((each) => open(each)[1]['result']), fields['defresult']];
      return results.every((each) => each !== undefined && truthOf(each, context) === 'true') ? 'true' : general(node);
    }
    case 'CoalesceExpr':
      return truthOf(list(fields, 'args')[0], context) === 'true' ? 'true' : general(node);
    case 'A_Expr':
      return comparison(fields, context) ?? general(node);
    case 'SubLink':
      return subquery(fields, context);
    default:
      return general(node);
  }
}

const not = (truth: Truth): Truth => (truth === 'true' ? 'false' : truth === 'false' ? 'true' : truth);

/**
 * AND; for OR its parts are negated. One part that is the same for all rows decides nothing in a conjunction (`a AND 'x' < 'y'`), in a
 * disjunction it can let all rows through. The client's own values do so by intent: `a = $1 OR $1 IS NULL` is counted.
 */
function all(parts: readonly Truth[], of: 'and' | 'or'): Truth {
  const left = parts.filter((each) => each !== 'true');
  if (left.length === 0) return 'true';
  if (left.includes('false')) return 'false';
  if (of === 'or' && left.includes('constant')) return 'constant';
  for (const each of ['varies', 'parameter', 'constant'] as const) if (left.includes(each)) return each;
  return 'null';
}

/** `x IS [NOT] TRUE | FALSE | UNKNOWN`. */
function booleanTest(truth: Truth, test: string): Truth {
  if (truth === 'constant' || truth === 'parameter' || truth === 'varies') return truth;
  const [negated, value] = test.startsWith('IS_NOT_') ? [true, test.slice(7)] : [false, test.slice(3)];
  const holds = (value === 'UNKNOWN' ? 'null' : value.toLowerCase()) === truth;
  return holds !== negated ? 'true' : 'false';
}

const REFLEXIVE: ReadonlySet<string> = new Set(['=', '<=', '>=']);

function comparison(fields: Ast, context: ConditionContext): Truth | undefined {
  const { lexpr, rexpr } = fields;
  const operator = strings(list(fields, 'name')).at(-1) ?? '';
  const own = bare(lexpr, context);
  const varies = general(lexpr) === 'varies';
  const same = (other: unknown): boolean => varies && sameTree(own, bare(other, context));
  switch (fields['kind']) {
    case 'AEXPR_OP':
      return literals(lexpr, operator, rexpr, context) ?? (REFLEXIVE.has(operator) && same(rexpr) ? 'true' : undefined);
    case 'AEXPR_NOT_DISTINCT':
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
      return !operator.startsWith('!') && same(rexpr) ? 'true' : undefined;
    case 'AEXPR_IN':
      return operator === '=' && list({ rexpr }, 'rexpr').some(same) ? 'true' : undefined;
    case 'AEXPR_OP_ANY': {
      const [kind, array] = open(rexpr);
      return REFLEXIVE.has(operator) && kind === 'A_ArrayExpr' && list(array, 'elements').some(same) ? 'true' : undefined;
    }
    case 'AEXPR_BETWEEN':
    case 'AEXPR_BETWEEN_SYM':
      return list({ rexpr }, 'rexpr').every(same) ? 'true' : undefined;
    default:
      return undefined;
  }
}

/** `1 = 1`, `'a' <> 'b'`: the one place where values of literals decide, because people and libraries write it. */
function literals(left: unknown, operator: string, right: unknown, context: ConditionContext): Truth | undefined {
  const [a, b] = [literal(left), literal(right)];
  if (a === undefined || b === undefined || typeof a !== typeof b) return undefined;
  if (operator !== '=' && operator !== '<>') return undefined;
  context.dependsOnLiteral();
  return (a === b) === (operator === '=') ? 'true' : 'false';
}

function literal(node: unknown): number | string | undefined {
  const [kind, fields] = open(node);
  if (kind !== 'A_Const') return undefined;
  if ('ival' in fields) return Number((fields['ival'] as Ast)['ival'] ?? 0);
  return 'sval' in fields ? (text(fields['sval'] as Ast, 'sval') ?? '') : undefined;
}

/** A column without what qualifies it, where nothing else could be meant. */
function bare(node: unknown, context: ConditionContext): unknown {
  const [kind, fields] = open(node);
  return context.single && kind === 'ColumnRef' ? { ColumnRef: { fields: list(fields, 'fields').slice(-1) } } : node;
}

/** Of a subquery that reads nothing: EXISTS is known, a value is what it selects. */
function subquery(fields: Ast, context: ConditionContext): Truth {
  const [, select] = open(fields['subselect']);
  const isBare = list(select, 'fromClause').length === 0 && !['larg', 'whereClause', 'limitCount', 'limitOffset', 'withClause', 'havingClause'].some((each) => each in select);
  if (!isBare) return 'varies';
  if (fields['subLinkType'] === 'EXISTS_SUBLINK') return 'true';
  const [target] = list(select, 'targetList');
  return fields['subLinkType'] === 'EXPR_SUBLINK' && target ? truthOf(open(target)[1]['val'], context) : general(fields);
}

/** Whether something in an expression can differ from row to row, or from one use to the next. */
function general(node: unknown): Truth {
  let found: Truth = 'constant';
  walk([node], (kind) => {
    if (kind === 'ColumnRef' || kind === 'SelectStmt' || kind === 'CurrentOfExpr') found = 'varies';
    else if (kind === 'ParamRef' && found === 'constant') found = 'parameter';
  });
  return found;
}
