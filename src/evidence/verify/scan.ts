/**
 * Reads the usual leaf straight from its bytes: proves that it is canonical JSON and finds what the verdicts are made of, without
 * making an object. It knows less than `leaf.ts`: whatever it does not recognise at once (escapes, letters beyond ASCII, negative or
 * very large numbers, other members) it leaves to that, which decides alone what is refused.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const ZERO = 0x30;
const NINE = 0x39;
/** As deep as `leaf.ts` goes. */
const DEEPEST = 32;
/** References to bodies in one leaf that are read here. */
const MOST_REFERENCES = 256;
/** Numbers of so many digits are safe integers. */
const MOST_DIGITS = 15;

/** Letters that stand for themselves in a JSON text. */
const PLAIN = new Uint8Array(256);
for (let code = 0x20; code < 0x7f; code += 1) PLAIN[code] = code === QUOTE || code === 0x5c ? 0 : 1;
const HEX = new Uint8Array(256);
for (const digit of Buffer.from('0123456789abcdef')) HEX[digit] = 1;

const [BODIES, MONO, PREV, RECORD, SEQ, TIME, END] = ['{"bodies":[', '","mono":', ',"prev":"', '","record":', ',"seq":', ',"time":"', '","v":1}'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
const [C, ENTRY, FRAME, PART, SEALED, END_OF_REFERENCE] = ['{"c":"', '","entry":', ',"frame":', ',"part":"', '","sealed":"', '"}'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
const [TRUE, FALSE, NULL] = ['true', 'false', 'null'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];
const [KIND, SESSION, COMMAND, APPROVAL, REQUIRES] = ['kind', 'session', 'command', 'approval', 'require_approval'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer, Buffer, Buffer];
/** `dddd-dd-ddTdd:dd:dd.dddZ`, with a zero where a digit must stand. */
const TIME_FORM = Buffer.from('0000-00-00T00:00:00.000Z');

/** Where the things that matter stand in the leaf that was scanned last. Positions are from the beginning of the buffer. */
export class LeafScanner {
  seq = 0;
  mono = 0;
  prevAt = 0;
  timeAt = 0;
  recordAt = 0;
  recordEnd = 0;
  kindAt = 0;
  kindEnd = 0;
  /** -1 where the record has none, or not as a plain text or number. */
  sessionAt = -1;
  sessionEnd = -1;
  command = -1;
  /** An approval is named, or asked for: the record is to be looked at whole. */
  approval = false;
  references = 0;
  readonly commitmentAt = new Int32Array(MOST_REFERENCES);
  readonly partAt = new Int32Array(MOST_REFERENCES);
  readonly partEnd = new Int32Array(MOST_REFERENCES);
  readonly sealedAt = new Int32Array(MOST_REFERENCES);
  readonly frame = new Float64Array(MOST_REFERENCES);
  readonly entry = new Float64Array(MOST_REFERENCES);
  readonly #log: Buffer;
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  /** The number that `#number` read. */
  #value = 0;

  /** `log`: the name that every leaf must carry. */
  constructor(log: string) {
    this.#log = Buffer.from(`"log":"${log}`, 'utf8');
    for (const code of Buffer.from(log, 'utf8')) if (PLAIN[code] === 0) this.#log = Buffer.from('no name that could stand here');
  }

  /** Whether bytes `from` to `to` are a leaf of this log in its usual form. False says nothing about it. */
  scan(bytes: Buffer, from: number, to: number): boolean {
    this.#bytes = bytes;
    this.#end = to;
    this.references = 0;
    this.sessionAt = -1;
    this.command = -1;
    this.approval = false;
    let at = this.#literal(from, BODIES);
    if (at >= 0) at = this.#bodies(at);
    else at = bytes[from] === OPEN ? from + 1 : -1;
    at = this.#literal(at, this.#log);
    at = this.#number(this.#literal(at, MONO));
    this.mono = this.#value;
    at = this.#literal(at, PREV);
    this.prevAt = at;
    at = this.#literal(this.#hex(at), RECORD);
    this.recordAt = at;
    at = this.#record(at);
    this.recordEnd = at;
    at = this.#number(this.#literal(at, SEQ));
    this.seq = this.#value;
    at = this.#literal(at, TIME);
    this.timeAt = at;
    return this.#literal(this.#time(at), END) === to;
  }

  /** `literal` at that place: the place behind it, or -1. Every step takes -1 and gives it on. */
  #literal(at: number, literal: Buffer): number {
    if (at < 0 || at + literal.length > this.#end) return -1;
    const bytes = this.#bytes;
    for (let i = 0; i < literal.length; i += 1) if (bytes[at + i] !== literal[i]) return -1;
    return at + literal.length;
  }

  /** 64 digits of hex. */
  #hex(at: number): number {
    if (at < 0 || at + 64 > this.#end) return -1;
    const bytes = this.#bytes;
    for (let i = at; i < at + 64; i += 1) if (HEX[bytes[i] as number] === 0) return -1;
    return at + 64;
  }

  #time(at: number): number {
    if (at < 0 || at + TIME_FORM.length > this.#end) return -1;
    for (let i = 0; i < TIME_FORM.length; i += 1) {
      const code = this.#bytes[at + i] as number;
      const form = TIME_FORM[i] as number;
      if (form === ZERO ? code < ZERO || code > NINE : code !== form) return -1;
    }
    return at + TIME_FORM.length;
  }

  /** A whole number from 0 without leading zeros, small enough to be exact. */
  #number(at: number): number {
    if (at < 0) return -1;
    const bytes = this.#bytes;
    let value = 0;
    let i = at;
    for (; i < this.#end; i += 1) {
      const code = bytes[i] as number;
      if (code < ZERO || code > NINE) break;
      value = value * 10 + code - ZERO;
    }
    const digits = i - at;
    if (digits === 0 || digits > MOST_DIGITS || (digits > 1 && bytes[at] === ZERO)) return -1;
    this.#value = value;
    return i;
  }

  /** The end of the text that begins at `at`, behind its quote: the place of the closing quote. */
  #text(at: number): number {
    const bytes = this.#bytes;
    let i = at;
    while (i < this.#end && PLAIN[bytes[i] as number] === 1) i += 1;
    return i < this.#end && bytes[i] === QUOTE ? i : -1;
  }

  /** References to bodies, up to and with the comma behind the list. Empty lists are not written. */
  #bodies(from: number): number {
    const bytes = this.#bytes;
    for (let at = from; this.references < MOST_REFERENCES; at += 1) {
      const i = this.references;
      this.commitmentAt[i] = at + C.length;
      at = this.#literal(this.#hex(this.#literal(at, C)), ENTRY);
      at = this.#number(at);
      this.entry[i] = this.#value;
      at = this.#number(this.#literal(at, FRAME));
      this.frame[i] = this.#value;
      at = this.#literal(at, PART);
      if (at < 0) return -1;
      this.partAt[i] = at;
      at = this.#text(at);
      this.partEnd[i] = at;
      at = this.#literal(at, SEALED);
      this.sealedAt[i] = at;
      at = this.#literal(this.#hex(at), END_OF_REFERENCE);
      if (at < 0) return -1;
      this.references += 1;
      if (bytes[at] === COMMA) continue;
      return bytes[at] === CLOSE_LIST && bytes[at + 1] === COMMA ? at + 2 : -1;
    }
    return -1;
  }

  /** The record: an object like any other, of which some members are remembered. */
  #record(from: number): number {
    if (from < 0 || this.#bytes[from] !== OPEN) return -1;
    const bytes = this.#bytes;
    let hasKind = false;
    let keyAt = -1;
    let keyEnd = -1;
    for (let at = from + 1; ; at += 1) {
      if (bytes[at] !== QUOTE) return -1;
      const name = at + 1;
      const nameEnd = this.#text(name);
      if (nameEnd < 0 || bytes[nameEnd + 1] !== COLON || (keyAt >= 0 && !this.#ascends(keyAt, keyEnd, name, nameEnd))) return -1;
      const value = nameEnd + 2;
      at = this.#any(value, 2);
      if (at < 0) return -1;
      if (this.#named(name, nameEnd, KIND)) {
        if (bytes[value] !== QUOTE) return -1;
        this.kindAt = value + 1;
        this.kindEnd = at - 1;
        hasKind = true;
      } else if (this.#named(name, nameEnd, SESSION)) {
        if (bytes[value] === QUOTE) {
          this.sessionAt = value + 1;
          this.sessionEnd = at - 1;
        }
      } else if (this.#named(name, nameEnd, APPROVAL)) this.approval = true;
      else if (this.#named(name, nameEnd, COMMAND) && this.#number(value) === at) this.command = this.#value;
      keyAt = name;
      keyEnd = nameEnd;
      if (bytes[at] === COMMA) continue;
      return bytes[at] === CLOSE && hasKind ? at + 1 : -1;
    }
  }

  /** The end of the value that begins at `at`. */
  #any(at: number, depth: number): number {
    if (depth > DEEPEST || at >= this.#end) return -1;
    const code = this.#bytes[at] as number;
    if (code === QUOTE) {
      const end = this.#text(at + 1);
      if (end < 0) return -1;
      if (this.#named(at + 1, end, REQUIRES)) this.approval = true;
      return end + 1;
    }
    if (code === OPEN) return this.#object(at + 1, depth);
    if (code === OPEN_LIST) return this.#list(at + 1, depth);
    if (code >= ZERO && code <= NINE) return this.#number(at);
    if (code === 0x74) return this.#literal(at, TRUE);
    return code === 0x66 ? this.#literal(at, FALSE) : this.#literal(at, NULL);
  }

  #object(from: number, depth: number): number {
    const bytes = this.#bytes;
    if (bytes[from] === CLOSE) return from + 1;
    let keyAt = -1;
    let keyEnd = -1;
    for (let at = from; ; at += 1) {
      if (bytes[at] !== QUOTE) return -1;
      const name = at + 1;
      const nameEnd = this.#text(name);
      if (nameEnd < 0 || bytes[nameEnd + 1] !== COLON || (keyAt >= 0 && !this.#ascends(keyAt, keyEnd, name, nameEnd))) return -1;
      at = this.#any(nameEnd + 2, depth + 1);
      if (at < 0) return -1;
      keyAt = name;
      keyEnd = nameEnd;
      if (bytes[at] === COMMA) continue;
      return bytes[at] === CLOSE ? at + 1 : -1;
    }
  }

  #list(from: number, depth: number): number {
    const bytes = this.#bytes;
    if (bytes[from] === CLOSE_LIST) return from + 1;
    for (let at = from; ; at += 1) {
      at = this.#any(at, depth + 1);
      if (at < 0) return -1;
      if (bytes[at] === COMMA) continue;
      return bytes[at] === CLOSE_LIST ? at + 1 : -1;
    }
  }

  /** Whether one name stands before another by RFC 8785. Both are plain ASCII, so that bytes order as UTF-16 does. */
  #ascends(one: number, oneEnd: number, other: number, otherEnd: number): boolean {
    const bytes = this.#bytes;
    const shorter = Math.min(oneEnd - one, otherEnd - other);
    for (let i = 0; i < shorter; i += 1) {
      const difference = (bytes[one + i] as number) - (bytes[other + i] as number);
      if (difference !== 0) return difference < 0;
    }
    return oneEnd - one < otherEnd - other;
  }

  #named(at: number, end: number, name: Buffer): boolean {
    if (end - at !== name.length) return false;
    for (let i = 0; i < name.length; i += 1) if (this.#bytes[at + i] !== name[i]) return false;
    return true;
  }
}
