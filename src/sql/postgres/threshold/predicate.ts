import type { Around } from '../around.ts';
import { list, qualified } from '../ast.ts';
import { harmlessVolatile } from '../reviewed.ts';
import { walk } from './walk.ts';

const volatile: ReadonlySet<string> = new Set(harmlessVolatile);

/** The statistics functions are vetted by their prefix, volatile or not. */
const isVolatile = (name: string): boolean => volatile.has(name) || name.startsWith('pg_stat_get_');

const CHANGES: ReadonlySet<string> = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/**
 * Why what decides which rows are changed cannot be asked twice with the same answer; undefined when it can. Functions of users and
 * whatever has effects are effects of the statement, and judged there.
 */
export function notRepeatable(around: Around, trees: readonly unknown[]): string | undefined {
  let why: string | undefined;
  walk(trees, (kind, fields) => {
    if (why !== undefined) return;
    if (kind === 'FuncCall') {
      const { schema, name } = qualified(list(fields, 'funcname'));
      const { known } = schema === 'pg_catalog' ? { known: [] } : around.names.functions(schema, name);
      if (isVolatile(name) || known.some((each) => each.volatility === 'v')) why = 'a function whose value is another each time decides which rows';
    } else if (kind === 'CurrentOfExpr') why = 'WHERE CURRENT OF';
    else if (kind === 'RangeTableSample') why = 'a random sample decides which rows';
    else if (CHANGES.has(kind)) why = 'a WITH that changes rows';
    else if (kind === 'CommonTableExpr' && ('search_clause' in fields || 'cycle_clause' in fields)) why = 'a WITH with SEARCH or CYCLE';
    else if (kind === 'SelectStmt' && 'lockingClause' in fields) why = 'a subquery locks rows';
  });
  return why;
}
