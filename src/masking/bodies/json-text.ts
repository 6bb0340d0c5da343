/** What a byte is inside a string: 1 for one that needs no second look. */
const ordinary = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c ? 1 : 0));
const escapable = Uint8Array.from({ length: 256 }, (_, byte) => ('"\\/bfnrt'.includes(String.fromCharCode(byte)) ? 1 : 0));

/** States of a number (RFC 8259, section 6). It may end in those that `mayEnd` names. */
const minus = 1;
const zero = 2;
const whole = 3;
const point = 4;
const fraction = 5;
const letterE = 6;
const sign = 7;
const exponent = 8;
const mayEnd = (state: number): boolean => state === zero || state === whole || state === fraction || state === exponent;

const words: ReadonlyMap<number, Uint8Array> = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]));

const behindBackslash = 5;

/** Reads one token of JSON over any number of chunks. One at a time: a token is over before the next begins. */
export class JsonText {
  /** The string has no escape so far. */
  plain = true;
  readonly #fail: (what: string) => never;
  /** 5 behind a backslash, then how many hexadecimal digits are to come; 0 outside of an escape. */
  #escape = 0;
  /** How many bytes of a character are to come, and between which bounds the next lies. */
  #more = 0;
  #low = 0x80;
  #high = 0xbf;
  #number = 0;
  #word: Uint8Array = new Uint8Array(0);
  #matched = 0;

  constructor(fail: (what: string) => never) {
    this.#fail = fail;
  }

  /** A string begins. */
  begin(): void {
    this.plain = true;
  }

  /** Where the string's closing quote stands; -1 when the chunk ends first. */
  scan(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    if (this.#escape !== 0 || this.#more !== 0) at = this.#odd(bytes, at, end);
    const last = end - 4;
    for (;;) {
      while (at <= last && (ordinary[bytes[at]!]! & ordinary[bytes[at + 1]!]! & ordinary[bytes[at + 2]!]! & ordinary[bytes[at + 3]!]!) === 1) at += 4;
      while (at < end && ordinary[bytes[at]!] === 1) at++;
      if (at >= end) return -1;
      if (bytes[at] === 0x22) return at;
      at = this.#odd(bytes, at, end);
    }
  }

  /** An escape or a character beyond ASCII, as far as the chunk has it. */
  #odd(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    while (at < end) {
      const byte = bytes[at++]!;
      if (this.#more > 0) {
        if (byte < this.#low || byte > this.#high) this.#fail('bytes that are no UTF-8');
        this.#low = 0x80;
        this.#high = 0xbf;
        this.#more--;
      } else if (this.#escape === behindBackslash) {
        if (byte !== 0x75 && escapable[byte] === 0) this.#fail('an unknown escape');
        this.#escape = byte === 0x75 ? 4 : 0;
      } else if (this.#escape > 0) {
        if (!((byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66))) this.#fail('an escape without its digits');
        this.#escape--;
      } else if (byte === 0x5c) {
        this.plain = false;
        this.#escape = behindBackslash;
      } else this.#lead(byte);
      if (this.#escape === 0 && this.#more === 0) return at;
    }
    return at;
  }

  /** The first byte of a character of several, RFC 3629. */
  #lead(byte: number): void {
    if (byte < 0x20) this.#fail('a control character in a string');
    if (byte < 0xc2 || byte > 0xf4) this.#fail('bytes that are no UTF-8');
    this.#more = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#low = 0xa0;
    else if (byte === 0xed) this.#high = 0x9f;
    else if (byte === 0xf0) this.#low = 0x90;
    else if (byte === 0xf4) this.#high = 0x8f;
  }

  /** The first byte behind the number; -1 when the chunk ends with it. */
  number(bytes: Uint8Array, from: number, end: number, first: boolean): number {
    let state = first ? 0 : this.#number;
    for (let at = from; at < end; at++) {
      const byte = bytes[at]!;
      let next = 0;
      if (byte >= 0x30 && byte <= 0x39) {
        if (state === whole || state === fraction || state === exponent) continue;
        if (state === 0 || state === minus) next = byte === 0x30 ? zero : whole;
        else if (state === point) next = fraction;
        else if (state === letterE || state === sign) next = exponent;
      } else if (byte === 0x2e) next = state === zero || state === whole ? point : 0;
      else if (byte === 0x65 || byte === 0x45) next = state === zero || state === whole || state === fraction ? letterE : 0;
      else if (byte === 0x2d) next = state === 0 ? minus : state === letterE ? sign : 0;
      else if (byte === 0x2b) next = state === letterE ? sign : 0;
      else {
        this.#number = state;
        return at;
      }
      if (next === 0) this.#fail('a number that is none');
      state = next;
    }
    this.#number = state;
    return -1;
  }

  /** The number is over. */
  endNumber(): void {
    if (!mayEnd(this.#number)) this.#fail('a number that is none');
  }

  /** The first byte behind `true`, `false` or `null`; -1 when the chunk ends first. */
  literal(bytes: Uint8Array, from: number, end: number, first: boolean): number {
    let at = from;
    if (first) {
      this.#word = words.get(bytes[at]!) ?? this.#fail('a word where a value belongs');
      this.#matched = 0;
    }
    const word = this.#word;
    while (this.#matched < word.length) {
      if (at >= end) return -1;
      if (bytes[at++] !== word[this.#matched++]) this.#fail('a word where a value belongs');
    }
    return at;
  }
}
