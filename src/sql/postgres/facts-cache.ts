import type { StatementFacts } from '../facts.ts';

/** What is known about a shape, or about one text. */
export interface Entry {
  readonly facts: readonly StatementFacts[];
  /** For each statement the ordinals of its first and last token; absent for one statement, which is all there is. */
  readonly tokens?: readonly (readonly [number, number])[];
}

interface Kept {
  readonly entry: Entry;
  readonly bytes: number;
  /** Asked for since it was last considered for removal. */
  used: boolean;
}

/** What hangs on facts elsewhere as long as they are kept: what policy, masks and the evidence made of them. Measured, and rounded up. */
const BESIDES = 4096;

/**
 * Entries up to a number of bytes. What is used stays: a new one takes the place of the oldest that was not asked for since the last time it was its turn
 * (the "clock"), one by one, so that what is kept is always about as much.
 */
export class FactsCache {
  readonly #most: number;
  #bytes = 0;
  readonly #kept = new Map<string, Kept>();
  #turn: MapIterator<[string, Kept]>;

  constructor(most: number) {
    this.#most = most;
    this.#turn = this.#kept.entries();
  }

  get size(): number {
    return this.#kept.size;
  }

  get(key: string): Entry | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    kept.used = true;
    return kept.entry;
  }

  /** Keeps what is not there yet. */
  set(key: string, entry: Entry): void {
    const bytes = bytesOf(key, entry);
    if (bytes > this.#most || this.#kept.has(key)) return;
    while (this.#bytes + bytes > this.#most) this.#removeOne();
    this.#bytes += bytes;
    this.#kept.set(key, { entry, bytes, used: false });
  }

  #removeOne(): void {
    for (;;) {
      const next = this.#turn.next();
      if (next.done === true) {
        this.#turn = this.#kept.entries();
        continue;
      }
      const [key, kept] = next.value;
      if (!kept.used) {
        this.#kept.delete(key);
        this.#bytes -= kept.bytes;
        return;
      }
      kept.used = false;
    }
  }
}

/** About what it takes in memory: facts are many small objects, of about twice the length of their text. */
const bytesOf = (key: string, { facts, tokens }: Entry): number => key.length + BESIDES + 2 * JSON.stringify(facts).length + (tokens === undefined ? 0 : 64 * tokens.length);
