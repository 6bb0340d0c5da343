import type { Relation } from '../../catalog.ts';
import type { ColumnRef } from '../../facts.ts';
import { consume, everything, write } from './analysis.ts';
import type { Analysis } from './analysis.ts';
import { embedded, isStar, list, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { evaluate, evaluateAll, predicate } from './expressions.ts';
import { returningOf, rowVersions } from '../visible.ts';
import { clean, NotUnderstood, together } from './findings.ts';
import type { Value } from './findings.ts';
import { besideUnknown, from, keptWhole, relation, resolve } from './from.ts';
import { targets, valuesRow, withCtes } from './queries.ts';
import { inner, part } from './scope.ts';
import type { Columns, FromPart, Item, Scope } from './scope.ts';

/** The table or view that a statement writes to: its own columns, and how the statement sees them. */
interface Target {
  readonly item: Item;
  readonly columns: readonly ColumnRef[];
}

export function targetOf(analysis: Analysis, fields: Ast | undefined): Target {
  if (fields === undefined) throw new NotUnderstood('a writing statement without a target');
  const resolved = resolve(analysis, text(fields, 'schemaname'), text(fields, 'relname') ?? '');
  if (resolved.kind !== 'relation') throw new NotUnderstood('a write to a relation of the system');
  return { item: relation(analysis, { parts: [], ctes: new Map() }, fields, false), columns: analysis.index.own(resolved.relation) };
}

/** The relation itself, for DDL. */
export function relationOf(analysis: Analysis, fields: Ast | undefined): Relation {
  const resolved = resolve(analysis, text(fields ?? {}, 'schemaname'), text(fields ?? {}, 'relname') ?? '');
  if (resolved.kind !== 'relation') throw new NotUnderstood('a definition over a relation of the system');
  return resolved.relation;
}

function column(target: Target, name: string): ColumnRef {
  const found = target.columns.find((each) => each.column === name);
  if (found === undefined) throw new NotUnderstood('a column that the catalog does not know');
  return found;
}

/** Writing to a view's column writes the columns behind it: they are written too. */
function behind(target: Target, written: ColumnRef): readonly ColumnRef[] {
  return target.item.columns.flatMap((each) => (each.value.sources.includes(written) ? each.value.sources : []));
}

function assign(analysis: Analysis, target: Target, written: ColumnRef, value: Value): void {
  write(analysis, written, value);
  for (const base of behind(target, written)) if (base !== written) write(analysis, base, value);
}

export function insert(analysis: Analysis, fields: Ast, outer: Scope): Columns {
  const scope = withCtes(analysis, embedded(fields, 'withClause'), outer);
  const target = targetOf(analysis, embedded(fields, 'relation'));
  const named = list(fields, 'cols').map((node) => column(target, text(open(node)[1], 'name') ?? ''));
  for (const node of list(fields, 'cols')) subscripts(analysis, scope, open(node)[1]);
  const written = named.length > 0 ? named : target.columns;
  const rows = fields['selectStmt'] === undefined ? [] : sourceRows(analysis, scope, fields['selectStmt']);
  const proposed = new Map<ColumnRef, Value[]>();
  for (const row of rows) {
    if (row.length > written.length) throw new NotUnderstood('more values than columns');
    row.forEach((value, at) => {
      const to = written[at]!;
      assign(analysis, target, to, value);
      const values = proposed.get(to);
      if (values === undefined) proposed.set(to, [value]);
      else values.push(value);
    });
  }
  for (const each of named) analysis.found.use([each], 'written');
  const conflict = embedded(fields, 'onConflictClause');
  if (conflict !== undefined) onConflict(analysis, scope, target, conflict, [...proposed.keys()], (each) => {
    const values = proposed.get(each);
    return values === undefined ? clean : { ...together(values), direct: false, total: false };
  });
  return returning(analysis, scope, fields, [part(target.item)], target);
}

/** The rows of VALUES one by one, so that DEFAULT and long lists stay exact; of a query its columns. */
function sourceRows(analysis: Analysis, scope: Scope, node: unknown): readonly (readonly Value[])[] {
  const [, query] = open(node);
  const simple = list(query, 'valuesLists');
  if (simple.length > 0 && query['sortClause'] === undefined && query['withClause'] === undefined && query['limitCount'] === undefined && query['limitOffset'] === undefined && !simple.some((row) => list({ row }, 'row').some(standsForColumns))) {
    return simple.map((row) => list({ row }, 'row').map((each) => evaluate(analysis, scope, each)));
  }
  const result = analysis.query(node as Ast, scope);
  if (result.rest !== undefined) throw new NotUnderstood('an insert of columns of unknown number');
  return [placed(result)];
}

/** The values of a query by their places. Where those are another once a table has another column, what the client gave can come to stand at each of them. */
function placed(of: Columns): readonly Value[] {
  const values = of.columns.map((each) => each.value);
  return of.opened ? anywhere(values) : values;
}

function anywhere(values: readonly Value[]): readonly Value[] {
  const { atoms } = together(values);
  return atoms.length === 0 ? values : values.map((value) => ({ ...value, atoms }));
}

/** `t.*` or `(t).*`: as many values as there are columns. */
function standsForColumns(node: Ast): boolean {
  const [kind, fields] = open(node);
  return (kind === 'ColumnRef' && isStar(list(fields, 'fields').at(-1))) || (kind === 'A_Indirection' && isStar(list(fields, 'indirection').at(-1)));
}

function onConflict(analysis: Analysis, scope: Scope, target: Target, fields: Ast, written: readonly ColumnRef[], proposed: (column: ColumnRef) => Value): void {
  const infer = embedded(fields, 'infer');
  const elements = infer === undefined ? [] : list(infer, 'indexElems');
  const own = inner(scope, [part(target.item)]);
  // Whether a row was there already tells whether the value was: the columns of the index are compared.
  if (elements.length === 0) consume(analysis, written.map((each) => ({ ...clean, sources: [each] })), 'predicate');
  for (const node of elements) {
    const [, element] = open(node);
    const name = text(element, 'name');
    predicate(analysis, own, name === undefined ? element['expr'] : { ColumnRef: { fields: [{ String: { sval: name } }] } });
  }
  if (infer !== undefined) predicate(analysis, own, infer['whereClause']);
  const excluded: Item = { alias: 'excluded', relation: false, columns: target.columns.map((each) => ({ name: each.column, value: proposed(each) })) };
  // Its columns need the qualifier: a bare name is the target's.
  const both = inner(scope, [part(target.item), { items: [excluded], columns: [] }]);
  set(analysis, both, target, list(fields, 'targetList'));
  predicate(analysis, both, fields['whereClause']);
}

/** `a[...] = x`: what stands in the brackets is a place in what is stored. */
function subscripts(analysis: Analysis, scope: Scope, fields: Ast): void {
  for (const step of list(fields, 'indirection')) {
    const [kind, indices] = open(step);
    if (kind !== 'A_Indices') continue;
    consume(analysis, ['lidx', 'uidx'].flatMap((bound) => (indices[bound] === undefined ? [] : [evaluate(analysis, scope, indices[bound])])), 'derive');
  }
}

/** A SET list. */
function set(analysis: Analysis, scope: Scope, target: Target, nodes: readonly Ast[]): void {
  for (const node of nodes) {
    const [, fields] = open(node);
    const to = column(target, text(fields, 'name') ?? '');
    subscripts(analysis, scope, fields);
    const [kind, multiple] = open(fields['val']);
    assign(analysis, target, to, kind === 'MultiAssignRef' ? multiAssigned(analysis, scope, multiple) : evaluate(analysis, scope, fields['val']));
  }
}

function endsInStar(node: unknown): boolean {
  const [kind, fields] = open(node);
  return (kind === 'ColumnRef' && isStar(list(fields, 'fields').at(-1))) || (kind === 'A_Indirection' && isStar(list(fields, 'indirection').at(-1)));
}

/** One column's part of `(a, b) = (...)`. */
function multiAssigned(analysis: Analysis, scope: Scope, fields: Ast): Value {
  const at = Number(fields['colno'] ?? 1) - 1;
  const [kind, source] = open(fields['source']);
  if (kind === 'RowExpr') {
    // The tree has the row once for each column that it is assigned to. A star in it is opened, and moves what stands behind it.
    const args = list(source, 'args');
    if (args.length !== Number(fields['ncolumns'] ?? 0) || args.some(endsInStar)) throw new NotUnderstood('an assignment of a row whose columns are not counted');
    const values = evaluateAll(analysis, scope, args);
    return values[at]!;
  }
  if (kind !== 'SubLink') throw new NotUnderstood('an assignment of a kind that is not known');
  analysis.lookedAt.add(fields['source'] as object);
  const result = analysis.query(source['subselect'] as Ast, scope);
  const value = result.rest ?? placed(result)[at];
  if (value === undefined) throw new NotUnderstood('an assignment of fewer values than columns');
  return value;
}

export function update(analysis: Analysis, fields: Ast, outer: Scope): Columns {
  const scope = withCtes(analysis, embedded(fields, 'withClause'), outer);
  const target = targetOf(analysis, embedded(fields, 'relation'));
  const first = part(target.item);
  const parts = [first, ...from(analysis, scope, list(fields, 'fromClause'), [first])];
  besideUnknown(analysis, parts);
  keptWhole(analysis, parts.slice(1));
  const all = inner(scope, parts);
  set(analysis, all, target, list(fields, 'targetList'));
  predicate(analysis, all, fields['whereClause']);
  return returning(analysis, scope, fields, parts, target);
}

export function remove(analysis: Analysis, fields: Ast, outer: Scope): Columns {
  const scope = withCtes(analysis, embedded(fields, 'withClause'), outer);
  const target = targetOf(analysis, embedded(fields, 'relation'));
  const first = part(target.item);
  const parts = [first, ...from(analysis, scope, list(fields, 'usingClause'), [first])];
  besideUnknown(analysis, parts);
  keptWhole(analysis, parts.slice(1));
  predicate(analysis, inner(scope, parts), fields['whereClause']);
  return returning(analysis, scope, fields, parts, target);
}

export function merge(analysis: Analysis, fields: Ast, outer: Scope): Columns {
  const scope = withCtes(analysis, embedded(fields, 'withClause'), outer);
  const target = targetOf(analysis, embedded(fields, 'relation'));
  const sources = from(analysis, scope, [fields['sourceRelation'] as Ast]);
  const parts = [...sources, part(target.item)];
  besideUnknown(analysis, parts);
  keptWhole(analysis, sources);
  const all = inner(scope, parts);
  predicate(analysis, all, fields['joinCondition']);
  for (const node of list(fields, 'mergeWhenClauses')) {
    const [, when] = open(node);
    predicate(analysis, all, when['condition']);
    const type = text(when, 'commandType');
    if (type === 'CMD_UPDATE') {
      set(analysis, all, target, list(when, 'targetList'));
    } else if (type === 'CMD_INSERT') {
      const named = list(when, 'targetList').map((each) => column(target, text(open(each)[1], 'name') ?? ''));
      for (const each of list(when, 'targetList')) subscripts(analysis, all, open(each)[1]);
      const written = named.length > 0 ? named : target.columns;
      for (const each of named) analysis.found.use([each], 'written');
      const values = valuesRow(analysis, all, list(when, 'values'));
      if (values === undefined) throw new NotUnderstood('an insert of columns of unknown number');
      (values.opened ? anywhere(values.values) : values.values).forEach((value, at) => {
        if (written[at] === undefined) throw new NotUnderstood('more values than columns');
        assign(analysis, target, written[at], value);
      });
    } else if (type !== 'CMD_DELETE' && type !== 'CMD_NOTHING') {
      throw new NotUnderstood('a MERGE action of a kind that is not known');
    }
  }
  return returning(analysis, scope, fields, parts, target);
}

function returning(analysis: Analysis, scope: Scope, fields: Ast, parts: readonly FromPart[], target: Target): Columns {
  const { clause, targets: nodes } = returningOf(fields);
  if (nodes.length === 0) return { columns: [] };
  const versions = rowVersions(clause, (name) => parts.some((each) => each.items.some((item) => item.alias === name)));
  const rows = [versions.old, versions.new].flatMap((alias): Item[] => (alias === undefined ? [] : [{ ...target.item, alias }]));
  const all = inner(scope, [...parts, { items: rows, columns: [] }]);
  return targets(analysis, all, nodes, parts);
}

/** COPY between a table or query and the client or a file. */
export function copy(analysis: Analysis, fields: Ast): void {
  const scope: Scope = { parts: [], ctes: new Map() };
  if (fields['query'] !== undefined) {
    consume(analysis, everything(analysis.query(fields['query'] as Ast, scope)), 'copy');
    return;
  }
  const target = targetOf(analysis, embedded(fields, 'relation'));
  const named = strings(list(fields, 'attlist')).map((name) => column(target, name));
  const columns = named.length > 0 ? named : target.columns;
  if (fields['is_from'] === true) {
    for (const each of columns) analysis.found.use([each, ...behind(target, each)], 'written');
    predicate(analysis, inner(scope, [part(target.item)]), fields['whereClause']);
    return;
  }
  for (const each of columns) analysis.found.use([each, ...behind(target, each)], 'copy');
}
