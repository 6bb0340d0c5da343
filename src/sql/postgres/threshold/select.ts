import type { CountPiece } from '../../facts.ts';
import type { Ast } from '../ast.ts';
import { Token } from '../lexer.ts';
import { sameTree } from './same.ts';
import type { TextToken } from './tokens.ts';

const ONE: Ast = { A_Const: { ival: { ival: 1 } } };
const COUNT: Ast = { FuncCall: { funcname: [{ String: { sval: 'pg_catalog' } }, { String: { sval: 'count' } }], agg_star: true, funcformat: 'COERCE_EXPLICIT_CALL' } };

/** `SELECT 1`, to which FROM and WHERE are added. */
export const ONE_ROW: Ast = { targetList: [{ ResTarget: { val: ONE } }], limitOption: 'LIMIT_OPTION_DEFAULT', op: 'SETOP_NONE' };

/** Whether a bounded count (limit 0), parsed, counts what this SELECT answers and nothing else, node for node. */
export function countsThis(query: unknown, select: Ast): boolean {
  const inside = { ...select, limitCount: ONE, limitOption: 'LIMIT_OPTION_COUNT' };
  const subquery = { RangeSubselect: { subquery: { SelectStmt: inside }, alias: { aliasname: 'counted' } } };
  return sameTree(query, { SelectStmt: { targetList: [{ ResTarget: { val: COUNT } }], fromClause: [subquery], limitOption: 'LIMIT_OPTION_DEFAULT', op: 'SETOP_NONE' } });
}

/** Where the verb of the only statement of a text stands, and its WITH, which comes before it. */
export function statementStart(tokens: readonly TextToken[], verb: string): { readonly verb: number; readonly head: readonly CountPiece[] } | undefined {
  const first = tokens.findIndex((token) => token.kind !== Token.semicolon);
  if (tokens[first]?.word === verb) return { verb: first, head: [] };
  // A common table expression may have the verb for a name; only the statement itself follows a bracket.
  const at = tokens[first]?.word === 'with' ? tokens.findIndex((token, place) => place > first && token.depth === 0 && token.word === verb && tokens[place - 1]?.word === ')') : -1;
  return at < 0 ? undefined : { verb: at, head: [[first, at - 1]] };
}
