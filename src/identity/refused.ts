import type { Logger } from '../model/logger.ts';
import type { Peer } from '../model/principal.ts';
import type { TokenRefusal } from './reasons.ts';

const WINDOW = 60_000;

/**
 * Logs refused logins by provider and reason: the first at once, further ones of the same kind as a count, one line a
 * minute. Whoever knocks all day must not fill the disk; the map is as small as providers times reasons.
 */
export class RefusedLogins {
  readonly #clock: () => number;
  readonly #log: Pick<Logger, 'info'> | undefined;
  readonly #kinds = new Map<string, { since: number; unlogged: number }>();

  constructor(clock: () => number, log: Pick<Logger, 'info'> | undefined) {
    this.#clock = clock;
    this.#log = log;
  }

  note(refusal: TokenRefusal, peer: Peer): void {
    const { reason, provider, tokenFingerprint, certificate } = refusal;
    const kind = `${provider ?? ''} ${reason}`;
    const now = this.#clock();
    const known = this.#kinds.get(kind);
    if (known !== undefined && now >= known.since && now - known.since < WINDOW) {
      known.unlogged += 1;
      return;
    }
    this.#kinds.set(kind, { since: now, unlogged: 0 });
    this.#log?.info({ event: 'login_refused', reason, provider, tokenFingerprint, ...(certificate === undefined ? {} : { certificate }), peer: peer.address, before: known?.unlogged ?? 0 }, certificate === undefined ? 'token refused' : 'client certificate refused');
  }
}
