import { createHmac, hash, type Hash } from 'node:crypto';
import { EMPTY_SHA256 } from './sigv4.ts';

/** What the signatures of a body's chunks follow from: each signs the one before it, and the first the request's own. */
export interface ChunkSeed {
  /** Of the day, region and service. Overwritten when the body has ended. */
  readonly key: Buffer;
  /** `20260102T030405Z`, as in the request's signature. */
  readonly timestamp: string;
  /** `DAY/REGION/SERVICE/aws4_request` */
  readonly scope: string;
  /** The request's signature, in hex. */
  readonly signature: string;
}

/** The running signatures of one body. */
export class ChunkSignatures {
  readonly #seed: ChunkSeed;
  #previous: string;

  constructor(seed: ChunkSeed) {
    this.#seed = seed;
    this.#previous = seed.signature;
  }

  /** The next chunk's. `digest` has seen its data, and is ended by this. */
  chunk(digest: Hash): string {
    return this.#next('AWS4-HMAC-SHA256-PAYLOAD', `${EMPTY_SHA256}\n${digest.digest('hex')}`);
  }

  /** That of the trailers, as `name:value` lines each with its line feed. */
  trailer(canonical: string): string {
    return this.#next('AWS4-HMAC-SHA256-TRAILER', hash('sha256', canonical, 'hex'));
  }

  close(): void {
    this.#seed.key.fill(0);
  }

  #next(kind: string, digests: string): string {
    const { key, timestamp, scope } = this.#seed;
    this.#previous = createHmac('sha256', key).update(`${kind}\n${timestamp}\n${scope}\n${this.#previous}\n${digests}`).digest('hex');
    return this.#previous;
  }
}
