import type { CountPiece } from '../../facts.ts';
import { embedded, list, open, text } from '../ast.ts';
import type { Ast } from '../ast.ts';
import { rangeOf } from '../relations.ts';
import { ONE_ROW, statementStart } from './select.ts';
import { relationText } from './target-text.ts';
import { findWord } from './tokens.ts';
import type { TextToken } from './tokens.ts';

/** Takes MERGE apart: for each way in which target and source can meet, the rows that its first fitting WHEN changes. */

/** What the WHEN clauses of one kind do: each condition, and whether rows that meet it first are changed. */
interface Branch {
  readonly kind: string;
  readonly whens: readonly { readonly condition: CountPiece | undefined; readonly tree: unknown; readonly changes: boolean }[];
}

/** The pieces of the SELECT, and the tree that they must parse to. Undefined for a MERGE that is not followed. */
export function mergeCount(tokens: readonly TextToken[], fields: Ast): { readonly pieces: readonly CountPiece[]; readonly tree: Ast } | undefined {
  const start = statementStart(tokens, 'merge');
  const [sourceKind] = open(fields['sourceRelation']);
  // A join has an ON of its own.
  if (start === undefined || !['RangeVar', 'RangeSubselect', 'RangeFunction'].includes(sourceKind)) return undefined;
  const using = findWord(tokens, 'using', start.verb);
  const on = findWord(tokens, 'on', using);
  const when = findWord(tokens, 'when', on);
  const found = using < 0 || on < 0 || when < 0 ? undefined : branches(tokens, fields, when);
  if (found === undefined) return undefined;
  const target = relationText(rangeOf(fields, 'relation'));
  const source: CountPiece = [using + 1, on - 1];
  const meets: CountPiece = [on + 1, when - 1];
  const pieces: CountPiece[] = [...start.head];
  const trees: Ast[] = [];
  const trunk: Ast = { RangeVar: rangeOf(fields, 'relation') };
  const other = fields['sourceRelation'] as Ast;
  for (const branch of found.filter(({ whens }) => whens.some(({ changes }) => changes))) {
    if (trees.length > 0) pieces.push('UNION ALL');
    const matched = branch.kind === 'MERGE_WHEN_MATCHED';
    const bySource = branch.kind === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE';
    if (matched) pieces.push(`SELECT 1 FROM ${target} JOIN`, source, 'ON', meets, 'WHERE');
    else if (bySource) pieces.push(`SELECT 1 FROM ${target} WHERE NOT EXISTS (SELECT 1 FROM`, source, 'WHERE', meets, ') AND');
    else pieces.push('SELECT 1 FROM', source, `WHERE NOT EXISTS (SELECT 1 FROM ${target} WHERE`, meets, ') AND');
    pieces.push(...choice(branch));
    const lacks = (of: Ast): Ast => ({ BoolExpr: { boolop: 'NOT_EXPR', args: [{ SubLink: { subLinkType: 'EXISTS_SUBLINK', subselect: { SelectStmt: { ...ONE_ROW, fromClause: [of], whereClause: fields['joinCondition'] } } } }] } });
    const joined: Ast = { JoinExpr: { jointype: 'JOIN_INNER', larg: trunk, rarg: other, quals: fields['joinCondition'] } };
    const both = (missing: Ast): Ast => ({ BoolExpr: { boolop: 'AND_EXPR', args: [lacks(missing), choiceTree(branch)] } });
    trees.push(matched ? { ...ONE_ROW, fromClause: [joined], whereClause: choiceTree(branch) } : bySource ? { ...ONE_ROW, fromClause: [trunk], whereClause: both(other) } : { ...ONE_ROW, fromClause: [other], whereClause: both(trunk) });
  }
  if (trees.length === 0) return undefined;
  const tree = trees.reduce((larg, rarg): Ast => ({ op: 'SETOP_UNION', all: true, larg, rarg, limitOption: 'LIMIT_OPTION_DEFAULT' }));
  const withClause = embedded(fields, 'withClause');
  return { pieces, tree: { ...tree, ...(withClause ? { withClause } : {}) } };
}

/** The WHEN clauses by kind, in order; undefined when one is not as it should be. */
function branches(tokens: readonly TextToken[], fields: Ast, first: number): readonly Branch[] | undefined {
  const found = new Map<string, Branch['whens'][number][]>();
  let when = first;
  for (const node of list(fields, 'mergeWhenClauses')) {
    const [, clause] = open(node);
    const kind = text(clause, 'matchKind') ?? '';
    const then = findWord(tokens, 'then', when + 1);
    const and = findWord(tokens, 'and', when + 1, then);
    if (when < 0 || then < 0 || and >= 0 !== ('condition' in clause)) return undefined;
    const all = found.get(kind) ?? [];
    all.push({ condition: and < 0 ? undefined : [and + 1, then - 1], tree: clause['condition'], changes: clause['commandType'] !== 'CMD_NOTHING' });
    found.set(kind, all);
    when = findWord(tokens, 'when', then + 1);
  }
  return [...found].map(([kind, whens]) => ({ kind, whens }));
}

/** The first WHEN that fits decides. */
const choice = ({ whens }: Branch): readonly CountPiece[] => ['CASE', ...whens.flatMap(({ condition, changes }): CountPiece[] => ['WHEN', condition ?? 'true', `THEN ${changes}`]), 'ELSE false END'];

const bool = (value: boolean): Ast => ({ A_Const: { boolval: value ? { boolval: true } : {} } });

const choiceTree = ({ whens }: Branch): Ast => ({
  CaseExpr: { args: whens.map(({ tree, changes }) => ({ CaseWhen: { expr: tree ?? bool(true), result: bool(changes) } })), defresult: bool(false) },
});
