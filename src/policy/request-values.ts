import { COVERS, NONE, TOUCHES, type Level } from './level.ts';

/*
 * What a parameter or header field of a request says, as the most forgiving servers read it. That is enough to refuse, and never to grant.
 */

/** Control characters and blanks of every kind: some programming languages cut them off, others do not. */
const BLANK = /[\s\p{Cc}\p{Cf}]/u;

/** The value, where it matches or may be taken for one that does: without blanks around it, or as a list with a member that does. */
export const couldMatch = (value: string, matches: (text: string) => boolean): boolean => {
  if (matches(value)) return true;
  const bare = trimmed(value);
  return (bare !== value && matches(bare)) || (bare.includes(',') && bare.split(',').some((member) => matches(trimmed(member))));
};

/**
 * How far values reach. Which of several counts is the server's to say. @param alike values of what servers may take for the same name
 * @param rivals whether one of those could take the place of these
 */
export const reachValues = (values: readonly string[] | undefined, matches: (text: string) => boolean, alike: readonly string[], rivals: boolean): Level => {
  if (values?.every(matches) === true && !rivals) return COVERS;
  const could = (value: string): boolean => couldMatch(value, matches);
  return values?.some(could) === true || alike.some(could) ? TOUCHES : NONE;
};

/** Character by character: an expression for blanks at an end would look at each run of them anew. */
const trimmed = (text: string): string => {
  let start = 0;
  let end = text.length;
  while (start < end && BLANK.test(text.charAt(start))) start += 1;
  while (end > start && BLANK.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
};
