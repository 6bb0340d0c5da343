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

export interface VerifiedFrame {
  readonly type: 'segment' | 'leaf' | 'body';
  readonly number: number;
  readonly durable: number;
  readonly position: number;
  readonly payload: Buffer;
  /** 0x00 and the payload. */
  readonly hashed: Buffer;
}

const TYPES = { 1: 'segment', 2: 'leaf', 3: 'body' } as const;

/** What stands behind the last whole frame. */
export type Rest =
  | { readonly kind: 'zeros' }
  /** Bytes that are no frame. `durable`: the most leaves that a whole frame among them knows to have been durable. */
  | { readonly kind: 'remains'; readonly position: number; readonly bytes: number; readonly durable: number; readonly why: string };

/** One segment file. Opens plain files only; throws with a plain sentence for anything else. */
export class SegmentReader {
  readonly #fd: number;
  readonly size: number;
  #end: number;
  #space = Buffer.alloc(WINDOW);
  #window = Buffer.alloc(0);
  #windowAt = 0;
  position = 0;
  #why = '';

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

  /** The next whole, correct frame, valid until the next call; undefined where there is none: then `rest` tells what there is. */
  next(): VerifiedFrame | undefined {
    const head = this.#view(HEADER);
    if (!head || head.readUInt32BE(0) !== MAGIC) {
      this.#why = 'no frame begins here';
      return undefined;
    }
    const length = head.readUInt32BE(8);
    const type = TYPES[head[24] as keyof typeof TYPES];
    const whole = length > MOST_PAYLOAD ? undefined : this.#view(HEADER + length + padding(length));
    if (!whole) {
      this.#why = 'a frame claims to be longer than what there is';
      return undefined;
    }
    if (crc32(whole.subarray(8, HEADER + length)) !== whole.readUInt32BE(4)) {
      this.#why = 'the checksum of a frame is wrong';
      return undefined;
    }
    if (type === undefined || !allZero(whole.subarray(25, HEADER)) || !allZero(whole.subarray(HEADER + length))) {
      this.#why = 'a frame is not as the format says';
      return undefined;
    }
    const position = this.position;
    this.position += whole.length;
    return {
      type,
      number: whole.readUIntBE(12, 6),
      durable: whole.readUIntBE(18, 6),
      position,
      payload: whole.subarray(HEADER, HEADER + length),
      hashed: whole.subarray(HEADER - 1, HEADER + length),
    };
  }

  /** Whether a whole frame stands here by now, looking afresh: a live log goes on while it is read. */
  hasMore(): boolean {
    this.#window = Buffer.alloc(0);
    const { position } = this;
    const found = this.next() !== undefined;
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
      if (allZero(piece)) continue;
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

  /** The next `length` bytes, or undefined when there are not so many. */
  #view(length: number): Buffer | undefined {
    if (this.position + length > this.#end) return undefined;
    let at = this.position - this.#windowAt;
    if (at < 0 || at + length > this.#window.length) {
      // One buffer over and over: a frame is used before the next is asked for.
      if (this.#space.length < length) this.#space = Buffer.alloc(length);
      const window = this.#space.subarray(0, Math.min(this.#space.length, this.#end - this.position));
      this.#window = window.subarray(0, this.#read(window, this.position));
      this.#windowAt = this.position;
      at = 0;
    }
    return at + length <= this.#window.length ? this.#window.subarray(at, at + length) : undefined;
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

const ZEROS = Buffer.alloc(WINDOW + HEADER);
const allZero = (bytes: Buffer): boolean => bytes.equals(ZEROS.subarray(0, bytes.length));
