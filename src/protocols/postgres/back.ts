import { refusal } from '../../model/decision.ts';
import type { FrameParser } from '../../wire/framing.ts';
import { part, type Part } from '../../pipeline/gate.ts';
import type { Answer } from './answer.ts';
import { Backend } from './codes.ts';
import { askForSyncs } from './copy-syncs.ts';
import { decodeBackend, statusOf, tagOf } from './decode.ts';
import { toClient } from './encode.ts';
import { errorFields } from './error-fields.ts';
import { field, SqlState } from './errors.ts';
import { Frame, Run } from './frames.ts';
import type { Guard } from './guard.ts';
import { GuardEnds } from './guard-ends.ts';
import { endOwnBlock } from './guarding.ts';
import type { Link, Owed } from './link.ts';
import { refusedCommand } from './refuse.ts';
import { shownAside, shownReport } from './shown.ts';
import type { Expected } from './state.ts';
import { endsTransaction, type Tracking } from './tracking.ts';

type Event = Frame | Run;

/** Rows of so many bytes are worth a write of their own. */
const LONG_RUN = 16 * 1024;

/**
 * Target to client. Holds an answer until its intent is durable, masks it, records it, and holds its end until the outcome
 * is written. Nothing is attributed by guess: a message that nobody asked for ends the session.
 */
export class Back {
  readonly #link: Link;
  readonly #tracking: Tracking;
  readonly #frames: FrameParser;
  #ends: GuardEnds | undefined;
  /** CommandComplete of a simple Query and what came behind it: it may be the end of the answer, which waits for the outcome. */
  #tail: Buffer[] = [];
  /** What holds back the answer that the event at hand belongs to. */
  #guard: Guard | undefined;
  /** An event that could not be handled yet. */
  #held: Event | undefined;
  /** What has to happen before the next event: durable intents, written outcomes, room at the client. */
  #waits = 0;
  /** The chunk that was pushed last, as long as only rows were seen in it. */
  #passed: Buffer | undefined;
  /** How rows come: held one by one, as they arrive, or many whole ones. */
  #rowsCome: boolean | 'whole' = false;
  #paused = false;
  #pumping = false;
  /** The client has got a part of a message whose rest is still to come: nothing else may be said to it. */
  midMessage = false;
  /** The target has said why it ends the session. */
  saidWhy = false;
  #afterLast: (() => void) | undefined;

  constructor(link: Link, tracking: Tracking, frames: FrameParser) {
    this.#link = link;
    this.#tracking = tracking;
    this.#frames = frames;
  }

  /** Few sessions ever have a guarded Query. */
  get #guardEnds(): GuardEnds {
    const release = (guard: Guard, answer: Answer): void => this.#release(guard, answer);
    const finish = (answer: Answer, then: () => void): void => this.#finish(answer, undefined, then);
    return (this.#ends ??= new GuardEnds(this.#link, { release, finish, report: (frame) => this.#report(frame), showReady: (frame) => this.#showReady(frame), failTarget: (error) => this.#link.failTarget(error) }));
  }

  push(chunk: Buffer): void {
    this.#passed = chunk;
    this.#frames.push(chunk);
    // One chunk more than can be handled is kept; the rest stays with the target.
    if (this.#waits > 0) this.#pause();
    this.#pump();
  }

  /** The chunk that was pushed last lies in this memory, held nothing but rows (single messages may be kept), and is with the operating system. */
  keepsNothingOf(memory: ArrayBufferLike): boolean {
    return this.#passed?.buffer === memory && this.#waits === 0 && this.#guard === undefined && this.#tail.length === 0 && this.#link.client.idle;
  }

  /** The client has been given all that came of the target, also what waited for its outcome to be written. */
  get toldAll(): boolean { return this.#waits === 0 && this.#tail.length === 0 && this.#held === undefined; }

  /** The target has closed: calls back when everything that it said before is dealt with. */
  targetEnded(then: () => void): void {
    if (this.#waits > 0) this.#afterLast = then;
    else then();
  }

  /** Tells the client something in the target's place, behind what the target owes. */
  simulate(bytes: Buffer): void {
    this.#link.owe({ kind: 'simulated', own: false, context: { bytes } });
    this.#pump();
  }

  #pump(): void {
    if (this.#pumping || this.#waits > 0 || this.#link.over) return;
    this.#pumping = true;
    try {
      this.#work();
    } catch (error) {
      this.#link.fail(error);
    } finally {
      this.#pumping = false;
    }
    if (this.#waits === 0 && !this.#link.over) this.#flush();
  }

  #work(): void {
    while (this.#waits === 0 && !this.#link.over) {
      this.#simulated();
      const event = this.#held ?? this.#next();
      if (!event) return;
      this.#held = undefined;
      this.#handle(event);
    }
  }

  #next(): Event | undefined {
    const answer = this.#link.owed.head?.context.answer;
    const streams = answer?.streams ?? false;
    const come = streams || (answer?.masksRuns === true && 'whole');
    if (come !== this.#rowsCome) {
      this.#rowsCome = come;
      this.#frames.stream(Backend.DataRow, come);
      this.#frames.stream(Backend.CopyData, streams);
    }
    return this.#frames.next();
  }

  #flush(): void {
    const { client, target, owed } = this.#link;
    if (this.#link.unwritten) {
      this.#block((go) => this.#link.whenWritten(go));
      return;
    }
    const roomy = client.flush();
    target.flush();
    if (!roomy) this.#block((go) => client.drained(go));
    else if (this.#afterLast) this.#afterLast();
    else if (owed.idle || this.#link.copyIn) this.#link.becameIdle();
  }

  /** Stops until `wait` calls back. Bytes that are already gathered stay gathered unless `flush`ed before. */
  #block(wait: (go: () => void) => void): void {
    this.#waits += 1;
    wait(() => {
      this.#waits -= 1;
      // Called back at once: the loop that is running goes on by itself.
      if (this.#pumping || this.#waits > 0 || this.#link.over) return;
      if (this.#paused) {
        this.#paused = false;
        this.#link.target.socket.resume();
      }
      this.#pump();
    });
  }

  #pause(): void {
    this.#paused = true;
    this.#link.target.socket.pause();
  }

  #simulated(): void {
    for (let item = this.#link.owed.takeSimulated(); item; item = this.#link.owed.takeSimulated()) {
      if (item.context.bytes) this.#link.client.add(item.context.bytes);
      item.context.done?.(true);
    }
  }

  #handle(event: Event): void {
    if (event instanceof Frame && event.memory === this.#passed) this.#passed = undefined;
    const { owed } = this.#link;
    const head = owed.head;
    const answer = head?.own && !head.context.showsError ? undefined : head?.context.answer;
    const { type } = event;
    if (answer && !answer.ended && !answer.passage.durable && type !== Backend.ParameterStatus) {
      this.#held = event;
      this.#link.client.flush();
      this.#block((go) => answer.passage.whenDurable((failure) => (failure ? this.#link.end(failure) : go())));
      return;
    }
    this.#guard = head?.kind === 'query' || head?.kind === 'execute' ? answer?.guard : undefined;
    const meaning = owed.receive(type);
    switch (meaning.kind) {
      case 'reply':
        if (meaning.item.own) this.#own(event, meaning.item, meaning.last);
        else this.#reply(event, meaning.item, meaning.last);
        return;
      case 'async':
        this.#async(event as Frame, answer);
        return;
      case 'error':
        this.#error(event as Frame, meaning.item, meaning.skipped);
        return;
      case 'fatal':
        this.saidWhy = true;
        this.#link.client.add(this.#report(event as Frame));
        return;
      case 'out_of_sync':
        this.#link.end(this.#link.gated.refuse('protocol', `the target sent a message of type ${String.fromCharCode(type)} that nothing asked for`));
    }
  }

  /** Replies to the gateway's own messages: the client sees none of them. */
  #own(event: Event, item: Expected<Owed>, last: boolean): void {
    item.context.capture?.(event);
    if (event.type === Backend.CommandComplete && tagOf(event as Frame) === 'ROLLBACK') this.#link.undone = true;
    if (event.type === Backend.ReadyForQuery) {
      this.#status(event as Frame, item);
      if (item.context.showsReady) this.#showReady(event as Frame);
    }
    if (last) item.context.done?.(true);
  }

  #reply(event: Event, item: Expected<Owed>, last: boolean): void {
    const { answer } = item.context;
    switch (event.type) {
      case Backend.DataRow:
      case Backend.CopyData:
        this.#row(event, answer as Answer);
        break;
      case Backend.RowDescription:
        this.#described(event as Frame, item, answer);
        break;
      case Backend.CommandComplete:
        this.#complete(event as Frame, item, answer as Answer);
        break;
      case Backend.EmptyQueryResponse:
        if (item.kind === 'execute') this.#finish(answer as Answer, event as Frame);
        else this.#tail.push(event.bytes);
        break;
      case Backend.ReadyForQuery:
        this.#ready(event as Frame, item, answer);
        break;
      case Backend.CopyInResponse:
        this.#copyIn(event as Frame, answer as Answer);
        break;
      case Backend.ParseComplete:
        // Recorded as a command of its own in strict mode only.
        if (answer) this.#finish(answer, event as Frame);
        else this.#give(event, undefined);
        break;
      case Backend.PortalSuspended:
        this.#suspended(event as Frame, answer as Answer);
        break;
      default:
        this.#give(event, answer);
    }
    if (last) item.context.done?.(true);
  }

  /** Bytes to the client, and into the recording of the answer they belong to. */
  #give(event: Event | Part, answer: Answer | undefined): void {
    this.#releaseTail();
    if (answer?.withheld) return;
    if (this.#guard) {
      this.#guard.hold(event.bytes);
      return;
    }
    if (answer && !answer.ended) answer.passage.down(event);
    this.#show(event);
    if (event instanceof Run) this.#split(event);
    const room = answer?.room;
    if (room) this.#block((go) => void room.then(go));
    // A long answer goes out as it comes; the client's slowness stops the target.
    if (this.#link.client.pending >= 65536 && !this.#link.client.flush()) this.#block((go) => this.#link.client.drained(go));
  }

  #show(event: Event | Part): void {
    const { client } = this.#link;
    if (event instanceof Frame) client.pass(event.memory, event.from, event.size);
    else client.add(event.bytes);
  }

  /** Rows that were written anew. Long ones leave at once, so that the next may be written in the same memory. */
  #giveMade(bytes: Buffer, answer: Answer): void {
    const { client } = this.#link;
    this.#give(part(bytes), answer);
    if (this.#guard || bytes.length < LONG_RUN) return;
    if (this.#waits === 0 && !client.flush()) this.#block((go) => client.drained(go));
    if (client.idle) answer.reuseRun();
  }

  /** A message that the client gets in pieces: what is gathered ends with a whole message, or is sent now. */
  #split(run: Run): void {
    if (!run.open && !this.midMessage) return;
    this.midMessage = run.open;
    if (!this.#link.client.flush()) this.#block((go) => this.#link.client.drained(go));
  }

  #releaseTail(): void {
    const tail = this.#tail;
    if (tail.length === 0) return;
    this.#tail = [];
    for (const bytes of tail) this.#link.client.add(bytes);
  }

  /** What belongs to no answer keeps its place among what does. */
  #aside(bytes: Buffer): void {
    if (this.#tail.length > 0) this.#tail.push(bytes);
    else this.#link.client.add(bytes);
  }

  #row(event: Event, answer: Answer): void {
    if (answer.withheld) return;
    const row = event.type === Backend.DataRow;
    if (row) answer.countRows(event instanceof Frame ? 1 : event.completed);
    // Under a guard as many are changed as are returned, and that is what ends it.
    if (row && answer.overLimit && !this.#guard) {
      this.#withhold(answer, refusal('limit', `the answer has more than ${answer.passage.decision.maxRows} rows`, { session: this.#link.gated.session.id }), SqlState.program_limit_exceeded);
      return;
    }
    if (!(event instanceof Frame)) {
      const shown = row && answer.masksRuns ? answer.maskRun(event.bytes) : event.bytes;
      if (shown === 'withhold') this.#unmaskable(answer);
      else if (shown === event.bytes) this.#give(event, answer);
      else this.#giveMade(shown, answer);
      return;
    }
    const { body } = event;
    const masked = row ? answer.mask(body) : answer.maskCopy(body);
    if (masked === 'withhold') this.#unmaskable(answer);
    else if (masked === body) this.#give(event, answer);
    else this.#give(part(row ? toClient.dataRowBody(masked) : toClient.copyData(masked)), answer);
  }

  #unmaskable(answer: Answer): void {
    this.#withhold(answer, refusal('masking', `the answer holds a value that cannot be masked`, { session: this.#link.gated.session.id }), SqlState.data_exception);
  }

  /** From here on the client gets nothing more of this answer but the error. */
  #withhold(answer: Answer, why: ReturnType<typeof refusal>, sqlState: SqlState): void {
    const error = refusedCommand(why, sqlState);
    this.#guard?.take();
    this.#releaseTail();
    answer.passage.down(error);
    this.#link.client.add(error);
    answer.withheld = why;
  }

  #described(frame: Frame, item: Expected<Owed>, answer: Answer | undefined): void {
    // What no mask rests on passes unread, as the rows that it describes do.
    if (answer?.masks && item.kind !== 'describe_statement') {
      const message = decodeBackend(frame);
      if (message.kind === 'RowDescription') answer.describe(message.fields);
    }
    this.#give(frame, answer);
  }

  #complete(frame: Frame, item: Expected<Owed>, answer: Answer): void {
    const tag = tagOf(frame);
    const { statement } = answer;
    if (statement) {
      this.#tracking.completed(statement.facts);
      if (endsTransaction(statement.facts)) this.#link.portals.transactionEnded(tag === 'COMMIT');
      else this.#link.portals.savepoint(statement.facts);
      this.#link.applyNamed(statement, answer, this.#tracking.under);
    }
    answer.complete(tag);
    if (answer === this.#link.bringing) this.#link.copyIn = this.#link.copySyncs = undefined;
    this.#releaseTail();
    if (this.#guard) this.#counted(this.#guard, frame, item, answer);
    else if (item.kind === 'execute') this.#finish(answer, frame);
    else if (!answer.withheld) {
      answer.passage.down(frame);
      this.#tail.push(frame.bytes);
    }
  }

  /** A guarded statement is done. By the simple protocol the guard ends with the message, by the extended one with its series. */
  #counted(guard: Guard, frame: Frame, item: Expected<Owed>, answer: Answer): void {
    guard.hold(frame.bytes);
    guard.count(answer.affected);
    if (item.kind !== 'execute') return;
    if (guard.verdict === 'passed') this.#release(guard, answer);
    else answer.undo(SqlState.insufficient_privilege);
    this.#finish(answer, undefined);
  }

  #suspended(frame: Frame, answer: Answer): void {
    if (this.#guard) {
      this.#guard.suspend();
      this.#guard.take();
      answer.undo(SqlState.insufficient_privilege);
      this.#finish(answer, undefined);
      return;
    }
    answer.suspended = true;
    this.#give(frame, answer);
  }

  /** What was held back goes to the client. */
  #release(guard: Guard, answer: Answer): void {
    for (const bytes of guard.take()) {
      if (answer.withheld) return;
      answer.passage.down(bytes);
      this.#link.client.add(bytes);
    }
  }

  /** ReadyForQuery as the client may see it: it knows nothing of a block that the gateway opened, which ends here at the latest. */
  #showReady(frame: Frame): void {
    if (this.#link.ownBlock && this.#link.status !== 'I') endOwnBlock(this.#link);
    else this.#show(frame);
  }

  /** The outcome first, then the end of the answer. */
  #finish(answer: Answer, last: Frame | undefined, then?: () => void): void {
    if (answer.ended) {
      if (last) this.#give(last, answer);
      then?.();
      return;
    }
    if (last && !answer.withheld) {
      answer.passage.down(last);
      this.#show(last);
    }
    this.#block((go) => this.#link.settle(answer, () => {
      then?.();
      go();
    }));
  }

  #ready(frame: Frame, item: Expected<Owed>, answer: Answer | undefined): void {
    this.#status(frame, item);
    if (this.#guard && answer) {
      this.#guardEnds.close(this.#guard, answer, frame);
      return;
    }
    const show = (): void => {
      this.#releaseTail();
      this.#showReady(frame);
    };
    if (item.kind !== 'query' || !answer) return show();
    // The rest of a withheld answer ran: the open transaction must not go on as if the client had seen it.
    const failBlock = answer.withheld !== undefined && this.#link.status === 'T';
    // At once: what the client sends while the outcome is written must find the block failed.
    if (failBlock) this.#link.failTarget(null);
    this.#finish(answer, undefined, failBlock ? undefined : show);
  }

  #status(frame: Frame, { kind }: Expected<Owed>): void {
    const status = statusOf(frame);
    this.#link.ready(status, kind !== 'query');
    this.#tracking.ready(status);
  }

  #copyIn(frame: Frame, answer: Answer): void {
    if (!this.#link.openCopyIn(answer, this.#tracking.catalog)) return;
    // Asked for data before anything of the answer is there.
    this.#guard = undefined;
    // The gateway has asked the client before, and has its data.
    if (answer.covered) answer.passage.down(frame.bytes);
    else this.#give(frame, answer);
  }

  #error(frame: Frame, item: Expected<Owed>, skipped: readonly Expected<Owed>[]): void {
    const { answer, insteadOfError, showsError } = item.context;
    // One of the gateway's own before a message of the client's: it fails in its place.
    const stands = showsError === true && answer !== undefined;
    this.#link.undone = true;
    if (this.#link.copyIn && this.#link.copyIn.answer === answer) this.#link.copyIn = undefined;
    if (item.own) {
      item.context.capture?.(frame);
      if (insteadOfError) this.#link.client.add(insteadOfError);
      else if (showsError && !stands) this.#link.client.add(this.#report(frame));
    }
    // A simple Query and a Sync still get their ReadyForQuery, which ends them.
    if (item.kind !== 'query' && item.kind !== 'sync') item.context.done?.(false);
    for (const { context } of skipped) {
      if (context.answer && context.answer !== answer) this.#link.abandon(context.answer);
      context.done?.(false);
    }
    if (item.own && !stands) return;
    const fields = errorFields(frame);
    const bytes = answer?.errorInstead ?? this.#report(frame);
    if (field(fields, 'V') === 'FATAL') this.saidWhy = true;
    this.#releaseTail();
    // Nothing that came before it is given out.
    this.#guard?.take();
    if (answer) this.#link.failed(answer, field(fields, 'C'));
    const going = answer && !answer.ended ? answer : undefined;
    if (going?.withheld === undefined) {
      going?.passage.down(bytes);
      this.#link.client.add(bytes);
    }
    if (going && item.kind !== 'query') this.#finish(going, undefined);
    if (answer && answer === this.#link.bringing) askForSyncs(this.#link);
  }

  #async(frame: Frame, answer: Answer | undefined): void {
    const shown = shownAside(frame, this.#link.gated.masks, this.#tracking);
    if (shown === undefined) return;
    if (frame.type !== Backend.NoticeResponse) this.#aside(shown);
    else if (!this.#link.owed.head?.own) this.#give(part(shown), answer);
  }

  #report(frame: Frame): Buffer { return shownReport(frame, this.#link.gated.masks); }
}
