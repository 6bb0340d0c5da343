import type { Around } from './around.ts';
import { embedded, list, open, qualified, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { expression, inside, operator } from './expressions.ts';
import { query } from './query.ts';
import { informationSchemaFunctions, reviewed } from './reviewed.ts';
import { namedObject, NOT_IN_CATALOG, readRelation, resolve } from './relations.ts';
import { cte, hasColumn } from './scope.ts';
import { titleOf } from './lineage/titles.ts';
import type { Item, Scope } from './scope.ts';
import { vettedFunctions } from './vetted.ts';

const SAMPLING: ReadonlySet<string> = new Set(['system', 'bernoulli']);
const nothing = (): void => undefined;

/** Notes what one element of FROM reads, and adds it to the names of its level. */
export function from(around: Around, node: Ast, scope: Scope): void {
  scope.stars.push(element(around, node, scope));
}

/** Adds to the names; gives the columns that `*` shows. */
function element(around: Around, node: Ast, scope: Scope): readonly string[] | undefined {
  const add = (item: Item): readonly string[] | undefined => {
    scope.items.push(item);
    return item.columns;
  };
  const [kind, fields] = open(node);
  switch (kind) {
    case 'RangeVar':
      return add(table(around, fields, scope));
    case 'RangeSubselect': {
      const columns = query(around, fields['subquery'], scope);
      return add(derived(fields, columns));
    }
    case 'JoinExpr':
      return join(around, fields, scope);
    case 'RangeFunction': {
      expression(around, list(fields, 'functions'), scope);
      expression(around, list(fields, 'coldeflist'), scope);
      const among = functionColumns(around, fields);
      return add({ ...derived(fields, undefined), ...(among === undefined ? {} : { among }) });
    }
    case 'RangeTableSample': {
      const method = strings(list(fields, 'method')).at(-1) ?? '';
      if (!SAMPLING.has(method)) around.effects.unknown('sample', 'a sampling method outside pg_catalog');
      const sampled = element(around, fields['relation'] as Ast, scope);
      const outside = { ...scope, items: [] };
      expression(around, list(fields, 'args'), outside);
      expression(around, fields['repeatable'], outside);
      return sampled;
    }
    case 'RangeTableFunc':
    case 'JsonTable':
      inside(around, fields, scope);
      return add(derived(fields, undefined));
    default:
      around.effects.unknown('select', `something in FROM of a kind that is not known (${kind})`);
      return undefined;
  }
}

/**
 * Names that columns of functions of the system in FROM can have besides those of the system and of the catalog: what the
 * statement gives them. Undefined where another function is called.
 */
function functionColumns(around: Around, fields: Ast): ReadonlySet<string> | undefined {
  const names = new Set(['ordinality']);
  const alias = embedded(fields, 'alias');
  if (alias) for (const name of [text(alias, 'aliasname') ?? '', ...strings(list(alias, 'colnames'))]) names.add(name);
  const defined = [...list(fields, 'coldeflist')];
  for (const each of list(fields, 'functions')) {
    const [called, definitions] = list({ each }, 'each');
    if (definitions !== undefined) defined.push(...list({ definitions }, 'definitions'));
    names.add(titleOf(called, around.firstColumns) ?? '');
    const [kind, callFields] = open(called);
    if (kind === 'FuncCall' && !ofSystem(around, list(callFields, 'funcname'))) return undefined;
  }
  for (const each of defined) names.add(text(open(each)[1], 'colname') ?? '');
  return names;
}

/** Whether a call can only mean a function of the system. */
export function ofSystem(around: Around, called: readonly Ast[]): boolean {
  const { schema, name } = qualified(called);
  if (schema === 'pg_catalog') return true;
  if (schema !== undefined) return schema === 'information_schema' && informationSchemaFunctions.has(name);
  const { known, unsure } = around.names.functions(schema, name);
  return known.length === 0 && !unsure && (vettedFunctions.has(name) || reviewed.has(name));
}

/** A table, view or common table expression in FROM. */
function table(around: Around, range: Ast, scope: Scope): Item {
  const name = text(range, 'relname') ?? '';
  const schema = text(range, 'schemaname');
  const alias = embedded(range, 'alias');
  const called = (alias && text(alias, 'aliasname')) ?? name;
  const common = schema === undefined ? cte(scope, name) : undefined;
  if (common) return derived(range, common.columns, called);
  const known = resolve(around, range);
  if (known === undefined) {
    const object = namedObject(range, 'table');
    around.effects.unknown('select', NOT_IN_CATALOG, object);
    const growing = around.effects.add({ class: 'read', verb: 'select', object }, 'read');
    return { name: called, columns: undefined, read: (column) => void growing.columns.add(column), ...(schema === undefined ? {} : { schema }) };
  }
  const read = readRelation(around, known);
  const renamed = alias ? strings(list(alias, 'colnames')) : [];
  const { columns } = known;
  const shown = columns === undefined || renamed.length === 0 ? columns : [...renamed, ...columns.slice(renamed.length)];
  const real = (column: string): string => {
    const at = renamed.indexOf(column);
    return at < 0 ? column : (columns?.[at] ?? '*');
  };
  return { name: called, columns: shown, relation: true, read: (column) => read(real(column)), schema: known.schema, ...(known.system ? { among: new Set(renamed) } : {}) };
}

/** An item whose columns come from inside it: what it reads was noted there. */
function derived(fields: Ast, columns: readonly string[] | undefined, name?: string): Item {
  const alias = embedded(fields, 'alias');
  const renamed = alias ? strings(list(alias, 'colnames')) : [];
  return {
    name: (alias && text(alias, 'aliasname')) ?? name,
    columns: columns === undefined ? undefined : [...renamed, ...columns.slice(renamed.length)],
    read: nothing,
  };
}

function join(around: Around, fields: Ast, scope: Scope): readonly string[] | undefined {
  const before = scope.items.length;
  const onLeft = element(around, fields['larg'] as Ast, scope);
  const middle = scope.items.length;
  const onRight = element(around, fields['rarg'] as Ast, scope);
  const left = scope.items.slice(before, middle);
  const right = scope.items.slice(middle);
  const using = strings(list(fields, 'usingClause'));
  if (using.length > 0 || fields['isNatural'] === true) operator(around, undefined, '=');
  for (const column of using) for (const item of [...left, ...right]) if (item.columns === undefined || hasColumn(item, column)) item.read(column);
  if (fields['isNatural'] === true) natural(left, right);
  // ON sees the two sides of its join, and nothing that stands before it in FROM.
  expression(around, fields['quals'], { ...scope, items: [...left, ...right] });
  const star = onLeft && onRight && merged(onLeft, onRight, fields['isNatural'] === true ? onLeft.filter((column) => onRight.includes(column)) : using);
  const own = embedded(fields, 'alias');
  const alias = own ?? embedded(fields, 'join_using_alias');
  if (!alias) return star;
  const members = [...left, ...right];
  const all = star;
  const renamed = strings(list(alias, 'colnames'));
  scope.items.push({
    name: text(alias, 'aliasname'),
    columns: all === undefined ? undefined : [...renamed, ...all.slice(renamed.length)],
    read: (column) => {
      const at = renamed.indexOf(column);
      const real = at < 0 ? column : (all?.[at] ?? '*');
      for (const item of members) if (real === '*' || item.columns === undefined || hasColumn(item, real)) item.read(real);
    },
  });
  return own ? (all && [...renamed, ...all.slice(renamed.length)]) : star;
}

/** The columns of a join in the order of `*`: those that are joined by come first, and once. */
function merged(left: readonly string[], right: readonly string[], by: readonly string[]): readonly string[] {
  const others = (columns: readonly string[]): readonly string[] => columns.filter((column) => !by.includes(column));
  return [...by, ...others(left), ...others(right)];
}

/** NATURAL compares the columns that both sides have. */
function natural(left: readonly Item[], right: readonly Item[]): void {
  const names = (items: readonly Item[]): readonly string[] => items.flatMap((item) => item.columns ?? []);
  const unsure = [...left, ...right].some((item) => item.columns === undefined);
  const onRight = new Set(names(right));
  const shared = new Set(unsure ? ['*'] : names(left).filter((column) => onRight.has(column)));
  for (const item of [...left, ...right]) for (const column of shared) if (column === '*' || hasColumn(item, column)) item.read(column);
}

