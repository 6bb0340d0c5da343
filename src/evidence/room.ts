/** Longest that anybody waits for a disk that does not catch up: what comes then is decided by what the log can take. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 10;

/**
 * Holds back what wants to write evidence while the disk is behind, until it has caught up. A disk that is merely slow makes commands slow,
 * and refuses none of them.
 */
export class Room {
  readonly #behind: () => boolean;
  readonly #patienceMs: number;
  #waiting: Promise<void> | undefined;
  /** It did not catch up in time: nobody waits any more until it has. */
  #givenUp = false;
  /** How often somebody had to wait: stretches of time, however many waited in each. */
  waits = 0;

  constructor(behind: () => boolean, patienceMs = PATIENCE_MS) {
    this.#behind = behind;
    this.#patienceMs = patienceMs;
  }

  /** Undefined when there is room. Never rejects. */
  get wait(): Promise<void> | undefined {
    if (!this.#behind()) {
      this.#givenUp = false;
      return undefined;
    }
    return this.#givenUp ? undefined : (this.#waiting ??= this.#caughtUp());
  }

  async #caughtUp(): Promise<void> {
    this.waits += 1;
    const until = performance.now() + this.#patienceMs;
    while (this.#behind() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    this.#givenUp = this.#behind();
    this.#waiting = undefined;
  }
}
