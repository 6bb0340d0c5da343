import { consume, everything, literalFrom, measuresLog, meet, tellsByRows } from './analysis.ts';
import type { Analysis } from './analysis.ts';
import { embedded, isStar, list, offset, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { clean, NotUnderstood, severalOf, together } from './findings.ts';
import type { Value } from './findings.ts';
import { multiplying, readsElsewhere, secretsAmong, tellsOfLog, totalFunctions } from './functions.ts';
import { columnOf, findColumn, findItem, furtherOut, isLateral, wholeRow } from './scope.ts';
import type { Scope } from './scope.ts';

/** What is known of the value of an expression; records how it uses columns on the way. */
export function evaluate(analysis: Analysis, scope: Scope, node: unknown): Value {
  const [kind, fields] = open(node);
  if (kind !== '') analysis.lookedAt.add(node as object);
  switch (kind) {
    case '':
    case 'SetToDefault':
    case 'SQLValueFunction':
    case 'CurrentOfExpr':
    case 'MergeSupportFunc':
      return clean;
    case 'ColumnRef':
      return columnRef(analysis, scope, list(fields, 'fields'));
    case 'A_Const':
      if (fields['isnull'] === true) return { ...clean, word: 'null' };
      if (fields['boolval'] !== undefined) return embedded(fields, 'boolval')?.['boolval'] === true ? clean : { ...clean, word: 'false' };
      return { ...clean, atoms: literalFrom(analysis, offset(fields)) };
    case 'ParamRef':
      return analysis.parameters ? { ...clean, atoms: [{ kind: 'parameter', index: Number(fields['number'] ?? 0) }] } : clean;
    case 'FuncCall':
      return call(analysis, scope, fields);
    case 'SubLink':
      return subLink(analysis, scope, fields);
    case 'A_Indirection':
      return indirection(analysis, scope, fields);
    case 'CoalesceExpr': {
      const values = evaluateAll(analysis, scope, list(fields, 'args'));
      meet(analysis, values);
      const value = totalOf(analysis, values, list(fields, 'args'));
      return isMixed(values) ? { several: 'choice', ...value } : value;
    }
    case 'CaseExpr':
      return caseOf(analysis, scope, fields);
    case 'BoolExpr': {
      // Its arguments do not meet one another, so a literal of one is not compared with a column of another.
      const value = consume(analysis, evaluateAll(analysis, scope, list(fields, 'args')), 'expression');
      return { ...value, atoms: [] };
    }
    case 'GroupingFunc':
      // Which of the keys count: GROUP BY has taken note of them. It is no value of theirs.
      evaluateAll(analysis, scope, list(fields, 'args'));
      return clean;
    case 'A_Expr':
    case 'TypeCast':
    case 'CollateClause':
    case 'NullTest':
    case 'BooleanTest':
    case 'MinMaxExpr':
    case 'A_ArrayExpr':
    case 'RowExpr':
    case 'NamedArgExpr':
    case 'XmlExpr':
    case 'XmlSerialize':
    case 'JsonFuncExpr':
    case 'JsonObjectConstructor':
    case 'JsonArrayConstructor':
    case 'JsonArrayQueryConstructor':
    case 'JsonObjectAgg':
    case 'JsonArrayAgg':
    case 'JsonParseExpr':
    case 'JsonScalarExpr':
    case 'JsonSerializeExpr':
    case 'JsonIsPredicate': {
      const values: Value[] = [];
      operands(analysis, scope, fields, values);
      meet(analysis, values);
      const value = consume(analysis, values, 'expression');
      const word = kind === 'TypeCast' ? values[0]?.word : undefined;
      return word ? { ...value, word } : value;
    }
    case 'List':
      return consume(analysis, evaluateAll(analysis, scope, list(fields, 'items')), 'expression');
    default:
      throw new NotUnderstood('an expression of a kind that is not known');
  }
}

export function evaluateAll(analysis: Analysis, scope: Scope, nodes: readonly unknown[]): Value[] {
  return nodes.map((node) => evaluate(analysis, scope, node));
}

/** Evaluates a condition: the columns in it are used as a predicate. */
export function predicate(analysis: Analysis, scope: Scope, node: unknown): void {
  if (node === undefined) return;
  consume(analysis, [evaluate(analysis, scope, node)], 'predicate');
}

/** Nodes that hold no expression of their own. */
const passive: ReadonlySet<string> = new Set([
  'TypeName', 'typeName', 'String', 'Integer', 'Float', 'Boolean', 'output', 'returning', 'format', 'name', 'collname', 'A_Star',
]);
/** Nodes that only group expressions. */
const grouping: ReadonlySet<string> = new Set([
  'List', 'ResTarget', 'JsonKeyValue', 'JsonValueExpr', 'JsonArgument', 'JsonBehavior', 'JsonAggConstructor', 'JsonOutput', 'JsonReturning', 'JsonFormat',
]);
const fieldsOnly: ReadonlySet<string> = new Set([
  'lexpr', 'rexpr', 'arg', 'args', 'named_args', 'expr', 'constructor', 'exprs', 'query', 'key', 'value', 'raw_expr', 'formatted_expr', 'context_item', 'pathspec',
  'passing', 'on_empty', 'on_error', 'val', 'elements', 'items', 'agg_filter', 'agg_order', 'over', 'func', 'behavior',
]);

/** Walks the fields of a node that only puts expressions together, in whatever depth they lie. */
function operands(analysis: Analysis, scope: Scope, fields: Ast, into: Value[]): void {
  for (const field in fields) {
    const value = fields[field];
    if (passive.has(field) || typeof value !== 'object' || value === null) continue;
    if (field === 'agg_order') into.push(...sorts(analysis, scope, list(fields, field)));
    else if (field === 'over') window(analysis, scope, embedded(fields, field)!);
    else if (field === 'agg_filter') predicate(analysis, scope, value);
    else if (!fieldsOnly.has(field)) throw new NotUnderstood('an expression with a part that is not known');
    else if (Array.isArray(value)) for (const each of value) operand(analysis, scope, each, into);
    else operand(analysis, scope, value, into);
  }
}

function operand(analysis: Analysis, scope: Scope, node: unknown, into: Value[]): void {
  const [kind, fields] = open(node);
  if (kind === '' || passive.has(kind)) return;
  if (kind === 'SelectStmt') into.push(...everything(analysis.query(node as Ast, scope)));
  else if (grouping.has(kind)) operands(analysis, scope, fields, into);
  // Embedded nodes come without their kind: the first key is a field.
  else if (/^[a-z]/.test(kind)) operands(analysis, scope, node as Ast, into);
  else into.push(evaluate(analysis, scope, node));
}

function columnRef(analysis: Analysis, scope: Scope, fields: readonly Ast[]): Value {
  const names = strings(fields);
  if (isStar(fields.at(-1))) return rowOf(analysis, scope, names);
  if (names.length === 1) return found(analysis, scope, names, findColumn(scope, names[0]!), false);
  const item = findItem(scope, names.slice(0, -1));
  const value = item === undefined ? undefined : columnOf(item, names.at(-1)!);
  if (value === undefined) throw new NotUnderstood('a column that the catalog does not know, or a function called in the notation of one');
  return found(analysis, scope, names, value, false);
}

/**
 * What a name was found to mean, with note of what it could mean further out, and of what a LATERAL query takes from outside: the server may work that query out once for each
 * value (Memoize in the plan), and how often it did can be read.
 */
export function found(analysis: Analysis, scope: Scope, names: readonly string[], value: Value, isRow: boolean): Value {
  const further = furtherOut(scope, names, isRow);
  if (further.length > 0) analysis.found.use(further.filter((column) => !value.sources.includes(column)), 'further_out');
  if (value.sources.length > 0 && isLateral(scope, names, isRow)) analysis.found.use(value.sources, 'lateral');
  return value;
}

/** `t.*` where one value stands. */
function rowOf(analysis: Analysis, scope: Scope, names: readonly string[]): Value {
  const item = names.length === 0 ? undefined : findItem(scope, names);
  if (item === undefined) throw new NotUnderstood('a whole row of something that is not in FROM');
  return found(analysis, scope, names, wholeRow(item), true);
}

function indirection(analysis: Analysis, scope: Scope, fields: Ast): Value {
  const steps = list(fields, 'indirection');
  const [kind, base] = open(fields['arg']);
  // `(c).ssn` folds back to the column when c is something in FROM.
  if (kind === 'ColumnRef' && steps.length === 1) {
    const names = strings(list(base, 'fields'));
    const step = strings(steps);
    if (step.length === 1) {
      const item = itemNotColumn(scope, names);
      const value = item === undefined ? undefined : columnOf(item, step[0]!);
      analysis.lookedAt.add(fields['arg'] as object);
      if (value !== undefined) return found(analysis, scope, names, value, false);
      if (item !== undefined) throw new NotUnderstood('a column that the catalog does not know, or a function called in the notation of one');
    }
  }
  const values = [evaluate(analysis, scope, fields['arg'])];
  for (const step of steps) {
    const [kindOfStep, indices] = open(step);
    if (kindOfStep === 'A_Indices') for (const bound of ['lidx', 'uidx']) if (indices[bound] !== undefined) values.push(evaluate(analysis, scope, indices[bound]));
  }
  meet(analysis, values);
  return consume(analysis, values, 'expression');
}

/** The FROM item of a whole-row reference; undefined when the name is a column's, or can be. Of two names the second is always a column's. */
export function itemNotColumn(scope: Scope, names: readonly string[]): ReturnType<typeof findItem> {
  if (names.length !== 1) return undefined;
  for (let level: Scope | undefined = scope; level !== undefined; level = level.parent) {
    if (level.parts.some((part) => part.columns.some((column) => column.name === names[0]) || (part.rest?.sources.length ?? 0) > 0)) return undefined;
  }
  return findItem(scope, names);
}

function caseOf(analysis: Analysis, scope: Scope, fields: Ast): Value {
  const results: Value[] = [];
  const argument = fields['arg'] === undefined ? undefined : evaluate(analysis, scope, fields['arg']);
  const conditions: Value[] = argument === undefined ? [] : [argument];
  for (const when of list(fields, 'args')) {
    const [, branch] = open(when);
    const condition = evaluate(analysis, scope, branch['expr']);
    if (argument !== undefined) meet(analysis, [argument, condition]);
    conditions.push(condition);
    results.push(evaluate(analysis, scope, branch['result']));
  }
  if (fields['defresult'] !== undefined) results.push(evaluate(analysis, scope, fields['defresult']));
  // Which branch was taken shows in the result, so that the condition's columns flow into it.
  const told = consume(analysis, conditions, 'predicate');
  meet(analysis, results);
  return consume(analysis, [...results, { ...told, atoms: [] }], 'expression');
}

function subLink(analysis: Analysis, scope: Scope, fields: Ast): Value {
  const type = text(fields, 'subLinkType');
  // From 17 on the server makes a join with a LATERAL query of IN (`convert_ANY_sublink_to_join` in subselect.c).
  const result = analysis.query(fields['subselect'] as Ast, type === 'ANY_SUBLINK' ? { ...scope, lateral: true } : scope);
  analysis.firstColumns.set(fields['subselect'] as object, result.columns[0]?.name);
  if (type === 'EXISTS_SUBLINK') return clean;
  const values = everything(result);
  if (type === 'EXPR_SUBLINK' || type === 'ARRAY_SUBLINK' || type === 'MULTIEXPR_SUBLINK') return consume(analysis, values, 'expression');
  if (type !== 'ANY_SUBLINK' && type !== 'ALL_SUBLINK' && type !== 'ROWCOMPARE_SUBLINK') throw new NotUnderstood('a subquery of a kind that is not known');
  values.push(evaluate(analysis, scope, fields['testexpr']));
  meet(analysis, values);
  return consume(analysis, values, 'predicate');
}

/** Sort keys of an aggregate or a window. */
function sorts(analysis: Analysis, scope: Scope, nodes: readonly Ast[]): Value[] {
  return nodes.map((node) => {
    const [kind, fields] = open(node);
    const value = evaluate(analysis, scope, kind === 'SortBy' ? fields['node'] : node);
    consume(analysis, [value], 'order');
    return value;
  });
}

/** The parts of a window definition. */
export function window(analysis: Analysis, scope: Scope, fields: Ast): void {
  for (const node of list(fields, 'partitionClause')) consume(analysis, [evaluate(analysis, scope, node)], 'order');
  sorts(analysis, scope, list(fields, 'orderClause'));
  for (const bound of ['startOffset', 'endOffset']) if (fields[bound] !== undefined) consume(analysis, [evaluate(analysis, scope, fields[bound])], 'order');
}

function call(analysis: Analysis, scope: Scope, fields: Ast): Value {
  const name = strings(list(fields, 'funcname'));
  const bare = name.at(-1) ?? '';
  if (readsElsewhere(bare)) analysis.found.doubt('a function that reads what the statement does not name');
  if (tellsOfLog(bare)) measuresLog(analysis);
  const nodes = list(fields, 'args');
  const values: Value[] = [];
  for (const node of nodes) operand(analysis, scope, node, values);
  for (const value of secretsAmong(bare, values, nodes)) analysis.found.secret(value.atoms);
  meet(analysis, values);
  const plain = ['agg_order', 'agg_filter', 'over', 'agg_within_group', 'agg_star', 'agg_distinct', 'func_variadic'].every((field) => fields[field] === undefined);
  if (plain && isTotal(analysis, name, nodes, values)) {
    const value = totalOf(analysis, values, nodes);
    analysis.found.compute(value.sources);
    if (value.several === undefined && !isMixed(values) && (totalFunctions.get(bare)?.sized !== true || replacesLiterals(analysis, bare, values))) return value;
    analysis.found.use(value.sources, 'expression');
    return { ...value, several: 'sized' };
  }
  if (fields['agg_distinct'] === true) consume(analysis, values, 'order');
  if (multiplying.has(bare) || analysis.index.givesRows(bare)) tellsByRows(analysis, values);
  values.push(...sorts(analysis, scope, list(fields, 'agg_order')));
  predicate(analysis, scope, fields['agg_filter']);
  const over = embedded(fields, 'over');
  if (over !== undefined) window(analysis, scope, over);
  return consume(analysis, values, 'expression');
}

/** `replace(column, 'a', 'b')`: whether it changes the length is to be seen from the literals, which are others in each text of this shape. */
function replacesLiterals(analysis: Analysis, name: string, [text, each, by, ...others]: readonly Value[]): boolean {
  if (name !== 'replace' || text === undefined || each === undefined || by === undefined || others.length > 0) return false;
  const [from, to] = [each.atoms[0], by.atoms[0]];
  if (text.sources.length === 0 || from?.kind !== 'literal' || to?.kind !== 'literal' || each.atoms.length > 1 || by.atoms.length > 1) return false;
  analysis.found.replace(from, to, text.sources);
  return true;
}

/** Whether a call is of a vetted function, with literals wherever a number is wanted. */
function isTotal(analysis: Analysis, name: readonly string[], nodes: readonly Ast[], values: readonly Value[]): boolean {
  const bare = name.at(-1) ?? '';
  const rule = totalFunctions.get(bare);
  if (rule === undefined || values.length !== nodes.length) return false;
  const catalog = name.length === 2 ? name[0] === 'pg_catalog' : name.length === 1 && !analysis.index.hasFunction(bare);
  if (!catalog) return false;
  if (rule.onRanges && values.some(({ sources }) => sources.some((source) => analysis.index.mayBeRange(analysis.index.typeOf(source))))) return false;
  return nodes.every((node, at) => {
    if (rule.numbers === undefined || at < rule.numbers) return true;
    const [kind, fields] = open(node);
    const value = kind === 'A_Const' ? embedded(fields, 'ival') : undefined;
    if (value === undefined) return false;
    return at !== rule.nonNegative || Number(value['ival'] ?? 0) >= 0;
  });
}

/** Total functions inside one another, and arguments of one: bounds how much a value can be blown up on its way to the mask. */
const maximumDepth = 3;
const maximumArguments = 16;

/** They are made of more than one column. */
function isMixed(values: readonly Value[]): boolean {
  const [first, ...others] = values.filter((value) => value.sources.length > 0);
  return others.some(({ sources }) => sources.length !== first!.sources.length || sources.some((source) => !first!.sources.includes(source)));
}

/** The value of a total function or of COALESCE: total while every argument is a literal or total itself. */
function totalOf(analysis: Analysis, values: readonly Value[], nodes: readonly Ast[]): Value {
  const depth = 1 + Math.max(0, ...values.map((value) => value.depth ?? 0));
  const allowed = values.every((value, at) => (value.sources.length > 0 ? value.total && !value.row : open(nodes[at])[0] === 'A_Const'));
  const { sources, atoms } = together(values);
  if (sources.length === 0 || !allowed || depth > maximumDepth || values.length > maximumArguments) return consume(analysis, values, 'expression');
  const several = severalOf(values);
  return { sources, atoms, direct: false, total: true, depth, ...(several && { several }) };
}
