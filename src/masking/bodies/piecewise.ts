import { Held } from './held.ts';
import { bounded } from './not-masked.ts';
import { Pieces } from './pieces.ts';

/**
 * Masks a body whose parts (rows, pairs, events, stretches of text) are each looked at as a whole: what is not complete waits for the
 * next chunk. Chunks that end with a part are never copied.
 */
export abstract class Piecewise {
  protected readonly out = new Pieces();
  readonly #held = new Held();

  /** Bytes that went in and stand in nothing that came out. */
  get unsent(): number {
    return this.#held.length;
  }

  push(chunk: Uint8Array): Uint8Array | undefined {
    const seen = this.#held.length;
    const direct = seen === 0;
    if (!direct) this.#held.append(chunk);
    const bytes = direct ? chunk : this.#held.bytes;
    const done = this.take(bytes, seen);
    const out = this.out.take(!direct);
    if (direct) this.#held.append(bytes.subarray(done));
    else this.#held.drop(done);
    bounded(this.#held.length);
    return out;
  }

  end(): Uint8Array | undefined {
    const bytes = this.#held.bytes;
    this.finish(bytes);
    const out = this.out.take(true);
    this.#held.drop(bytes.length);
    return out;
  }

  /** Puts out the parts of `bytes` that are complete and gives how many bytes they have. Before `seen` all was looked at and nothing was complete. */
  protected abstract take(bytes: Uint8Array, seen: number): number;
  /** The body ends with these bytes. */
  protected abstract finish(bytes: Uint8Array): void;
}
