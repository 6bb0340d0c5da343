import { isUtf8 } from 'node:buffer';
import { CLASS, Lexer, SPACE, Token, WORD, WORD_START } from './lexer.ts';

/**
 * The shape of a text: its tokens with every literal replaced by a marker of its kind, comments dropped and blanks
 * normalised. Two texts of one shape have the same parse tree but for the values of literals.
 */
export interface Shape {
  /** The tokens, one blank between them; a prefix given by the caller stands before. Latin-1 of the bytes. */
  readonly key: string;
  /** A literal decides what other tokens mean (`U&"..." UESCAPE '!'`): the key is not enough. */
  readonly exact: boolean;
  readonly tokens: number;
  readonly literals: number;
  /** Byte offsets of the first token and behind the last one, leading and closing semicolons left out; equal when there is none. */
  readonly start: number;
  readonly end: number;
  /** Has a number that servers before 16 read as a number and an alias (`0x1F`, `1_000`). */
  readonly glued: boolean;
}

/** Most tokens of one text. */
export const MOST_TOKENS = 200_000;

/** Markers stand where no other token can: a word never begins with a digit or a quote. */
const QUOTE = 0x27;
const BLANK = 0x20;

/** Buffer's own, which the types leave out: a third of the time of `toString('latin1')` for short texts. */
interface Latin1 extends Buffer {
  latin1Slice(start: number, end: number): string;
}
const bufferOf = (size: number): Latin1 => Buffer.allocUnsafe(size) as Latin1;

let out = bufferOf(4096);
const lexer = new Lexer(out);

/** Texts up to this length are looked through faster here than by a call into native code. */
const SHORT = 256;

/**
 * The shape of a text, or undefined when the server would refuse it for its bytes alone: a token that it cannot read, NUL,
 * or not UTF-8 (or when there are more than `MOST_TOKENS`).
 * `prefix` is put before the key: what else the meaning depends on. Latin-1, at most 64 characters.
 */
export function shapeOf(text: Uint8Array, prefix: string): Shape | undefined {
  if (!readable(text)) return undefined;
  // A token never grows by more than the blank before it and the second byte of a marker.
  const most = text.length * 3 + 64;
  if (out.length < most) out = bufferOf(most * 2);
  const to = out;
  let at = 0;
  for (; at < prefix.length; at++) to[at] = prefix.charCodeAt(at);
  const begin = at;
  const length = text.length;
  let i = 0;
  let tokens = 0;
  let literals = 0;
  let first = -1;
  let last = 0;
  let exact = false;
  let glued = false;
  lexer.reset(text);
  for (;;) {
    // Most bytes are those of blanks and words: no call for them.
    let c = 0;
    while (i < length && CLASS[(c = text[i] as number)] === SPACE) i++;
    if (i >= length) break;
    if (CLASS[c] === WORD_START) {
      const after = text[i + 1];
      if (after !== 0x27 && after !== 0x26) {
        if (++tokens > MOST_TOKENS) return refused();
        if (at > begin) to[at++] = BLANK;
        if (first < 0) first = i;
        do to[at++] = c;
        while (++i < length && WORD[(c = text[i] as number)] === 1);
        last = i;
        continue;
      }
    }
    lexer.end = i;
    const kind = lexer.next();
    if (kind === Token.end) break;
    if (kind === Token.error || ++tokens > MOST_TOKENS) return refused();
    const { start, end } = lexer;
    i = end;
    if (at > begin) to[at++] = BLANK;
    switch (kind) {
      case Token.semicolon:
        to[at++] = 0x3b;
        continue;
      case Token.integer:
      case Token.decimal:
        to[at++] = 0x30;
        if (kind === Token.decimal) to[at++] = 0x2e;
        literals++;
        if (end - start > 1 && isGlued(text, start, end)) glued = true;
        break;
      case Token.unicodeString:
        exact = true;
        to[at++] = QUOTE;
        literals++;
        break;
      case Token.string:
      case Token.escapeString:
      case Token.dollarString:
        to[at++] = QUOTE;
        literals++;
        break;
      case Token.bits:
      case Token.hexBits:
        to[at++] = kind === Token.bits ? 0x62 : 0x78;
        to[at++] = QUOTE;
        literals++;
        break;
      default:
        if (kind === Token.unicodeWord) exact = true;
        for (let j = start; j < end; j++) to[at++] = text[j] as number;
    }
    if (first < 0) first = start;
    last = end;
  }
  lexer.reset(NOTHING);
  const key = to.latin1Slice(0, at);
  if (out.length > 1 << 20) out = bufferOf(4096);
  return { key, exact, tokens, literals, start: first < 0 ? 0 : first, end: last, glued };
}

/** Lets go of the text. */
function refused(): undefined {
  lexer.reset(NOTHING);
  return undefined;
}

function readable(text: Uint8Array): boolean {
  const { length } = text;
  if (length > SHORT) return !text.includes(0) && isUtf8(text);
  let all = 0;
  for (let i = 0; i < length; i++) {
    const c = text[i] as number;
    if (c === 0) return false;
    all |= c;
  }
  return all < 0x80 || isUtf8(text);
}

const NOTHING = new Uint8Array(0);

function isGlued(text: Uint8Array, start: number, end: number): boolean {
  const second = text[start + 1] ?? 0;
  if (end - start > 1 && second > 57 && second !== 0x65 && second !== 0x45) return true;
  for (let i = start + 1; i < end; i++) if (text[i] === 0x5f) return true;
  return false;
}

/** Byte offsets of tokens, `[start, end]` for each, and whether it is a semicolon; for mapping statements to their places. */
export interface TokenPlaces {
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly semicolons: readonly number[];
}

/** The places of all tokens of a text that has a shape. */
export function placesOf(text: Uint8Array, tokens: number): TokenPlaces {
  const starts = new Uint32Array(tokens);
  const ends = new Uint32Array(tokens);
  const semicolons: number[] = [];
  const each = new Lexer(text);
  for (let i = 0; i < tokens; i++) {
    if (each.next() === Token.semicolon) semicolons.push(i);
    starts[i] = each.start;
    ends[i] = each.end;
  }
  return { starts, ends, semicolons };
}
