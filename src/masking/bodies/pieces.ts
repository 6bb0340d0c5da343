const emptyBuffer = Buffer.alloc(0);

/** What comes out of one push: stretches of the chunk and what stands for the rest. Nothing is copied while nothing is replaced. */
export class Pieces {
  #out: Buffer = emptyBuffer;
  #length = 0;
  /** The last stretch that stays, not yet copied: it may still grow, or be all there is. */
  #of: Buffer = emptyBuffer;
  #given: Uint8Array = emptyBuffer;
  #from = 0;
  #to = 0;

  /** `bytes[from..to)` as they are. */
  keep(bytes: Uint8Array, from: number, to: number): void {
    if (to <= from) return;
    if (this.#given === bytes && this.#to === from) {
      this.#to = to;
      return;
    }
    if (this.#to > this.#from) this.#flush(0);
    if (this.#given !== bytes) {
      this.#given = bytes;
      this.#of = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.#from = from;
    this.#to = to;
  }

  put(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#flush(length);
    const out = this.#out;
    const at = this.#length;
    // What stands for a value is short as a rule, and a call costs more than a few bytes.
    if (length > 32) out.set(bytes, at);
    else for (let index = 0; index < length; index++) out[at + index] = bytes[index]!;
    this.#length = at + length;
  }

  /** All of it, and none of it is kept. `copied`: what was kept lies in memory that changes. */
  take(copied = false): Uint8Array | undefined {
    let made: Uint8Array | undefined;
    if (this.#length === 0 && !copied) {
      if (this.#to > this.#from) made = this.#from === 0 && this.#to === this.#given.length ? this.#given : this.#given.subarray(this.#from, this.#to);
    } else {
      this.#flush(0);
      if (this.#length > 0) made = this.#out.subarray(0, this.#length);
    }
    this.#out = this.#of = this.#given = emptyBuffer;
    this.#length = this.#from = this.#to = 0;
    return made;
  }

  /** Copies the stretch, and makes room for as much more. */
  #flush(more: number): void {
    const stretch = this.#to - this.#from;
    const length = this.#length + stretch + more;
    if (length > this.#out.length) {
      // Most of what is yet to come is the rest of the chunk.
      const grown = Buffer.allocUnsafe(Math.max(length + (length >> 2), length + this.#of.length - this.#to));
      this.#out.copy(grown, 0, 0, this.#length);
      this.#out = grown;
    }
    if (stretch > 0) this.#of.copy(this.#out, this.#length, this.#from, this.#to);
    this.#length += stretch;
    this.#from = this.#to;
  }
}
