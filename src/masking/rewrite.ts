/** Results smaller than this share memory with others. */
export const SHARED = 16 * 1024;

/**
 * Bytes with some stretches replaced: what stays is copied in as few pieces as there are, and nothing is copied at all while nothing
 * is replaced.
 */
export class Rewrite {
  readonly #from: Buffer;
  #spare: Buffer | undefined;
  #out: Buffer | undefined;
  /** Bytes of the source that are dealt with. */
  #taken = 0;
  #length = 0;

  /** @param spare memory that nobody needs any more: the result may lie in it */
  constructor(from: Buffer, spare?: Buffer) {
    this.#from = from;
    this.#spare = spare;
  }

  /** The memory that the result lies in, all of it; undefined while nothing was replaced. */
  get memory(): Buffer | undefined {
    return this.#out;
  }

  /** A cell whose length stands at `at` and whose value ends at `end` gets another value, NULL included. From front to back. */
  cell(at: number, end: number, value: Uint8Array | null): void {
    const out = this.#room(at - this.#taken + 4 + (value === null ? 0 : value.length));
    this.#keepUntil(out, at);
    const length = value === null ? -1 : value.length;
    this.int32(this.#length, length);
    this.#length += 4;
    if (value !== null) {
      // What stands for a value is short as a rule, and a call costs more than a few bytes.
      if (length > 32) out.set(value, this.#length);
      else for (let index = 0; index < length; index++) out[this.#length + index] = value[index]!;
      this.#length += length;
    }
    this.#taken = end;
  }

  /** An int32 that stays in place gets another value; it may lie behind what was replaced last, or before. `at`: as `place` gave it. */
  int32(at: number, value: number): void {
    const out = this.#out!;
    out[at] = value >>> 24;
    out[at + 1] = value >>> 16;
    out[at + 2] = value >>> 8;
    out[at + 3] = value;
  }

  /** Where a byte of the source that is not replaced comes to stand. To be asked before anything behind it is replaced. */
  place(at: number): number {
    return this.#length + at - this.#taken;
  }

  /** The whole result: the source itself when nothing was replaced. */
  end(): Buffer {
    if (this.#out === undefined) return this.#from;
    const out = this.#room(this.#from.length - this.#taken);
    this.#keepUntil(out, this.#from.length);
    return out.subarray(0, this.#length);
  }

  #keepUntil(out: Buffer, at: number): void {
    // Cells that are replaced often stand side by side.
    if (at === this.#taken) return;
    this.#from.copy(out, this.#length, this.#taken, at);
    this.#length += at - this.#taken;
  }

  #room(more: number): Buffer {
    const out = this.#out;
    if (out !== undefined && out.length - this.#length >= more) return out;
    const size = this.#length + more + (out === undefined ? this.#from.length - this.#taken : out.length >> 1);
    const spare = this.#spare;
    this.#spare = undefined;
    const grown = spare !== undefined && spare.length >= size ? spare : size < SHARED ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size + (size >> 2));
    out?.copy(grown, 0, 0, this.#length);
    this.#out = grown;
    return grown;
  }
}
