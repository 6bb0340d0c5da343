/** How syncs are made: on the event loop's own thread, on another one, or whichever the disk's speed allows. */
export type SyncMode = 'adaptive' | 'loop' | 'thread';

/** A disk that takes no longer than this may block the event loop, in milliseconds. */
const QUICK_MS = 0.6;
/** When one sync kept the disk longer than this, the next ones go off the loop at once. */
const STALL_MS = 2;
/** So many are made on another thread before the loop is tried again. */
const TRIAL = 32;
/** How much the newest sync counts in the average. */
const WEIGHT = 1 / 16;

/**
 * Whether the next sync blocks the event loop. Handing a sync to another thread and being woken by it costs more processor time
 * than a quick disk takes for the sync itself; a slow disk must not hold up everything else. Measured: docs/benchmarks.md.
 */
export class SyncPace {
  readonly #mode: SyncMode;
  #average = 0;
  /** Of those made on another thread since the loop was last left: how many, and the quickest. */
  #tried = 0;
  #best = Number.POSITIVE_INFINITY;
  #blocks: boolean;

  constructor(mode: SyncMode) {
    this.#mode = mode;
    this.#blocks = mode === 'loop';
  }

  get blocks(): boolean {
    return this.#blocks;
  }

  /** How long a sync took that blocked the loop, without what its thread waited for a processor: that is no fault of the disk's. */
  tookOnLoop(milliseconds: number): void {
    if (this.#mode !== 'adaptive') return;
    this.#average += (milliseconds - this.#average) * WEIGHT;
    if (milliseconds <= STALL_MS && this.#average <= QUICK_MS) return;
    this.#blocks = false;
    this.#tried = 0;
    this.#best = Number.POSITIVE_INFINITY;
  }

  /** How long a sync took on another thread. The hand-over and what a busy machine makes it wait only add to the disk's time: the quickest tells most of it. */
  tookOnThread(milliseconds: number): void {
    if (this.#mode !== 'adaptive') return;
    this.#tried += 1;
    this.#best = Math.min(this.#best, milliseconds);
    if (this.#tried < TRIAL) return;
    this.#blocks = this.#best <= QUICK_MS;
    this.#average = this.#best;
    this.#tried = 0;
    this.#best = Number.POSITIVE_INFINITY;
  }
}
