import type { Socket } from 'node:net';
import type { Spool } from '../../approvals/spool.ts';
import { createCopyInGuard } from '../../masking/copy-guard.ts';
import { CopyRecorder } from '../../masking/recorded-copy.ts';
import { refusal, type Refusal } from '../../model/decision.ts';
import type { Logger } from '../../model/logger.ts';
import type { Outcome } from '../../model/outcome.ts';
import { Crowd } from '../../pipeline/crowd.ts';
import type { GatedSession, Passage } from '../../pipeline/gate.ts';
import type { Permit } from '../../pipeline/permits.ts';
import type { Catalog } from '../../sql/catalog.ts';
import type { CopyFacts } from '../../sql/facts.ts';
import type { Understood, UnderstoodStatement } from '../../sql/understand.ts';
import { WireError } from '../../wire/errors.ts';
import { Outgoing } from '../../wire/outgoing.ts';
import { Answer } from './answer.ts';
import type { CopySyncs } from './copy-syncs.ts';
import type { Collecting } from './covered-copy.ts';
import { toServer } from './encode.ts';
import type { Examined } from './examine.ts';
import type { Frame, Run } from './frames.ts';
import { Holding } from './holding.ts';
import type { TransactionStatus } from './messages.ts';
import { Names, NOT_RECORDED, type Prepared } from './namespace.ts';
import { Portals } from './portals.ts';
import { unparsableText } from './refuse.ts';
import { ExpectedReplies, type Expected } from './state.ts';

/** What a reply that the target owes is for. */
export interface Owed {
  readonly answer?: Answer;
  /** Bytes of a simulated reply. */
  readonly bytes?: Buffer;
  /** The target was made to fail: what the client is told instead of its error; null tells nothing. */
  readonly insteadOfError?: Buffer | null;
  /** For replies of the gateway's own: an error is the client's to see, as that of the message behind it. */
  readonly showsError?: boolean;
  /** For replies of the gateway's own that still end a message of the client's: its ReadyForQuery goes to the client. */
  readonly showsReady?: boolean;
  /** The item ended: the target did it, or it did not (error, skipped). */
  readonly done?: (ok: boolean) => void;
  /** Sees the replies of the gateway's own requests. */
  readonly capture?: (event: Frame | Run) => void;
}

/** COPY FROM STDIN that is under way. */
export interface CopyIn {
  readonly answer: Answer;
  /** Looks at the data for masked values, and at its end (undefined); returns why it may not go on. */
  readonly guard: ((data: Buffer | undefined) => string | undefined) | undefined;
  /** Makes the recorded form of the data; undefined when nothing of it is recorded. */
  readonly recorder: CopyRecorder | undefined;
  /** Refused or failed: what the client still sends is dropped. */
  dropped: boolean;
}

/** Most statements and portals that one session may hold, and most bytes of their texts and recorded forms. */
const MOST_NAMES = 10_000;
const MOST_PREPARED_BYTES = 8 * 1024 * 1024;

const bytesOfPrepared = ({ text, recorded }: Prepared): number => text.length + (recorded?.bytes.length ?? 0);

/** Everything both directions of one session share. Only `session.ts` creates it. */
export class Link {
  readonly gated: GatedSession;
  readonly log: Logger;
  readonly owed = new ExpectedReplies<Owed>();
  readonly prepared = new Names<Prepared>(bytesOfPrepared);
  readonly portals: Portals = new Portals((answer) => this.abandon(answer));
  readonly target: Outgoing;
  readonly client: Outgoing;
  status: TransactionStatus = 'I';
  /** Since the last ReadyForQuery something failed, or the gateway rolled back: a transaction that ends without being told to is not committed. */
  undone = false;
  /** A Query was sent within a series outside of a block. From PostgreSQL 18 on it is a part of that: the status says T then, and the next Sync commits. */
  withinSeries = false;
  /** The block that is open at the target was opened by the gateway: for the client there is none. */
  ownBlock = false;
  /** How often the client has asked for a cancel. */
  cancels = 0;
  copyIn: CopyIn | undefined;
  /** The last command that was sent and brings COPY data. */
  bringing: Answer | undefined;
  /** It has not ended, and not all of its data is there. */
  #asks = false;
  /** Syncs were passed on since COPY data was asked for. */
  copySyncs: CopySyncs | undefined;
  /** The gateway has asked the client for rows in the target's place. */
  collecting: Collecting | undefined;
  /** Rows that were kept of it: while it sends them, while people think, until they are sent on. */
  spool: Spool | undefined;
  readonly holding: Holding = new Holding(this);
  /** The last CopyData handed to the target is not whole yet: whatever becomes of the COPY, its rest has to follow. */
  openCopyData: Answer | undefined;
  /** What the gateway has to send when it is. */
  #behindIt: (() => void)[] = [];
  /** Ends the session: the client gets the refusal as FATAL, both sides close. */
  readonly end: (why: Refusal) => void;
  /** The session has ended: nothing is read, sent or admitted any more. */
  over = false;
  #idle: (() => void)[] = [];
  readonly #answers = new Crowd<Answer>();
  /** Outcomes of abandoned commands on their way to the log. */
  #unwritten = 0;
  #written: (() => void)[] = [];

  constructor(gated: GatedSession, log: Logger, client: Socket, target: Socket, end: (why: Refusal) => void) {
    this.gated = gated;
    this.log = log;
    this.client = new Outgoing(client);
    this.target = new Outgoing(target);
    this.end = end;
  }

  /** Every byte to the target passes here, and every one needs a permit. */
  send(permit: Permit, bytes: Uint8Array): void {
    permit.spend();
    this.target.add(bytes);
  }

  /** A message of the client's, as it came. */
  pass(permit: Permit, { memory, from, size }: Frame): void {
    permit.spend();
    this.target.pass(memory, from, size);
  }

  /** For messages of the gateway's own that no message of the client's has led to: in the middle of one the target would take them for a part of it, and its rest for messages. */
  betweenMessages(send: () => void): void {
    if (this.openCopyData) this.#behindIt.push(send);
    else send();
  }

  /** So much of a CopyData message has been sent. */
  copyDataSent(open: Answer | undefined): void {
    this.openCopyData = open;
    if (open || this.#behindIt.length === 0) return;
    const waiting = this.#behindIt;
    this.#behindIt = [];
    for (const send of waiting) send();
  }

  /** Notes what the target owes for a message. When it drops the message (after an error, up to Sync), that is settled at once. */
  owe(item: Expected<Owed>): void {
    if (this.owed.add(item)) return;
    if (item.context.answer) this.abandon(item.context.answer);
    item.context.done?.(false);
  }

  /** It is being sent: the target will ask for its data. */
  brings(answer: Answer): void {
    this.bringing = answer;
    this.#asks = true;
  }

  asksNoMore(): void {
    this.#asks = false;
  }

  /** Nothing but the end of a block commits. */
  get inBlock(): boolean {
    return this.status === 'T' && !this.withinSeries;
  }

  /** The status says T for a series in which a Query was sent: the next Sync commits, and no savepoint can be set. */
  get inImplicitBlock(): boolean {
    return this.status === 'T' && this.withinSeries;
  }

  /** The target may come to ask for COPY data: it would drop a Sync then. */
  get mayAskForData(): boolean {
    return this.#asks && this.bringing?.ended === false;
  }

  /** Why no further statement of so many bytes may be kept by name, if so. */
  noRoomFor(bytes: number): string | undefined {
    if (this.prepared.size + this.portals.size >= MOST_NAMES) return `more than ${MOST_NAMES} prepared statements and portals in one session`;
    return this.prepared.weight + this.portals.weight + 2 * bytes > MOST_PREPARED_BYTES ? `prepared statements of one session hold at most ${MOST_PREPARED_BYTES / 2} bytes of text` : undefined;
  }

  /** Ends the session because of something thrown: bytes that break the protocol, or a defect. */
  fail(error: unknown): void {
    if (this.over) return;
    if (error instanceof WireError) {
      this.end(this.gated.refuse('protocol', error.message));
      return;
    }
    this.log.error({ error: error instanceof Error ? error.stack : 'unknown' }, 'session failed');
    this.end(refusal('internal', 'the gateway failed', { session: this.gated.session.id }));
  }

  /** What is still waited for when the session ends never goes on. */
  whileOpen<Value>(work: Promise<Value>): Promise<Value> {
    return work.then((value) => (this.over ? new Promise<never>(() => {}) : value));
  }

  /** Calls back when the target owes nothing and the client has been given all of it, or COPY data is asked for. */
  whenIdle(then: () => void): void {
    if (this.owed.idle) then();
    else this.#idle.push(then);
  }

  /** A command was admitted: from here on it owes an outcome. */
  admitted(passage: Passage, text: Buffer, understood: Understood, examined: Examined): Answer {
    const answer = new Answer(passage, text, understood, examined);
    this.#answers.join(answer);
    return answer;
  }

  /** Hands the outcome to the log. Calls back when it is written; the session ends when it cannot be. */
  settle(answer: Answer, written: () => void, status?: Outcome['status']): void {
    answer.ended = true;
    this.#answers.leave(answer);
    answer.passage.end(answer.outcome(status), (failure) => (failure ? this.end(failure) : written()));
  }

  /** Something runs that changes more than it reads. */
  get changing(): boolean {
    for (const { started, timing } of this.#answers.all) if (started && timing !== 'read') return true;
    return false;
  }

  /** The session ends: every command that has no outcome gets the one that can be known. */
  settleAll(): void {
    for (const answer of this.#answers.all) {
      if (answer.ended) continue;
      // What the target was doing when the link was cut may or may not have happened.
      const cut = answer.timing === 'read' || (answer.guard !== undefined && !answer.guard.closing) ? 'aborted' : 'indeterminate';
      this.settle(answer, () => {}, !answer.started ? 'unused' : answer.failed ? undefined : answer.suspended ? 'ok' : cut);
    }
  }

  /** SQL that defines or drops statements and cursors has been done. */
  applyNamed({ facts, start, end }: UnderstoodStatement, answer: Answer, under: string): void {
    if (facts.tag.startsWith('discard') && facts.settings.some(({ name }) => name === '*')) {
      this.prepared.clear();
      this.portals.drop();
    }
    const { named } = facts;
    if (!named) return;
    const name = named.name ?? '';
    const inner = named.inner && { statements: [{ facts: named.inner, start: 0, end: 0 }], literals: [], unparsed: false };
    switch (named.kind) {
      case 'prepare':
        if (inner) this.prepared.confirm(name, { text: Buffer.from(answer.text.subarray(start, end)), by: 'sql', understood: inner, under, parameterTypes: [], recorded: NOT_RECORDED });
        return;
      case 'deallocate':
        if (named.name === undefined) this.prepared.clear();
        else this.prepared.confirm(name, undefined);
        return;
      case 'declare':
        if (inner) this.portals.opened(name, { understood: inner, text: Buffer.from(answer.text.subarray(start, end)), answer: undefined, bound: false, ...(named.held ? { held: true } : {}) });
        return;
      case 'close':
        this.portals.drop(named.name);
        return;
      case 'execute':
      case 'fetch':
    }
  }

  /** The target has failed it. What was perhaps done outlives its transaction where it concerns prepared statements: those names stand for nothing until they are defined anew. */
  failed(answer: Answer, code: string | undefined): void {
    answer.fail(code);
    const facts = answer.perhapsDone?.facts;
    if (facts?.named?.kind === 'prepare' || (facts?.named?.kind === 'deallocate' && facts.named.name !== undefined)) this.prepared.confirm(facts.named.name ?? '', undefined);
    else if (facts?.named?.kind === 'deallocate' || facts?.tag.startsWith('discard')) this.prepared.clear();
  }

  /**
   * ReadyForQuery: where the target is now.
   * @param endsSeries it answers a Sync: what is open behind that is a block
   */
  ready(status: TransactionStatus, endsSeries: boolean): void {
    const committed = !this.undone;
    this.undone = false;
    this.status = status;
    if (endsSeries) this.withinSeries = false;
    if (status !== 'I') return;
    this.ownBlock = this.withinSeries = false;
    this.portals.transactionEnded(committed);
  }

  /** Makes the open block of the target fail, by a simple Query that does not parse; its ReadyForQuery goes to the client. */
  failTarget(insteadOfError: Buffer | null): void {
    this.betweenMessages(() => {
      this.send(this.gated.housekeeping('fail'), toServer.query(unparsableText(this.gated.session.id)));
      this.owe({ kind: 'query', own: true, context: { insteadOfError, showsReady: true } });
      this.target.flush();
    });
  }

  /** The target asks for the data of a COPY FROM STDIN. Where nothing was understood to bring any, nobody could look at it: the session ends. */
  openCopyIn(answer: Answer, catalog: Catalog): boolean {
    const copy = answer.statement?.facts.copy;
    if (copy?.direction !== 'in') {
      this.end(this.gated.refuse('protocol', 'the target asked for data that nothing brings'));
      return false;
    }
    const { connection, masks } = this.gated;
    const most = connection.evidence.recordAnswers;
    this.copyIn = { answer, guard: this.copyGuard(copy, catalog), recorder: most > 0 ? new CopyRecorder(copy, masks, catalog, most) : undefined, dropped: false };
    return true;
  }

  /** What looks at COPY data on its way to protected columns; undefined when it need not be looked at. */
  copyGuard(copy: CopyFacts | undefined, catalog: Catalog): CopyIn['guard'] {
    const { masks } = this.gated;
    if (masks.empty || !copy) return undefined;
    const guard = createCopyInGuard(copy, masks, catalog);
    return guard && ((data) => guard.push(data)?.reason);
  }

  /** A command that was let through and will not be run, or not to its end. */
  abandon(answer: Answer): void {
    if (answer.ended) return;
    this.#unwritten += 1;
    this.settle(
      answer,
      () => {
        this.#unwritten -= 1;
        if (this.#unwritten > 0) return;
        const waiting = this.#written;
        this.#written = [];
        for (const then of waiting) then();
      },
      answer.suspended ? 'ok' : 'unused',
    );
  }

  /** Outcomes of abandoned commands are not all written. */
  get unwritten(): boolean {
    return this.#unwritten > 0;
  }

  whenWritten(then: () => void): void {
    if (this.#unwritten === 0) then();
    else this.#written.push(then);
  }

  becameIdle(): void {
    if (this.#idle.length === 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const then of waiting) then();
  }
}
