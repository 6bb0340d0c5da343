import { isUtf8 } from 'node:buffer';
import { WireError } from './errors.ts';

/** Up to here a text is looked through byte by byte: a call into the runtime costs more. */
const SHORT = 64;
/** Names that come with every message are this short. */
const SHORT_NAME = 24;
/** Names that were read last, each at a place that follows from its bytes. A power of two. */
const names: string[] = new Array<string>(256).fill('');

/**
 * Reads one message body from front to back. Big-endian. Every read is checked against the end of the body, so that a
 * lying count can neither read past the message nor allocate more than it holds. Views share memory with the input.
 */
export class Reader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  /**
   * @param at where the body begins: what is before it has been read, or is not of this message
   * @param end where it ends
   */
  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  /** Bytes that are not read yet. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  #take(count: number): number {
    const at = this.#at;
    if (count < 0) throw new WireError('malformed', 'negative length');
    if (count > this.#end - at) throw new WireError('truncated', 'message ends too early');
    this.#at = at + count;
    return at;
  }

  uint8(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  uint16(): number {
    const at = this.#take(2);
    const bytes = this.#bytes;
    return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  }

  int16(): number {
    return (this.uint16() << 16) >> 16;
  }

  int32(): number {
    const at = this.#take(4);
    const bytes = this.#bytes;
    return ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  /** A view of the next `count` bytes. */
  bytes(count: number): Buffer {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** A view of all that is left. */
  rest(): Buffer {
    return this.bytes(this.remaining);
  }

  /** Bytes up to a terminating NUL, which is read and dropped. */
  cstringBytes(): Buffer {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0 || end >= this.#end) throw new WireError('truncated', 'text without its end');
    const view = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return view;
  }

  /** A NUL-terminated text. Throws unless it is valid UTF-8. */
  cstring(): string {
    const bytes = this.#bytes;
    const at = this.#at;
    const most = Math.min(this.#end, at + SHORT);
    // Names and tags are short and ASCII, and most names are empty.
    for (let end = at; end < most; end++) {
      const byte = bytes[end] as number;
      if (byte >= 0x80) break;
      if (byte !== 0) continue;
      this.#at = end + 1;
      return end === at ? '' : bytes.toString('latin1', at, end);
    }
    return utf8(this.cstringBytes());
  }

  /**
   * The same for what comes again and again, as names of statements: a text that was just read is not made anew. Never for what may
   * hold values, because it is kept for a while.
   */
  name(): string {
    const bytes = this.#bytes;
    const at = this.#at;
    if (bytes[at] === 0 && at < this.#end) {
      this.#at = at + 1;
      return '';
    }
    const most = Math.min(this.#end, at + SHORT_NAME);
    let place = 0;
    for (let end = at; end < most; end++) {
      const byte = bytes[end] as number;
      if (byte >= 0x80) break;
      if (byte !== 0) {
        place = (place * 31 + byte) & 255;
        continue;
      }
      const known = names[place] as string;
      if (!isText(bytes, at, end, known)) return (names[place] = this.cstring());
      this.#at = end + 1;
      return known;
    }
    return this.cstring();
  }

  /** Throws when anything is left: a message has no unread part. */
  end(): void {
    if (this.#at !== this.#end) throw new WireError('trailing', `message has ${this.#end - this.#at} bytes too many`);
  }
}

/** Whether these bytes, all ASCII, are that text. */
const isText = (bytes: Buffer, from: number, to: number, text: string): boolean => {
  if (text.length !== to - from) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
};

/** Decodes UTF-8 strictly: replacement characters would let two parties see two texts. */
export const utf8 = (bytes: Buffer): string => {
  if (bytes.length === 0) return '';
  if (!isUtf8(bytes)) throw new WireError('encoding', 'text is not valid UTF-8');
  return bytes.toString('utf8');
};
