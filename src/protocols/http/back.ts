import type { Readable } from 'node:stream';
import { refusal, type Refusal } from '../../model/decision.ts';
import type { Outcome } from '../../model/outcome.ts';
import type { Passage } from '../../pipeline/gate.ts';
import type { Echo } from './echo.ts';
import { LentBody, type AnswerHead, type ClientStream, type TargetAnswer } from './exchange.ts';
import type { Fields } from './head.ts';
import { recordedHead } from './recorded.ts';
import { bytesPassed } from '../../wire/passing-bytes.ts';

/** How long the body of an answer may stand still: the target sends nothing, or the client reads nothing. Streams of events send something more often. */
const IDLE_MS = 15 * 60_000;

/** How long what may be the beginning of the credential waits for more. */
const ECHO_MS = 100;
const NOTHING = Buffer.alloc(0);

/** An answer as it goes to the client: masked, with fields that are true of it. */
export interface Release {
  readonly head: AnswerHead;
  /** Bytes: all of it is here. A stream is paused, and ends only when it is whole. */
  readonly body: TargetAnswer['body'];
  /** How many values were masked. */
  readonly masked: (() => Readonly<Record<string, number>>) | undefined;
  /** What stands behind the body, once that has ended. */
  readonly trailers?: (() => Fields) | undefined;
  /** The head may go before anything of the body is known: whatever comes of that cannot take the head back. */
  readonly eager: boolean;
  /** What the body passes last. */
  readonly echo?: Echo | undefined;
}

export interface BackParts {
  readonly client: ClientStream;
  readonly passage: Passage;
  readonly answer: Release;
  /** Answers are written down. */
  readonly recorded: boolean;
  /** Hands the outcome to the log; calls back when it is written, or with why it cannot be. */
  readonly settle: (status: Outcome['status'], then: (failure?: Refusal) => void) => void;
  /** It was given whole. */
  readonly done: () => void;
  /** It cannot be given to its end. The body's own error, or undefined when the time is over. */
  readonly broken: (error: unknown) => void;
  /** The outcome cannot be written, so the end may not be given. */
  readonly unwritten: (failure: Refusal) => void;
}

/**
 * The answer on its way to the client. The intent is durable when this begins; the last byte waits until the outcome is written: with a length that is
 * the byte that completes it, in chunks the last chunk, of an answer without a body its head.
 */
export class Back {
  readonly #parts: BackParts;
  /** Undefined where nothing is waited for: all of the body is here. */
  readonly #timer: NodeJS.Timeout | undefined;
  /** Bytes that are still to come, where the length is known. */
  #left: number | undefined;
  #waiting: NodeJS.Timeout | undefined;
  #headRecorded = false;
  #over = false;

  constructor(parts: BackParts) {
    this.#parts = parts;
    const { answer: { head, body } } = parts;
    this.#left = head.bodiless ? undefined : head.length;
    if (Buffer.isBuffer(body)) {
      if (head.bodiless) this.#finish(undefined);
      else this.#whole(body);
      return;
    }
    this.#timer = setTimeout(() => this.#fail(undefined), IDLE_MS);
    body.on('error', (error) => this.#fail(error));
    // It was cut off while the intent was waited for, and tells it no more.
    if (body.destroyed && !body.readableEnded) {
      setImmediate(() => this.#fail(body.errored ?? new Error('cut off')));
      return;
    }
    // Ended without an end: it was cut off.
    body.once('close', () => {
      if (!body.readableEnded) this.#fail(new Error('cut off'));
    });
    if (head.bodiless || this.#left === 0) {
      body.on('data', () => {});
      body.resume();
      this.#finish(undefined);
      return;
    }
    // The record has copies, and what is held back by `echo` is one.
    if (body instanceof LentBody) body.spent = () => parts.client.clear === true;
    body.on('data', (chunk: Buffer) => this.#come(chunk, body));
    body.once('end', () => this.#ended(body));
    body.resume();
    // A head that nothing follows at once is for the client to see: events may be long in coming.
    if (parts.answer.eager) setImmediate(() => {
      if (this.#over || parts.client.begun) return;
      this.#recordHead();
      parts.client.begin(head);
      parts.client.flush();
    });
  }

  /** Nothing more is given. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#waiting);
  }

  /** The client still sends, in a stream that goes both ways. */
  moved(): void {
    if (!this.#over) this.#timer?.refresh();
  }

  /** All of it is here: it leaves in one piece with its head, once the outcome is written. */
  #whole(body: Buffer): void {
    const { echo } = this.#parts.answer;
    const first = echo?.push(body) ?? body;
    const rest = echo?.end() ?? NOTHING;
    const all = rest.length === 0 ? first : Buffer.concat([first, rest]);
    if (this.#left !== undefined && this.#left !== all.length) {
      setImmediate(() => this.#fail(new Error('another length than its head says')));
      return;
    }
    if (all.length > 0) this.#record(all);
    this.#finish(all);
  }

  #record(chunk: Buffer): void {
    this.#recordHead();
    this.#parts.passage.down(chunk);
    // Who lends its memory counts itself what it cannot use again.
    if (!(this.#parts.answer.body instanceof LentBody)) bytesPassed(chunk.length);
  }

  #come(chunk: Buffer, from: Readable): void {
    const { echo } = this.#parts.answer;
    if (!echo) {
      this.#take(chunk, from);
      return;
    }
    if (this.#over) return;
    this.#timer?.refresh();
    clearTimeout(this.#waiting);
    this.#give(echo.push(chunk), from);
    if (!this.#over && echo.waiting) this.#waiting = setTimeout(() => this.#give(echo.release(), from), ECHO_MS);
  }

  #give(chunk: Buffer, from: Readable): void {
    if (chunk.length > 0) this.#take(chunk, from);
  }

  #take(chunk: Buffer, from: Readable): void {
    if (this.#over) return;
    this.#timer?.refresh();
    const { client, answer: { head } } = this.#parts;
    this.#record(chunk);
    if (this.#left !== undefined) {
      this.#left -= chunk.length;
      if (this.#left <= 0) {
        if (this.#left < 0) this.#fail(new Error('more than its length'));
        else this.#finish(chunk);
        return;
      }
    }
    if (!client.begun) client.begin(head);
    // A long piece is more than a socket is to hold; mostly the system has all of it at once.
    const taken = client.write(chunk) || client.clear === true;
    const { room } = this.#parts.passage;
    if (taken && !room) return;
    from.pause();
    const goOn = (): void => {
      if (this.#over) return;
      this.#timer?.refresh();
      from.resume();
    };
    if (taken) void room?.then(goOn);
    else client.drained(() => (room ? void room.then(goOn) : goOn()));
  }

  /** Stands in the record before the body, and before the outcome of an answer without one. */
  #recordHead(): void {
    if (this.#headRecorded) return;
    this.#headRecorded = true;
    const { passage, answer, recorded } = this.#parts;
    if (recorded) passage.down(recordedHead(answer.head), 0);
  }

  #ended(from: Readable): void {
    if (this.#over) return;
    this.#give(this.#parts.answer.echo?.end() ?? NOTHING, from);
    if (this.#over) return;
    if (this.#left !== undefined && this.#left > 0) this.#fail(new Error('less than its length'));
    else this.#finish(undefined);
  }

  #finish(last: Buffer | undefined): void {
    this.stop();
    this.#recordHead();
    const { client, answer, settle, done, unwritten } = this.#parts;
    const { head } = answer;
    // Before the outcome, which counts what of the credential stood in them.
    const trailers = answer.trailers?.();
    settle(head.status < 400 ? 'ok' : 'error', (failure) => {
      if (failure) {
        unwritten(failure);
        return;
      }
      if (!client.begun) client.begin(head);
      client.end(last, trailers);
      done();
    });
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.stop();
    this.#parts.broken(error);
  }
}

/** What a client is told of an answer whose head it has not seen. */
export const brokenAnswer = (session: string, late: boolean): Refusal =>
  refusal('target_unavailable', late ? 'the target stopped in the middle of its answer' : 'the target broke off its answer', { session });
