import { folded } from './texts.ts';

/** What to look for. All that is given must hold. Names may have `*` in them for any characters. */
export interface SearchFilters {
  readonly identity?: string;
  readonly connection?: string;
  /** What the command is, or one of its effects: drop_table, drop. */
  readonly verb?: string;
  /** `table:public.customers`, `public.customers`, or the last part of the name. */
  readonly object?: string;
  /** `allow`, `require_approval` (it ran, approved), a reason for which commands are refused, or `refused` for all of those. */
  readonly decision?: string;
  /** Part of the recorded statement or of its parameters, whatever its case. */
  readonly text?: string;
  /** Milliseconds since the epoch: from inclusive, until exclusive. */
  readonly since?: number;
  readonly until?: number;
  /** Rows returned or changed, whichever is more: `>100`, `>=`, `<`, `<=` or `=`. */
  readonly rows?: string;
  /** Only records before this one: where the page before ended. */
  readonly before?: number;
}

/** A filter that cannot be understood. */
export class BadFilter extends Error {}

export const ROWS = /^(>=|<=|>|<|=) ?(\d{1,15})$/;
/** Letters of a text that is looked for. */
const LEAST_TEXT = 3;
const MOST_TEXT = 1000;

/** Throws BadFilter. */
export const checkFilters = ({ text, rows, since, until }: SearchFilters): void => {
  if (text !== undefined && (folded(text).length < LEAST_TEXT || text.length > MOST_TEXT)) throw new BadFilter(`a text to look for has ${LEAST_TEXT} to ${MOST_TEXT} characters`);
  if (rows !== undefined && !ROWS.test(rows)) throw new BadFilter('rows are compared as in ">100", ">=", "<", "<=" or "="');
  if (since !== undefined && until !== undefined && until <= since) throw new BadFilter('it ends before it begins');
};

/** Whether a number of rows is as asked; unknown numbers are not. */
export const rowsMatch = (asked: string, rows: number | null): boolean => {
  const [, sign, count] = ROWS.exec(asked) ?? [];
  if (rows === null) return false;
  const bound = Number(count);
  switch (sign) {
    case '>':
      return rows > bound;
    case '>=':
      return rows >= bound;
    case '<':
      return rows < bound;
    case '<=':
      return rows <= bound;
    default:
      return rows === bound;
  }
};

/** Whether a name is the one asked for. `*` stands for any characters; linear time. */
export const nameMatches = (pattern: string, name: string): boolean => {
  const [first = '', ...rest] = pattern.toLowerCase().split('*');
  const text = name.toLowerCase();
  if (rest.length === 0) return text === first;
  if (!text.startsWith(first)) return false;
  const last = rest.pop() as string;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
};

/** Whether an object, as in `table:public.customers`, is the one asked for: in whole, without its kind, or by the last part of its name. */
export const objectMatches = (pattern: string, object: string): boolean => {
  const name = object.slice(object.indexOf(':') + 1);
  return [object, name, name.slice(name.lastIndexOf('.') + 1)].some((form) => nameMatches(pattern, form));
};

/** Decisions of commands that were let through; of the others it is the reason that stands in their place. */
export const RAN: readonly string[] = ['allow', 'require_approval'];

/** Whether one of a command's verbs is the one asked for. */
export const verbsMatch = (pattern: string, verbs: string): boolean => verbs.split(' ').some((verb) => nameMatches(pattern, verb));

export const decisionMatches = (pattern: string, decision: string): boolean => (pattern === 'refused' ? !RAN.includes(decision) : nameMatches(pattern, decision));
