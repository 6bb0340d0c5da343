import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { endedBecause, refusal, type Refusal } from '../../model/decision.ts';
import type { Logger } from '../../model/logger.ts';
import type { GatedSession } from '../../pipeline/gate.ts';
import { asHttp } from './connection.ts';
import { openPool, type TargetPool } from './dial.ts';
import { Turns, type Turned } from './turns.ts';

/** Seconds after which one for which there was no room may come again: others end all the time. */
const ROOM_AFTER = 1;

/** Upstream connections to a target as configured at some time. */
export interface Upstream {
  connection: HttpConnectionConfig;
  readonly opening: Promise<TargetPool>;
  /** There once it is open. */
  pool: TargetPool | undefined;
  users: number;
  retired: boolean;
}

/** A request that runs, or waits for its turn. */
export interface Running extends Turned {
  /** It may not go on. */
  cut(why: Refusal): void;
}

/** One Principal on one connection: its requests, and the upstream connections that are nobody else's. */
export class HttpSession {
  readonly gated: GatedSession;
  readonly log: Logger;
  readonly #over: (session: HttpSession) => void;
  readonly #turns = new Turns<Running>((late) => late.cut(this.#noRoom('others did not end in time')));
  #upstream: Upstream | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** When the last request ended. */
  #restedAt = performance.now();
  #retired: string | undefined;
  #closed = false;

  /** @param over it takes no further request: the next one of its client opens another */
  constructor(gated: GatedSession, log: Logger, over: (session: HttpSession) => void) {
    this.gated = gated;
    this.log = log;
    this.#over = over;
    gated.ended.addEventListener('abort', () => this.#end(gated.ended.reason as Refusal));
    gated.draining.addEventListener('abort', () => this.retire((gated.draining.reason as Refusal).code));
    if (gated.ended.aborted) this.#end(gated.ended.reason as Refusal);
    else if (gated.draining.aborted) this.retire((gated.draining.reason as Refusal).code);
    else this.#watchIdle();
  }

  get connection(): HttpConnectionConfig {
    return asHttp(this.gated.connection);
  }

  get idle(): boolean {
    return this.#turns.none;
  }

  get retired(): boolean {
    return this.#retired !== undefined;
  }

  /** The token that it was opened with is not valid any more. */
  expired(now: number): boolean {
    return now >= this.gated.session.principal.tokenExpiresAt;
  }

  /** A request has come: it is told to begin, and is cut when it may not go on. Undefined: it is there until it is told to `leave`. */
  enter(request: Running): Refusal | undefined {
    if (this.#closed) return refusal('internal', 'the session is over', { session: this.gated.session.id });
    return this.#turns.enter(request) ? undefined : this.#noRoom('too many wait already');
  }

  leave(request: Running): void {
    if (this.#closed || this.idle) return;
    this.#turns.leave(request);
    if (!this.idle) return;
    if (this.#retired === undefined) this.#restedAt = performance.now();
    else this.#close(this.#retired);
  }

  /** Takes no further request; what runs goes on to its end. */
  retire(reason: string): void {
    if (this.#retired !== undefined) return;
    this.#retired = reason;
    clearTimeout(this.#idle);
    this.#over(this);
    if (this.idle) this.#close(reason);
  }

  /** The upstream connections to the target as it is configured now. `release` them. */
  upstream(): Upstream | Promise<Upstream> {
    const upstream = this.#upstreamNow();
    upstream.users += 1;
    return upstream.pool ? upstream : this.#opened(upstream);
  }

  release(upstream: Upstream): void {
    upstream.users -= 1;
    if (upstream.users === 0 && upstream.retired) discard(upstream);
  }

  async #opened(upstream: Upstream): Promise<Upstream> {
    try {
      await upstream.opening;
      return upstream;
    } catch (error) {
      upstream.retired = true;
      if (this.#upstream === upstream) this.#upstream = undefined;
      this.release(upstream);
      throw error;
    }
  }

  #upstreamNow(): Upstream {
    const { connection } = this;
    const known = this.#upstream;
    // A reload makes other objects of the same text.
    if (known && (known.connection === connection || JSON.stringify(known.connection.target) === JSON.stringify(connection.target))) {
      known.connection = connection;
      return known;
    }
    if (known) {
      known.retired = true;
      if (known.users === 0) discard(known);
    }
    const opening = openPool(connection);
    const upstream: Upstream = { connection, opening, pool: undefined, users: 0, retired: false };
    opening.then((pool) => (upstream.pool = pool), () => {});
    return (this.#upstream = upstream);
  }

  /** Looks again when its time may be over. Requests come and go meanwhile, and a reload may have changed how long it is. */
  #watchIdle(): void {
    const left = this.#restedAt + this.connection.http.sessionIdle - performance.now();
    if (this.idle && left <= 0) {
      this.retire('idle');
      return;
    }
    this.#idle = setTimeout(() => this.#watchIdle(), Math.min(this.idle ? Math.ceil(left) : this.connection.http.sessionIdle, 2 ** 31 - 1));
    this.#idle.unref();
  }

  #end(why: Refusal): void {
    if (this.#closed) return;
    this.#retired ??= why.code;
    this.#over(this);
    // Each writes its outcome at once, so that the session's end stands behind them.
    for (const request of this.#turns.close()) request.cut(why);
    this.#close(endedBecause(why));
  }

  #noRoom(why: string): Refusal {
    return { ...this.gated.refuse('limit', `too many requests of one session at a time: ${why}`), retryAfter: ROOM_AFTER };
  }

  #close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#idle);
    this.gated.close(reason);
    const upstream = this.#upstream;
    if (upstream) {
      upstream.retired = true;
      if (upstream.users === 0) discard(upstream);
    }
    this.log.info({}, 'session closed');
  }
}

const discard = ({ opening }: Upstream): void => void opening.then((open) => open.close()).catch(() => {});
