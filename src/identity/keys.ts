import type { KeyObject } from 'node:crypto';
import { candidateKeys, knowsKeyId, type KeySet } from './keyset.ts';
import type { TokenReason } from './reasons.ts';
import type { KeySource } from './source.ts';

/** How long after a failed attempt keys are asked for again while none are usable: nothing can be verified until then. */
const RETRY = 5_000;
/** Most keys that one signature is tried against: issuers that give several keys one id exist. */
const MAX_CANDIDATES = 4;

/** What readiness shows of a provider's keys. */
export interface KeyStatus {
  /** Keys known, usable or not. */
  readonly keys: number;
  /** Milliseconds since they were last seen at the issuer. Undefined: never. */
  readonly age?: number;
  /** Whether they are young enough to serve. */
  readonly usable: boolean;
  /** Why the last attempt failed. Absent after a success. Names hosts, never documents. */
  readonly lastError?: string;
}

/**
 * The keys of one provider over time. However many tokens ask for whatever key ids, the issuer is asked at most once a
 * cooldown, by one request at a time; known keys serve meanwhile, and through an outage until they are too old.
 */
export class IssuerKeys {
  readonly #source: KeySource;
  readonly #now: () => number;
  readonly #onAttempt: (failure?: string) => void;
  #set: KeySet | undefined;
  #seenAt = -Infinity;
  #attemptedAt = -Infinity;
  #failure: string | undefined;
  #loading: Promise<void> | undefined;

  constructor(source: KeySource, now: () => number, onAttempt: (failure?: string) => void) {
    this.#source = source;
    this.#now = now;
    this.#onAttempt = onAttempt;
  }

  /** The keys that may have signed a token with this header, or why there are none. `maxAge` in milliseconds. */
  async find(algorithm: string, keyId: string | undefined, maxAge: number): Promise<readonly KeyObject[] | TokenReason> {
    const age = this.#now() - this.#seenAt;
    if (this.#set === undefined || age > maxAge) await this.#load(Math.min(RETRY, this.#source.cooldown));
    else if (!knowsKeyId(this.#set, keyId)) await this.#load(this.#source.cooldown);
    else if (this.#source.refreshAfter < RETRY) await this.#load(this.#source.cooldown);
    else void this.refresh();
    if (this.#set === undefined) return 'keys_unavailable';
    if (this.#now() - this.#seenAt > maxAge) return 'keys_too_old';
    const candidates = candidateKeys(this.#set, algorithm, keyId);
    if (candidates.length === 0) return 'key_unknown';
    if (candidates.length > (keyId === undefined ? 1 : MAX_CANDIDATES)) return 'key_ambiguous';
    return candidates;
  }

  /** Loads the keys again when they have got old. Never rejects. */
  async refresh(): Promise<void> {
    const age = this.#now() - this.#seenAt;
    // Negative: the clock was set back, so the age is not known.
    if (age >= this.#source.refreshAfter || age < 0) await this.#load(this.#source.cooldown);
  }

  status(maxAge: number): KeyStatus {
    const age = this.#now() - this.#seenAt;
    return {
      keys: this.#set?.keys.length ?? 0,
      usable: this.#set !== undefined && age <= maxAge,
      ...(this.#set === undefined ? {} : { age }),
      ...(this.#failure === undefined ? {} : { lastError: this.#failure }),
    };
  }

  /** One attempt at a time, and none before `wait` has passed since the last one began. */
  async #load(wait: number): Promise<void> {
    if (this.#loading !== undefined) return this.#loading;
    const elapsed = this.#now() - this.#attemptedAt;
    // A clock that was set back must not stop attempts for good.
    if (elapsed >= 0 && elapsed < wait) return undefined;
    this.#attemptedAt = this.#now();
    this.#loading = this.#attempt().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #attempt(): Promise<void> {
    try {
      this.#set = await this.#source.load(this.#set);
      this.#seenAt = this.#now();
      this.#failure = undefined;
    } catch (cause) {
      this.#failure = cause instanceof Error ? cause.message : 'failed';
    }
    this.#onAttempt(this.#failure);
  }
}
