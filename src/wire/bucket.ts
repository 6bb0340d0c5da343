/** A rate: so many at once, and so many more each second. The monotonic clock drives it, so setting the wall clock changes nothing. */
export class Bucket {
  readonly #most: number;
  readonly #perMillisecond: number;
  #left: number;
  #at: number;

  constructor(most: number, perSecond: number, now: number) {
    this.#most = most;
    this.#perMillisecond = perSecond / 1000;
    this.#left = most;
    this.#at = now;
  }

  /** How many there would be room for now. */
  left(now: number): number {
    return Math.min(this.#most, this.#left + Math.max(0, now - this.#at) * this.#perMillisecond);
  }

  take(now: number): void {
    this.#left = this.left(now) - 1;
    this.#at = now;
  }

  /** Gives back, as far as there is room. */
  give(many: number, now: number): void {
    this.#left = Math.min(this.#most, this.left(now) + many);
    this.#at = now;
  }

  full(now: number): boolean {
    return this.left(now) >= this.#most;
  }
}
