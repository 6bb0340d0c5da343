import type { RowChange } from '../../facts.ts';
import type { Around } from '../around.ts';
import { embedded, list, open } from '../ast.ts';
import type { Ast } from '../ast.ts';
import { rangeOf } from '../relations.ts';
import { boundedCount } from './bounded.ts';
import { truthOf } from './constant.ts';
import type { Truth } from './constant.ts';
import { hidesTarget, takeApart } from './count.ts';
import type { Taken } from './count.ts';
import { insertedRows } from './insert.ts';
import { notRepeatable } from './predicate.ts';
import { countsThis } from './select.ts';
import { otherEffect, targetOf } from './target.ts';
import type { Verb } from './target.ts';
import { parametersIn, tokensOf } from './tokens.ts';

/** Longest text that is taken apart, in bytes: it is parsed twice. */
const LONGEST = 256 * 1024;

/**
 * What can be known of the rows that a message's only statement changes, before it runs. Undefined for a statement that is not itself an
 * INSERT, UPDATE, DELETE or MERGE. `around.effects` are those of the whole statement.
 */
export function rowChange(around: Around, source: Uint8Array, node: Ast): RowChange | undefined {
  const [kind, fields] = open(node);
  const where = fields['whereClause'];
  switch (kind) {
    case 'InsertStmt':
      return insertedRows(around, fields);
    case 'UpdateStmt':
      return counted(around, source, fields, { kind: 'update', verbs: new Set(['update']), where, others: fields['fromClause'], more: [] });
    case 'DeleteStmt':
      return counted(around, source, fields, { kind: 'delete', verbs: new Set(['delete']), where, others: fields['usingClause'], more: [] });
    case 'MergeStmt': {
      const whens = list(fields, 'mergeWhenClauses').map((each) => open(each)[1]);
      const verbs = whens.flatMap((each) => MERGE_VERBS[String(each['commandType'])] ?? []);
      return counted(around, source, fields, { kind: 'merge', verbs: new Set(verbs), where: fields['joinCondition'], others: fields['sourceRelation'], more: whens.map((each) => each['condition']) });
    }
    default:
      return undefined;
  }
}

const MERGE_VERBS: Readonly<Record<string, Verb>> = { CMD_INSERT: 'insert', CMD_UPDATE: 'update', CMD_DELETE: 'delete' };

/** One statement, whatever its kind: what it does to its target, and what decides which rows. */
interface Change {
  readonly kind: 'delete' | 'update' | 'merge';
  readonly verbs: ReadonlySet<Verb>;
  readonly where: unknown;
  /** The other tables. */
  readonly others: unknown;
  /** Further conditions. */
  readonly more: readonly unknown[];
}

const FOLDED: Partial<Readonly<Record<Truth, string>>> = {
  true: 'a WHERE that is true for all rows',
  constant: 'a WHERE that looks at no row',
  parameter: 'a WHERE that looks at no row',
};

function counted(around: Around, source: Uint8Array, fields: Ast, change: Change): RowChange {
  const { kind, verbs, where, others, more } = change;
  const range = rangeOf(fields, 'relation');
  const no = (why: string): RowChange => ({ countable: false, why });
  if (where === undefined) return no('no WHERE');
  if (source.length > LONGEST) return no('too long to be counted');
  const folded = FOLDED[truthOf(where, { single: others === undefined, dependsOnLiteral: () => around.dependsOnLiteral() })];
  if (folded !== undefined) return no(folded);
  const target = targetOf(around, range, verbs, true);
  if ('why' in target) return no(target.why);
  const why = notRepeatable(around, [others, where, embedded(fields, 'withClause'), more]) ?? otherEffect(around, range, verbs, around.effects.list());
  if (why !== undefined) return no(why);
  if (around.effects.timing !== 'transactional') return no('a rollback would not take all of it back');
  if (hidesTarget(fields)) return no('a WITH that has the name of the table');
  const tokens = tokensOf(source);
  const taken = takeApart(tokens, kind, fields);
  if (taken === undefined || !parsesAs(around, source, taken)) return no('its clauses could not be told apart');
  const ranges = taken.pieces.filter((piece) => typeof piece !== 'string');
  const parameters = [...new Set(ranges.flatMap(([first, last]) => parametersIn(tokens, first, last)))].toSorted((a, b) => a - b);
  return { countable: true, kind, relation: target.relation, count: { pieces: taken.pieces, parameters } };
}

/** Parses what would be asked, and holds it against the statement's own tree. */
function parsesAs(around: Around, source: Uint8Array, { pieces, tree }: Taken): boolean {
  let parsed: readonly Ast[];
  try {
    parsed = around.parse(boundedCount(source, { pieces, parameters: [] }, 0).sql);
  } catch (error) {
    // A parser that broke, or ran out of stack, is not to be gone on with.
    if (error instanceof RangeError || (error instanceof Error && error.name === 'ParserBroken')) throw error;
    return false;
  }
  return parsed.length === 1 && countsThis(parsed[0], tree);
}
