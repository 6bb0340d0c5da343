import type { Choices } from './choices.ts';
import { NAMES, TABLES } from './universe.ts';
import type { Column, Table } from './universe.ts';

/*
 * What the generator believes names to mean: only so that most statements run. Where it is wrong the server says so, or means something else, which is
 * what the oracle is for.
 */

/** Something in FROM. */
export interface Item {
  readonly name: string;
  readonly columns: readonly Column[];
  /** For a table without an alias. */
  readonly schema?: string;
  readonly isTable?: boolean;
}

/** One query level. */
export interface Level {
  readonly parent: Level | undefined;
  readonly items: Item[];
  readonly ctes: Item[];
  readonly windows: string[];
  /** Names that are in use beside those of the items. */
  readonly taken: readonly string[];
  /** Rows are being written: their places in the table are not the same in every run. */
  readonly writing: boolean;
}

export function levelIn(parent: Level | undefined, more: Partial<Level> = {}): Level {
  return { parent, items: [], ctes: [], windows: [], taken: [], writing: parent?.writing ?? false, ...more };
}

export const text = (name: string, secret = false): Column => ({ name, kind: 'text', secret });

/** What the server calls a column that has no name: nothing can refer to it. */
export const UNNAMED = '?column?';

/** Aliases that hide something, and a few that hide nothing. */
export function aliasName(choices: Choices): string {
  if (choices.chance(25)) return focused(choices);
  return choices.one('x', 'y', 'z', 'x', 'y', 'z', ...NAMES, 'old', 'new', 'excluded', 'v', 'k');
}

/** Names that columns get. */
export function columnName(choices: Choices): string {
  if (choices.chance(75)) return focused(choices);
  return choices.one(...NAMES, 'x', ...SPECIAL);
}

/** One of the names that this statement is about. */
export const focused = (choices: Choices): string => choices.one(...choices.focus);

/** Names that something has without being given it: system columns, results of functions, sequences. */
export const SPECIAL = ['ctid', 'tableoid', 'lexeme', 'value', 'ordinality', 'unnest', 'last_value'] as const;

export function allCtes(level: Level | undefined): readonly Item[] {
  return level === undefined ? [] : [...level.ctes, ...allCtes(level.parent)];
}

/** Items of the level and of those around it, the nearest most often. */
export function someItem(choices: Choices, level: Level): Item | undefined {
  return place(choices, level)?.item;
}

/** The same, with the level that it is at. */
export function place(choices: Choices, level: Level): { readonly item: Item; readonly at: Level } | undefined {
  let last: Level | undefined;
  for (let at: Level | undefined = level; at !== undefined; at = at.parent) {
    if (at.items.length === 0) continue;
    last = at;
    if (!choices.chance(35)) break;
  }
  return last === undefined ? undefined : { item: last.items[choices.below(last.items.length)]!, at: last };
}

/** A column that is, as far as is believed, mostly not secret. */
export function someColumn(choices: Choices, item: Item): Column | undefined {
  const all = item.columns.filter((column) => column.name !== UNNAMED);
  const open = all.filter((column) => !column.secret);
  const from = open.length > 0 && !choices.chance(6) ? open : all;
  return from[choices.below(from.length)];
}

export function someTable(choices: Choices): Table {
  return TABLES[choices.below(TABLES.length)]!;
}

/** With its schema, where that is needed or as a decoy. */
export function tableText(choices: Choices, table: Table): string {
  return table.schema !== 'public' || choices.chance(12) ? `${table.schema}.${table.name}` : table.name;
}
