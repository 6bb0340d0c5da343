import type { CountPiece } from '../../facts.ts';
import { embedded, list, open, text } from '../ast.ts';
import type { Ast } from '../ast.ts';
import { Token } from '../lexer.ts';
import { rangeOf } from '../relations.ts';
import { mergeCount } from './merge.ts';
import { ONE_ROW, statementStart } from './select.ts';
import { relationText } from './target-text.ts';
import { findWord } from './tokens.ts';
import type { TextToken } from './tokens.ts';

/** The SELECT that gives one row for each row that would change: in pieces of ours and of the text, and the tree that they must parse to. */
export interface Taken {
  readonly pieces: readonly CountPiece[];
  readonly tree: Ast;
}

/** Takes a statement apart. Undefined when its clauses are not where they should be. */
export function takeApart(tokens: readonly TextToken[], kind: 'delete' | 'update' | 'merge', fields: Ast): Taken | undefined {
  if (kind === 'merge') return mergeCount(tokens, fields);
  const start = statementStart(tokens, kind);
  const where = start ? findWord(tokens, 'where', start.verb) : -1;
  if (start === undefined || where < 0) return undefined;
  const returning = findWord(tokens, 'returning', where);
  const last = tokens.findLastIndex((token) => token.kind !== Token.semicolon);
  const predicate: CountPiece = [where + 1, returning < 0 ? last : returning - 1];
  const target = `SELECT 1 FROM ${relationText(rangeOf(fields, 'relation'))} WHERE`;
  const withClause = embedded(fields, 'withClause');
  const others = list(fields, kind === 'delete' ? 'usingClause' : 'fromClause');
  const treeOf = (whereClause: unknown): Ast => ({ ...ONE_ROW, fromClause: [{ RangeVar: rangeOf(fields, 'relation') }], whereClause, ...(withClause ? { withClause } : {}) });
  if (others.length === 0) return { pieces: [...start.head, target, predicate], tree: treeOf(fields['whereClause']) };
  const from = findWord(tokens, kind === 'delete' ? 'using' : 'from', kind === 'delete' ? start.verb : findWord(tokens, 'set', start.verb), where);
  if (from < 0) return undefined;
  // A row that meets several others changes once.
  const exists: Ast = { SubLink: { subLinkType: 'EXISTS_SUBLINK', subselect: { SelectStmt: { ...ONE_ROW, fromClause: others, whereClause: fields['whereClause'] } } } };
  return { pieces: [...start.head, `${target} EXISTS (SELECT 1 FROM`, [from + 1, where - 1], 'WHERE', predicate, ')'], tree: treeOf(exists) };
}

/** Whether a common table expression would stand for the target in a SELECT, as it does not in a statement that changes rows. */
export function hidesTarget(fields: Ast): boolean {
  const range = rangeOf(fields, 'relation');
  const names = list(embedded(fields, 'withClause') ?? {}, 'ctes').map((each) => text(open(each)[1], 'ctename'));
  return text(range, 'schemaname') === undefined && names.includes(text(range, 'relname'));
}
