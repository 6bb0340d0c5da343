import type { Origin } from '../model/decision.ts';

/** A title with, for each named thing, where it stands and its lines. */
export function section<T extends { readonly name: string; readonly origin: Origin }>(title: string, list: readonly T[], lines: (item: T) => string[]): string[] {
  return ['', title, ...(list.length === 0 ? ['  none'] : list.flatMap((item) => [`  ${item.name}  (${item.origin.file}:${item.origin.line})`, ...indent(indent(lines(item)))]))];
}

export const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
