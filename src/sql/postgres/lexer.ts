/**
 * PostgreSQL's lexer (src/backend/parser/scan.l, versions 15 to 18) over bytes, with `standard_conforming_strings = on`
 * and UTF-8: what it calls a token is what the server calls a token. It exists to be fast (the shape of a statement is the
 * cache key of everything that is understood about it) and to see literals where they stand, which the parser does not show.
 */

/** What a token is. The order matters to nobody. */
export const Token = {
  end: 0,
  /** Identifier or keyword. */
  word: 1,
  /** `"..."`. */
  quotedWord: 2,
  /** `U&"..."`. */
  unicodeWord: 3,
  /** `'...'`, continued across newlines. */
  string: 4,
  /** `E'...'`. */
  escapeString: 5,
  /** `U&'...'`. */
  unicodeString: 6,
  /** `$tag$...$tag$`. */
  dollarString: 7,
  /** `B'...'`. */
  bits: 8,
  /** `X'...'`. */
  hexBits: 9,
  /** Fits 32 bits: the grammar's ICONST. */
  integer: 10,
  /** Any other number: the grammar's FCONST. */
  decimal: 11,
  /** `$1`. */
  parameter: 12,
  /** Punctuation and operators. */
  operator: 13,
  semicolon: 14,
  /** What the server refuses: an unterminated quote or comment, a malformed number, a stray byte. */
  error: 15,
} as const;

export const SPACE = 1;
export const WORD_START = 2;
const DIGIT = 3;
const OPERATOR = 4;
const SELF = 5;

/** Class of each byte. `@` and the like are operator characters; `,()[].;:` stand alone. NUL and control bytes are errors. */
export const CLASS: Uint8Array = new Uint8Array(256);
for (const c of ' \t\n\r\f\v') CLASS[c.charCodeAt(0)] = SPACE;
for (let c = 0; c < 26; c++) CLASS[65 + c] = CLASS[97 + c] = WORD_START;
CLASS[95] = WORD_START;
// Every byte from 0x80 may be part of an identifier: NBSP and the byte order mark too.
for (let c = 128; c < 256; c++) CLASS[c] = WORD_START;
for (let c = 48; c < 58; c++) CLASS[c] = DIGIT;
for (const c of '~!@#^&|`?+-*/%<>=') CLASS[c.charCodeAt(0)] = OPERATOR;
for (const c of ',()[].;:') CLASS[c.charCodeAt(0)] = SELF;

/** Bytes that may continue an identifier. */
export const WORD: Uint8Array = new Uint8Array(256);
for (let c = 0; c < 256; c++) if (CLASS[c] === WORD_START || CLASS[c] === DIGIT) WORD[c] = 1;
WORD[36] = 1;

/** Operator characters that let a multi-character operator end in `+` or `-`. */
const KEEPS_SIGN = new Uint8Array(256);
for (const c of '~!@#^&|`?%') KEEPS_SIGN[c.charCodeAt(0)] = 1;

const isSpace = (c: number | undefined): boolean => c !== undefined && CLASS[c] === SPACE;
const isDigit = (c: number | undefined): boolean => c !== undefined && c >= 48 && c <= 57;
const isHex = (c: number | undefined): boolean => c !== undefined && ((c >= 48 && c <= 57) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102));

/**
 * Walks over the tokens of one text. `next` moves to the next token and returns its kind; `start` and `end` are its byte
 * offsets. Comments and blanks are skipped. After `Token.error` or `Token.end` it stays where it is.
 */
export class Lexer {
  start = 0;
  end = 0;
  #text: Uint8Array;

  constructor(text: Uint8Array) {
    this.#text = text;
  }

  /** Begins again, over another text. */
  reset(text: Uint8Array): void {
    this.#text = text;
    this.start = 0;
    this.end = 0;
  }

  next(): number {
    const text = this.#text;
    const length = text.length;
    let i = this.end;
    let c = 0;
    for (;;) {
      if (i >= length) {
        this.start = this.end = length;
        return Token.end;
      }
      c = text[i] as number;
      if (CLASS[c] === SPACE) i++;
      else if (c === 45 && text[i + 1] === 45) i = endOfLine(text, i + 2);
      else if (c === 47 && text[i + 1] === 42) {
        const after = endOfComment(text, i + 2);
        if (after < 0) return this.#fail(i);
        i = after;
      } else break;
    }
    this.start = i;
    switch (CLASS[c]) {
      case WORD_START:
        return this.#word(c, i);
      case DIGIT:
        return this.#number(i);
      case SELF:
        if (c === 46 && isDigit(text[i + 1])) return this.#number(i);
        if ((c === 58 && (text[i + 1] === 58 || text[i + 1] === 61)) || (c === 46 && text[i + 1] === 46)) this.end = i + 2;
        else this.end = i + 1;
        return c === 59 ? Token.semicolon : Token.operator;
      case OPERATOR:
        this.end = endOfOperator(text, i);
        return Token.operator;
      default:
        break;
    }
    if (c === 39) return this.#quoted(i + 1, Token.string);
    if (c === 34) return this.#quotedWord(i + 1, Token.quotedWord);
    if (c === 36) return this.#dollar(i);
    return this.#fail(i);
  }

  #fail(at: number): number {
    this.start = at;
    this.end = at;
    return Token.error;
  }

  #word(c: number, i: number): number {
    const text = this.#text;
    const after = text[i + 1];
    if (after === 39) {
      if (c === 69 || c === 101) return this.#quoted(i + 2, Token.escapeString);
      if (c === 66 || c === 98) return this.#quoted(i + 2, Token.bits);
      if (c === 88 || c === 120) return this.#quoted(i + 2, Token.hexBits);
      // N'...' is the word N and then a string, as in the server.
    } else if (after === 38 && (c === 85 || c === 117)) {
      if (text[i + 2] === 39) return this.#quoted(i + 3, Token.unicodeString);
      if (text[i + 2] === 34) return this.#quotedWord(i + 3, Token.unicodeWord);
    }
    const length = text.length;
    let end = i + 1;
    while (end < length && WORD[text[end] as number] === 1) end++;
    this.end = end;
    return Token.word;
  }

  #quotedWord(from: number, kind: number): number {
    const text = this.#text;
    let i = from;
    for (;;) {
      const at = text.indexOf(34, i);
      // A zero-length identifier is an error in the server.
      if (at < 0 || (at === from && text[at + 1] !== 34)) return this.#fail(this.start);
      if (text[at + 1] === 34) i = at + 2;
      else {
        this.end = at + 1;
        return kind;
      }
    }
  }

  #quoted(from: number, kind: number): number {
    const text = this.#text;
    const length = text.length;
    const escapes = kind === Token.escapeString;
    // In bit strings a quote ends the string, and the one behind it begins another.
    const doubles = kind !== Token.bits && kind !== Token.hexBits;
    let i = from;
    for (;;) {
      if (i >= length) return this.#fail(this.start);
      const c = text[i] as number;
      if (c === 39) {
        if (doubles && text[i + 1] === 39) i += 2;
        else {
          const more = continuation(text, i + 1);
          if (more < 0) {
            this.end = i + 1;
            return kind;
          }
          i = more;
        }
      } else if (escapes && c === 92) i += 2;
      else i++;
    }
  }

  #dollar(i: number): number {
    const text = this.#text;
    const length = text.length;
    if (isDigit(text[i + 1])) {
      let end = i + 2;
      while (isDigit(text[end])) end++;
      const c = text[end];
      this.end = end;
      // `$1x`: trailing junk, an error from 15 on.
      return c !== undefined && CLASS[c] === WORD_START ? this.#fail(i) : Token.parameter;
    }
    let tag = i + 1;
    while (tag < length && (CLASS[text[tag] as number] === WORD_START || (tag > i + 1 && isDigit(text[tag])))) tag++;
    if (text[tag] !== 36) return this.#fail(i);
    const size = tag - i + 1;
    for (let at = text.indexOf(36, tag + 1); at >= 0; at = text.indexOf(36, at + 1)) {
      let same = 1;
      while (same < size && text[at + same] === text[i + same]) same++;
      if (same === size) {
        this.end = at + size;
        return Token.dollarString;
      }
    }
    return this.#fail(i);
  }

  #number(i: number): number {
    const text = this.#text;
    const c = text[i] as number;
    const x = (text[i + 1] ?? 0) | 32;
    if (c === 48 && (x === 120 || x === 111 || x === 98)) return this.#based(i, x);
    let end = digits(text, i);
    let kind: number = Token.integer;
    if (text[end] === 46 && !(text[end + 1] === 46 && end > i)) {
      kind = Token.decimal;
      end = isDigit(text[end + 1]) ? digits(text, end + 1) : end + 1;
    }
    const e = text[end];
    if (e === 69 || e === 101) {
      const sign = text[end + 1] === 43 || text[end + 1] === 45 ? 1 : 0;
      if (!isDigit(text[end + 1 + sign])) return this.#fail(i);
      kind = Token.decimal;
      end = digits(text, end + 1 + sign);
    }
    return this.#numberEnd(i, end, kind);
  }

  /** 0x1F, 0o17, 0b1: 16 and later. Older servers read `0` and an alias, so such text is not for them: see `gluedNumber`. */
  #based(i: number, base: number): number {
    const text = this.#text;
    let end = i + 2;
    for (;;) {
      const at = text[end] === 95 ? end + 1 : end;
      const c = text[at];
      const fits = base === 120 ? isHex(c) : base === 111 ? c !== undefined && c >= 48 && c <= 55 : c === 48 || c === 49;
      if (!fits) break;
      end = at + 1;
    }
    if (end === i + 2) return this.#fail(i);
    return this.#numberEnd(i, end, Token.integer);
  }

  #numberEnd(start: number, end: number, kind: number): number {
    const after = this.#text[end];
    if (after !== undefined && CLASS[after] === WORD_START) return this.#fail(start);
    this.end = end;
    return kind === Token.integer && end - start > 9 && !fitsInteger(this.#text, start, end) ? Token.decimal : kind;
  }
}

/** Digits with single underscores between them. */
function digits(text: Uint8Array, from: number): number {
  let i = from;
  while (isDigit(text[i]) || (text[i] === 95 && i > from && isDigit(text[i + 1]))) i++;
  return i;
}

function fitsInteger(text: Uint8Array, start: number, end: number): boolean {
  let written = '';
  for (let i = start; i < end; i++) if (text[i] !== 95) written += String.fromCharCode(text[i] as number);
  return Number(written) <= 2147483647;
}

/** A `--` comment ends at LF or CR. */
function endOfLine(text: Uint8Array, from: number): number {
  let i = from;
  while (i < text.length && text[i] !== 10 && text[i] !== 13) i++;
  return i;
}

/** The offset after a block comment whose content starts at `from`; they nest. -1 when it does not end. */
function endOfComment(text: Uint8Array, from: number): number {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (c === 42 && text[i + 1] === 47) {
      i++;
      if (--depth === 0) return i + 1;
    } else if (c === 47 && text[i + 1] === 42) {
      i++;
      depth++;
    }
  }
  return -1;
}

/** Where a string goes on after its closing quote (blanks with a newline, `--` comments, another quote), or -1. */
function continuation(text: Uint8Array, from: number): number {
  let i = from;
  let newline = false;
  while (i < text.length) {
    const c = text[i] as number;
    if (c === 39) return newline ? i + 1 : -1;
    if (isSpace(c)) {
      if (c === 10 || c === 13) newline = true;
      i++;
    } else if (c === 45 && text[i + 1] === 45) {
      // A comment counts as blank only together with the newline that ends it.
      i = endOfLine(text, i + 2);
      if (i >= text.length) return -1;
    } else return -1;
  }
  return -1;
}

function endOfOperator(text: Uint8Array, start: number): number {
  let end = start + 1;
  let keeps = KEEPS_SIGN[text[start] as number] === 1;
  while (end < text.length) {
    const c = text[end] as number;
    if (CLASS[c] !== OPERATOR) break;
    // An operator ends where a comment begins.
    if ((c === 42 && text[end - 1] === 47) || (c === 45 && text[end - 1] === 45)) {
      end--;
      break;
    }
    if (KEEPS_SIGN[c] === 1) keeps = true;
    end++;
  }
  // SQL operators do not end in + or -, so that `a*-1` is read as people mean it.
  if (!keeps) while (end - start > 1 && (text[end - 1] === 43 || text[end - 1] === 45)) end--;
  return end;
}
