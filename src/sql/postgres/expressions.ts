import type { Around } from './around.ts';
import { embedded, list, open, qualified, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { attribute, call } from './calls.ts';
import { ofSystem } from './from.ts';
import { query } from './query.ts';
import { itemNamed, mayHaveColumn, missingColumn, readColumn, someColumn } from './scope.ts';
import type { Item, Scope } from './scope.ts';
import { useType } from './types.ts';

/** Nodes that compute by themselves, through pg_catalog alone: only what is inside them matters. */
const TRANSPARENT: ReadonlySet<string> = new Set([
  'A_Const', 'String', 'Integer', 'Float', 'Boolean', 'BitString', 'ParamRef', 'SetToDefault', 'A_Star', 'CurrentOfExpr', 'SQLValueFunction',
  'GroupingFunc', 'GroupingSet', 'MergeSupportFunc', 'BoolExpr', 'NullTest', 'BooleanTest', 'CaseWhen', 'CoalesceExpr', 'MinMaxExpr',
  'A_ArrayExpr', 'A_Indices', 'RowExpr', 'CollateClause', 'NamedArgExpr', 'MultiAssignRef', 'ResTarget', 'SortBy', 'WindowDef', 'List',
  'TypeCast', 'XmlExpr', 'XmlSerialize', 'ColumnDef', 'RangeTableFuncCol', 'DefElem', 'IndexElem', 'InferClause',
  'JsonFormat', 'JsonReturning', 'JsonValueExpr', 'JsonOutput', 'JsonArgument', 'JsonBehavior', 'JsonKeyValue', 'JsonFuncExpr',
  'JsonTablePathSpec', 'JsonTableColumn', 'JsonParseExpr', 'JsonScalarExpr', 'JsonSerializeExpr', 'JsonObjectConstructor',
  'JsonArrayConstructor', 'JsonArrayQueryConstructor', 'JsonAggConstructor', 'JsonObjectAgg', 'JsonArrayAgg', 'JsonIsPredicate',
  'Constraint', 'PartitionBoundSpec', 'PartitionRangeDatum', 'PartitionElem', 'Alias', 'RoleSpec',
]);

/** Notes all that an expression (or a list of them) reads, calls and converts. A node that is not known is unknown. */
export function expression(around: Around, node: unknown, scope: Scope): void {
  if (Array.isArray(node)) {
    for (const each of node) expression(around, each, scope);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  const [kind, fields] = open(node);
  if (kind === '') return;
  if (!isKind(kind)) {
    inside(around, node as Ast, scope);
    return;
  }
  switch (kind) {
    case 'ColumnRef':
      column(around, list(fields, 'fields'), scope);
      return;
    case 'FuncCall':
      call(around, fields, scope);
      break;
    case 'A_Expr':
      operatorsOf(around, fields);
      break;
    case 'CaseExpr':
      if ('arg' in fields) operator(around, undefined, '=');
      break;
    case 'SubLink': {
      const named = list(fields, 'operName');
      if (named.length > 0) operatorNamed(around, named);
      else if (fields['subLinkType'] === 'ANY_SUBLINK') operator(around, undefined, '=');
      expression(around, fields['testexpr'], scope);
      around.firstColumns.set(fields['subselect'] as object, query(around, fields['subselect'], scope)?.[0]);
      return;
    }
    case 'SelectStmt':
      query(around, node, scope);
      return;
    case 'CurrentOfExpr':
      around.cursors.add(text(fields, 'cursor_name') ?? '');
      break;
    case 'SortBy':
      if (list(fields, 'useOp').length > 0) operatorNamed(around, list(fields, 'useOp'));
      break;
    case 'A_Indirection':
      fieldsOf(around, fields, scope);
      break;
    case 'TypeName':
      useType(around, fields);
      break;
    default:
      if (!TRANSPARENT.has(kind)) around.effects.unknown('expression', `an expression of a kind that is not known (${kind})`);
  }
  inside(around, fields, scope);
}

const isKind = (name: string): boolean => {
  const c = name.charCodeAt(0);
  return c >= 65 && c <= 90;
};

/** The parts of a node, wrapped or not. */
export function inside(around: Around, fields: Ast, scope: Scope): void {
  for (const [field, value] of Object.entries(fields)) {
    if (typeof value !== 'object' || value === null) continue;
    if (field === 'typeName' && embedded(fields, field)) useType(around, value as Ast);
    expression(around, value, scope);
  }
}

function operatorsOf(around: Around, fields: Ast): void {
  const named = list(fields, 'name');
  switch (fields['kind']) {
    case 'AEXPR_BETWEEN':
    case 'AEXPR_BETWEEN_SYM':
    case 'AEXPR_NOT_BETWEEN':
    case 'AEXPR_NOT_BETWEEN_SYM':
      for (const name of ['<', '<=', '>', '>=']) operator(around, undefined, name);
      break;
    default:
      operatorNamed(around, named);
  }
}

function operatorNamed(around: Around, named: readonly Ast[]): void {
  const { schema, name } = qualified(named);
  operator(around, schema, name);
}

/** An operator, by name: any of users' own that could be meant makes it unknown. */
export function operator(around: Around, schema: string | undefined, name: string): void {
  if (around.names.vettedOperator(schema, name)) return;
  around.effects.unknown('operator', 'an operator outside pg_catalog', schema === undefined ? { kind: 'operator', name } : { kind: 'operator', schema, name });
}

/** A column reference: `a`, `t.a`, `s.t.a`, `t.*`, `*`. What is not a column can be a call: `t.f` means `f(t)`. */
function column(around: Around, fields: readonly Ast[], scope: Scope): void {
  const star = 'A_Star' in (fields.at(-1) ?? {});
  const names = strings(fields);
  if (star && names.length === 0) {
    for (const item of scope.items) item.read('*');
    return;
  }
  if (!star && names.length === 1) {
    readColumn(around, scope, names[0]!);
    return;
  }
  const last = star ? undefined : names.at(-1);
  const qualifier = star ? names.at(-1)! : names.at(-2)!;
  const schema = star ? names.at(-2) : names.at(-3);
  const item = itemNamed(scope, schema, qualifier) ?? (schema === undefined ? undefined : itemNamed(scope, undefined, qualifier));
  if (last === undefined) {
    if (item) item.read('*');
    else for (const each of scope.items) each.read('*');
  } else qualifiedColumn(around, item, last, scope);
}

function qualifiedColumn(around: Around, item: Item | undefined, name: string, scope: Scope): void {
  if (item?.columns?.includes(name)) {
    item.read(name);
    return;
  }
  const called = attribute(around, name);
  if (item) item.read(name);
  else for (const each of scope.items) each.read(name);
  if (item && !called && !mayHaveColumn(around, item, name)) missingColumn(around, name);
}

/** `(expression).field`: each field can be a call. What cannot be a field of anything known is missing. */
function fieldsOf(around: Around, fields: Ast, scope: Scope): void {
  const [kind, argument] = open(fields['arg']);
  const names = list(fields, 'indirection').flatMap((part) => {
    const [step, value] = open(part);
    return step === 'String' ? [text(value, 'sval') ?? ''] : [];
  });
  const of = kind === 'ColumnRef' ? strings(list(argument, 'fields')) : [];
  // A row of something in FROM, unless a column has the name.
  const row = of.length === 1 && !columnNamed(scope, of[0]!) ? itemNamed(scope, undefined, of[0]!) : undefined;
  const holder = of.length > 1 ? itemNamed(scope, of.at(-3), of.at(-2)!) : of.length === 1 && !row ? columnNamed(scope, of[0]!) : undefined;
  for (const [at, name] of names.entries()) {
    if (attribute(around, name)) continue;
    const isKnown = row && at === 0 ? mayHaveColumn(around, row, name) : someColumn(around, name);
    const sure = row !== undefined || holder?.relation === true || (kind === 'FuncCall' && ofSystem(around, list(argument, 'funcname')));
    if (sure && !isKnown) missingColumn(around, name);
  }
}

/** The item of the innermost level that has, or could have, a column of this name. */
function columnNamed(scope: Scope, name: string): Item | undefined {
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    const found = at.items.find((item) => (item.columns === undefined ? item.name !== name : item.columns.includes(name)));
    if (found) return found;
  }
  return undefined;
}
