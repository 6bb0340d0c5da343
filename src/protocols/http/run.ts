import { refusal, isRefusal, type Refusal } from '../../model/decision.ts';
import type { Outcome } from '../../model/outcome.ts';
import type { Passage } from '../../pipeline/gate.ts';
import { CredentialUnavailable } from '../../secrets/upstream/unavailable.ts';
import { NotSignable } from '../../secrets/upstream/not-signable.ts';
import type { Injector, OutgoingBody, OutgoingHead } from '../../secrets/upstream/injector.ts';
import { Admission, type ReadRequest } from './admission.ts';
import { releaseOf } from './answer.ts';
import { Back, brokenAnswer } from './back.ts';
import type { KeptBody } from './body.ts';
import type { TargetPool } from './dial.ts';
import { TargetFault, type ClientStream, type TargetAnswer, type TargetStream } from './exchange.ts';
import { fieldsForTarget } from './fields.ts';
import { Forward } from './forward.ts';
import { openTarget } from './h1-target.ts';
import type { BodyLength } from './head.ts';
import type { Outside } from './location.ts';
import { AnswerWithheld, requestUnderMasks } from './mask.ts';
import { problem, type Wording } from './refuse.ts';

/** How long a request that changes something may go on after its client has left, so that its outcome is known. */
const LEAVE_MS = 5_000;
/** How long what the credential is made from may be waited for. */
const INJECT_MS = 15_000;
/** How often a read is tried again on another connection when the target had closed one of the pool. */
const MOST_TRIES = 4;

export interface ExchangeParts extends Omit<ReadRequest, 'ended'> {
  readonly injector: Injector;
  readonly outside: Outside;
  /** Base address of the pages, for links to approvals. */
  readonly pages: string | undefined;
}

/** One request, from its head to the end of its answer. Resolves when the client's side is over. Never rejects. */
export const runExchange = (parts: ExchangeParts): Promise<void> => new Exchange(parts).run();

class Exchange {
  readonly #parts: ExchangeParts;
  readonly #client: ClientStream;
  readonly #ended: Promise<Refusal>;
  #end: (why: Refusal) => void = () => {};
  readonly #stop = new AbortController();
  #passage: Passage | undefined;
  #settled = false;
  #target: TargetStream | undefined;
  /** The whole request was handed to the target. */
  #sent = false;
  #status: string | undefined;
  #masked: (() => Readonly<Record<string, number>>) | undefined;
  #forward: Forward | undefined;
  #back: Back | undefined;
  #wait: NodeJS.Timeout | undefined;
  /** Nothing more is done for it: it was answered, cut, or its client has left. */
  #over = false;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.#client = parts.client;
    this.#ended = new Promise((resolve) => (this.#end = resolve));
  }

  async run(): Promise<void> {
    const { session, client } = this.#parts;
    const leave = session.enter((why) => this.#cut(why));
    if (isRefusal(leave)) {
      this.#answer(leave);
    } else {
      client.onGone(() => this.#left());
      const admission = new Admission({ ...this.#parts, ended: this.#ended });
      try {
        await this.#way(admission);
      } catch (error) {
        this.#failed(error);
      } finally {
        admission.release();
      }
    }
    await new Promise<void>((resolve) => client.onOver(resolve));
    if (!isRefusal(leave)) leave();
  }

  async #way(admission: Admission): Promise<void> {
    const { injector, session } = this.#parts;
    const { body: declared } = this.#client.head;
    const stream = { kind: 'stream', ...(declared.kind === 'length' ? { length: declared.length } : {}) } as const;
    const admitted = await admission.admit(declared.kind !== 'none' && injector.needsBytes(this.#outgoing(stream, this.#fields(declared))));
    if (admitted.kind === 'passage') this.#passage = admitted.passage;
    if (this.#over) {
      this.#settle('unused');
      return;
    }
    if (admitted.kind === 'gone') {
      this.#left();
      return;
    }
    if (admitted.kind === 'refused') {
      this.#answer(admitted.refused, admitted.wording);
      return;
    }
    const { pool, release } = await session.pool();
    this.#client.onOver(release);
    if (!this.#over) await this.#send(pool, admitted.body, admitted.whole);
  }

  /** To the target, when its evidence allows it: a read at once, everything else when its intent is durable. */
  async #send(pool: TargetPool, body: KeptBody | undefined, whole: Buffer | undefined, tries = 1): Promise<void> {
    const { injector } = this.#parts;
    const passage = this.#passage as Passage;
    const { head } = this.#client;
    const read = passage.command.timing === 'read';
    const ready = read && passage.forward() !== undefined ? undefined : this.#durable();
    const declared: BodyLength = whole ? { kind: 'length', length: whole.length } : head.body;
    const outgoing = this.#outgoing(whole ? { kind: 'bytes', bytes: whole } : body ? { kind: 'stream', ...(declared.kind === 'length' ? { length: declared.length } : {}) } : { kind: 'none' }, this.#fields(declared));
    const [signed] = await Promise.all([injector.inject(outgoing, AbortSignal.any([this.#stop.signal, AbortSignal.timeout(INJECT_MS)])), ready]);
    if (signed?.body && signed.body.length === undefined && declared.kind !== 'chunked') outgoing.headers.push(['Transfer-Encoding', 'chunked']);
    if (this.#over) return;
    const permit = read ? passage.forward() : passage.effect();
    if (!permit) throw new Error('a request was about to be sent without a permit');
    const target = openTarget(pool, permit, { method: head.method, path: outgoing.path, fields: outgoing.headers, bodiless: !body });
    this.#target = target;
    if (body) this.#sendBody(target, body, signed?.body);
    else this.#allSent();
    let answer: TargetAnswer;
    try {
      answer = await target.answer;
    } catch (error) {
      const again = error instanceof TargetFault && error.stale && read && !body && !this.#over && tries < MOST_TRIES;
      if (!again) throw error;
      clearTimeout(this.#wait);
      await this.#send(pool, body, whole, tries + 1);
      return;
    }
    clearTimeout(this.#wait);
    if (answer.status === 401) injector.rejected(outgoing);
    await this.#answered(answer);
  }

  #sendBody(target: TargetStream, body: KeptBody, signed: OutgoingBody | undefined): void {
    this.#client.sendContinue();
    this.#forward = new Forward({
      body,
      target,
      passage: this.#passage as Passage,
      transform: signed?.transform,
      sent: () => this.#allSent(),
      idle: () => this.#fault(refusal('protocol', 'the body of the request did not come', this.#named), { status: 408 }),
      failed: (fault) => this.#failed(fault),
    });
  }

  #allSent(): void {
    this.#sent = true;
    const { answerWithin } = this.#parts.session.connection.http;
    this.#wait = setTimeout(() => this.#failed(new TargetFault('late', 'the target did not answer in time')), answerWithin);
  }

  /** The target has answered: what it says goes to the client once the intent is durable. */
  async #answered(answer: TargetAnswer): Promise<void> {
    this.#status = String(answer.status);
    if (this.#over) {
      // The client has left, and it was waited for how its request ends.
      this.#settle(answer.status < 400 ? 'ok' : 'error');
      this.#target?.cut();
      return;
    }
    await this.#durable();
    if (this.#over) return;
    const { session, outside } = this.#parts;
    const released = releaseOf(answer, this.#client.head, { connection: session.connection, masks: session.gated.masks, outside });
    if ('withheld' in released) {
      this.#withhold(released.withheld);
      return;
    }
    this.#masked = released.masked;
    this.#back = new Back({
      client: this.#client,
      passage: this.#passage as Passage,
      answer: released,
      settle: (status, then) => this.#settle(status, then),
      done: () => this.#finished(),
      broken: (error) => {
        if (error instanceof AnswerWithheld) this.#withhold(error.message);
        else this.#fault(brokenAnswer(this.#named.session, error === undefined), { status: error === undefined ? 504 : 502 });
      },
      unwritten: (failure) => this.#fault(failure),
    });
  }

  /** It ran, and its answer is not given. */
  #withhold(why: string): void {
    this.#settle('withheld');
    this.#fault(refusal('masking', `${why}; the request itself was carried out`, this.#named));
  }

  /** The client hears why, where it can still be told, and whatever runs is ended. */
  #fault(why: Refusal, wording: Wording = {}): void {
    if (this.#over) return;
    this.#settle(this.#endStatus(why.code === 'target_unavailable' || why.code === 'internal'));
    this.#finished();
    this.#target?.cut();
    this.#answer(why, wording);
  }

  #failed(error: unknown): void {
    const { log, connection } = this.#parts.session;
    if (error instanceof TargetFault) {
      // What came while nobody waited any more is how a request ends whose client has left.
      if (this.#over) this.#settle(this.#endStatus(true));
      else log.warn({ connection: connection.name, fault: error.kind, why: error.message, ...(error.code === undefined ? {} : { code: error.code }) }, 'target unavailable');
      this.#fault(refusal('target_unavailable', error.message, this.#named), error.kind === 'late' ? { status: 504 } : {});
      return;
    }
    if (error instanceof Unwritable) {
      this.#fault(error.refusal);
      return;
    }
    if (this.#over && this.#stop.signal.aborted) return;
    if (error instanceof NotSignable) {
      this.#fault(refusal('protocol', error.message, this.#named));
      return;
    }
    if (error instanceof CredentialUnavailable || (error instanceof DOMException && error.name === 'TimeoutError')) {
      log.warn({ connection: connection.name, why: error.message }, 'the credential of the target is unavailable');
      this.#fault(refusal('target_unavailable', 'the gateway has no credential for the target now', this.#named));
      return;
    }
    log.error({ error: error instanceof Error ? error.stack : 'unknown' }, 'request failed');
    this.#fault(refusal('internal', 'the gateway failed', this.#named));
  }

  /** The session may not go on. */
  #cut(why: Refusal): void {
    this.#end(why);
    if (this.#over && this.#passage) this.#settle(this.#endStatus(false));
    this.#target?.cut();
    this.#fault(why);
  }

  /** The client is gone. What was sent on and changes something is given a moment to end, so that the record says how. */
  #left(): void {
    if (this.#over) return;
    const waits = this.#sent && this.#status === undefined && this.#passage !== undefined && this.#passage.command.timing !== 'read';
    this.#finished();
    if (!this.#passage) return;
    if (!waits) {
      this.#target?.cut();
      this.#settle(this.#endStatus(false));
      return;
    }
    this.#wait = setTimeout(() => {
      this.#target?.cut();
      this.#settle('indeterminate');
    }, LEAVE_MS);
  }

  /** What can be said of a command that did not come to its end. */
  #endStatus(failed: boolean): Outcome['status'] {
    if (!this.#target?.reached) return 'unused';
    if (this.#status !== undefined || this.#passage?.command.timing === 'read') return failed ? 'error' : 'aborted';
    return 'indeterminate';
  }

  #finished(): void {
    this.#over = true;
    clearTimeout(this.#wait);
    this.#stop.abort();
    this.#forward?.stop();
    this.#back?.stop();
  }

  /** Hands the outcome to the log, once. */
  #settle(status: Outcome['status'], then: (failure?: Refusal) => void = () => {}): void {
    if (this.#settled || !this.#passage) return;
    this.#settled = true;
    const masked = this.#masked?.();
    this.#passage.end({ status, ...(this.#status === undefined ? {} : { code: this.#status }), ...(masked && Object.keys(masked).length > 0 ? { masked } : {}) }, then);
  }

  #answer(why: Refusal, wording: Wording = {}): void {
    this.#finished();
    if (this.#client.begun) {
      this.#client.cut();
      return;
    }
    const { status, fields, body } = problem(why, { ...wording, pages: this.#parts.pages });
    this.#client.answer(status, fields, body);
  }

  #durable(): Promise<void> {
    return new Promise((resolve, reject) => (this.#passage as Passage).whenDurable((failure) => (failure ? reject(new Unwritable(failure)) : resolve())));
  }

  get #named(): { readonly session: string } {
    return { session: this.#parts.session.gated.session.id };
  }

  #fields(body: BodyLength): [string, string][] {
    const { session, injector } = this.#parts;
    const { head } = this.#client;
    const { http, target } = session.connection;
    const { without, added } = requestUnderMasks(head, session.gated.masks);
    const fields = fieldsForTarget(head, { owns: injector.owns, host: http.host ?? hostOf(target), session: session.gated.session.id.slice(0, 12), body, without });
    fields.push(...added);
    return fields;
  }

  #outgoing(body: OutgoingHead['body'], headers: [string, string][]): OutgoingHead {
    const { session, facts, rawQuery } = this.#parts;
    const { http, target } = session.connection;
    return { method: this.#client.head.method, scheme: target.tls === 'disable' ? 'http' : 'https', authority: http.host ?? hostOf(target), path: `${http.basePath}${facts.path}${rawQuery === '' ? '' : `?${rawQuery}`}`, headers, body };
  }
}

/** Evidence cannot be written. */
class Unwritable extends Error {
  readonly refusal: Refusal;
  constructor(why: Refusal) {
    super(why.message);
    this.refusal = why;
  }
}

/** RFC 9110 section 7.2: the port where it is not the one of the scheme. */
const hostOf = ({ host, port, tls }: { readonly host: string; readonly port: number; readonly tls: string }): string => {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === (tls === 'disable' ? 80 : 443) ? name : `${name}:${port}`;
};
