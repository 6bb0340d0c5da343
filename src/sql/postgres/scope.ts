/** One thing in FROM (or the target of a writing statement) that columns can be taken from. */
export interface Item {
  /** The name it goes by: its alias, else its own. */
  readonly name: string | undefined;
  readonly schema?: string;
  /** Names as the query sees them; undefined when they are not known. */
  readonly columns: readonly string[] | undefined;
  /** Notes that a column (`*`: all of them) is read. */
  read(column: string): void;
}

/** The names that one query level can use, and those around it. */
export interface Scope {
  readonly parent: Scope | undefined;
  readonly items: Item[];
  /** Names of common table expressions, with their columns when known. */
  readonly ctes: Map<string, readonly string[] | undefined>;
  /** Names of the output columns, which ORDER BY and GROUP BY may use. */
  outputs: ReadonlySet<string>;
  /** The query reads pg_settings at one name: what `name` then is. */
  settingName?: unknown;
}

export function scopeIn(parent: Scope | undefined): Scope {
  return { parent, items: [], ctes: new Map(), outputs: new Set() };
}

/** Columns that every table has. */
const SYSTEM_COLUMNS = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid', 'oid']);

export function hasColumn(item: Item, column: string): boolean {
  return item.columns !== undefined && (item.columns.includes(column) || SYSTEM_COLUMNS.has(column));
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
 * when none does, of all items that could.
 */
export function readColumn(scope: Scope, column: string): void {
  let unsure = false;
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    const having = at.items.filter((item) => hasColumn(item, column));
    for (const item of having) item.read(column);
    if (having.length > 0) return;
    for (const item of at.items) {
      if (item.columns !== undefined) continue;
      unsure = true;
      item.read(column);
    }
    if (at.outputs.has(column)) unsure = true;
  }
  // A table's name alone is its whole row.
  const whole = itemNamed(scope, undefined, column);
  if (whole) whole.read('*');
  else if (!unsure) for (const item of scope.items) item.read(column);
}
