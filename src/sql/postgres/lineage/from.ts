import { byPlace, consume, everything, meet, tellsByRows, workedOut } from './analysis.ts';
import type { Analysis } from './analysis.ts';
import { embedded, list, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { isScalarArray } from './arrays.ts';
import { evaluate, evaluateAll, predicate } from './expressions.ts';
import { hasSystemColumns } from '../visible.ts';
import { clean, NotUnderstood, together } from './findings.ts';
import type { Value } from './findings.ts';
import { tableFunctions } from './functions.ts';
import { inner, findCte, lateral, levelOf, openedBy, part, renamed } from './scope.ts';
import type { Columns, FromPart, Item, Named, Scope } from './scope.ts';
import { isSystemSchema } from './relations.ts';
import type { Resolved } from './relations.ts';
import { viewColumns } from './views.ts';

/** The FROM list, left to right: later elements see earlier ones where the server lets them. */
export function from(analysis: Analysis, scope: Scope, nodes: readonly Ast[], before: readonly FromPart[] = []): FromPart[] {
  const parts: FromPart[] = [];
  for (const node of nodes) parts.push(element(analysis, scope, node, [...before, ...parts]));
  return parts;
}

/** Beside columns of unknown number and name it is not sure which name and which place is whose: what stands there may be meant by any. */
export function besideUnknown(analysis: Analysis, parts: readonly FromPart[]): void {
  if (!parts.some(({ rest }) => rest !== undefined)) return;
  for (const each of parts) for (const { sources } of everything(each)) analysis.found.use(sources, 'beside_unknown');
}

function element(analysis: Analysis, scope: Scope, node: unknown, before: readonly FromPart[]): FromPart {
  const [kind, fields] = open(node);
  switch (kind) {
    case 'RangeVar':
      return part(relation(analysis, scope, fields, true));
    case 'RangeSubselect': {
      const columns = analysis.query(fields['subquery'] as Ast, fields['lateral'] === true ? lateral(scope, before) : scope);
      return part(aliased(analysis, columns, fields, ''));
    }
    case 'RangeFunction':
      return part(rangeFunction(analysis, inner(scope, before), fields));
    case 'RangeTableSample': {
      const sampled = element(analysis, scope, fields['relation'], before);
      consume(analysis, evaluateAll(analysis, scope, [...list(fields, 'args'), ...(fields['repeatable'] === undefined ? [] : [fields['repeatable']])]), 'predicate');
      return sampled;
    }
    case 'JoinExpr':
      return join(analysis, scope, fields, before);
    case 'RangeTableFunc':
      return part(tableExpression(analysis, inner(scope, before), fields, 'xmltable'));
    case 'JsonTable':
      return part(tableExpression(analysis, inner(scope, before), fields, 'json_table'));
    default:
      throw new NotUnderstood('a FROM element of a kind that is not known');
  }
}

/** Gives an item its alias and column aliases. */
function aliased(analysis: Analysis, columns: Columns, fields: Ast, name: string, schema?: string, relation = false): Item {
  const alias = embedded(fields, 'alias');
  const own = alias === undefined ? undefined : text(alias, 'aliasname');
  const names = alias === undefined ? [] : strings(list(alias, 'colnames'));
  if (names.length > 0) byPlace(analysis, columns);
  const named = renamed(columns, names);
  return { ...named, alias: own ?? name, relation, ...(own === undefined && schema !== undefined ? { schema } : {}) };
}

/** Where rows are locked or changed, whole rows of what is beside them are kept, in case one has to be looked at again (`preprocess_targetlist` in preptlist.c). */
export function keptWhole(analysis: Analysis, parts: readonly FromPart[]): void {
  for (const each of parts) workedOut(analysis, each);
}

/** A table, view or CTE by name. The target of a writing statement is never a CTE. */
export function relation(analysis: Analysis, scope: Scope, fields: Ast, orCte: boolean): Item {
  const name = text(fields, 'relname') ?? '';
  const schema = text(fields, 'schemaname');
  const database = text(fields, 'catalogname');
  if (database !== undefined && database !== analysis.index.catalog.database) throw new NotUnderstood('a relation of another database');
  const cte = orCte && schema === undefined ? findCte(scope, name) : undefined;
  if (cte !== undefined) return aliased(analysis, seenFrom(scope, cte()), fields, name);
  const resolved = resolve(analysis, schema, name);
  const of = resolved.kind === 'relation' ? resolved.relation.schema : resolved.schema;
  if (isSystemSchema(of)) {
    const oid = resolved.kind === 'relation' ? resolved.relation.oid : 0;
    // So that those who care (planner statistics, other sessions' statements) see it however it is read.
    analysis.found.use([{ relation: oid, number: 0, schema: of, table: name, column: '*' }], 'expression');
  }
  // Of what the snapshot does not list it is not known.
  return aliased(analysis, columnsOf(analysis, resolved), fields, name, of, resolved.kind === 'relation' && hasSystemColumns(resolved.relation.kind));
}

/** The columns of a CTE, in a query at the level of its WITH clause or inside that. */
function seenFrom(scope: Scope, of: Columns): Columns {
  if (!of.columns.some((column) => column.addedAt !== undefined)) return of;
  const columns = of.columns.map(({ name, value, addedAt }): Named => ({ name, value, ...(addedAt !== undefined && levelOf(scope) > addedAt ? { unstarred: true } : {}) }));
  return { ...of, columns };
}

export function resolve(analysis: Analysis, schema: string | undefined, name: string): Resolved {
  return analysis.printed ? analysis.index.resolvePrinted(analysis.names, schema, name) : analysis.index.resolve(analysis.names, schema, name);
}

/** Columns that no snapshot lists (SEQ_COL_LASTVAL and so on in sequence.h). */
const ofSequence: readonly Named[] = ['last_value', 'log_cnt', 'is_called'].map((name) => ({ name, value: clean }));

function columnsOf(analysis: Analysis, resolved: Resolved): Columns {
  if (resolved.kind === 'system') return { columns: [], rest: clean };
  const { relation: found } = resolved;
  if (isSystemSchema(found.schema)) return { columns: analysis.index.columns(found) };
  if (found.kind === 'S') return { columns: ofSequence };
  return { columns: found.kind === 'v' || found.kind === 'm' ? viewColumns(analysis, found) : analysis.index.columns(found), opened: 'one' };
}

function rangeFunction(analysis: Analysis, scope: Scope, fields: Ast): Item {
  const columns: Named[] = [];
  const rests: Value[] = [];
  const functions = list(fields, 'functions');
  let title = '';
  const alias = embedded(fields, 'alias');
  const given = alias === undefined ? undefined : text(alias, 'aliasname');
  for (const each of functions) {
    const [call, definitions] = list({ each }, 'each');
    const [kind, callFields] = open(call);
    const name = kind === 'FuncCall' ? (strings(list(callFields, 'funcname')).at(-1) ?? '') : '';
    const value = consume(analysis, [evaluate(analysis, scope, call)], 'expression');
    tellsByRows(analysis, [value]);
    if (title === '') title = name;
    const defined = [...(definitions === undefined ? [] : list({ definitions }, 'definitions')), ...list(fields, 'coldeflist')];
    const known = defined.length > 0 ? defined.map((node) => text(open(node)[1], 'colname') ?? '') : knownColumns(analysis, scope, name, callFields);
    if (known === undefined) rests.push(value);
    // A function of one scalar column gives it the alias of the whole.
    else if (known.length === 1 && defined.length === 0 && functions.length === 1 && known[0] !== 'value') columns.push({ name: given ?? known[0]!, value });
    else for (const column of known) columns.push({ name: column, value });
  }
  if (fields['ordinality'] === true) columns.push({ name: 'ordinality', value: clean });
  if (rests.length === 0) return aliased(analysis, { columns }, fields, title);
  // How many columns there are is unknown, so none has a known place; any of them may hold any of the arguments.
  return aliased(analysis, { columns: [], rest: { ...together([...rests, ...columns.map((column) => column.value)]), direct: false, total: rests.every((rest) => rest.total) } }, fields, title);
}

function knownColumns(analysis: Analysis, scope: Scope, name: string, fields: Ast): readonly string[] | undefined {
  if (analysis.index.hasFunction(name)) return undefined;
  if (name === 'unnest') {
    const args = list(fields, 'args');
    return args.every((each) => isScalarArray(analysis, each, (column) => evaluate(analysis, scope, column))) ? args.map(() => 'unnest') : undefined;
  }
  return tableFunctions.get(name);
}

function join(analysis: Analysis, scope: Scope, fields: Ast, before: readonly FromPart[]): FromPart {
  const left = element(analysis, scope, fields['larg'], before);
  const right = element(analysis, scope, fields['rarg'], [...before, left]);
  const alias = embedded(fields, 'alias');
  const type = text(fields, 'jointype');
  const opened = openedBy([left, right]);
  // Which columns have a name in common is what the tables have at the moment.
  if (fields['isNatural'] === true) byPlace(analysis, { columns: [...left.columns, ...right.columns], ...opened });
  const shared = sharedColumns(left, right, fields);
  const merged: Named[] = shared.map((name) => {
    const values = [...left.columns, ...right.columns].filter((column) => column.name === name).map((column) => column.value);
    if (left.rest !== undefined && !left.columns.some((column) => column.name === name)) values.push(left.rest);
    if (right.rest !== undefined && !right.columns.some((column) => column.name === name)) values.push(right.rest);
    if (values.length < 2) throw new NotUnderstood('a join column that one side does not have');
    // Of which side it is, and so whether `*` has it, depends on types.
    if ([...left.columns, ...right.columns].some((column) => column.name === name && column.unstarred)) throw new NotUnderstood('a join by a column that SEARCH or CYCLE has added');
    meet(analysis, values);
    consume(analysis, values, 'predicate');
    // With FULL it is a COALESCE of both sides.
    return { name, value: { ...together(values), direct: type !== 'JOIN_FULL' && values.every((value) => value.direct), total: values.every((value) => value.total) } };
  });
  const own = (side: FromPart): readonly Named[] => side.columns.filter((column) => !shared.includes(column.name));
  const rests = [left.rest, right.rest].filter((rest) => rest !== undefined);
  const columns: Columns = { columns: [...merged, ...own(left), ...own(right)], ...opened, ...(rests.length === 0 ? {} : { rest: { ...together(rests), direct: false, total: rests.every((rest) => rest.total) } }) };
  const items = [...left.items, ...right.items];
  const usingAlias = embedded(fields, 'join_using_alias');
  if (usingAlias !== undefined) items.push({ alias: text(usingAlias, 'aliasname') ?? '', columns: merged, relation: false });
  const joined: FromPart = { ...columns, items };
  // ON sees the two sides of its join, and nothing that stands before it in FROM.
  predicate(analysis, inner(scope, [left, right]), fields['quals']);
  return alias === undefined ? joined : part(aliased(analysis, columns, fields, ''));
}

function sharedColumns(left: FromPart, right: FromPart, fields: Ast): readonly string[] {
  if (fields['isNatural'] !== true) return strings(list(fields, 'usingClause'));
  if (left.rest !== undefined || right.rest !== undefined) throw new NotUnderstood('a natural join over columns that are not known');
  const names = new Set(right.columns.map((column) => column.name));
  return [...new Set(left.columns.map((column) => column.name).filter((name) => names.has(name)))];
}

const isNested = (node: unknown): boolean => text(open(node)[1], 'coltype') === 'JTC_NESTED';

/** XMLTABLE and JSON_TABLE, whose `name` serves where they have no alias: every column is made from the document and the expressions. */
function tableExpression(analysis: Analysis, scope: Scope, fields: Ast, name: string): Item {
  const values: Value[] = [];
  const names: string[] = [];
  const walk = (value: unknown): void => {
    // Columns of NESTED come behind the others of their level.
    if (Array.isArray(value)) return value.toSorted((one, other) => Number(isNested(one)) - Number(isNested(other))).forEach(walk);
    const [kind, body] = open(value);
    if (kind === '' || kind === 'alias' || kind === 'TypeName') return;
    if (kind === 'RangeTableFuncCol' || kind === 'JsonTableColumn') {
      const column = text(body, kind === 'RangeTableFuncCol' ? 'colname' : 'name');
      if (column !== undefined) names.push(column);
      for (const field of ['colexpr', 'coldefexpr', 'columns', 'pathspec', 'on_empty', 'on_error']) if (body[field] !== undefined) walk(body[field]);
      return;
    }
    if (/^[A-Z]/.test(kind) && !kind.startsWith('Json') && kind !== 'ResTarget' && kind !== 'List') return void values.push(evaluate(analysis, scope, value));
    const inside = /^[A-Z]/.test(kind) ? body : (value as Ast);
    for (const field in inside) {
      const next = inside[field];
      if (field === 'typeName' || field === 'alias' || field === 'format' || typeof next !== 'object') continue;
      walk(next);
    }
  };
  for (const field of ['docexpr', 'rowexpr', 'namespaces', 'columns', 'context_item', 'pathspec', 'passing', 'on_error']) if (fields[field] !== undefined) walk(fields[field]);
  meet(analysis, values);
  const value = consume(analysis, values, 'expression');
  tellsByRows(analysis, values);
  return aliased(analysis, { columns: names.map((column) => ({ name: column, value })) }, fields, name);
}

