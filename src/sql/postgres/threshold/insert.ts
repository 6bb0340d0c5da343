import type { RowChange } from '../../facts.ts';
import type { Around } from '../around.ts';
import { embedded, list, open, qualified } from '../ast.ts';
import type { Ast } from '../ast.ts';
import { rangeOf } from '../relations.ts';
import { setReturning } from './set-returning.ts';
import { targetOf } from './target.ts';
import { walk } from './walk.ts';

/** What a plain SELECT has besides its VALUES. */
const PLAIN: ReadonlySet<string> = new Set(['valuesLists', 'limitOption', 'op']);

/** The rows of an INSERT, which its text tells only where it lists them. */
export function insertedRows(around: Around, fields: Ast): RowChange {
  const no = (why: string): RowChange => ({ countable: false, why });
  if (embedded(fields, 'withClause')) return no('an INSERT with WITH');
  const conflict = embedded(fields, 'onConflictClause')?.['action'] === 'ONCONFLICT_UPDATE';
  const target = targetOf(around, rangeOf(fields, 'relation'), new Set(conflict ? ['insert', 'update'] : ['insert']), false);
  if ('why' in target) return no(target.why);
  const rows = listedRows(around, fields['selectStmt']);
  if (rows === undefined) return no('how many rows it inserts is not in its text');
  const other = around.effects.list().find(({ class: granted, verb }) => granted === 'unknown' || verb === 'trigger' || verb === 'call');
  if (other !== undefined) return no(other.why ?? 'it calls functions that may do more');
  return { countable: true, kind: 'insert', relation: target.relation, rows };
}

function listedRows(around: Around, source: unknown): number | undefined {
  // DEFAULT VALUES.
  if (source === undefined) return 1;
  const [kind, select] = open(source);
  const rows = list(select, 'valuesLists');
  if (kind !== 'SelectStmt' || rows.length === 0 || Object.keys(select).some((field) => !PLAIN.has(field)) || select['op'] !== 'SETOP_NONE') return undefined;
  // One row is taken as a SELECT: a function that returns many rows makes many. In longer lists the server refuses those.
  return rows.length === 1 && mayReturnMany(around, rows) ? undefined : rows.length;
}

function mayReturnMany(around: Around, row: readonly Ast[]): boolean {
  let many = false;
  walk(row, (kind, fields) => {
    if (kind === 'FuncCall') {
      const { schema, name } = qualified(list(fields, 'funcname'));
      const isSystems = schema === 'pg_catalog' || (schema === undefined && around.names.functions(schema, name).known.length === 0);
      many ||= !isSystems || setReturning.has(name);
    } else if (kind === 'A_Indirection') many ||= list(fields, 'indirection').some((part) => 'String' in part);
    // What is inside a subquery makes rows of the subquery.
    return kind !== 'SelectStmt';
  });
  return many;
}
