/**
 * Canonical JSON (RFC 8785, JCS), narrowed to what a leaf may hold: safe integers only, no lone surrogates, no deep nesting.
 * Two writers that agree on the values agree on the bytes, so a leaf can be hashed and checked by anyone.
 */

/** Deepest nesting that a leaf may have. Records need four levels. */
const DEEPEST = 16;

/** A value that a leaf may not hold. The record that carries it is refused: fail closed. */
export class NotCanonical extends Error {}

/** The canonical text of `value`. Members that are `undefined` are left out. Throws NotCanonical. */
export const canonical = (value: unknown, depth = 0): string => {
  switch (typeof value) {
    case 'string':
      return canonicalString(value);
    case 'number':
      return canonicalInteger(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= DEEPEST) throw new NotCanonical('a leaf is nested too deeply');
      return Array.isArray(value) ? canonicalArray(value, depth) : canonicalObject(value as Record<string, unknown>, depth);
    default:
      throw new NotCanonical(`a leaf cannot hold a ${typeof value}`);
  }
};

/** The canonical text of a number. Throws NotCanonical. */
export const canonicalInteger = (value: number): string => {
  if (!Number.isSafeInteger(value)) throw new NotCanonical('a leaf holds safe integers only');
  // -0 is a safe integer whose canonical text is 0.
  return value === 0 ? '0' : String(value);
};

/** Texts without anything to escape, the usual case, skip the general routine. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** The canonical text of a string. Throws NotCanonical. */
export const canonicalString = (text: string): string => {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new NotCanonical('a leaf cannot hold a lone surrogate');
  return JSON.stringify(text);
};

const texts = new WeakMap<object, string>();

/** Freezes a value that many records hold, with all in it, so that its text is made once. */
export const fixed = <Value extends object>(value: Value): Value => {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null && !Object.isFrozen(member)) fixed(member);
  Object.freeze(value);
  try {
    texts.set(value, canonical(value));
  } catch {
    // The record that holds it will be refused, with the reason.
  }
  return value;
};

/** Whether a value was made by `fixed`, so that its text stays what it is. */
export const isFixed = (value: object): boolean => texts.has(value);

const canonicalArray = (values: readonly unknown[], depth: number): string => {
  const known = texts.get(values);
  if (known !== undefined) return known;
  let text = '[';
  for (let i = 0; i < values.length; i += 1) {
    if (i > 0) text += ',';
    text += canonical(values[i], depth + 1);
  }
  return `${text}]`;
};

const canonicalObject = (value: Record<string, unknown>, depth: number): string => {
  const known = texts.get(value);
  if (known !== undefined) return known;
  const names = Object.keys(value);
  // Records are written in this order already, for the most part.
  for (let i = 1; i < names.length; i += 1) {
    if ((names[i - 1] as string) > (names[i] as string)) {
      names.sort();
      break;
    }
  }
  let text = '{';
  for (let i = 0; i < names.length; i += 1) {
    const name = names[i] as string;
    const member = value[name];
    if (member === undefined) continue;
    if (text.length > 1) text += ',';
    text += memberName(name) + canonical(member, depth + 1);
  }
  return `${text}}`;
};

const memberNames = new Map<string, string>();
/** Names of members are ours and the configuration's, and few. */
const MOST_MEMBER_NAMES = 1000;

/** The name of a member with what stands around it. */
const memberName = (name: string): string => {
  let text = memberNames.get(name);
  if (text === undefined) {
    text = `${canonicalString(name)}:`;
    if (memberNames.size < MOST_MEMBER_NAMES) memberNames.set(name, text);
  }
  return text;
};
