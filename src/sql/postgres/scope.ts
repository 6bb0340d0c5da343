import type { Around } from './around.ts';
import { NOT_IN_CATALOG } from './relations.ts';
import { systemColumns } from './system.ts';
import { isSystemColumn } from './visible.ts';

/** One thing in FROM (or the target of a writing statement) that columns can be taken from. */
export interface Item {
  /** The name it goes by: its alias, else its own. */
  readonly name: string | undefined;
  readonly schema?: string;
  /** Names as the query sees them; undefined when they are not known. */
  readonly columns: readonly string[] | undefined;
  /** The columns are not known, but each is one of these or has a name that a column of the system or of the catalog has. */
  readonly among?: ReadonlySet<string>;
  /** A table or view: what a column of it holds is of a type that has a name. */
  readonly relation?: true;
  /** Has system columns; inside a join they cannot be named without it. */
  readonly systemColumns?: 'bare' | 'qualified';
  /** Notes that a column (`*`: all of them) is read. */
  read(column: string): void;
}

/** The names that one query level can use, and those around it. */
export interface Scope {
  readonly parent: Scope | undefined;
  readonly items: Item[];
  /** What `*` stands for: the columns of each element of FROM in order, undefined where they are not known. */
  readonly stars: (readonly string[] | undefined)[];
  /** Names of common table expressions, with their columns when known. */
  readonly ctes: Map<string, readonly string[] | undefined>;
  /** Names of the output columns, which ORDER BY and GROUP BY may use; undefined when they are not known. */
  outputs: ReadonlySet<string> | undefined;
  /** The query reads pg_settings at one name: what `name` then is. */
  settingName?: unknown;
}

export function scopeIn(parent: Scope | undefined): Scope {
  return { parent, items: [], stars: [], ctes: new Map(), outputs: new Set() };
}

/** Adds the target of a writing statement, or a relation that a definition is about. */
export function addItem(scope: Scope, item: Item): void {
  scope.items.push(item);
  scope.stars.push(item.columns);
}

/** The level as a part of FROM sees it: of its own items only some, and all that is around it. */
export function seeing(scope: Scope, items: readonly Item[]): Scope {
  return { ...scope, items: [...items] };
}

/** Whether a name without a qualifier can be the item's. */
export function hasColumn(item: Item, column: string): boolean {
  return item.columns !== undefined && (item.columns.includes(column) || (item.systemColumns === 'bare' && isSystemColumn(column)));
}

/** Whether a column of this name could be one of the item's. */
export function mayHaveColumn(around: Around, item: Item, column: string): boolean {
  if (item.systemColumns !== undefined && isSystemColumn(column)) return true;
  if (item.columns !== undefined) return item.columns.includes(column);
  return item.among === undefined || isSystemColumn(column) || item.among.has(column) || someColumn(around, column);
}

/** Whether anything that the system or the catalog has could have a column or field of this name. */
export function someColumn(around: Around, name: string): boolean {
  return systemColumns.has(name) || around.names.index.columnNames.has(name);
}

/** A column that nothing has: it may have come to be since the snapshot was taken, or be a function in the notation of a column. */
export function missingColumn(around: Around, name: string): void {
  around.effects.missingColumn(NOT_IN_CATALOG, name);
}

/** The common table expression that a bare name stands for, if one does. */
export function cte(scope: Scope | undefined, name: string): { readonly columns: readonly string[] | undefined } | undefined {
  for (let at = scope; at; at = at.parent) if (at.ctes.has(name)) return { columns: at.ctes.get(name) };
  return undefined;
}

/** The item that a qualifier names, from the inside out. */
export function itemNamed(scope: Scope, schema: string | undefined, name: string): Item | undefined {
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    const found = at.items.find((item) => item.name === name && (schema === undefined || item.schema === schema));
    if (found) return found;
  }
  return undefined;
}

/**
 * Notes the reading of a column named without its table: of every item that has it at the innermost level where one does;
 * when none does, of all items that could. One that nothing can have is missing.
 */
export function readColumn(around: Around, scope: Scope, column: string): void {
  let unsure = false;
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    const having = at.items.filter((item) => hasColumn(item, column));
    for (const item of having) item.read(column);
    if (having.length > 0) return;
    for (const item of at.items) {
      if (item.columns !== undefined) continue;
      if (mayHaveColumn(around, item, column)) unsure = true;
      item.read(column);
    }
    if (at.outputs === undefined || at.outputs.has(column)) unsure = true;
  }
  // A table's name alone is its whole row.
  const whole = itemNamed(scope, undefined, column);
  if (whole) whole.read('*');
  else if (!unsure) {
    for (const item of scope.items) item.read(column);
    missingColumn(around, column);
  }
}
