import { MOST_FIELDS } from './header-section.ts';
import { checkLines, HEAD_BYTES, NotHttp, readField } from './h1-fields.ts';

/** Longest line that says the size of a chunk, with its extensions. */
const MOST_LINE = 4096;
/** RFC 9112 section 7.1, without white space. More digits than these would be more bytes than a number can count. */
const SIZE = /^([0-9A-Fa-f]{1,13})(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/;
/** RFC 9110 section 6.5.1: where the message ends, whose it is and what becomes of its connection is said before. */
const NO_TRAILER = /^(?:content-length|transfer-encoding|connection|upgrade|host)$/i;
const LF = 0x0a;

/** Undoes the chunked transfer coding, strictly: a body whose end could be seen in two places has none. Trailers are read and dropped. */
export class Chunks {
  #state: 'size' | 'data' | 'after' | 'trailers' | 'over' = 'size';
  #left = 0;
  /** The beginning of a line whose end has not come. */
  #line = '';
  #trailerBytes = 0;
  #trailers = 0;

  get over(): boolean {
    return this.#state === 'over';
  }

  /** Reads on in `bytes` from `at`, and hands over the data as views of it. Returns the place behind what was read: all of it, unless the body is over before. */
  read(bytes: Buffer, at: number, give: (data: Buffer) => void): number {
    let place = at;
    while (place < bytes.length && this.#state !== 'over') {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, place + this.#left);
        give(bytes.subarray(place, end));
        this.#left -= end - place;
        place = end;
        if (this.#left === 0) this.#state = 'after';
        continue;
      }
      const end = bytes.indexOf(LF, place);
      const next = end < 0 ? bytes.length : end + 1;
      const most = this.#most();
      if (this.#line.length + next - place > most) throw new NotHttp('a line of the chunked coding is too long');
      this.#line += bytes.toString('latin1', place, next);
      place = next;
      if (end >= 0) this.#take();
    }
    return place;
  }

  #most(): number {
    if (this.#state === 'after') return 2;
    return this.#state === 'size' ? MOST_LINE : HEAD_BYTES - this.#trailerBytes;
  }

  /** A line has come whole. */
  #take(): void {
    const whole = this.#line;
    this.#line = '';
    checkLines(whole);
    const line = whole.slice(0, -2);
    if (this.#state === 'after') {
      if (line !== '') throw new NotHttp('more than the size of the chunk');
      this.#state = 'size';
    } else if (this.#state === 'size') {
      const size = SIZE.exec(line)?.[1];
      if (size === undefined) throw new NotHttp('the size of a chunk that is none');
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? 'trailers' : 'data';
    } else if (line === '') this.#state = 'over';
    else {
      this.#trailerBytes += whole.length;
      this.#trailers += 1;
      if (NO_TRAILER.test(readField(line)[0])) throw new NotHttp('a trailer that may stand in a head only');
      if (this.#trailers > MOST_FIELDS) throw new NotHttp('too many trailers');
    }
  }
}
