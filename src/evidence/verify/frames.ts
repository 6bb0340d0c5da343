/** Reads frames for verification. Shares nothing with the code that writes: what both got wrong would stay unseen. */
import * as fs from 'node:fs';
import { crc32 } from 'node:zlib';

const HEADER = 32;
const MAGIC = 0x57474631;
/** Larger claims are lies or damage: nothing is read into memory for them. */
const MOST_PAYLOAD = 24 * 1024 * 1024;
const MOST_FILE = 4 * 1024 * 1024 * 1024;
const WINDOW = 1024 * 1024;
const MOST_CHECKS = 64;
const EMPTY = Buffer.alloc(0);

export const SEGMENT = 1;
export const LEAF = 2;
export const BODY = 3;

/** What stands behind the last whole frame. */
export type Rest =
  | { readonly kind: 'zeros' }
  /** Bytes that are no frame. `durable`: the most leaves that a whole frame among them knows to have been durable. */
  | { readonly kind: 'remains'; readonly position: number; readonly bytes: number; readonly durable: number; readonly why: string };

/**
 * One segment file. Opens plain files only; throws with a plain sentence for anything else. What `next` found stands in its members
 * until it is called again: a record costs no object.
 */
export class SegmentReader {
  readonly #fd: number;
  readonly size: number;
  #end: number;
  #space = Buffer.alloc(WINDOW);
  #window: Buffer = EMPTY;
  #windowAt = 0;
  #why = '';
  /** Where the next frame is looked for. */
  position = 0;
  /** The frame that was found: SEGMENT, LEAF or BODY. */
  type = 0;
  number = 0;
  durable = 0;
  /** Where it stands in the file. */
  frameAt = 0;
  /** Its payload: these bytes, from `from` to `to`. */
  bytes: Buffer = EMPTY;
  from = 0;
  to = 0;

  constructor(path: string) {
    const stat = fs.lstatSync(path);
    if (!stat.isFile()) throw new Error('is not a plain file');
    if (stat.size > MOST_FILE) throw new Error(`is larger than ${MOST_FILE} bytes`);
    this.#fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
    this.size = stat.size;
    this.#end = stat.size;
  }

  /** A superseding segment says that this one ends here. */
  limitTo(end: number): void {
    this.#end = Math.min(this.#end, end);
  }

  /** Whether a whole, correct frame stands here; it is then passed. Where there is none, `rest` tells what there is. */
  next(): boolean {
    let at = this.#reach(HEADER);
    let bytes = this.#window;
    if (at < 0 || fourBytes(bytes, at) !== MAGIC) return this.#none('no frame begins here');
    const length = fourBytes(bytes, at + 8);
    const whole = HEADER + length + padding(length);
    at = length > MOST_PAYLOAD ? -1 : this.#reach(whole);
    bytes = this.#window;
    if (at < 0) return this.#none('a frame claims to be longer than what there is');
    const from = at + HEADER;
    const to = from + length;
    if (crc32(bytes.subarray(at + 8, to)) !== fourBytes(bytes, at + 4)) return this.#none('the checksum of a frame is wrong');
    const type = bytes[at + 24] as number;
    if (type < SEGMENT || type > BODY || !allZero(bytes, at + 25, from) || !allZero(bytes, to, at + whole)) return this.#none('a frame is not as the format says');
    this.frameAt = this.position;
    this.position += whole;
    this.type = type;
    this.number = sixBytes(bytes, at + 12);
    this.durable = sixBytes(bytes, at + 18);
    this.bytes = bytes;
    this.from = from;
    this.to = to;
    return true;
  }

  /** The payload of the frame that was found. */
  payload(): Buffer {
    return this.bytes.subarray(this.from, this.to);
  }

  /** 0x00 and the payload: byte 31 of a frame is zero. What a leaf hash covers. */
  hashed(): Buffer {
    return this.bytes.subarray(this.from - 1, this.to);
  }

  #none(why: string): false {
    this.#why = why;
    return false;
  }

  /** Whether a whole frame stands here by now, looking afresh: a live log goes on while it is read. */
  hasMore(): boolean {
    this.#window = EMPTY;
    const { position } = this;
    const found = this.next();
    this.position = position;
    return found;
  }

  /** Looks at what is left behind the last frame. */
  rest(): Rest {
    let first = -1;
    let last = -1;
    let durable = 0;
    let checks = 0;
    const needle = Buffer.alloc(4);
    needle.writeUInt32BE(MAGIC);
    const chunk = Buffer.alloc(WINDOW + HEADER);
    for (let at = this.position; at < this.#end; at += WINDOW) {
      const piece = chunk.subarray(0, this.#read(chunk.subarray(0, Math.min(chunk.length, this.#end - at)), at));
      if (piece.length === 0) break;
      if (piece.equals(ZEROS.subarray(0, piece.length))) continue;
      if (first < 0) first = at + piece.findIndex((byte) => byte !== 0);
      last = at + piece.findLastIndex((byte) => byte !== 0);
      for (let found = piece.indexOf(needle); found >= 0 && found + HEADER <= piece.length; found = piece.indexOf(needle, found + 1)) {
        const claim = piece.readUIntBE(found + 18, 6);
        if (claim <= durable) continue;
        // Each check reads the frame: bytes made up to hold thousands of them are taken at their word, to their cost.
        checks += 1;
        if (checks > MOST_CHECKS || this.#isFrame(at + found)) durable = claim;
      }
    }
    if (first < 0) return { kind: 'zeros' };
    return { kind: 'remains', position: this.position, bytes: last + 1 - this.position, durable, why: this.#why };
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  #isFrame(at: number): boolean {
    const head = Buffer.alloc(HEADER);
    if (this.#read(head, at) < HEADER) return false;
    const length = head.readUInt32BE(8);
    if (length > MOST_PAYLOAD || at + HEADER + length > this.size) return false;
    const whole = Buffer.alloc(HEADER + length);
    return this.#read(whole, at) === whole.length && crc32(whole.subarray(8)) === whole.readUInt32BE(4);
  }

  /** Where in the window the next `length` bytes stand, or -1 when there are not so many. */
  #reach(length: number): number {
    if (this.position + length > this.#end) return -1;
    const at = this.position - this.#windowAt;
    if (at >= 0 && at + length <= this.#window.length) return at;
    // One buffer over and over: a frame is used before the next is asked for.
    if (this.#space.length < length) this.#space = Buffer.alloc(length);
    else if (length <= WINDOW && this.#space.length > WINDOW) this.#space = Buffer.alloc(WINDOW);
    const window = this.#space.subarray(0, Math.min(this.#space.length, this.#end - this.position));
    this.#window = window.subarray(0, this.#read(window, this.position));
    this.#windowAt = this.position;
    return length <= this.#window.length ? 0 : -1;
  }

  #read(target: Buffer, position: number): number {
    let done = 0;
    while (done < target.length) {
      const got = fs.readSync(this.#fd, target, done, target.length - done, position + done);
      if (got === 0) break;
      done += got;
    }
    return done;
  }
}

const padding = (length: number): number => (8 - (length % 8)) % 8;

const fourBytes = (bytes: Buffer, at: number): number => (bytes[at] as number) * 0x1000000 + (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
const sixBytes = (bytes: Buffer, at: number): number => fourBytes(bytes, at) * 0x10000 + (((bytes[at + 4] as number) << 8) | (bytes[at + 5] as number));

const ZEROS = Buffer.alloc(WINDOW + HEADER);
const allZero = (bytes: Buffer, from: number, to: number): boolean => {
  for (let i = from; i < to; i += 1) if (bytes[i] !== 0) return false;
  return true;
};
