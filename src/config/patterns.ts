import { onlyComputes } from '../sql/postgres/only-computes.ts';

/** Longest pattern, in characters. Names of databases are far shorter. */
const longest = 512;

/**
 * Reads a dotted name pattern: `customers`, `billing.*`, `*.password`, `"Odd.Name".column`. A part in double quotes is taken
 * literally (`""` is one quote), as in SQL; in others `*` is a wildcard. The parts as written, or what is wrong in words.
 */
export function readPattern(pattern: string): readonly string[] | string {
  if (pattern.length > longest) return `is longer than ${longest} characters`;
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    const start = at;
    if (pattern[at] === '"') {
      at = closingQuote(pattern, at);
      if (at < 0) return 'has a quote that is not closed';
      if (at - start === 2) return 'has an empty part';
    } else {
      const dot = pattern.indexOf('.', at);
      at = dot < 0 ? pattern.length : dot;
      const text = pattern.slice(start, at);
      if (text === '') return 'has an empty part';
      if (text.includes('"')) return 'has a quote inside a part; quote the whole part';
      if (/\s/.test(text)) return 'has a space in a part; quote the part if the name has one';
    }
    parts.push(pattern.slice(start, at));
    if (at === pattern.length) return parts;
    if (pattern[at] !== '.') return 'has text after a closing quote';
    at += 1;
  }
}

/** Just after the quote that closes the one at `start`, or -1. */
function closingQuote(pattern: string, start: number): number {
  for (let at = start + 1; at < pattern.length; at += 1) {
    if (pattern[at] !== '"') continue;
    if (pattern[at + 1] !== '"') return at + 1;
    at += 1;
  }
  return -1;
}

export interface PatternProblem {
  /** Completes "PATTERN ...". */
  readonly message: string;
  readonly suggestion?: string | undefined;
}

/** What is wrong with a pattern for columns, if anything: `table.column`, `schema.table.column`, `*.column`. */
export function columnProblem(pattern: string): PatternProblem | undefined {
  const parts = readPattern(pattern);
  if (typeof parts === 'string') return { message: parts };
  if (parts.length === 1) return { message: 'names no table', suggestion: `write *.${pattern} for this column of any table` };
  return parts.length > 3 ? { message: 'has more than three parts', suggestion: 'table.column or schema.table.column' } : undefined;
}

/**
 * Whether everything that `narrow` means is surely meant by `wide` too: equal, or `wide` is a whole wildcard, part by part. Says no
 * when in doubt.
 */
export function patternCovers(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  const a = readPattern(wide);
  const b = readPattern(narrow);
  if (typeof a === 'string' || typeof b === 'string' || a.length !== b.length) return false;
  return a.every((part, index) => part === '*' || part === b[index]);
}

/** What is wrong with a pattern for functions, if anything: `name`, `schema.name`, with or without `(types)`. */
export function functionProblem(entry: string): PatternProblem | undefined {
  const open = entry.indexOf('(');
  if (open >= 0 && !entry.endsWith(')')) return { message: 'has no closing parenthesis' };
  const parts = readPattern(open < 0 ? entry : entry.slice(0, open));
  if (typeof parts === 'string') return { message: parts };
  return parts.length > 2 ? { message: 'has more than two parts', suggestion: 'name or schema.name, with or without (types)' } : undefined;
}

/** A function that leaves no effect: no rule ever meets it. Whoever has one of their own by that name says where it is. */
export function effectlessProblem(entry: string): PatternProblem | undefined {
  const parts = readPattern(entry.split('(', 1)[0] ?? '');
  const name = parts.at(-1);
  if (typeof parts === 'string' || name === undefined || !onlyComputes(name) || (parts.length === 2 && parts[0] !== 'pg_catalog')) return undefined;
  return {
    message: `can never match: ${name} of pg_catalog only computes, which is no effect of a statement`,
    suggestion: parts.length === 2 ? 'remove it: protect what it is given by columns, objects or masks' : `for a function of your own write schema.${name}`,
  };
}

/** What is wrong with a function that a connection vouches for, if anything: exactly `schema.name(types)`. */
export function grantProblem(entry: string): PatternProblem | undefined {
  const wrong = functionProblem(entry);
  if (wrong !== undefined) return wrong;
  const suggestion = 'write schema.name(argument types), such as billing.close_month(integer)';
  const open = entry.indexOf('(');
  if (open < 0) return { message: 'has no argument types', suggestion };
  const parts = readPattern(entry.slice(0, open));
  if (parts.length !== 2) return { message: 'names no schema', suggestion };
  if (entry.includes('*')) return { message: 'has a wildcard, and a function is vetted one by one', suggestion };
  return /[()]/.test(entry.slice(open + 1, -1)) ? { message: 'has types with parentheses', suggestion: 'types without their modifiers' } : undefined;
}
