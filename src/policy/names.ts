import { readPattern } from '../config/patterns.ts';
import { compileGlob } from './glob.ts';

/** One part of a dotted name pattern. */
export interface NamePart {
  /** The part is `*` alone: matches also what is not known. */
  readonly any: boolean;
  test(name: string): boolean;
}

/**
 * Compiles a dotted name pattern: `customers`, `billing.*`, `*.password`, `"Odd.Name".column`. A part in double quotes stands for
 * itself, as in SQL; in others `*` is a wildcard. Names are compared as the target folds them. Answers what is wrong in words when the
 * pattern cannot be read.
 */
export function parseNamePattern(pattern: string): readonly NamePart[] | string {
  const parts = readPattern(pattern);
  return typeof parts === 'string' ? parts : parts.map(compilePart);
}

function compilePart(part: string): NamePart {
  if (!part.startsWith('"')) return { any: /^\*+$/.test(part), test: compileGlob(part) };
  const literal = part.slice(1, -1).replaceAll('""', '"');
  return { any: false, test: (name) => name === literal };
}
