import { randomBytes } from 'node:crypto';
import type { ApprovalDemand } from '../model/approval.ts';
import type { Answer, ApprovalState } from './approvals.ts';
import { packed, unpacked } from './detail.ts';
import type { AnswerDetail, RequestDetail } from './detail.ts';
import type { Asker } from './duties.ts';
import type { ApprovalBody, ApprovalPorts, ApprovalRecord, ApprovalTicket, AskedStep, StoredAnswer, StoredRequest } from './ports.ts';
import { count } from './quorum.ts';
import type { Counted, Quorum } from './quorum.ts';
import { ruleName } from './words.ts';

/** An answer that its key opened. */
export interface GivenAnswer extends Counted {
  readonly provider: string;
  readonly channel: string;
  readonly reason: string;
  readonly at: number;
}

/** What is new about a request that begins. */
export interface Beginning {
  readonly digest: string;
  readonly session: string;
  readonly identity: string;
  readonly connection: string;
  readonly detail: RequestDetail;
}

/** How far the wall clock may be set back before an approval that was given "later" is no longer believed. */
const STEP_BACK = 60_000;
const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/** 80 random bits: unguessable, although it carries no right, and short enough to be read out. */
const newId = (): string => Array.from(randomBytes(16), (byte) => CROCKFORD[byte & 31]).join('');

/** How long a request waits for answers, and an answer for those of others. */
export const lifeOf = ({ hold, expires }: ApprovalDemand): number => Math.max(hold, expires);

export const stepsOf = ({ steps }: ApprovalDemand): AskedStep[] => steps.map(({ rule, groups, count: needed }) => ({ rule: ruleName(rule), groups, count: needed }));

type Event = ApprovalRecord extends infer One ? (One extends ApprovalRecord ? Omit<One, 'kind' | 'request' | 'session' | 'connection' | 'identity' | 'digest'> : never) : never;

/** Requests in the store and in evidence: what may become of one, and what is written about it. Knows nothing of who waits. */
export class Requests {
  readonly #ports: ApprovalPorts;
  readonly #changed: (id: string) => void;
  /** By the monotonic clock, when an approval ends: setting the wall clock back must not make one last longer. */
  readonly #ends = new Map<string, number>();

  constructor(ports: ApprovalPorts, changed: (id: string) => void) {
    this.#ports = ports;
    this.#changed = changed;
  }

  get(id: string): StoredRequest | undefined {
    return this.#ports.store.get(id);
  }

  /** The open request of a digest. One that has lapsed is ended first, unless commands wait for it. */
  open(digest: string, waited: boolean): StoredRequest | undefined {
    const request = this.#ports.store.open(digest);
    return request === undefined || (!(waited && request.state === 'pending') && this.endIfLapsed(request)) ? undefined : request;
  }

  /** True when it has lapsed; it is expired then. */
  endIfLapsed(request: StoredRequest): boolean {
    if (!this.#lapsed(request)) return false;
    this.end(request, 'expired');
    return true;
  }

  #lapsed({ id, state, expiresAt, approvedAt }: StoredRequest): boolean {
    const { clock } = this.#ports;
    const now = clock.wall();
    if (state !== 'pending' && state !== 'approved') return false;
    if (now >= expiresAt) return true;
    if (state === 'pending') return false;
    if (now < (approvedAt ?? now) - STEP_BACK) return true;
    const ends = this.#ends.get(id);
    if (ends === undefined) this.#ends.set(id, clock.monotonic() + expiresAt - now);
    return ends !== undefined && clock.monotonic() >= ends;
  }

  /** Expires what is due. `waited`: commands of this process wait for it, so that it lives on. */
  sweep(waited: (id: string) => boolean, limit: number): void {
    const { store, clock } = this.#ports;
    const now = clock.wall();
    for (const request of store.due(now, limit)) {
      if (request.state === 'pending' && waited(request.id)) store.renew(request.id, { lastAskedAt: request.lastAskedAt, expiresAt: now + STEP_BACK });
      else this.end(request, 'expired');
    }
    for (const id of this.#ends.keys()) {
      const request = store.get(id);
      if (request?.state !== 'approved') this.#ends.delete(id);
      else this.endIfLapsed(request);
    }
  }

  /** Begins a request; the one that is open when another was faster. Undefined: evidence cannot take its record. */
  begin({ detail, ...names }: Beginning): StoredRequest | undefined {
    const { store, clock, seal } = this.#ports;
    const now = clock.wall();
    const sealed = seal(names.connection, packed(detail));
    const begun: StoredRequest = { ...names, id: newId(), state: 'pending', askedAt: now, lastAskedAt: now, approvedAt: undefined, expiresAt: now + lifeOf(detail.demand), sealed };
    const { request, fresh } = store.exclusively(() => {
      const open = store.open(names.digest);
      if (open !== undefined) return { request: open, fresh: false };
      // Inside: no request is seen by anybody of which the log has not been told.
      const ticket = this.#requested(begun, detail);
      if (ticket.state === 'failed') return { request: undefined, fresh: false };
      if (!store.insert(begun)) throw new Error('the id of a new request is taken');
      return { request: begun, fresh: true };
      // A request that a power cut undoes is asked for again; its approval, which could not be, is synced.
    }, true);
    if (fresh) this.#changed(begun.id);
    return request;
  }

  /** Asked again: it lives from now on as long as a new one would. `detail`: what it says has changed; recorded when that is who is asked. */
  renew(request: StoredRequest, life: number, detail: RequestDetail | undefined, recorded: boolean): StoredRequest {
    const { store, clock, seal } = this.#ports;
    const now = clock.wall();
    const expiresAt = now + life;
    // A client that asks over and over must not make the disk sync each time.
    if (detail === undefined && Math.abs(expiresAt - request.expiresAt) < 1_000) return request;
    const renewed = { ...request, lastAskedAt: now, expiresAt, sealed: detail === undefined ? request.sealed : seal(request.connection, packed(detail)) };
    if (store.renew(request.id, renewed)) {
      if (detail !== undefined && recorded) this.#requested(renewed, detail, true);
      this.#changed(request.id);
    }
    return renewed;
  }

  /** What it says; undefined when its key was destroyed. */
  detail({ id, sealed }: StoredRequest): RequestDetail | undefined {
    return this.#unseal<RequestDetail>(id, sealed);
  }

  /** Its answers, without those whose key was destroyed: they count for nothing. */
  answers(id: string): GivenAnswer[] {
    return this.#ports.store.answers(id).flatMap(({ verdict, provider, channel, at, sealed }) => {
      const opened = this.#unseal<AnswerDetail>(id, sealed);
      return opened === undefined ? [] : [{ ...opened, verdict, provider, channel, at }];
    });
  }

  #unseal<Detail extends RequestDetail | AnswerDetail>(id: string, sealed: Uint8Array): Detail | undefined {
    try {
      const bytes = this.#ports.open(sealed);
      return bytes === undefined ? undefined : unpacked<Detail>(bytes);
    } catch (error) {
      this.#ports.logger.error({ request: id, error: (error as Error).message }, 'what a request for approval says cannot be opened');
      return undefined;
    }
  }

  /** Counts its answers under what is in force now. */
  count(request: StoredRequest, demand: ApprovalDemand, askers: readonly Asker[]): Quorum<GivenAnswer> {
    return count(demand, this.fresh(request, demand, this.answers(request.id)), askers, this.#ports.settings());
  }

  /** Answers that have not waited too long for the others. */
  fresh({ state, approvedAt, expiresAt }: StoredRequest, demand: ApprovalDemand, answers: readonly GivenAnswer[]): GivenAnswer[] {
    const reference = state === 'pending' ? this.#ports.clock.wall() : (approvedAt ?? expiresAt);
    return answers.filter(({ at }) => at > reference - lifeOf(demand) && at <= reference + STEP_BACK);
  }

  /** Tells who listens that a request is another now. */
  changed(id: string): void {
    this.#changed(id);
  }

  /** Queues the record of an answer. It may take effect when the ticket says that it is durable. */
  answered(request: StoredRequest, { person, verdict, channel, reason }: Answer, groups: readonly string[]): ApprovalTicket {
    const { name, issuer, subject, provider } = person;
    return this.#record(request, { event: 'answered', verdict, provider, groups, channel }, [
      { part: 'detail', connection: request.connection, bytes: Buffer.from(JSON.stringify({ name, issuer, subject, reason }), 'utf8') },
    ]);
  }

  sealedAnswer({ id, connection }: StoredRequest, detail: AnswerDetail, given: Omit<StoredAnswer, 'request' | 'sealed'>): StoredAnswer {
    return { ...given, request: id, sealed: this.#ports.seal(connection, packed(detail)) };
  }

  /** Pending to approved. False when something else became of it meanwhile. */
  approve(request: StoredRequest, demand: ApprovalDemand): boolean {
    const { store, clock } = this.#ports;
    const now = clock.wall();
    if (!store.move(request.id, 'pending', 'approved', { at: now, approvedAt: now, expiresAt: now + demand.expires })) return false;
    this.#ends.set(request.id, clock.monotonic() + demand.expires);
    return true;
  }

  approved(request: StoredRequest, demand: ApprovalDemand): void {
    this.#record(request, { event: 'approved', steps: stepsOf(demand) });
    this.#changed(request.id);
  }

  /** The approval counts no longer: people are asked again. */
  reopen(request: StoredRequest, detail: RequestDetail): boolean {
    const { store, clock } = this.#ports;
    const now = clock.wall();
    const expiresAt = now + lifeOf(detail.demand);
    if (!store.move(request.id, 'approved', 'pending', { at: now, expiresAt })) return false;
    this.#ends.delete(request.id);
    this.#requested({ ...request, expiresAt }, detail, true);
    this.#changed(request.id);
    return true;
  }

  /** Takes the one execution. True for exactly one of all who try; on the disk when this returns. */
  use(request: StoredRequest): boolean {
    if (!this.#ports.store.move(request.id, 'approved', 'used', { at: this.#ports.clock.wall() })) return false;
    this.#ends.delete(request.id);
    this.#changed(request.id);
    return true;
  }

  end(request: StoredRequest, to: ApprovalState & ('denied' | 'expired' | 'withdrawn')): boolean {
    const { id, state } = request;
    if (state !== 'pending' && state !== 'approved') return false;
    if (!this.#ports.store.move(id, state, to, { at: this.#ports.clock.wall() })) return false;
    this.ended(request, to);
    return true;
  }

  /** Records an end that the store knows already. */
  ended(request: StoredRequest, to: ApprovalState & ('denied' | 'expired' | 'withdrawn')): void {
    this.#ends.delete(request.id);
    this.#record(request, to === 'expired' ? { event: 'expired', state: request.state === 'approved' ? 'approved' : 'pending' } : { event: to });
    this.#changed(request.id);
  }

  #requested(request: StoredRequest, { text, parameters, data, demand }: RequestDetail, again = false): ApprovalTicket {
    const { connection } = request;
    const bodies: ApprovalBody[] = [{ part: 'statement', connection, bytes: Buffer.from(text, 'utf8') }];
    if (parameters !== undefined) bodies.push({ part: 'parameters', connection, bytes: Buffer.from(JSON.stringify(parameters), 'utf8') });
    if (data !== undefined) bodies.push({ part: 'covered', connection, bytes: Buffer.from(JSON.stringify(data), 'utf8') });
    return this.#record(request, { event: 'requested', ...(again ? { again } : {}), steps: stepsOf(demand), expires: new Date(request.expiresAt).toISOString() }, bodies);
  }

  #record({ id, session, connection, identity, digest }: StoredRequest, event: Event, bodies: readonly ApprovalBody[] = []): ApprovalTicket {
    return this.#ports.record({ kind: 'approval', request: id, session, connection, identity, digest, ...event }, bodies);
  }
}
