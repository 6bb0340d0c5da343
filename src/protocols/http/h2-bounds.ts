import { Bucket } from '../../wire/bucket.ts';

/*
 * What one connection of HTTP/2 may cost, on either side of the gateway. A peer that keeps within its settings is bounded by streams times window;
 * one that does not is counted, and cut.
 */

/** Streams that a client may have open at a time. */
export const MOST_STREAMS = 128;
/** Largest head, as RFC 9113 section 6.5.2 counts it. It is told to the peer, and kept by the parser. */
export const HEAD_BYTES = 64 * 1024;
/** What a stranger may send ahead on one stream. */
export const FIRST_WINDOW = 65_535;
/** What anybody else may. */
export const WINDOW = 256 * 1024;
/** Megabytes that the parser keeps for one connection; beyond it, streams are refused. */
export const MEMORY_MB = 64;
/** Frames that break the rules of a stream, and streams that were refused for too many, before the connection is. */
export const MOST_INVALID = 50;
export const MOST_REJECTED = 100;
/** What a frame carries at the most, as long as the peer does not ask for more (RFC 9113 section 6.5.2). */
export const FRAME_BYTES = 16 * 1024;
/** How long a connection may stay without a stream. */
export const BETWEEN_MS = 65_000;

/** Something that a peer may do now and then: so often at once, and so often in each second after that. */
export class Allowance {
  readonly #bucket: Bucket;

  constructor(burst: number, perSecond: number) {
    this.#bucket = new Bucket(burst, perSecond, performance.now());
  }

  /** False: that was once too often. */
  take(): boolean {
    const now = performance.now();
    const allowed = this.#bucket.left(now) >= 1;
    this.#bucket.take(now);
    return allowed;
  }

  /** The peer has done something else in return for so many. */
  give(many: number): void {
    this.#bucket.give(many, performance.now());
  }
}
