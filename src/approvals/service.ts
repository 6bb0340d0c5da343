import { refusal } from '../model/decision.ts';
import type { Refusal } from '../model/decision.ts';
import { Answering } from './answering.ts';
import { AnswerRefused } from './approvals.ts';
import type { Answer, ApprovalFilter, ApprovalView, Approvals, Ask, Asked, Waiter } from './approvals.ts';
import { detailOf, unshowable } from './detail.ts';
import type { RequestDetail } from './detail.ts';
import { digestOf } from './digest.ts';
import { askerOf } from './duties.ts';
import type { Asker } from './duties.ts';
import { Opening, askersOf, sameAsker } from './opening.ts';
import type { ApprovalPorts, StoredRequest } from './ports.ts';
import { Requests } from './requests.ts';
import { viewOf } from './view.ts';
import { Held, Waiters, isEmpty } from './waiters.ts';
import type { Line } from './waiters.ts';
import { deniedBy, heldNotice, notHeld } from './words.ts';

/** Longest hold inside a transaction, whatever a rule says: it keeps locks of the target. */
const LONGEST_IN_TRANSACTION = 60_000;
/** Another process may change the request between two looks at it; so often it is looked at again. */
const ATTEMPTS = 5;
/** At least so often requests that lapsed are looked for, in milliseconds, and at most so many at a time. */
const SWEEP = 30_000;
const SWEPT = 500;
/** What has ended is forgotten here after so long, or beyond so many; evidence keeps it. */
const KEPT = 90 * 86_400_000;
const MOST_KEPT = 100_000;
const MOST_KEPT_BYTES = 256 * 1024 * 1024;
const MOST_LISTED = 1_000;

/** Makes the service. main.ts fills the ports; one for each process, over the store that all of them share. */
export const createApprovals = (ports: ApprovalPorts): Approvals => new Service(ports);

class Service implements Approvals {
  readonly #ports: ApprovalPorts;
  readonly #requests: Requests;
  readonly #answering: Answering;
  readonly #waiters = new Waiters();
  readonly #opening: Opening;
  readonly #listeners = new Set<(view: ApprovalView) => void>();
  readonly #unwatch: () => void;
  #stopSweep: () => void = () => {};
  #closed = false;

  constructor(ports: ApprovalPorts) {
    this.#ports = ports;
    this.#requests = new Requests(ports, (id) => this.#followed(id));
    this.#answering = new Answering(ports, this.#requests);
    this.#opening = new Opening(ports, this.#requests, () => this.#sweep());
    this.#unwatch = ports.store.watch(() => this.#guarded(() => this.#waiters.lines().forEach((line) => this.#settle(line))));
    this.#sweepSoon();
  }

  ask(asked: Ask): Asked {
    if (this.#closed) return refused(refusal('shutting_down', 'the gateway is stopping'));
    const back = this.#comeBack(asked);
    const lines = new Set<string>(back === undefined ? [] : [back.holding.digest]);
    try {
      const { session, command, bound } = asked;
      const digest = digestOf(this.#ports.key, {
        connection: session.connection, protocol: session.protocol, identity: session.principal.identity, effects: command.effects, bound,
        ...(asked.maxRows === undefined ? {} : { maxRows: asked.maxRows }),
      });
      if (back !== undefined && back.holding.digest !== digest) {
        return refused(notHeld(back.request, this.#url, 'what this command would do has changed since it was asked for, so its approval does not cover it'));
      }
      lines.add(digest);
      const unseen = unshowable(asked);
      if (unseen !== undefined) return refused(refusal('limit', `this command needs approval, and cannot be approved: ${unseen}`));
      return this.#judge(asked, digest, back);
    } catch (error) {
      this.#ports.logger.error({ session: asked.session.id, error: (error as Error).message }, 'a command could not be asked for');
      return refused(refusal('internal', 'the request for approval could not be made'));
    } finally {
      for (const digest of lines) {
        const line = this.#waiters.line(digest);
        if (line !== undefined) this.#guarded(() => this.#settle(line));
      }
    }
  }

  /** The waiter of one of ours that asks again: it leaves the line, and keeps its place should it have to wait on. */
  #comeBack({ waiter, session }: Ask): Held | undefined {
    if (!(waiter instanceof Held) || waiter.holding.session !== session.id || this.#waiters.take(waiter) === undefined) return undefined;
    waiter.end('again');
    return waiter;
  }

  #judge(asked: Ask, digest: string, back: Held | undefined): Asked {
    const asker = askerOf(asked.session.principal);
    const { approval: demand } = asked.decision;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const line = this.#waiters.line(digest);
      const request = this.#requests.open(digest, line !== undefined && !isEmpty(line));
      if (request === undefined) {
        const denied = back === undefined ? undefined : this.#deniedTo(back);
        if (denied !== undefined) return refused(denied);
        const begun = this.#opening.begin(asked, digest);
        if ('kind' in begun) return refused(begun);
        return this.#hold(asked, begun, digest, back, begun.session === asked.session.id);
      }
      // An approval is kept for the oldest who waits; only the one who was called, or who finds nobody waiting, may take it.
      const mine = line === undefined || (line.called === undefined && (back !== undefined || line.waiting.length === 0));
      if (request.state === 'approved') {
        if (!mine) return this.#hold(asked, request, digest, back, false);
        if (this.#ports.clock.wall() >= (request.approvedAt ?? 0) + demand.expires) {
          this.#requests.end(request, 'expired');
        } else if (!this.#requests.count(request, demand, [asker]).met) {
          this.#requests.reopen(request, { ...detailOf(asked), askers: askersOf(this.#detail(request, line), asker) });
        } else if (this.#requests.use(request)) {
          return { kind: 'approved', request: request.id };
        }
        continue;
      }
      const joined = this.#opening.join(asked, request, this.#detail(request, line), asker);
      if ('kind' in joined) return refused(joined);
      if (line?.request === request.id) line.detail = joined;
      if (this.#requests.count(request, demand, joined.askers).met) {
        // What is asked for has become less: what was answered is enough now.
        if (this.#requests.approve(request, demand)) this.#requests.approved(request, demand);
        continue;
      }
      return this.#hold(asked, request, digest, back, false);
    }
    return refused(refusal('internal', 'the request for approval changes too fast'));
  }

  #deniedTo(back: Held): Refusal | undefined {
    const before = this.#requests.get(back.request);
    return before?.state === 'denied' ? deniedBy(before.id, this.#denial(before.id)) : undefined;
  }

  #denial(id: string): string | undefined {
    return this.#requests.answers(id).findLast(({ verdict }) => verdict === 'deny')?.reason;
  }

  #detail(request: StoredRequest, line: Line | undefined): RequestDetail | undefined {
    return line?.request === request.id ? line.detail : this.#requests.detail(request);
  }

  /** Keeps the command waiting for the request, as far as it may wait where it stands. */
  #hold(asked: Ask, request: StoredRequest, digest: string, back: Held | undefined, fresh: boolean): Asked {
    const { session, decision: { approval: demand }, place, mostHeld } = asked;
    const { clock, settings } = this.#ports;
    const { identity } = session.principal;
    const { connection } = session;
    const line = this.#waiters.line(digest);
    const refuse = (why: string): Asked => {
      if (line !== undefined) line.mayReturn = true;
      return refused(notHeld(request.id, this.#url, why));
    };
    const longest = place === 'free' ? demand.hold : place === 'transaction' ? Math.min(demand.holdInTransaction, demand.hold, LONGEST_IN_TRANSACTION) : 0;
    if (longest <= 0) return refuse(place === 'free' ? 'this command needs approval' : 'this command needs approval, and cannot be held inside a transaction or a series');
    const now = clock.monotonic();
    const left = back === undefined ? longest : Math.min(longest, back.holding.deadline - now);
    if (left <= 0) return refuse('this command needs approval, and has waited as long as it may');
    const most = mostHeld ?? settings().heldCommands;
    if (back === undefined && this.#waiters.held({ identity, connection }) >= most) return refuse(`this command needs approval, and ${most} commands of this identity are held on this connection already`);
    const held: Held = new Held(
      { digest, session: session.id, identity, connection, asker: askerOf(session.principal), demand, order: back?.holding.order ?? this.#waiters.nextOrder(), deadline: now + left, until: clock.wall() + left },
      request.id,
      clock,
      {
        notice: (id, until) => heldNotice(id, this.#url, until),
        leave: (one, why) => this.#leave(one, why),
        late: (one) => this.#late(one),
      },
    );
    const joined = this.#waiters.join(held, this.#detail(request, line) ?? detailOf(asked), !fresh);
    // Another process may have ended the request that the others waited for; of one command there is one open request.
    if (joined.request !== request.id) this.#waiters.moveTo(joined, request.id);
    return { kind: 'held', waiter: held };
  }

  #leave(held: Held, why: Parameters<Waiter['leave']>[0]): void {
    const line = this.#waiters.take(held);
    held.end(why === 'cancelled' ? refusal('cancelled', 'the client cancelled the command while it was held', { approval: held.request }) : notHeld(held.request, this.#url, 'the client did not wait for the approval of this command'));
    if (line === undefined) return;
    if (why !== 'cancelled') line.mayReturn = true;
    this.#guarded(() => {
      if (isEmpty(line) && !line.mayReturn) {
        const request = this.#requests.get(line.request);
        if (request?.state === 'pending') this.#requests.end(request, 'withdrawn');
      }
      this.#settle(line);
    });
  }

  #late(held: Held): void {
    const line = this.#waiters.take(held);
    held.end(notHeld(held.request, this.#url, 'nobody has approved this command in time'));
    if (line === undefined) return;
    line.mayReturn = true;
    this.#guarded(() => this.#settle(line));
  }

  /** Lets follow, for those who wait, what has become of their request, here or in another process. */
  #settle(line: Line): void {
    if (this.#waiters.dropIfEmpty(line)) return;
    const request = this.#requests.get(line.request);
    if (request?.state === 'pending') return;
    if (request?.state === 'approved' && !this.#requests.endIfLapsed(request)) {
      this.#waiters.callNext(line);
      return;
    }
    if (request?.state === 'denied') {
      const reason = this.#denial(request.id);
      this.#waiters.dismiss(line, () => deniedBy(request.id, reason));
    } else {
      this.#moveOn(line);
    }
    this.#waiters.dropIfEmpty(line);
  }

  /** Their request has let another execution through, or has lapsed: those who still wait ask for one of their own. */
  #moveOn(line: Line): void {
    const [first] = line.waiting;
    if (first === undefined) return;
    const { identity, connection, session, demand } = first.holding;
    const askers: Asker[] = [];
    for (const { holding } of line.waiting) if (!askers.some((one) => sameAsker(one, holding.asker))) askers.push(holding.asker);
    const detail = { ...line.detail, demand, askers };
    const next = this.#requests.open(line.digest, true) ?? this.#opening.full(identity) ?? this.#requests.begin({ digest: line.digest, session, identity, connection, detail });
    if (next === undefined || 'kind' in next) {
      const why = next ?? refusal('evidence_unavailable', 'the request for approval cannot be recorded now');
      this.#waiters.dismiss(line, () => why);
      return;
    }
    this.#waiters.moveTo(line, next.id);
    line.detail = detail;
    if (next.state === 'approved') this.#waiters.callNext(line);
    this.#followed(next.id);
  }

  list(filter: ApprovalFilter): readonly ApprovalView[] {
    this.#sweep();
    const most = Math.max(0, Math.min(MOST_LISTED, Math.trunc(filter.limit)));
    return this.#ports.store.list({ ...filter, limit: most }).map((request) => this.#view(request));
  }

  get(id: string): ApprovalView | undefined {
    this.#sweep();
    const request = this.#requests.get(id);
    return request === undefined ? undefined : this.#view(request);
  }

  #view(request: StoredRequest): ApprovalView {
    const line = this.#waiters.ofRequest(request.id);
    const detail = this.#detail(request, line);
    const quorum = detail === undefined ? undefined : this.#requests.count(request, detail.demand, detail.askers);
    const waiting = line === undefined ? 0 : line.waiting.length + (line.called === undefined ? 0 : 1);
    return viewOf(request, detail, this.#requests.answers(request.id), quorum, waiting, this.#url);
  }

  async answer(answer: Answer): Promise<ApprovalView> {
    if (this.#closed) throw new AnswerRefused('over', 'the gateway is stopping');
    const id = await this.#answering.answer(answer, (digest) => this.#waiters.line(digest) !== undefined, () => this.#closed);
    const line = this.#waiters.ofRequest(id);
    if (line !== undefined) this.#guarded(() => this.#settle(line));
    const view = this.get(id);
    if (view === undefined) throw new AnswerRefused('unknown', 'there is no such request');
    return view;
  }

  onChange(listener: (view: ApprovalView) => void): () => void {
    const own = (view: ApprovalView): void => listener(view);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** In a turn of its own, so that nothing is followed in the middle of itself: for those who wait, then for those who listen. */
  #followed(id: string): void {
    queueMicrotask(() => this.#guarded(() => {
      if (this.#closed) return;
      const line = this.#waiters.ofRequest(id);
      if (line !== undefined) this.#settle(line);
      this.#tell(id);
    }));
  }

  #tell(id: string): void {
    const request = this.#listeners.size === 0 ? undefined : this.#requests.get(id);
    if (request === undefined) return;
    const view = this.#view(request);
    for (const listener of this.#listeners) this.#guarded(() => listener(view));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unwatch();
    this.#stopSweep();
    this.#listeners.clear();
    for (const line of this.#waiters.lines()) this.#waiters.dismiss(line, () => refusal('shutting_down', 'the gateway is stopping'));
  }

  #sweepSoon(): void {
    const { clock, store } = this.#ports;
    const next = store.nextDue();
    const wait = next === undefined ? SWEEP : Math.min(SWEEP, Math.max(100, next - clock.wall()));
    this.#stopSweep = clock.after(wait, () => this.#guarded(() => {
      try {
        this.#sweep();
        for (const line of this.#waiters.lines()) this.#settle(line);
        store.forget(clock.wall() - KEPT, MOST_KEPT, MOST_KEPT_BYTES);
      } finally {
        if (!this.#closed) this.#sweepSoon();
      }
    }));
  }

  #sweep(): void {
    this.#requests.sweep((id) => this.#waiters.ofRequest(id) !== undefined, SWEPT);
  }

  /** For what nobody waits for: the disk may fail, and the process goes on. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#ports.logger.error({ error: (error as Error).message }, 'approvals: a change could not be followed');
    }
  }

  get #url(): string | undefined {
    return this.#ports.settings().url;
  }
}

const refused = (why: Refusal): Asked => ({ kind: 'refused', refusal: why });
