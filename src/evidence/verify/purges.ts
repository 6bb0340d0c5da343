import type { VerifiedLeaf } from './leaf.ts';

/** Keys that are remembered: one for each connection and day. */
const MOST_KEYS = 100_000;
/** Keys that are named. */
const NAMED = 20;

/** What became of bodies that have no key any more. */
export interface PurgeFindings {
  /** By the record that tells of the purge: keys that it names, and sealed frames of theirs that stayed. */
  readonly purged: readonly { readonly record: number; readonly keys: number; readonly frames: number }[];
  /** Frames whose key is not there, although no purge tells of it: it was lost, removed, or is kept elsewhere. */
  readonly unexplained: { readonly frames: number; readonly keys: readonly string[]; readonly keyCount: number };
  /** Keys that a purge tells of and that are there: a keys folder of before the purge was restored, or is what was given. */
  readonly thereAgain: readonly string[];
}

/** Holds the purge records against the keys that are missing. Without a keys folder nothing is missing, and nothing is found. */
export class Purges {
  readonly #missing = new Map<string, number>();
  readonly #purged = new Map<string, number>();

  /** A sealed frame has no key. */
  withoutKey(id: string): void {
    if (this.#missing.has(id) || this.#missing.size < MOST_KEYS) this.#missing.set(id, (this.#missing.get(id) ?? 0) + 1);
  }

  /** A record of kind `purge`. */
  record({ event, keys }: VerifiedLeaf['record'], seq: number): void {
    if (event !== 'begin' || !Array.isArray(keys)) return;
    for (const id of keys) if (typeof id === 'string' && !this.#purged.has(id) && this.#purged.size < MOST_KEYS) this.#purged.set(id, seq);
  }

  findings(isThere: (id: string) => boolean): PurgeFindings {
    const purged = new Map<number, { record: number; keys: number; frames: number }>();
    for (const [id, record] of this.#purged) {
      const found = purged.get(record) ?? { record, keys: 0, frames: 0 };
      purged.set(record, { record, keys: found.keys + 1, frames: found.frames + (this.#missing.get(id) ?? 0) });
    }
    const unexplained = [...this.#missing].filter(([id]) => !this.#purged.has(id));
    return {
      purged: [...purged.values()],
      unexplained: { frames: unexplained.reduce((sum, [, frames]) => sum + frames, 0), keys: unexplained.slice(0, NAMED).map(([id]) => id), keyCount: unexplained.length },
      thereAgain: [...this.#purged.keys()].filter(isThere),
    };
  }
}
