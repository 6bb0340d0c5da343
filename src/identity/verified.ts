import { createHash, timingSafeEqual, type KeyObject } from 'node:crypto';
import { verifySignature } from './algorithms.ts';
import type { ParsedToken } from './token.ts';

/** Most signatures remembered: about 250 bytes each. */
const MAX_REMEMBERED = 10_000;

interface Remembered {
  readonly key: KeyObject;
  readonly signature: Buffer;
}

/**
 * Remembers which signatures held, so that a pool's fiftieth login costs no asymmetric cryptography. It remembers that and
 * nothing else: times, keys, identities and revocation are judged each time, by the caller.
 * An entry serves only for the very same signature under the very same key; whoever knows a signing input from a log
 * cannot come in with another signature, and a key that left the issuer's set is never asked for again.
 */
export class VerifiedSignatures {
  // Insertion order is age: a hit moves its entry to the end.
  readonly #remembered = new Map<string, Remembered>();
  readonly #most: number;

  constructor(most = MAX_REMEMBERED) {
    this.#most = most;
  }

  get size(): number {
    return this.#remembered.size;
  }

  /** Whether one of the keys made this signature. */
  verify(token: ParsedToken, keys: readonly KeyObject[]): boolean {
    const known = this.#remembered.get(token.fingerprint);
    if (known !== undefined && keys.includes(known.key) && isSame(known.signature, token.signature)) {
      this.#remember(token.fingerprint, known);
      return true;
    }
    const key = keys.find((candidate) => verifySignature(token.algorithm, candidate, token.signingInput, token.signature));
    if (key === undefined) return false;
    this.#remember(token.fingerprint, { key, signature: digest(token.signature) });
    return true;
  }

  /** Forgets everything, for keys that were replaced. */
  clear(): void {
    this.#remembered.clear();
  }

  #remember(fingerprint: string, entry: Remembered): void {
    this.#remembered.delete(fingerprint);
    this.#remembered.set(fingerprint, entry);
    if (this.#remembered.size <= this.#most) return;
    const oldest = this.#remembered.keys().next();
    if (oldest.done !== true) this.#remembered.delete(oldest.value);
  }
}

/** A digest instead of the signature: memory must not hold what would complete a logged signing input to a token. */
const digest = (signature: Buffer): Buffer => createHash('sha256').update(signature).digest();
const isSame = (known: Buffer, signature: Buffer): boolean => timingSafeEqual(known, digest(signature));
