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
  /** Or it may be taken for one that does: in another case, without blanks around it, or as a list with a member that does. */
  readonly possibly: (value: string) => boolean;
}

export const compileValues = (patterns: readonly string[]): ValueMatch => {
  const surely = anyOf(patterns);
  const folded = anyOf(patterns.map((pattern) => caseless(pattern)));
  const possibly = (value: string): boolean => {
    if (surely(value)) return true;
    const lower = caseless(value);
    const bare = trimmed(lower);
    return folded(lower) || (bare !== lower && folded(bare)) || (bare.includes(',') && bare.split(',').some((member) => folded(trimmed(member))));
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

/** Character by character: an expression for blanks at an end would look at each run of them anew. */
const trimmed = (text: string): string => {
  let start = 0;
  let end = text.length;
  while (start < end && BLANK.test(text.charAt(start))) start += 1;
  while (end > start && BLANK.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
};
