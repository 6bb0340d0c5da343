import type { Tallies } from '../tallies.ts';
import type { FieldPaths } from './field-paths.ts';
import type { Finds } from './finds.ts';
import { JsonMasking } from './json-masking.ts';
import { isJson, looksLikeJson } from './json-looks.ts';
import { JsonTokenizer } from './json-tokenizer.ts';
import { bounded, BodyNotMasked } from './not-masked.ts';
import { Piecewise } from './piecewise.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const colon = 0x3a;

/** Fields of events, HTML section 9.2.6; a comment has none. Others are ignored by clients. */
const known: ReadonlySet<string> = new Set(['data', 'event', 'id', 'retry', '']);

/** Lines of one event that are looked at each by itself: all but its data. More of them are no event, and would keep everybody waiting. */
const mostOthers = 5_000;

interface Line {
  /** Without its end. */
  readonly start: number;
  readonly end: number;
  /** Where the next begins. */
  readonly next: number;
  readonly field: string;
  /** Where the value begins: behind the colon and one blank. */
  readonly value: number;
}

/**
 * Masks `text/event-stream`. Each event is held back until it is complete, and a comment before it until its line is; its data lines are one text, as clients join them. JSON is
 * masked as such, other text, comments and the values of other fields are looked at by detectors.
 */
export class EventMasker extends Piecewise {
  readonly #paths: FieldPaths;
  readonly #finds: Finds;
  readonly #tallies: Tallies;
  #lineIsEmpty = true;
  #behindReturn = false;
  /** No line of the event is over. */
  #firstLine = true;
  #first = true;

  constructor(paths: FieldPaths, finds: Finds, tallies: Tallies) {
    super();
    this.#paths = paths;
    this.#finds = finds;
    this.#tallies = tallies;
  }

  protected take(bytes: Uint8Array, seen: number): number {
    let start = 0;
    for (let at = seen; at < bytes.length; at++) {
      const byte = bytes[at]!;
      const second = byte === lineFeed && this.#behindReturn;
      this.#behindReturn = byte === carriageReturn;
      if (byte !== lineFeed && byte !== carriageReturn) this.#lineIsEmpty = false;
      else if (!second) {
        // A comment before an event belongs to none. Some targets send nothing else for hours, to show that they are there.
        const isOver = this.#lineIsEmpty || (this.#firstLine && bytes[start] === colon);
        if (isOver) {
          this.#event(bytes, start, at + 1);
          start = at + 1;
        }
        this.#firstLine = isOver;
        this.#lineIsEmpty = true;
      } else if (start === at) {
        // The second half of the line end that closed the event before.
        this.out.keep(bytes, at, at + 1);
        start = at + 1;
      }
    }
    return start;
  }

  protected finish(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#event(bytes, 0, bytes.length);
  }

  #event(bytes: Uint8Array, start: number, end: number): void {
    bounded(end - start);
    const lines = this.#lines(bytes, start, end);
    const data = lines.filter(({ field }) => field === 'data');
    if (lines.length - data.length > mostOthers) throw new BodyNotMasked(`an event with more than ${mostOthers} lines beside its data`);
    const text = data.length === 1 ? bytes.subarray(data[0]!.value, data[0]!.end) : Buffer.concat(data.flatMap(({ value, end: to }, index) => (index === 0 ? [bytes.subarray(value, to)] : [newLine, bytes.subarray(value, to)])));
    const made = data.length === 0 ? undefined : this.#masked(text);
    let at = start;
    for (const line of lines) {
      if (line.field === 'data') {
        if (made === undefined) continue;
        this.out.keep(bytes, at, line.start);
        if (line === data[0]) for (const part of Buffer.from(made).toString('latin1').split(/\r\n|\r|\n/)) this.out.put(Buffer.from(`data: ${part}\n`, 'latin1'));
        at = line.next;
      } else {
        const whole = line.field !== '' && !known.has(line.field);
        const from = whole ? line.start : line.value;
        const other = this.#masked(bytes.subarray(from, line.end), whole);
        if (other === undefined) continue;
        this.out.keep(bytes, at, from);
        this.out.put(other);
        at = line.end;
      }
    }
    this.out.keep(bytes, at, end);
  }

  #lines(bytes: Uint8Array, start: number, end: number): readonly Line[] {
    const lines: Line[] = [];
    let from = start;
    if (this.#first && bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf) from += 3;
    this.#first = false;
    while (from < end) {
      let to = from;
      while (to < end && bytes[to] !== lineFeed && bytes[to] !== carriageReturn) to++;
      const next = bytes[to] === carriageReturn && to + 1 < end && bytes[to + 1] === lineFeed ? to + 2 : Math.min(to + 1, end);
      if (to > from) {
        const sign = bytes.subarray(from, to).indexOf(colon);
        const name = sign === -1 ? to : from + sign;
        const value = sign === -1 ? to : name + 1 + (bytes[name + 1] === 0x20 && name + 1 < to ? 1 : 0);
        // A name of many characters is none that is known.
        lines.push({ start: from, end: to, next, field: Buffer.from(bytes.subarray(from, Math.min(name, from + 16))).toString('latin1'), value });
      }
      from = next;
    }
    return lines;
  }

  /** What stands in a text's place; undefined: it stays. `stray`: a line that belongs in no event. */
  #masked(text: Uint8Array, stray = false): Uint8Array | undefined {
    if (text.includes(0)) throw new BodyNotMasked('an event with a zero byte');
    if (looksLikeJson(text) && (!this.#paths.empty || isJson(text))) {
      const tokenizer = new JsonTokenizer(new JsonMasking(this.#paths, this.#finds, this.#tallies));
      const first = tokenizer.push(text);
      const rest = tokenizer.end();
      const made = rest === undefined ? first : Buffer.concat([first ?? new Uint8Array(0), rest]);
      return made === text ? undefined : made;
    }
    if (stray && !this.#paths.empty) throw new BodyNotMasked('a line that belongs in no event');
    this.#finds.begin(text);
    const hits = this.#finds.any ? this.#finds.find(text, 0, text.length) : undefined;
    return hits === undefined ? undefined : this.#finds.masked(text, 0, text.length, hits, false)!;
  }
}

const newLine = Buffer.from('\n');
