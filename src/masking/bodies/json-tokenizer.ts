import { Held } from './held.ts';
import { bounded, BodyNotMasked } from './not-masked.ts';
import { Pieces } from './pieces.ts';
import { kind } from './treatments.ts';
import type { Kind } from './treatments.ts';
import { JsonText } from './json-text.ts';

/** What happens to a value: it passes, is taken to be looked at, or goes unseen. */
export const action = { pass: 0, take: 1, drop: 2 } as const;
export type Action = (typeof action)[keyof typeof action];

/** Is told what stands in a document, in order. */
export interface JsonVisitor {
  /** A chunk is looked at next. */
  begin(chunk: Uint8Array): void;
  /** A name, `bytes[start..end)` between its quotes; `plain`: without an escape. Gives what stands in its place, with quotes, if it does not stay. */
  name(bytes: Uint8Array, start: number, end: number, plain: boolean): Uint8Array | undefined;
  /** A value begins, behind its name. */
  begins(kind: Kind): Action;
  /** A string (as names are given), number or boolean that was taken. Gives what stands in its place, if it does not stay. */
  taken(kind: Kind, bytes: Uint8Array, start: number, end: number, plain: boolean): Uint8Array | undefined;
  /** What stands for a value that goes. */
  dropped(kind: Kind): Uint8Array;
  /** An object or array that passes. */
  opens(array: boolean): void;
  closes(): void;
}

/** The values of one body: one alone; each on a line of its own; each behind a record separator (RFC 7464); any number with lines between and inside. */
export type Sequence = 'one' | 'lines' | 'records' | 'loose';

/** Deeper documents are not understood. */
const deepest = 1024;

const expect = { value: 0, firstElement: 1, firstName: 2, name: 3, colon: 4, after: 5 } as const;
type Expected = (typeof expect)[keyof typeof expect];

const byteOrderMark = [0xef, 0xbb, 0xbf];

const none = 0;
const inString = 1;
const inName = 2;
const inNumber = 3;
const inLiteral = 4;

const fail = (what: string): never => {
  throw new BodyNotMasked(`not JSON: ${what}`);
};

/**
 * Reads JSON (RFC 8259, strictly, in UTF-8, a byte order mark allowed) in one pass over its bytes, however they are cut into chunks, and
 * writes it again with what the visitor gives in some places. Nothing is held back but the name or value that is being taken.
 */
export class JsonTokenizer {
  readonly #visitor: JsonVisitor;
  readonly #sequence: Sequence;
  readonly #out = new Pieces();
  readonly #held = new Held();
  readonly #text = new JsonText(fail);
  readonly #arrays = new Uint8Array(deepest);
  #depth = 0;
  #expected: Expected = expect.value;
  #token = none;
  #kind: Kind = kind.nothing;
  #action: Action = action.pass;
  /** A value that goes: the depth it began at; -1: none. */
  #dropping = -1;
  /** Between two values of a sequence there was what parts them. */
  #parted: boolean;
  /** Bytes of a byte order mark seen; 3 when it is over. */
  #mark = 0;
  /** Where in the chunk the token began, and up to where the chunk is dealt with. */
  #start = 0;
  #kept = 0;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(visitor: JsonVisitor, sequence: Sequence = 'one') {
    this.#visitor = visitor;
    this.#sequence = sequence;
    this.#parted = sequence !== 'records';
  }

  /** Bytes that went in and stand in nothing that came out; -1: a value is going, of which a part went in. */
  get unsent(): number {
    return this.#dropping === -1 ? this.#held.length : -1;
  }

  push(chunk: Uint8Array): Uint8Array | undefined {
    const end = chunk.length;
    if (end === 0) return undefined;
    this.#kept = 0;
    this.#chunk = chunk;
    this.#visitor.begin(chunk);
    let at = this.#mark < 3 ? this.#byteOrderMark(chunk) : 0;
    if (at < end && this.#token !== none) at = this.#goOn(chunk, at, end);
    while (at < end) at = this.#next(chunk, at, end);
    if (this.#dropping === -1) {
      if (this.#token === none || (this.#action === action.pass && this.#token !== inName)) this.#out.keep(chunk, this.#kept, end);
      else this.#hold(chunk, end);
    }
    return this.#out.take();
  }

  /** The rest. Throws when a value is not complete. */
  end(): Uint8Array | undefined {
    if (this.#token === inNumber) {
      const nothing = new Uint8Array(0);
      this.#kept = 0;
      this.#endToken(nothing, 0, 0);
    }
    if (this.#token !== none || this.#depth > 0 || (this.#mark > 0 && this.#mark < 3)) fail('it ends too early');
    return this.#out.take();
  }

  /** The token goes on in the next chunk, and is wanted in one piece. */
  #hold(chunk: Uint8Array, end: number): void {
    this.#out.keep(chunk, this.#kept, this.#start);
    this.#held.append(chunk.subarray(this.#start, end));
    bounded(this.#held.length);
  }

  #byteOrderMark(chunk: Uint8Array): number {
    let at = 0;
    for (; this.#mark < 3 && at < chunk.length; at++) {
      if (chunk[at] !== byteOrderMark[this.#mark]) {
        if (this.#mark > 0) fail('bytes that are no UTF-8');
        this.#mark = 3;
        return at;
      }
      this.#mark++;
    }
    return at;
  }

  #blank(byte: number, at: number): number {
    const top = this.#depth === 0;
    if (byte === 0x0a || byte === 0x0d) {
      // Who reads line by line would see another document.
      if (this.#sequence === 'lines' && !top) fail('a line that ends inside a value');
      if (byte === 0x0a && top && this.#sequence !== 'records') this.#parted = true;
    } else if (byte === 0x1e && this.#sequence === 'records' && top) this.#parted = true;
    else if (byte !== 0x20 && byte !== 0x09) fail('a control character');
    return at + 1;
  }

  /** Looks at one byte that is in no token, and at the token that it begins. */
  #next(bytes: Uint8Array, at: number, end: number): number {
    const byte = bytes[at]!;
    if (byte <= 0x20) return this.#blank(byte, at);
    const expected = this.#expected;
    switch (byte) {
      case 0x22: {
        if (expected === expect.firstName || expected === expect.name) this.#begin(inName, kind.string, at);
        else this.#value(inString, kind.string, at);
        this.#text.begin();
        const close = this.#text.scan(bytes, at + 1, end);
        if (close === -1) return end;
        this.#endToken(bytes, at, close + 1);
        return close + 1;
      }
      case 0x2c: // ,
        if (expected !== expect.after || this.#depth === 0) fail('a comma where none belongs');
        this.#expected = this.#arrays[this.#depth - 1] === 1 ? expect.value : expect.name;
        return at + 1;
      case 0x3a: // :
        if (expected !== expect.colon) fail('a colon where none belongs');
        this.#expected = expect.value;
        return at + 1;
      case 0x7b: // {
        return this.#open(0, at);
      case 0x5b: // [
        return this.#open(1, at);
      case 0x7d: // }
        if (expected !== expect.firstName && (expected !== expect.after || this.#depth === 0 || this.#arrays[this.#depth - 1] === 1)) fail('a brace where none belongs');
        return this.#close(at);
      case 0x5d: // ]
        if (expected !== expect.firstElement && (expected !== expect.after || this.#depth === 0 || this.#arrays[this.#depth - 1] === 0)) fail('a bracket where none belongs');
        return this.#close(at);
      default: {
        const isNumber = byte === 0x2d || (byte >= 0x30 && byte <= 0x39);
        if (isNumber) this.#value(inNumber, kind.number, at);
        else this.#value(inLiteral, byte === 0x6e ? kind.nothing : kind.boolean, at);
        const stop = isNumber ? this.#text.number(bytes, at, end, true) : this.#text.literal(bytes, at, end, true);
        if (stop === -1) return end;
        this.#endToken(bytes, at, stop);
        return stop;
      }
    }
  }

  /** A token goes on that began in an earlier chunk. */
  #goOn(bytes: Uint8Array, from: number, end: number): number {
    this.#start = from;
    const token = this.#token;
    if (token === inString || token === inName) {
      const close = this.#text.scan(bytes, from, end);
      if (close === -1) return end;
      this.#endToken(bytes, from, close + 1);
      return close + 1;
    }
    const stop = token === inNumber ? this.#text.number(bytes, from, end, false) : this.#text.literal(bytes, from, end, false);
    if (stop === -1) return end;
    this.#endToken(bytes, from, stop);
    return stop;
  }

  #begin(token: number, of: Kind, at: number): void {
    this.#token = token;
    this.#kind = of;
    this.#start = at;
  }

  /** A string, number or literal begins where a value may stand. */
  #value(token: number, of: Kind, at: number): void {
    this.#allowed();
    this.#begin(token, of, at);
    if (this.#dropping !== -1) return;
    this.#action = this.#visitor.begins(of);
    if (this.#action === action.drop) this.#drop(of, at);
  }

  #allowed(): void {
    const expected = this.#expected;
    if (expected === expect.value || expected === expect.firstElement) {
      if (this.#depth > 0) return;
    } else if (expected !== expect.after || this.#depth > 0 || this.#sequence === 'one') fail('a value where none belongs');
    if (!this.#parted) fail('values that nothing parts');
    this.#parted = this.#sequence === 'one';
  }

  #drop(of: Kind, at: number): void {
    this.#out.keep(this.#chunk, this.#kept, at);
    this.#out.put(this.#visitor.dropped(of));
    this.#dropping = this.#depth;
  }

  /** A name, string, number or literal is over: it ends before `end`. */
  #endToken(bytes: Uint8Array, start: number, end: number): void {
    const token = this.#token;
    this.#token = none;
    this.#expected = token === inName ? expect.colon : expect.after;
    if (token === inNumber) this.#text.endNumber();
    if (this.#dropping !== -1) {
      if (this.#dropping === this.#depth && token !== inName) this.#endDrop(end);
      return;
    }
    if (token !== inName && this.#action === action.pass) return;
    const { length } = this.#held;
    bounded(length + end - start);
    if (length === 0) {
      const made = this.#look(token, bytes, start, end);
      if (made === undefined) return;
      this.#out.keep(bytes, this.#kept, start);
      this.#out.put(made);
    } else {
      this.#held.append(bytes.subarray(0, end));
      const whole = this.#held.bytes;
      this.#out.put(this.#look(token, whole, 0, whole.length) ?? Buffer.from(whole));
      this.#held.drop(whole.length);
    }
    this.#kept = end;
  }

  #look(token: number, bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
    const { plain } = this.#text;
    if (token === inName) return this.#visitor.name(bytes, start + 1, end - 1, plain);
    return token === inString ? this.#visitor.taken(kind.string, bytes, start + 1, end - 1, plain) : this.#visitor.taken(this.#kind, bytes, start, end, true);
  }

  #endDrop(end: number): void {
    this.#dropping = -1;
    this.#kept = end;
  }

  #open(array: 0 | 1, at: number): number {
    this.#allowed();
    if (this.#dropping === -1) {
      const of = array === 1 ? kind.array : kind.object;
      if (this.#visitor.begins(of) === action.drop) this.#drop(of, at);
      else this.#visitor.opens(array === 1);
    }
    if (this.#depth === deepest) fail(`deeper than ${deepest}`);
    this.#arrays[this.#depth++] = array;
    this.#expected = array === 1 ? expect.firstElement : expect.firstName;
    return at + 1;
  }

  #close(at: number): number {
    this.#depth--;
    this.#expected = expect.after;
    if (this.#dropping === -1) this.#visitor.closes();
    else if (this.#dropping === this.#depth) this.#endDrop(at + 1);
    return at + 1;
  }
}
