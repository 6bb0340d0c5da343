import type { Catalog } from '../catalog.ts';
import { list, strings } from './lineage/ast.ts';
import type { Ast } from './lineage/ast.ts';

/**
 * The parser has the grammar of PostgreSQL 18. Words that got a meaning of their own in 16 and 17 are names of columns and functions to servers
 * before: `system_user` a column, `json_value(x, y)` a function that somebody made. By the version that first reads them as the parser does.
 */
const SINCE: ReadonlyMap<string, number> = new Map([
  ['JsonObjectConstructor', 160000],
  ['JsonArrayConstructor', 160000],
  ['JsonArrayQueryConstructor', 160000],
  ['JsonObjectAgg', 160000],
  ['JsonArrayAgg', 160000],
  ['JsonIsPredicate', 160000],
  ['JsonFuncExpr', 170000],
  ['JsonParseExpr', 170000],
  ['JsonScalarExpr', 170000],
  ['JsonSerializeExpr', 170000],
  ['JsonTable', 170000],
  ['MergeSupportFunc', 170000],
]);

/** The newest version of those. */
const NEWEST = Math.max(...SINCE.values());

/** What the parser makes a call of pg_catalog's own of, and servers before 16 do not. */
function isOtherCall(fields: Ast, catalog: Catalog): boolean {
  if (catalog.serverVersion >= 160000) return false;
  const [schema, name] = strings(list(fields, 'funcname'));
  if (schema !== 'pg_catalog') return false;
  // It was a function of pg_catalog before, and another of that name may be found first.
  return name === 'system_user' || (name === 'json_object' && catalog.functions.some((each) => each.name === name));
}

/** Whether the server of a catalog reads something else in a text than the parser, whose tree this is. */
export function readsWordsOtherwise(tree: unknown, catalog: Catalog): boolean {
  if (catalog.serverVersion >= NEWEST) return false;
  const open: unknown[] = [tree];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (Array.isArray(node)) {
      for (const each of node) open.push(each);
      continue;
    }
    if (typeof node !== 'object' || node === null) continue;
    for (const [kind, value] of Object.entries(node)) {
      const since = SINCE.get(kind);
      if (since !== undefined && catalog.serverVersion < since) return true;
      if (kind === 'FuncCall' && isOtherCall(value as Ast, catalog)) return true;
      open.push(value);
    }
  }
  return false;
}
