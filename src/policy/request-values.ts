import { caseless } from '../apis/alike.ts';
import { anyOf } from './glob.ts';
import { COVERS, NONE, TOUCHES, type Level } from './level.ts';

/*
 * What a parameter or header field of a request says, as the most forgiving servers read it. That is enough to refuse, and never to grant.
 */

/** Control characters and blanks of every kind: some programming languages cut them off, others do not. */
const BLANK = /[\s\p{Cc}\p{Cf}]/u;

/** What a rule says of values, by patterns of which one is enough. */
export interface ValueMatch {
  readonly surely: (value: string) => boolean;
  /** Or it may be taken for one that does: in another case, without blanks around it, as the same number or truth written in another way, or as a list with a member that does. */
  readonly possibly: (value: string) => boolean;
}

export const compileValues = (patterns: readonly string[]): ValueMatch => {
  const surely = anyOf(patterns);
  const folded = anyOf(patterns.map((pattern) => caseless(pattern)));
  const said = new Set(patterns.map((pattern) => saidBy(caseless(pattern))).filter((word) => word !== undefined));
  const same = (bare: string): boolean => {
    const word = said.size === 0 ? undefined : saidBy(bare);
    return folded(bare) || (word !== undefined && said.has(word));
  };
  const possibly = (value: string): boolean => {
    if (surely(value)) return true;
    const lower = caseless(value);
    const bare = trimmed(lower);
    return folded(lower) || same(bare) || (bare.includes(',') && bare.split(',').some((member) => same(trimmed(member))));
  };
  return { surely, possibly };
};

/**
 * How far values reach. Which of several counts is the server's to say. @param alike values of what servers may take for the same name
 * @param rivals whether one of those could take the place of these
 */
export const reachValues = (values: readonly string[] | undefined, { surely, possibly }: ValueMatch, alike: readonly string[], rivals: boolean): Level => {
  if (values?.every(surely) === true && !rivals) return COVERS;
  return values?.some(possibly) === true || alike.some(possibly) ? TOUCHES : NONE;
};

/** As frameworks read parameters that are to be a truth. */
const TRUTHS: ReadonlyMap<string, 'yes' | 'no'> = new Map([
  ...['true', '1', 'yes', 'on', 't', 'y'].map((word) => [word, 'yes'] as const),
  ...['false', '0', 'no', 'off', 'f', 'n'].map((word) => [word, 'no'] as const),
]);
const NUMBER = /^(?:[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:e[+-]?\d{1,4})?|0x[0-9a-f]{1,16})$/;

/** What a value in lower case says where it is read as a truth or a number, whichever way it is written: `1`, `01` and `1.0` are one, and so are `true` and `on`. */
const saidBy = (bare: string): string | undefined => {
  const word = NUMBER.test(bare) ? String(Number(bare)) : undefined;
  return TRUTHS.get(word ?? bare) ?? word;
};

/** Character by character: an expression for blanks at an end would look at each run of them anew. */
const trimmed = (text: string): string => {
  let start = 0;
  let end = text.length;
  while (start < end && BLANK.test(text.charAt(start))) start += 1;
  while (end > start && BLANK.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
};
