import { canonical } from './resolve.ts';

interface Named {
  readonly name: string;
}

/** Whether two parts mean the same, wherever they stand. */
export const same = (a: unknown, b: unknown): boolean => (a === undefined || b === undefined ? a === b : canonical(a) === canonical(b));

/** Added, removed, or which keys changed. Names, never values. */
export function listChanges(word: string, old: readonly Named[], now: readonly Named[]): string[] {
  const lines: string[] = [];
  for (const item of old) {
    const next = now.find(({ name }) => name === item.name);
    if (next === undefined) lines.push(`${word} removed: ${item.name}`);
    else if (!same(item, next)) lines.push(`${word} changed: ${item.name} (${changedKeys(item, next).join(', ')})`);
  }
  for (const item of now) if (!old.some(({ name }) => name === item.name)) lines.push(`${word} added: ${item.name}`);
  return lines;
}

function changedKeys(a: object, b: object): string[] {
  const [one, two] = [a, b] as readonly [Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => key !== 'origin' && !same(one[key], two[key]));
}
