import { createHash } from 'node:crypto';
import { constants, crc32, deflateRawSync } from 'node:zlib';

/** What is compressed at once: bounds memory, and costs a few bytes for each piece. */
const PIECE = 256 * 1024;
/** The last, empty block of a deflate stream. */
const END = deflateRawSync(Buffer.alloc(0));

/** What a reader needs to know of a compressed stream. */
export interface Deflated {
  readonly crc: number;
  readonly size: number;
  readonly compressed: number;
  /** SHA-256 (hex) of what was written, before compression. */
  readonly sha256: string;
}

/** One deflate stream, written in pieces; `sink` gets the compressed bytes at once. */
export class DeflatedStream {
  readonly #sink: (bytes: Buffer) => void;
  readonly #hash = createHash('sha256');
  #waiting: Buffer[] = [];
  #held = 0;
  #crc = 0;
  #size = 0;
  #compressed = 0;

  constructor(sink: (bytes: Buffer) => void) {
    this.#sink = sink;
  }

  /** Takes bytes; keeps no view of them. */
  write(content: string | Buffer): void {
    const bytes = Buffer.from(content as string);
    this.#waiting.push(bytes);
    this.#held += bytes.length;
    if (this.#held >= PIECE) this.#flush();
  }

  finish(): Deflated {
    this.#flush();
    this.#put(END);
    return { crc: this.#crc, size: this.#size, compressed: this.#compressed, sha256: this.#hash.digest('hex') };
  }

  #flush(): void {
    if (this.#held === 0) return;
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#held = 0;
    this.#hash.update(bytes);
    this.#crc = crc32(bytes, this.#crc);
    this.#size += bytes.length;
    // Ends at a byte and is not the last block: pieces can stand one behind the other.
    this.#put(deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }));
  }

  #put(bytes: Buffer): void {
    this.#compressed += bytes.length;
    this.#sink(bytes);
  }
}
