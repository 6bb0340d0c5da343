import type { Transform } from 'node:stream';
import { refusal, type Refusal } from '../../model/decision.ts';
import type { Outcome } from '../../model/outcome.ts';
import { Admission, type Admitted } from './admission.ts';
import { releaseOf } from './answer.ts';
import { Back, brokenAnswer } from './back.ts';
import { BODY_IDLE_MS, type KeptBody } from './body.ts';
import type { TargetPool } from './dial.ts';
import { Echo } from './echo.ts';
import { failureOf } from './failure.ts';
import { TargetFault, type ClientStream, type TargetAnswer, type TargetStream } from './exchange.ts';
import { CALL_IDLE_MS, callDeadline, callStatus, mayGoInHttp2, outcomeOfCall, placeFor, refusalAnswer } from './grpc.ts';
import { AS_IT_IS, Forward } from './forward.ts';
import { AnswerWithheld, asksForPart } from './mask.ts';
import { needsBytes, openFor, withCredential, type ExchangeParts } from './outgoing.ts';
import { requestRecorder } from './recorded.ts';
import type { Wording } from './refuse.ts';
import type { Running } from './session.ts';
import { Settlement } from './settlement.ts';

/** How long a request that changes something may go on after its client has left, so that its outcome is known. */
const LEAVE_MS = 5_000;
/** How often a read is tried again on another connection when the target had closed one of the pool. */
const MOST_TRIES = 4;
/** Why nothing of a request is waited for any more; one for all, since an error costs its stack. */
const OVER = new Error('the request is over');

/** How often a request was sent already, and why it is sent again. */
interface Tries {
  /** The target had closed a connection of the pool. */
  readonly stale: number;
  /** The target refused a credential that was renewed since. */
  readonly renewed: boolean;
}

/** One request, from its head to the end of its answer. Never throws. */
export const runExchange = (parts: ExchangeParts): void => new Exchange(parts).run();

class Exchange implements Running {
  readonly #parts: ExchangeParts;
  readonly #client: ClientStream;
  /** Why the session has ended, and who waits for that. */
  #endedBy: Refusal | undefined;
  readonly #whenEnded: ((why: Refusal) => void)[] = [];
  /** Stops what the credential is waited for; there while it is. */
  #injecting: AbortController | undefined;
  /** There once it was admitted. */
  #settlement: Settlement | undefined;
  #target: TargetStream | undefined;
  /** The whole request was handed to the target. */
  #sent = false;
  #forward: Forward | undefined;
  #back: Back | undefined;
  #wait: NodeJS.Timeout | undefined;
  /** Nothing more is done for it: it was answered, cut, or its client has left. */
  #over = false;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.#client = parts.client;
  }

  run(): void {
    const { session, client } = this.#parts;
    // Behind whatever else is done then: the outcome is written before its session can end for want of requests.
    client.onOver(() => queueMicrotask(() => session.leave(this)));
    client.onGone(() => this.#left());
    const refused = session.enter(this);
    if (refused) this.#answer(refused);
  }

  /** Its turn has come. */
  begin(): void {
    void this.#run();
  }

  /** Nothing is waited for that is there already: what is known at once is decided, and sent, at once. */
  async #run(): Promise<void> {
    const admission = new Admission(this.#parts, () => this.#ended());
    try {
      const admitted = admission.admit(needsBytes(this.#parts));
      await this.#admitted(admitted instanceof Promise ? await admitted : admitted);
    } catch (error) {
      this.#failed(error);
    } finally {
      admission.release();
    }
  }

  async #admitted(admitted: Admitted): Promise<void> {
    const { session } = this.#parts;
    if (admitted.kind === 'passage') this.#settlement = new Settlement(admitted.passage, this.#parts);
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
    const opened = session.upstream();
    const upstream = opened instanceof Promise ? await opened : opened;
    this.#client.onOver(() => session.release(upstream));
    if (!this.#over) await this.#send(upstream.pool as TargetPool, admitted.body, admitted.whole);
  }

  /** To the target, when its evidence allows it: a read at once, everything else when its intent is durable. */
  async #send(pool: TargetPool, body: KeptBody | undefined, whole: Buffer | undefined, tries: Tries = { stale: 0, renewed: false }): Promise<void> {
    const { injector } = this.#parts.request.target;
    const settlement = this.#settlement as Settlement;
    const { passage, reads: read } = settlement;
    const { head } = this.#client;
    const injected = withCredential(this.#parts, { body: body !== undefined, whole, stop: () => (this.#injecting = new AbortController()) });
    const ready = read && passage.forward() !== undefined ? undefined : settlement.durable();
    if (ready) await (injected instanceof Promise ? Promise.all([injected, ready]) : ready);
    const credited = injected instanceof Promise ? await injected : injected;
    const { fields: { own }, transforms } = credited;
    this.#injecting = undefined;
    settlement.echo = own && new Echo(own);
    settlement.partAsked = asksForPart(credited.outgoing);
    const place = mayGoInHttp2(pool, head) ? await placeFor(pool, head) : undefined;
    if (this.#over) {
      place?.leave();
      return;
    }
    const permit = read ? passage.forward() : passage.effect();
    if (!permit) throw new Error('a request was about to be sent without a permit');
    const target = openFor(head, { pool, place, permit, credited, bodiless: !body });
    this.#target = target;
    const again = tries.renewed && body && whole ? { stream: body.stream, release: () => [whole] } : body;
    if (again) this.#sendBody(target, again, transforms, tries.renewed);
    else this.#allSent();
    let answer: TargetAnswer;
    try {
      answer = await target.answer;
    } catch (error) {
      const stale = error instanceof TargetFault && error.stale && read && !body && !this.#over && tries.stale + 1 < MOST_TRIES;
      if (!stale) throw error;
      clearTimeout(this.#wait);
      await this.#send(pool, body, whole, { ...tries, stale: tries.stale + 1 });
      return;
    }
    clearTimeout(this.#wait);
    if (answer.status === 401 && injector.rejected(credited.outgoing) && !tries.renewed && (!body || whole) && !this.#over) {
      // It was not carried out: with the next credential it may be.
      this.#forward?.recorded();
      this.#forward?.stop();
      target.cut();
      await this.#send(pool, body, whole, { ...tries, renewed: true });
      return;
    }
    await this.#answered(answer);
  }

  #sendBody(target: TargetStream, body: Pick<KeptBody, 'stream' | 'release'>, transforms: readonly Transform[], again: boolean): void {
    const { session, request: { facts } } = this.#parts;
    const { passage } = this.#settlement as Settlement;
    this.#client.sendContinue();
    this.#forward = new Forward({
      body,
      target,
      passage,
      record: again ? undefined : requestRecorder(session.gated.masks.bodies, facts, session.connection.evidence.recordAnswers),
      transforms,
      again,
      idleMs: this.#client.head.call ? CALL_IDLE_MS : BODY_IDLE_MS,
      moved: () => this.#back?.moved(),
      sent: () => this.#allSent(),
      idle: () => this.#fault(refusal('protocol', 'the body of the request did not come', this.#named), { status: 408 }),
      failed: (fault) => this.#failed(fault),
    });
  }

  #allSent(): void {
    this.#sent = true;
    // It has answered before it had all.
    if (this.#settlement?.code !== undefined) return;
    const { head } = this.#client;
    const answerWithin = head.call ? callDeadline(head) : this.#parts.session.connection.http.answerWithin;
    this.#wait = setTimeout(() => this.#failed(new TargetFault('late', 'the target did not answer in time')), answerWithin);
  }

  /** The target has answered: what it says goes to the client once the intent is durable. */
  async #answered(answer: TargetAnswer): Promise<void> {
    const settlement = this.#settlement as Settlement;
    settlement.code = String(answer.status);
    this.#forward?.answered();
    if (this.#over) {
      // The client has left, and it was waited for how its request ends. The head of a call seldom says that.
      const call = this.#client.head.call ? outcomeOfCall(answer, this.#client.head, 'aborted') : undefined;
      if (call) settlement.code = call.code;
      this.#settle(call?.status ?? (answer.status < 400 ? 'ok' : 'error'));
      this.#target?.cut();
      return;
    }
    const ready = settlement.durable();
    if (ready) await ready;
    if (this.#over) return;
    const { session, request, outside } = this.#parts;
    const released = releaseOf(answer, this.#client.head, { connection: session.connection, masks: session.gated.masks, outside, links: request.links, echo: settlement.echo, partAsked: settlement.partAsked });
    if ('withheld' in released) {
      this.#withhold(released.withheld);
      return;
    }
    settlement.masked = released.masked;
    this.#back = new Back({
      client: this.#client,
      passage: settlement.passage,
      answer: released,
      recorded: session.connection.evidence.recordAnswers > 0,
      settle: (status, then) => {
        const call = this.#client.head.call ? outcomeOfCall(answer, this.#client.head) : undefined;
        if (call) settlement.code = call.code;
        this.#settle(call?.status ?? status, then);
      },
      done: () => {
        this.#finished();
        // It has answered, and needs no more of the request.
        if (!this.#sent) this.#target?.cut();
      },
      broken: (error) => {
        if (error instanceof AnswerWithheld) this.#withhold(error.message);
        else this.#fault(brokenAnswer(this.#named.session, error === undefined), { status: error === undefined ? 504 : 502 });
      },
      unwritten: (failure) => this.#fault(failure),
    });
    if (answer.status === 101) this.#switched();
  }

  /** The WebSocket is open: what the client says in it goes to the target, beside what comes back. */
  #switched(): void {
    const { switched } = this.#client;
    if (!switched || !this.#target || !this.#settlement || this.#over) return;
    const { evidence: { recordAnswers } } = this.#parts.session.connection;
    this.#forward = new Forward({
      body: { stream: switched, release: () => [] },
      target: this.#target,
      passage: this.#settlement.passage,
      record: recordAnswers === 0 ? undefined : AS_IT_IS,
      transforms: [],
      again: false,
      idleMs: CALL_IDLE_MS,
      moved: () => this.#back?.moved(),
      sent: () => {},
      idle: () => {},
      failed: (fault) => this.#failed(fault),
    });
    this.#forward.answered();
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
    // What came while nobody waited any more is how a request ends whose client has left.
    if (this.#over && error instanceof TargetFault) this.#settle(this.#endStatus(true));
    if (this.#over) return;
    const { refused, wording } = failureOf(error, this.#parts.session);
    this.#fault(refused, wording);
  }

  /** The session may not go on. */
  cut(why: Refusal): void {
    this.#endedBy = why;
    for (const then of this.#whenEnded.splice(0)) then(why);
    if (this.#over) this.#settle(this.#endStatus(false));
    this.#target?.cut();
    this.#fault(why);
  }

  /** The client is gone. What was sent on and changes something is given a moment to end, so that the record says how. */
  #left(): void {
    if (this.#over) return;
    const settlement = this.#settlement;
    const waits = this.#sent && settlement !== undefined && settlement.code === undefined && !settlement.reads;
    this.#finished();
    if (!settlement) return;
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

  #endStatus(failed: boolean): Outcome['status'] {
    return this.#settlement?.unfinished(this.#target?.reached === true, failed) ?? 'unused';
  }

  #finished(): void {
    this.#over = true;
    clearTimeout(this.#wait);
    this.#injecting?.abort(OVER);
    this.#forward?.stop();
    this.#back?.stop();
  }

  /** Hands the outcome to the log, once. */
  #settle(status: Outcome['status'], then: (failure?: Refusal) => void = () => {}): void {
    this.#settlement?.settle(status, () => this.#forward?.recorded(), then);
  }

  #answer(why: Refusal, wording: Wording = {}): void {
    this.#finished();
    if (this.#client.begun) {
      this.#client.cut(this.#client.head.call ? callStatus(why, wording) : undefined);
      return;
    }
    const { status, fields, body } = refusalAnswer(this.#client.head, why, { ...wording, pages: this.#parts.pages, dialect: this.#parts.dialect });
    this.#client.answer(status, fields, body);
  }

  #ended(): Promise<Refusal> {
    return new Promise((resolve) => (this.#endedBy ? resolve(this.#endedBy) : this.#whenEnded.push(resolve)));
  }

  get #named(): { readonly session: string } {
    return { session: this.#parts.session.gated.session.id };
  }
}
