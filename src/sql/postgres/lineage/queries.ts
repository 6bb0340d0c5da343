import { byPlace, consume, everything, meet, workedOut } from './analysis.ts';
import type { Analysis } from './analysis.ts';
import { embedded, isStar, list, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { evaluate, evaluateAll, found, itemNotColumn, predicate, window } from './expressions.ts';
import { clean, NotUnderstood, severalOf, together } from './findings.ts';
import type { Value } from './findings.ts';
import { besideUnknown, from, keptWhole } from './from.ts';
import { deeper, findItem, inner, levelOf, openedBy, renamed, star, starred, wholeRow } from './scope.ts';
import type { Columns, Cte, FromPart, Named, Scope } from './scope.ts';
import { titleOf } from './titles.ts';

/** A SELECT in any of its forms: query, VALUES, set operation. */
export function select(analysis: Analysis, fields: Ast, outer: Scope): Columns {
  analysis.found.query();
  const scope = withCtes(analysis, embedded(fields, 'withClause'), outer);
  const operation = text(fields, 'op') ?? 'SETOP_NONE';
  let result: Columns;
  if (operation !== 'SETOP_NONE') {
    result = combined(analysis, fields, scope, operation);
    orderBy(analysis, inner(scope, []), fields, result);
  } else if (list(fields, 'valuesLists').length > 0) {
    result = values(analysis, fields, scope);
    orderBy(analysis, inner(scope, []), fields, result);
  } else {
    result = plain(analysis, fields, scope);
  }
  for (const field of ['limitOffset', 'limitCount']) if (fields[field] !== undefined) consume(analysis, [evaluate(analysis, scope, fields[field])], 'order');
  if (fields['intoClause'] === undefined) return result;
  consume(analysis, everything(result), 'derive');
  return { columns: [] };
}

function plain(analysis: Analysis, fields: Ast, outer: Scope): Columns {
  const parts = from(analysis, outer, list(fields, 'fromClause'));
  besideUnknown(analysis, parts);
  if (list(fields, 'lockingClause').length > 0) keptWhole(analysis, parts);
  const scope = inner(outer, parts);
  predicate(analysis, scope, fields['whereClause']);
  const result = targets(analysis, scope, list(fields, 'targetList'), parts);
  for (const node of list(fields, 'groupClause')) group(analysis, scope, node, result);
  predicate(analysis, scope, fields['havingClause']);
  for (const node of list(fields, 'windowClause')) window(analysis, scope, open(node)[1]);
  const distinct = list(fields, 'distinctClause');
  if (distinct.length > 0) {
    const all = distinct.every((node) => open(node)[0] === '');
    if (all) consume(analysis, everything(result), 'order');
    else for (const node of distinct) sortKey(analysis, scope, node, result);
  }
  orderBy(analysis, scope, fields, result);
  return result;
}

/** MaxTupleAttributeNumber in htup_details.h. */
const maximumColumns = 1664;

/** A target list: expressions with their names, stars opened. */
export function targets(analysis: Analysis, scope: Scope, nodes: readonly Ast[], parts: readonly FromPart[]): Columns {
  const columns: Named[] = [];
  const rests: Value[] = [];
  const added: Columns[] = [];
  const add = (more: Columns): void => {
    added.push(more);
    columns.push(...more.columns);
    if (more.rest !== undefined) rests.push(more.rest);
  };
  for (const node of nodes) {
    const [, target] = open(node);
    const expanded = starOf(analysis, scope, target['val'], parts);
    add(expanded ?? { columns: [named(analysis, scope, target)] });
    if (columns.length > maximumColumns) throw new NotUnderstood('more columns than a query can have');
  }
  const opened = openedBy(added);
  if (rests.length === 0) return { columns, ...opened };
  return { columns: [], rest: { ...together([...rests, ...columns.map((column) => column.value)]), direct: false, total: false }, ...opened };
}

function named(analysis: Analysis, scope: Scope, target: Ast): Named {
  const value = evaluate(analysis, scope, target['val']);
  const name = text(target, 'name') ?? titleOf(target['val'], analysis.firstColumns);
  if (name === undefined) throw new NotUnderstood('a column whose name is not known; give it one with AS');
  return { name, value };
}

/** `*`, `t.*` and `(t).*` as a target. */
function starOf(analysis: Analysis, scope: Scope, node: unknown, parts: readonly FromPart[]): Columns | undefined {
  const [kind, fields] = open(node);
  if (kind === 'ColumnRef' && isStar(list(fields, 'fields').at(-1))) {
    analysis.lookedAt.add(node as object);
    const names = strings(list(fields, 'fields'));
    if (names.length === 0) return star(parts);
    const item = findItem(scope, names);
    if (item === undefined) throw new NotUnderstood('a star over something that is not in FROM');
    found(analysis, scope, names, wholeRow(item), true);
    return starred(item);
  }
  if (kind === 'A_Indirection' && isStar(list(fields, 'indirection').at(-1))) {
    const [inside, base] = open(fields['arg']);
    if (inside === 'ColumnRef' && list(fields, 'indirection').length === 1) {
      const names = strings(list(base, 'fields'));
      const item = itemNotColumn(scope, names);
      if (item !== undefined) {
        analysis.lookedAt.add(fields['arg'] as object);
        found(analysis, scope, names, wholeRow(item), false);
        return starred(item);
      }
    }
    return { columns: [], rest: consume(analysis, [evaluate(analysis, scope, fields['arg'])], 'expression') };
  }
  return undefined;
}

function group(analysis: Analysis, scope: Scope, node: unknown, result: Columns): void {
  const [kind, fields] = open(node);
  if (kind === 'GroupingSet') {
    for (const each of list(fields, 'content')) group(analysis, scope, each, result);
  } else if (kind === 'RowExpr') {
    for (const each of list(fields, 'args')) group(analysis, scope, each, result);
  } else {
    sortKey(analysis, scope, node, result);
  }
}

function orderBy(analysis: Analysis, scope: Scope, fields: Ast, result: Columns): void {
  for (const node of list(fields, 'sortClause')) sortKey(analysis, scope, open(node)[1]['node'], result);
}

/** A sort or grouping key: the position or name of an output, or an expression. */
function sortKey(analysis: Analysis, scope: Scope, node: unknown, result: Columns): void {
  const [kind, fields] = open(node);
  if (kind === 'A_Const') {
    // The position of an output. What is found here holds for every text of the same shape, in which the number is another.
    consume(analysis, everything(result), 'order');
    return;
  }
  const names = kind === 'ColumnRef' ? strings(list(fields, 'fields')) : [];
  const outputs = names.length === 1 ? result.columns.filter((column) => column.name === names[0]).map((column) => column.value) : [];
  // Among outputs that are not all known, any can have the name.
  if (names.length === 1 && result.rest !== undefined) consume(analysis, everything(result), 'order');
  if (outputs.length > 0) {
    // ORDER BY takes the output first and GROUP BY the input; where both exist, both count.
    consume(analysis, outputs, 'order');
    analysis.lookedAt.add(node as object);
    if (!hasInput(scope, names[0]!)) return;
  }
  consume(analysis, [evaluate(analysis, scope, node)], 'order');
}

function hasInput(scope: Scope, name: string): boolean {
  return scope.parts.some((part) => part.columns.some((column) => column.name === name));
}

function values(analysis: Analysis, fields: Ast, scope: Scope): Columns {
  const rows = list(fields, 'valuesLists').map((row) => list({ row }, 'row'));
  // A star stands for as many columns as there are.
  const all = rows.map((row) => valuesRow(analysis, scope, row));
  const opened = all.some((row) => row?.opened) ? { opened: 'several' as const } : {};
  if (all.some((row) => row === undefined)) return { columns: [], rest: consume(analysis, evaluateAll(analysis, scope, rows.flat()), 'expression'), ...opened };
  return { columns: Array.from({ length: all[0]?.values.length ?? 0 }, (_, at) => ({ name: `column${at + 1}`, value: consume(analysis, all.map((row) => row?.values[at] ?? clean), 'expression') })), ...opened };
}

/** The values of one row of VALUES, and whether their places go by a star; undefined when there are as many as columns of something whose columns are not known. */
export function valuesRow(analysis: Analysis, scope: Scope, nodes: readonly Ast[]): { readonly values: readonly Value[]; readonly opened: boolean } | undefined {
  const row: Value[] = [];
  let places = false;
  for (const node of nodes) {
    const opened = starOf(analysis, scope, node, []);
    if (opened?.rest !== undefined) return undefined;
    if (opened === undefined) row.push(evaluate(analysis, scope, node));
    else row.push(...opened.columns.map((column) => column.value));
    places ||= opened?.opened !== undefined;
  }
  return { values: row, opened: places };
}

function combined(analysis: Analysis, fields: Ast, scope: Scope, operation: string): Columns {
  const left = select(analysis, embedded(fields, 'larg') ?? {}, deeper(scope));
  const right = select(analysis, embedded(fields, 'rarg') ?? {}, deeper(scope));
  const both = [...everything(left), ...everything(right)];
  // In a view UNION ALL only appends, as inheritance does; a statement of the client's could use it to hide a column's identity.
  const appends = analysis.printed && operation === 'SETOP_UNION' && fields['all'] === true;
  if (!appends) consume(analysis, both, 'set_operation');
  for (const side of [left, right]) byPlace(analysis, side);
  const opened = openedBy([left, right]);
  if (left.rest !== undefined || right.rest !== undefined) return { columns: [], rest: { ...together(both), direct: false, total: false }, ...opened };
  if (left.columns.length !== right.columns.length) throw new NotUnderstood('a set operation over unequal numbers of columns');
  return {
    ...opened,
    columns: left.columns.map((column, at) => {
      const pair = [column.value, right.columns[at]!.value];
      // All but UNION ALL compare the rows of both.
      if (fields['all'] !== true || operation !== 'SETOP_UNION') meet(analysis, pair);
      const several = severalOf(pair);
      return { name: column.name, value: { ...together(pair), direct: false, total: appends && pair.every((value) => value.total), ...(several && { several }) } };
    }),
  };
}

/** The scope with a WITH clause's queries in it. */
export function withCtes(analysis: Analysis, clause: Ast | undefined, outer: Scope): Scope {
  if (clause === undefined) return outer;
  const recursive = clause['recursive'] === true;
  const ctes = new Map(outer.ctes);
  const scope: Scope = { ...outer, ctes };
  const all: Cte[] = [];
  for (const node of list(clause, 'ctes')) {
    const [, fields] = open(node);
    // Without RECURSIVE a query sees those before it, so it gets the names as they are now.
    const own: Scope = recursive ? scope : { ...outer, ctes: new Map(ctes) };
    const cte = recursive ? recursiveCte(analysis, fields, own) : once(() => cteColumns(analysis, fields, own));
    all.push(cte);
    ctes.set(text(fields, 'ctename') ?? '', cte);
  }
  // Those that nobody reads run too when they write, and count in any case.
  for (const cte of all) workedOut(analysis, cte());
  return scope;
}

function once(evaluateNow: () => Columns): Cte {
  let known: Columns | undefined;
  return () => (known ??= evaluateNow());
}

function cteColumns(analysis: Analysis, fields: Ast, scope: Scope): Columns {
  const columns = analysis.query(fields['ctequery'] as Ast, scope);
  const names = strings(list(fields, 'aliascolnames'));
  if (names.length > 0) byPlace(analysis, columns);
  return renamed(columns, names);
}

/** Rounds until nothing new flows; each adds at least one column to one output, and few need a third. */
const maximumRounds = 16;

function recursiveCte(analysis: Analysis, fields: Ast, scope: Scope): Cte {
  const names = strings(list(fields, 'aliascolnames'));
  const [kind, query] = open(fields['ctequery']);
  let known: Columns | undefined;
  let current: Columns | undefined;
  let running = false;
  return () => {
    if (known !== undefined) return known;
    if (running) {
      if (current === undefined) throw new NotUnderstood('a recursive query that starts with itself');
      return current;
    }
    running = true;
    if (kind === 'SelectStmt' && text(query, 'op') === 'SETOP_UNION') {
      const clause = embedded(query, 'withClause');
      const start = withCtes(analysis, clause, deeper(scope));
      current = withExtra(analysis, fields, scope, renamed(select(analysis, embedded(query, 'larg') ?? {}, deeper(start)), names));
    }
    for (let round = 0; ; round++) {
      if (round === maximumRounds) throw new NotUnderstood('a recursive query whose columns do not settle');
      const next = withExtra(analysis, fields, scope, cteColumns(analysis, fields, scope));
      const settled = current === undefined || sourcesOf(next) === sourcesOf(current);
      current = next;
      if (settled) break;
    }
    known = current;
    return known;
  };
}

function sourcesOf(columns: Columns): number {
  return everything(columns).reduce((sum, value) => sum + value.sources.length, 0);
}

/** The columns that SEARCH and CYCLE add. `*` has them in the query of the WITH clause, and in none inside it. */
function withExtra(analysis: Analysis, fields: Ast, scope: Scope, columns: Columns): Columns {
  const addedAt = levelOf(scope);
  const search = embedded(fields, 'search_clause');
  const cycle = embedded(fields, 'cycle_clause');
  const extra: Named[] = [];
  const keys = (clause: Ast, field: string): Value => {
    const wanted = strings(list(clause, field));
    return consume(analysis, columns.columns.filter((column) => wanted.includes(column.name)).map((column) => column.value), 'order');
  };
  if (search !== undefined) extra.push({ name: text(search, 'search_seq_column') ?? '', value: keys(search, 'search_col_list'), addedAt });
  if (cycle !== undefined) {
    const value = keys(cycle, 'cycle_col_list');
    extra.push({ name: text(cycle, 'cycle_mark_column') ?? '', value, addedAt }, { name: text(cycle, 'cycle_path_column') ?? '', value, addedAt });
  }
  return extra.length === 0 ? columns : { ...columns, columns: [...columns.columns, ...extra] };
}

