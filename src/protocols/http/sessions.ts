import { hash } from 'node:crypto';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { isRefusal, refusal, type Refusal } from '../../model/decision.ts';
import type { Logger } from '../../model/logger.ts';
import type { Credential, Peer } from '../../model/principal.ts';
import type { Gate } from '../../pipeline/gate.ts';
import { HttpSession } from './session.ts';

/** Most sessions of one gateway. */
const MOST = 10_000;

/**
 * The sessions that are open, by connection, token or certificate, and address of the client. A request that shows the same from the same address is of
 * the same session; nothing is kept of a token but its hash.
 */
export class HttpSessions {
  readonly #gate: Gate;
  readonly #log: Logger;
  readonly #skew: (provider: string) => number;
  readonly #open = new Map<string, HttpSession>();
  readonly #opening = new Map<string, Promise<HttpSession | Refusal>>();

  /** @param skew how far a provider's clock may be from ours, in milliseconds: so much longer its tokens are good */
  constructor(gate: Gate, log: Logger, skew: (provider: string) => number) {
    this.#gate = gate;
    this.#log = log;
    this.#skew = skew;
  }

  /** A request of the same may still come to it: it is open to others, and its token is good. */
  stands(session: HttpSession): boolean {
    return !session.retired && !session.expired(Date.now() - this.#skew(session.gated.session.principal.provider));
  }

  /** The session of a request. Opens it by the first; others that come meanwhile wait for the same. */
  of(connection: HttpConnectionConfig, credential: Credential, peer: Peer): HttpSession | Promise<HttpSession | Refusal> {
    const key = `${connection.name} ${peer.address} ${peer.tls} ${shownHash(credential)}`;
    const known = this.#open.get(key);
    if (known && this.stands(known)) return known;
    // What runs goes on; the token has to be verified again, and will be found to have expired.
    known?.retire(credential.kind === 'bearer' ? 'token expired' : 'certificate expired');
    let opening = this.#opening.get(key);
    if (!opening) {
      opening = this.#openSession(key, connection, credential, peer).finally(() => this.#opening.delete(key));
      this.#opening.set(key, opening);
    }
    return opening;
  }

  async #openSession(key: string, connection: HttpConnectionConfig, credential: Credential, peer: Peer): Promise<HttpSession | Refusal> {
    if (this.#open.size + this.#opening.size >= MOST && !this.#makeRoom()) return refusal('limit', `this gateway has ${MOST} sessions already`);
    const gated = await this.#gate.open({ credential, connection: connection.name, peer });
    if (isRefusal(gated)) return gated;
    const { session } = gated;
    const log = this.#log.child({ session: session.id });
    this.#log.info({ session: session.id, identity: session.principal.identity, connection: session.connection, peer: session.peer.address }, 'session opened');
    const opened = new HttpSession(gated, log, (over) => {
      if (this.#open.get(key) === over) this.#open.delete(key);
    });
    if (gated.ended.aborted) return gated.ended.reason as Refusal;
    if (opened.retired) return refusal('shutting_down', 'the gateway is stopping; connect again');
    this.#open.set(key, opened);
    return opened;
  }

  /** Ends the oldest session that has nothing to do. */
  #makeRoom(): boolean {
    for (const session of this.#open.values()) {
      if (!session.idle) continue;
      session.retire('room for others');
      return true;
    }
    return false;
  }
}

/** Whoever shows a certificate in TLS has proved to hold its key, so the certificate alone tells one from another. What TLS found wrong with it belongs to it. */
const shownHash = (credential: Credential): string =>
  credential.kind === 'bearer' ? hash('sha256', credential.token) : `certificate ${hash('sha256', credential.chain[0] ?? Buffer.alloc(0))} ${credential.fault ?? 'good'}`;
