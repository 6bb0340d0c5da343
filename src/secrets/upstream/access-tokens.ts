import type { Logger } from '../../model/logger.ts';
import type { GrantedToken } from './token-endpoint.ts';
import { CredentialUnavailable } from './unavailable.ts';
import { within } from './within.ts';

/** A token is renewed this long before its end, and never before three quarters of its life, in milliseconds. */
const MARGIN = 60_000;
/** How long a failure answers for those who come after it: a token endpoint is not asked for each request that it cannot serve. */
const FAILURE_HOLDS = 1_000;
/** A target that answers 401 to everything makes no more than one new token in this time. */
const REJECTED_AT_MOST_EVERY = 10_000;

/** A token in use. */
export interface HeldToken {
  readonly value: string;
  readonly renewAt: number;
  readonly expiresAt: number;
}

/**
 * One access token over time: asked for when the first request needs it, by one exchange for all who wait, renewed beside the requests
 * before its end, and kept until its end when it cannot be renewed.
 */
export class AccessTokens {
  readonly #ask: () => Promise<GrantedToken>;
  readonly #clock: () => number;
  readonly #log: Logger;
  #held: HeldToken | undefined;
  #renewing: Promise<HeldToken> | undefined;
  #failure: { readonly until: number; readonly message: string } | undefined;
  #rejectedAt = -Infinity;
  #closed = false;

  constructor(ask: () => Promise<GrantedToken>, { clock, log }: { readonly clock: () => number; readonly log: Logger }) {
    this.#ask = ask;
    this.#clock = clock;
    this.#log = log;
  }

  /** At once, while one is held. Throws, or rejects with, CredentialUnavailable, or the signal's reason. */
  take(signal: () => AbortSignal): HeldToken | Promise<HeldToken> {
    if (this.#closed) throw new CredentialUnavailable('the connection is closed');
    const now = this.#clock();
    const failure = this.#failure !== undefined && now < this.#failure.until ? this.#failure : undefined;
    if (this.#held !== undefined && now < this.#held.expiresAt) {
      // Whether it comes out well shows when the token is needed.
      if (now >= this.#held.renewAt && failure === undefined) this.#renew().catch(() => {});
      return this.#held;
    }
    if (failure !== undefined) throw new CredentialUnavailable(failure.message);
    return within(this.#renew(), signal());
  }

  /** The target refused a token. Without one: whichever is held. True: it is held no longer, so that `take` gives another. */
  reject(token: HeldToken | undefined): boolean {
    if (this.#held === undefined || (token !== undefined && token !== this.#held)) return true;
    const now = this.#clock();
    if (now - this.#rejectedAt < REJECTED_AT_MOST_EVERY) return false;
    this.#rejectedAt = now;
    this.#held = undefined;
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#held = undefined;
  }

  #renew(): Promise<HeldToken> {
    this.#renewing ??= this.#exchange().finally(() => { this.#renewing = undefined; });
    return this.#renewing;
  }

  async #exchange(): Promise<HeldToken> {
    // Before it is asked: the answer's own way counts as part of the token's life.
    const begun = this.#clock();
    try {
      const { accessToken, lifetime } = await this.#ask();
      const expiresAt = begun + lifetime;
      const held = { value: accessToken, expiresAt, renewAt: expiresAt - Math.min(MARGIN, lifetime / 4) };
      this.#failure = undefined;
      if (!this.#closed) this.#held = held;
      this.#log.debug({ lifetimeSeconds: Math.floor(lifetime / 1000) }, 'upstream token obtained');
      return held;
    } catch (cause) {
      const message = cause instanceof CredentialUnavailable ? cause.message : 'the token exchange failed';
      this.#failure = { until: this.#clock() + FAILURE_HOLDS, message };
      this.#log.warn({ reason: message }, 'upstream token not obtained');
      throw new CredentialUnavailable(message);
    }
  }
}
