import type { Around } from './around.ts';
import { embedded, list, open, qualified, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { expression, inside, operator } from './expressions.ts';
import { query } from './query.ts';
import { informationSchemaFunctions, reviewed } from './reviewed.ts';
import { namedObject, NOT_IN_CATALOG, readRelation, resolve } from './relations.ts';
import { cte, hasColumn, seeing } from './scope.ts';
import { titleOf } from './lineage/titles.ts';
import type { Item, Scope } from './scope.ts';
import { vettedFunctions } from './vetted.ts';
import { hasSystemColumns } from './visible.ts';

const SAMPLING: ReadonlySet<string> = new Set(['system', 'bernoulli']);
const nothing = (): void => undefined;

/** What an element of FROM can be named by, and the columns that `*` shows of it. */
interface Element {
  readonly items: readonly Item[];
  readonly star: readonly string[] | undefined;
}

/** Notes what one element of FROM reads, and adds it to the names of its level. */
export function from(around: Around, node: Ast, scope: Scope): void {
  const { items, star } = element(around, node, scope, scope.items);
  scope.items.push(...items);
  scope.stars.push(star);
}

const only = (item: Item): Element => ({ items: [item], star: item.columns });

/** `before` is what stands before it in FROM: only functions, and what is LATERAL, see that. */
function element(around: Around, node: Ast, scope: Scope, before: readonly Item[]): Element {
  const [kind, fields] = open(node);
  switch (kind) {
    case 'RangeVar':
      return only(table(around, fields, scope));
    case 'RangeSubselect':
      return only(derived(fields, query(around, fields['subquery'], seeing(scope, fields['lateral'] === true ? before : []))));
    case 'JoinExpr':
      return join(around, fields, scope, before);
    case 'RangeFunction': {
      const inside = seeing(scope, before);
      expression(around, list(fields, 'functions'), inside);
      expression(around, list(fields, 'coldeflist'), inside);
      const among = functionColumns(around, fields);
      return only({ ...derived(fields, undefined), ...(among === undefined ? {} : { among }) });
    }
    case 'RangeTableSample': {
      const method = strings(list(fields, 'method')).at(-1) ?? '';
      if (!SAMPLING.has(method)) around.effects.unknown('sample', 'a sampling method outside pg_catalog');
      const sampled = element(around, fields['relation'] as Ast, scope, before);
      const outside = seeing(scope, []);
      expression(around, list(fields, 'args'), outside);
      expression(around, fields['repeatable'], outside);
      return sampled;
    }
    case 'RangeTableFunc':
    case 'JsonTable':
      inside(around, fields, seeing(scope, before));
      return only(derived(fields, undefined));
    default:
      around.effects.unknown('select', `something in FROM of a kind that is not known (${kind})`);
      return { items: [], star: undefined };
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

/** A table, view or common table expression in FROM. Its schema names it only where it has no alias. */
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
    return { name: called, columns: undefined, read: (column) => void growing.columns.add(column), ...(schema === undefined || alias ? {} : { schema }) };
  }
  const read = readRelation(around, known, true);
  const renamed = alias ? strings(list(alias, 'colnames')) : [];
  const { columns } = known;
  const shown = columns === undefined || renamed.length === 0 ? columns : [...renamed, ...columns.slice(renamed.length)];
  const real = (column: string): string => {
    const at = renamed.indexOf(column);
    return at < 0 ? column : (columns?.[at] ?? '*');
  };
  return { name: called, columns: shown, relation: true, ...(hasSystemColumns(known.kind) ? { systemColumns: 'bare' } : {}), read: (column) => read(real(column)), ...(alias ? {} : { schema: known.schema }), ...(known.system ? { among: new Set(renamed) } : {}) };
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

function join(around: Around, fields: Ast, scope: Scope, before: readonly Item[]): Element {
  const left = element(around, fields['larg'] as Ast, scope, before);
  const right = element(around, fields['rarg'] as Ast, scope, [...before, ...left.items]);
  const members = [...left.items, ...right.items];
  const using = strings(list(fields, 'usingClause'));
  const isNatural = fields['isNatural'] === true;
  if (using.length > 0 || isNatural) operator(around, undefined, '=');
  for (const column of using) for (const item of members) if (item.columns === undefined || hasColumn(item, column)) item.read(column);
  if (isNatural) natural(left.items, right.items);
  // ON sees the two sides of its join, and nothing that stands before it in FROM.
  expression(around, fields['quals'], seeing(scope, members));
  const star = left.star && right.star && merged(left.star, right.star, isNatural ? left.star.filter((column) => right.star?.includes(column)) : using);
  const alias = embedded(fields, 'alias');
  const usingAlias = embedded(fields, 'join_using_alias');
  // Behind an alias of the join nothing inside has a name any more.
  if (alias) return only(joined(alias, star, members));
  const shown = members.map((item): Item => (item.systemColumns === undefined ? item : { ...item, systemColumns: 'qualified' }));
  return { items: usingAlias ? [...shown, joined(usingAlias, using, members)] : shown, star };
}

/** A join by its alias. */
function joined(alias: Ast, all: readonly string[] | undefined, members: readonly Item[]): Item {
  const renamed = strings(list(alias, 'colnames'));
  return {
    name: text(alias, 'aliasname'),
    columns: all === undefined ? undefined : [...renamed, ...all.slice(renamed.length)],
    read: (column) => {
      const at = renamed.indexOf(column);
      const real = at < 0 ? column : (all?.[at] ?? '*');
      for (const item of members) if (real === '*' || item.columns === undefined || hasColumn(item, real)) item.read(real);
    },
  };
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

