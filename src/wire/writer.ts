/** What is allocated for the first byte of what comes next. */
const AFRESH = 256;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Builds bytes, big-endian, in one growing buffer. `finish` hands the bytes over; after that the writer starts afresh with
 * new memory, so that what was handed over is never written again.
 */
export class Writer {
  #bytes: Buffer;
  #at = 0;

  constructor(initial = AFRESH) {
    this.#bytes = Buffer.allocUnsafe(initial);
  }

  get length(): number {
    return this.#at;
  }

  #room(count: number): number {
    const at = this.#at;
    const need = at + count;
    if (need > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(need, this.#bytes.length === 0 ? AFRESH : this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#at = need;
    return at;
  }

  uint8(value: number): this {
    const at = this.#room(1);
    this.#bytes[at] = value;
    return this;
  }

  /** Takes the low 16 bits: serves signed and unsigned values. */
  int16(value: number): this {
    const at = this.#room(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    return this;
  }

  /** Takes the low 32 bits: serves signed and unsigned values. */
  int32(value: number): this {
    this.#put32(this.#room(4), value);
    return this;
  }

  #put32(at: number, value: number): void {
    this.#bytes[at] = value >>> 24;
    this.#bytes[at + 1] = value >>> 16;
    this.#bytes[at + 2] = value >>> 8;
    this.#bytes[at + 3] = value;
  }

  bytes(value: Uint8Array): this {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  utf8(value: string): this {
    const length = Buffer.byteLength(value, 'utf8');
    const at = this.#room(length);
    this.#bytes.write(value, at, length, 'utf8');
    return this;
  }

  /** A NUL-terminated text. A NUL inside would end it early and change what follows: a defect of the caller, so it throws. */
  cstring(value: string): this {
    if (value.includes('\0')) throw new TypeError('text contains NUL');
    return this.utf8(value).uint8(0);
  }

  /** Reserves an Int32 and returns its place, for `patchLength`. */
  reserve32(): number {
    return this.#room(4);
  }

  /** Writes at `place` the number of bytes from `place` to here. */
  patchLength(place: number): this {
    this.#put32(place, this.#at - place);
    return this;
  }

  finish(): Buffer {
    const out = this.#bytes.subarray(0, this.#at);
    // Memory that is left over is worth keeping; the part handed over is out of reach of what follows. Most writers write one message only.
    this.#bytes = this.#bytes.length - this.#at >= 64 ? this.#bytes.subarray(this.#at) : NOTHING;
    this.#at = 0;
    return out;
  }
}
