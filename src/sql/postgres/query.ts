import type { Around } from './around.ts';
import { embedded, list, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { expression, operator } from './expressions.ts';
import { from } from './from.ts';
import { titleOf } from './lineage/titles.ts';
import type { Known } from './names.ts';
import { namedObject, objectOf, resolve } from './relations.ts';
import { itemNamed, scopeIn } from './scope.ts';
import type { Scope } from './scope.ts';
import { insert, merge, remove, update } from './writes.ts';

/** Deepest views in views. */
const DEEPEST_VIEWS = 64;

/**
 * Notes all that a query can do: SELECT, VALUES, or a writing statement (in WITH or at the top).
 * Returns the names of its output columns, undefined when they are not known.
 */
export function query(around: Around, node: unknown, parent: Scope | undefined): readonly string[] | undefined {
  const [kind, fields] = open(node);
  switch (kind) {
    case 'SelectStmt':
      return select(around, fields, parent);
    case 'InsertStmt':
      return insert(around, fields, parent);
    case 'UpdateStmt':
      return update(around, fields, parent);
    case 'DeleteStmt':
      return remove(around, fields, parent);
    case 'MergeStmt':
      return merge(around, fields, parent);
    default:
      around.effects.unknown('query', `a query of a kind that is not known (${kind})`);
      return undefined;
  }
}

function select(around: Around, fields: Ast, parent: Scope | undefined): readonly string[] | undefined {
  const scope = scopeIn(parent);
  common(around, embedded(fields, 'withClause'), scope);
  let outputs: readonly string[] | undefined;
  if ((fields['op'] ?? 'SETOP_NONE') !== 'SETOP_NONE') {
    outputs = select(around, embedded(fields, 'larg') ?? {}, scope);
    select(around, embedded(fields, 'rarg') ?? {}, scope);
  } else {
    for (const item of list(fields, 'fromClause')) from(around, item, scope);
    const targets = list(fields, 'targetList');
    scope.settingName = settingNamed(around, fields);
    expression(around, targets, scope);
    expression(around, list(fields, 'valuesLists'), scope);
    const [row] = list(fields, 'valuesLists');
    outputs = row === undefined ? outputNames(around, targets, scope) : valuesNames(list({ row }, 'row'));
  }
  scope.outputs = outputs && new Set(outputs);
  for (const part of ['whereClause', 'havingClause', 'windowClause', 'limitOffset', 'limitCount', 'groupClause', 'distinctClause', 'sortClause']) expression(around, fields[part], scope);
  const into = embedded(fields, 'intoClause');
  if (into) made(around, embedded(into, 'rel') ?? {}, 'table');
  for (const clause of list(fields, 'lockingClause')) lock(around, open(clause)[1], list(fields, 'fromClause'));
  return outputs;
}

/** A star in VALUES stands for as many columns as there are. */
function valuesNames(row: readonly Ast[]): readonly string[] | undefined {
  const hasStar = row.some((node) => {
    const [kind, fields] = open(node);
    return 'A_Star' in ((kind === 'ColumnRef' ? list(fields, 'fields') : kind === 'A_Indirection' ? list(fields, 'indirection') : []).at(-1) ?? {});
  });
  return hasStar ? undefined : row.map((_, at) => `column${at + 1}`);
}

/** `FROM pg_settings WHERE name = '...'`, as pg_dump writes where a setting may not exist: the constant. */
function settingNamed(around: Around, fields: Ast): unknown {
  const [item] = list(fields, 'fromClause');
  const [kind, range] = open(item);
  const [operation, comparison] = open(fields['whereClause']);
  if (kind !== 'RangeVar' || list(fields, 'fromClause').length !== 1 || operation !== 'A_Expr' || comparison['kind'] !== 'AEXPR_OP') return undefined;
  const known = resolve(around, range);
  const columns = strings(list(open(comparison['lexpr'])[1], 'fields'));
  const isName = known?.schema === 'pg_catalog' && known.name === 'pg_settings' && strings(list(comparison, 'name')).join('.') === '=' && columns.join('.') === 'name';
  return isName ? comparison['rexpr'] : undefined;
}

/** FOR UPDATE and the like: of the tables named, or of whatever the query reads. */
function lock(around: Around, clause: Ast, elements: readonly Ast[]): void {
  const named = list(clause, 'lockedRels');
  if (named.length === 0) around.effects.add({ class: 'write', verb: 'lock' }, 'transactional');
  for (const each of named) {
    const range = rangeNamed(elements, text(open(each)[1], 'relname') ?? '');
    const known = range && resolve(around, range);
    // Of a view or a subquery all is locked that is behind it.
    const object = known?.kind === 'v' || !range ? undefined : known ? objectOf(known) : namedObject(range, 'table');
    around.effects.add({ class: 'write', verb: 'lock', ...(object ? { object } : {}) }, 'transactional');
  }
}

/** The table that goes by a name in FROM. Inside of joins too, but for those that have an alias themselves. */
function rangeNamed(elements: readonly Ast[], name: string): Ast | undefined {
  for (const element of elements) {
    const [kind, fields] = open(element);
    const alias = embedded(fields, 'alias');
    if (kind === 'RangeVar' && (alias ? text(alias, 'aliasname') : text(fields, 'relname')) === name) return fields;
    const within = kind === 'JoinExpr' && !alias ? rangeNamed([fields['larg'] as Ast, fields['rarg'] as Ast], name) : kind === 'RangeTableSample' ? rangeNamed([fields['relation'] as Ast], name) : undefined;
    if (within) return within;
  }
  return undefined;
}

/** WITH: each expression sees those before it; with RECURSIVE all see all. */
export function common(around: Around, clause: Ast | undefined, scope: Scope): void {
  if (!clause) return;
  const expressions = list(clause, 'ctes').map((each) => open(each)[1]);
  if (clause['recursive'] === true) for (const each of expressions) scope.ctes.set(text(each, 'ctename') ?? '', undefined);
  for (const each of expressions) {
    const columns = query(around, each['ctequery'], scope);
    const renamed = strings(list(each, 'aliascolnames'));
    const shown = columns === undefined ? undefined : [...renamed, ...columns.slice(renamed.length)];
    // SEARCH and CYCLE add columns of their own.
    const adds = 'search_clause' in each || 'cycle_clause' in each;
    if ('cycle_clause' in each) operator(around, undefined, '=');
    // Its marks are constants, of any type.
    expression(around, each['cycle_clause'], scope);
    scope.ctes.set(text(each, 'ctename') ?? '', adds ? undefined : shown);
  }
}

/**
 * Names of output columns, as the server makes them; undefined when a `*` of unknown columns is among them, or a name is not known. A bare `*` is
 * that of the scope; qualified ones can also name what is in `all`. The targets themselves have been looked at before.
 */
export function outputNames(around: Around, targets: readonly Ast[], scope: Scope, all: Scope = scope): readonly string[] | undefined {
  const names: string[] = [];
  for (const target of targets) {
    const [, fields] = open(target);
    const named = text(fields, 'name');
    if (named !== undefined) {
      names.push(named);
      continue;
    }
    const [kind, value] = open(fields['val']);
    const parts = kind === 'A_Indirection' ? list(value, 'indirection') : kind === 'ColumnRef' ? list(value, 'fields') : [];
    if (!('A_Star' in (parts.at(-1) ?? {}))) {
      const title = titleOf(fields['val'], around.firstColumns);
      if (title === undefined) return undefined;
      names.push(title);
      continue;
    }
    const qualifier = strings(parts).at(-1);
    const shown = kind !== 'ColumnRef' ? undefined : qualifier === undefined ? starOf(scope) : itemNamed(all, strings(parts).at(-2), qualifier)?.columns;
    if (shown === undefined) return undefined;
    // The server refuses more; without a bound, stars of stars would double at each step.
    if (names.length + shown.length > MOST_COLUMNS) return undefined;
    names.push(...shown);
  }
  return names;
}

function starOf(scope: Scope): readonly string[] | undefined {
  let count = 0;
  for (const each of scope.stars) {
    if (each === undefined) return undefined;
    count += each.length;
  }
  return count > MOST_COLUMNS ? undefined : scope.stars.flatMap((each) => each ?? []);
}

/** Most columns that a query can have (MaxTupleAttributeNumber). */
const MOST_COLUMNS = 1664;

/** Follows a view into its definition: what it reads and calls counts as done by whoever reads the view. */
export function followView(around: Around, view: Known): void {
  const { effects, names, views } = around;
  if (view.query !== undefined) {
    query(around, view.query, undefined);
    return;
  }
  const definition = view.relation?.definition;
  if (definition === undefined) {
    effects.unknown('select', 'a view whose definition is not in the catalog snapshot', objectOf(view));
    return;
  }
  if (views.has(view.oid)) return;
  if (views.size >= DEEPEST_VIEWS) {
    effects.unknown('select', 'views nested too deeply', objectOf(view));
    return;
  }
  let statements: readonly Ast[];
  try {
    statements = around.parse(definition);
  } catch {
    effects.unknown('select', 'a view whose definition does not parse', objectOf(view));
    return;
  }
  const body: Around = { ...around, names: names.inside(view), literalAt: () => undefined, dependsOnLiteral: () => undefined, views: new Set([...views, view.oid]) };
  for (const statement of statements) query(body, statement, undefined);
}

/** Notes that a statement makes a relation, and makes it known to the rest of the message. */
export function made(around: Around, range: Ast, kind: 'table' | 'view' | 'materialized_view', more: Made = {}): void {
  const { effects, names } = around;
  const name = text(range, 'relname') ?? '';
  const temporary = range['relpersistence'] === 't' || text(range, 'schemaname') === 'pg_temp';
  const schema = text(range, 'schemaname') ?? names.creation(temporary);
  const object = { kind, name, ...(schema === undefined ? {} : { schema }) };
  effects.add({ class: 'schema', verb: 'create', object }, 'transactional');
  // A temporary table comes before all others of its name: what later statements mean by it changes.
  const shadowed = temporary ? names.relation(undefined, name) : undefined;
  if (shadowed && kind === 'table') effects.add({ class: 'session', verb: 'shadow', object: objectOf(shadowed) }, 'transactional');
  // With IF NOT EXISTS what is there stays what it is.
  if (schema === undefined || (more.ifNotExists === true && names.relation(schema, name))) return;
  names.made({
    schema,
    name,
    kind: kind === 'table' ? 'r' : kind === 'view' ? 'v' : 'm',
    oid: 0,
    columns: more.columns,
    system: false,
    ...(more.definition === undefined ? {} : { query: more.definition }),
    ...(more.dropsOnCommit === true ? { dropsOnCommit: true } : {}),
  });
}

interface Made {
  readonly columns?: readonly string[] | undefined;
  readonly definition?: Ast;
  readonly ifNotExists?: boolean;
  readonly dropsOnCommit?: boolean;
}
