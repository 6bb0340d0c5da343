import { Bucket } from '../wire/bucket.ts';

/** Requests that wait for people, in all and of one identity: more than people can read is of no use to anybody. */
export const MOST_PENDING = 10_000;
export const MOST_PENDING_OF_ONE = 100;
/** New requests of one identity: a burst, then one each second. */
const BURST_OF_ONE = 100;
const BURST = 1_000;
const MOST_BUCKETS = 10_000;

/** How fast new requests may come, so that nobody fills evidence and the store with them. */
export class RequestRate {
  readonly #all: Bucket;
  readonly #each = new Map<string, Bucket>();

  constructor(now: number) {
    this.#all = new Bucket(BURST, 10, now);
  }

  /** Counts a new request. False when it would be too many; then it is not counted. */
  allows(identity: string, now: number): boolean {
    let own = this.#each.get(identity);
    if (own === undefined) {
      if (this.#each.size >= MOST_BUCKETS) this.#dropFull(now);
      own = new Bucket(BURST_OF_ONE, 1, now);
      this.#each.set(identity, own);
    }
    if (own.left(now) < 1 || this.#all.left(now) < 1) return false;
    own.take(now);
    this.#all.take(now);
    return true;
  }

  #dropFull(now: number): void {
    for (const [identity, bucket] of this.#each) if (bucket.full(now)) this.#each.delete(identity);
  }
}
