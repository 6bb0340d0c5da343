import { columns, visibleLine } from './recorded.ts';

/** What may stand in a cell; nothing is shown as a dash. */
export type Cell = string | number | boolean | undefined | null;

const words = (cell: Cell): string => {
  if (cell === undefined || cell === null || cell === '') return '-';
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  return visibleLine(String(cell));
};

/** A table for people, or a sentence when it would be empty. Nothing in it acts on the terminal. */
export const table = (head: readonly string[], rows: readonly (readonly Cell[])[], empty: string): string => (rows.length === 0 ? `${empty}\n` : columns([head, ...rows.map((row) => row.map(words))]));

/** Lines of a name and what it is. What is not there is left out. */
export const lines = (rows: readonly (readonly [string, Cell | readonly Cell[]])[]): string => {
  const shown = rows.flatMap(([name, value]) => {
    const text = Array.isArray(value) ? value.map(words).join(', ') : value === undefined || value === null ? '' : words(value as Cell);
    return text === '' ? [] : [[`${name}:`, text]];
  });
  return columns(shown);
};

/** A title above something, with an empty line before it. */
export const section = (title: string, text: string): string => `\n${title}\n${text}`;

/** How to see more of a list. */
export const more = (next: string | null): string => (next === null ? '' : `there are more: --cursor ${visibleLine(next)}\n`);

/** To the second: enough for people. */
export const moment = (time: string | undefined): string | undefined => time?.replace(/\.\d+(?=Z$)/, '');
