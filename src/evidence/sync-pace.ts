/** How syncs are made: on the event loop's own thread, on another one, or whichever the disk's speed allows. */
export type SyncMode = 'adaptive' | 'loop' | 'thread';

/** A sync that takes no longer than this may block the event loop, in milliseconds. */
const QUICK_MS = 0.6;
/** One that took longer than this moves the next ones off the loop at once. */
const STALL_MS = 2;
/** Quick ones in a row that it takes before they block the loop. */
const TRUST = 32;
/** How much the newest sync counts in the average. */
const WEIGHT = 1 / 16;

/**
 * Whether the next sync blocks the event loop. Handing a sync to another thread and being woken by it costs more processor time
 * than a quick disk takes for the sync itself; a slow disk must not hold up everything else. Measured: docs/benchmarks.md.
 */
export class SyncPace {
  readonly #mode: SyncMode;
  #average = 0;
  #quick = 0;
  #blocks: boolean;

  constructor(mode: SyncMode) {
    this.#mode = mode;
    this.#blocks = mode === 'loop';
  }

  get blocks(): boolean {
    return this.#blocks;
  }

  /** How long a sync took. On another thread the hand-over is in it, which keeps a loaded machine off the loop, too. */
  took(milliseconds: number): void {
    if (this.#mode !== 'adaptive') return;
    this.#average += (milliseconds - this.#average) * WEIGHT;
    if (milliseconds > STALL_MS || this.#average > QUICK_MS) {
      this.#blocks = false;
      this.#quick = 0;
    } else if (milliseconds <= QUICK_MS) {
      this.#quick += 1;
      if (this.#quick >= TRUST) this.#blocks = true;
    } else this.#quick = 0;
  }
}
