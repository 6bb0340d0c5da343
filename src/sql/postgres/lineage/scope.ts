import type { ColumnRef } from '../../facts.ts';
import { isSystemColumn } from '../visible.ts';
import { clean, NotUnderstood, severalOf, together } from './findings.ts';
import type { Value } from './findings.ts';

/** A column as a query sees it. */
export interface Named {
  readonly name: string;
  readonly value: Value;
  /** SEARCH or CYCLE has added it to a CTE at this level. */
  readonly addedAt?: number;
  /** Can be named, but is not part of what `*` stands for. */
  readonly unstarred?: true;
}

/** The columns of a query or of a FROM item. */
export interface Columns {
  readonly columns: readonly Named[];
  /** Further columns of unknown number and name follow (a function's, or those of a system relation): what any of them can hold. */
  readonly rest?: Value;
  /** How many there are, and which, is what one table has at the moment, or several, or one beside other columns: a star stands for them, or they are a table's own. */
  readonly opened?: 'one' | 'several';
}

/** What `opened` is of columns put together. */
export function openedBy(all: readonly Columns[]): Pick<Columns, 'opened'> {
  if (!all.some((each) => each.opened)) return {};
  return { opened: all.length === 1 ? all[0]!.opened! : 'several' };
}

/** Something in FROM that can stand before a dot. */
export interface Item extends Columns {
  readonly alias: string;
  /** The schema, when the item is a relation without an alias: `schema.table.column` reaches it. */
  readonly schema?: string;
  /** Has ctid, xmin, tableoid and so on. */
  readonly relation: boolean;
}

/** One FROM element: what can be named with a qualifier, and what without one and in `*`. */
export interface FromPart extends Columns {
  readonly items: readonly Item[];
  /** System columns can be named without a qualifier. */
  readonly systemColumns?: true;
}

/** A common table expression. Evaluated when first used, so that forward references under RECURSIVE work. */
export type Cte = () => Columns;

/** Names visible in one query level. */
export interface Scope {
  readonly parts: readonly FromPart[];
  readonly ctes: ReadonlyMap<string, Cte>;
  readonly parent?: Scope;
  /** Queries around this one. */
  readonly level?: number;
  /** For a query that the server can join with the parts: LATERAL, which they stand before, or IN. */
  readonly lateral?: true;
}

export function levelOf(scope: Scope): number {
  return scope.level ?? 0;
}

/** What a query inside sees of a scope. */
export function deeper(scope: Scope): Scope {
  return { ...scope, level: levelOf(scope) + 1 };
}

/** The level's own names only, over the same CTEs. */
export function inner(parent: Scope, parts: readonly FromPart[]): Scope {
  return { parts, ctes: parent.ctes, parent, level: levelOf(parent) };
}

/** What a LATERAL query sees of the FROM that it stands in. */
export function lateral(parent: Scope, before: readonly FromPart[]): Scope {
  return { ...inner(parent, before), lateral: true };
}

export function findCte(scope: Scope, name: string): Cte | undefined {
  return scope.ctes.get(name);
}

function merge(values: readonly Value[]): Value {
  if (values.length === 1) return values[0]!;
  const several = severalOf(values);
  const value = { ...together(values), direct: values.every((each) => each.direct), total: values.every((each) => each.total), ...(several && { several }) };
  return values.some((each) => each.row) ? { ...value, row: true } : value;
}

/** All columns of an item or query as one value: a whole-row reference. It is not a bare column, but nothing in it can fail. */
export function wholeRow(of: Columns): Value {
  const values = of.columns.map((column) => column.value);
  if (of.rest !== undefined) values.push(of.rest);
  const several = severalOf(values);
  return { ...together(values), direct: false, total: values.every((value) => value.total), row: true, ...(several && { several }) };
}

/** A column of one item. Undefined when it has none of that name. */
export function columnOf(item: Item, name: string): Value | undefined {
  const found = item.columns.filter((column) => column.name === name);
  if (found.length > 0) return merge(found.map((column) => column.value));
  if (item.relation && isSystemColumn(name)) return clean;
  return item.rest;
}

function isCalled(item: Item, qualifier: readonly string[]): boolean {
  return item.alias === qualifier.at(-1) && (qualifier.length === 1 || item.schema === qualifier.at(-2));
}

/** Finds what stands before a dot. */
export function findItem(scope: Scope, qualifier: readonly string[]): Item | undefined {
  for (let level: Scope | undefined = scope; level !== undefined; level = level.parent) {
    for (const part of level.parts) {
      for (const item of part.items) {
        if (isCalled(item, qualifier)) return item;
      }
    }
  }
  return undefined;
}

/**
 * A bare name: a column of the nearest level that has one, else a whole-row reference. Where a level holds items whose
 * columns are not all known, the name may be theirs or an outer level's: the answer covers both.
 */
export function findColumn(scope: Scope, name: string): Value {
  const possible: Value[] = [];
  for (let level: Scope | undefined = scope; level !== undefined; level = level.parent) {
    const found: Value[] = [];
    for (const part of level.parts) for (const column of part.columns) if (column.name === name) found.push(column.value);
    if (isSystemColumn(name) && level.parts.some((part) => part.systemColumns)) found.push(clean);
    if (found.length > 0) return merge([...found, ...possible.filter((value) => value.sources.length > 0)]);
    for (const part of level.parts) if (part.rest !== undefined) possible.push(part.rest);
  }
  const item = findItem(scope, [name]);
  if (item !== undefined) return merge([wholeRow(item), ...possible]);
  if (possible.length > 0) return merge(possible);
  throw new NotUnderstood('a column that the catalog does not know, or a function called in the notation of one');
}

/**
 * What a name could mean further out than where it was found: columns, and rows of items, of the same name in queries around that one. The server stops
 * at the nearest as well; whatever this analysis took to be there and the server does not see must not hide what the server goes on to.
 * @param names a column, with or without what stands before it, or (`isRow`) an item
 */
export function furtherOut(scope: Scope, names: readonly string[], isRow: boolean): readonly ColumnRef[] {
  const sources: ColumnRef[] = [];
  // Where the server sees system columns is no reason to stop either.
  let found = !isRow && isSystemColumn(names.at(-1)!);
  for (let level: Scope | undefined = scope; level !== undefined; level = level.parent) {
    const here = valuesNamed(level, names, isRow);
    if (found) for (const value of here) sources.push(...value.sources);
    found ||= here.length > 0;
  }
  return sources;
}

/** Whether a name means something outside of the LATERAL query, or the one of IN, which the name is in. */
export function isLateral(scope: Scope, names: readonly string[], isRow: boolean): boolean {
  for (let level: Scope | undefined = scope; level !== undefined; level = level.parent) {
    if (valuesNamed(level, names, isRow).length > 0) return level.lateral === true;
  }
  return false;
}

function valuesNamed(level: Scope, names: readonly string[], isRow: boolean): readonly Value[] {
  const name = names.at(-1)!;
  const single = names.length === 1;
  const values: Value[] = [];
  for (const part of level.parts) {
    if (single && !isRow) for (const column of part.columns) if (column.name === name) values.push(column.value);
    for (const item of part.items) {
      if (single) {
        if (item.alias === name) values.push(wholeRow(item));
      } else if (isRow ? isCalled(item, names) : isCalled(item, names.slice(0, -1))) {
        const value = isRow ? wholeRow(item) : columnOf(item, name);
        if (value !== undefined) values.push(value);
      }
    }
  }
  return values;
}

/** Gives a FROM item its column aliases: the first ones take the new names. */
export function renamed(of: Columns, names: readonly string[]): Columns {
  if (names.length === 0) return of;
  if (of.rest !== undefined) {
    // Which columns come first is not known: any of them can have any of the names, and keep its own.
    const any: Value = { ...together([of.rest, ...of.columns.map((column) => column.value)]), direct: false, total: of.columns.length === 0 && of.rest.total };
    return { ...of, columns: names.map((name) => ({ name, value: any })), rest: any };
  }
  if (names.length > of.columns.length) throw new NotUnderstood('more column aliases than columns');
  return { ...of, columns: of.columns.map((column, index) => (index < names.length ? { ...column, name: names[index]! } : column)) };
}

/** One item as a whole FROM element. */
export function part(item: Item): FromPart {
  return { items: [item], columns: item.columns, ...(item.rest === undefined ? {} : { rest: item.rest }), ...(item.opened && { opened: item.opened }), ...(item.relation ? { systemColumns: true } : {}) };
}

/** What `t.*` stands for. */
export function starred(of: Columns): Columns {
  return of.columns.some((column) => column.unstarred) ? { ...of, columns: of.columns.filter((column) => !column.unstarred) } : of;
}

/** Everything that `*` stands for. */
export function star(parts: readonly FromPart[]): Columns {
  const rests = parts.flatMap((each) => (each.rest === undefined ? [] : [each.rest]));
  const columns = parts.flatMap((each) => starred(each).columns);
  // Behind columns of unknown number no position is known any more, so all of them become one.
  const opened = openedBy(parts);
  if (rests.length === 0) return { columns, ...opened };
  return { columns: [], rest: { ...together([...rests, ...columns.map((column) => column.value)]), direct: false, total: false }, ...opened };
}
