import type { Socket } from 'node:net';
import type { Permit } from '../../pipeline/permits.ts';
import { errorCode } from '../../wire/errors.ts';
import type { TargetPool } from './dial.ts';
import { LentBody, TargetFault, type TargetAnswer, type TargetStream } from './exchange.ts';
import { AnswerReader, type Http1Answer } from './h1-answer.ts';
import { NotHttp } from './h1-fields.ts';
import type { Http1Link, Http1Pool, LinkUser } from './h1-pool.ts';
import { FORBIDDEN_ADDRESS, notReached } from './reaching.ts';
import { badSwitch, type Upgrade } from './websocket.ts';

export interface OutgoingRequest {
  readonly method: string;
  /** With the empty line at its end. */
  readonly head: string;
  /** Of the body, as the head says; undefined: in chunks. */
  readonly length: number | undefined;
  /** Nothing follows the head. */
  readonly bodiless: boolean;
  /** It asks for a WebSocket. */
  readonly upgrade?: Upgrade | undefined;
}

/** Sends the head of a request, on a connection of the session's own. */
export const openTarget = ({ http1 }: TargetPool, permit: Permit, outgoing: OutgoingRequest): TargetStream => {
  permit.spend();
  return new Http1Target(http1, outgoing);
};

/** The target's side of an exchange in HTTP/1.1. */
class Http1Target implements TargetStream, LinkUser {
  readonly answer: Promise<TargetAnswer>;
  readonly #pool: Http1Pool;
  readonly #reader: AnswerReader;
  readonly #upgrade: Upgrade | undefined;
  /** Bytes of the request's body that are still to be sent; undefined: in chunks. */
  #left: number | undefined;
  #resolve!: (answer: TargetAnswer) => void;
  #reject!: (fault: TargetFault) => void;
  /** Undefined once it is the pool's again, or closed. */
  #link: Http1Link | undefined;
  #reached = false;
  /** Something of an answer has come. */
  #heard = false;
  #sent = false;
  #answered = false;
  #body: AnswerBody | undefined;
  #switched: Socket | undefined;
  #drained: (() => void) | undefined;

  constructor(pool: Http1Pool, { method, head, length, bodiless, upgrade }: OutgoingRequest) {
    this.#left = length;
    this.#pool = pool;
    this.#reader = new AnswerReader(method === 'HEAD');
    this.#upgrade = upgrade;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.answer.catch(() => {});
    const link = pool.take(this, upgrade !== undefined);
    this.#link = link;
    this.#reached = link.connected;
    const { socket } = link;
    if (bodiless) {
      socket.write(head, 'latin1');
      this.end();
      return;
    }
    // What of the body is here already leaves with the head.
    socket.cork();
    socket.write(head, 'latin1');
    process.nextTick(() => socket.uncork());
  }

  get reached(): boolean {
    return this.#reached;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#switched) return this.#switched.destroyed ? true : this.#switched.write(chunk);
    const socket = this.#link?.socket;
    if (!socket || this.#sent || chunk.length === 0) return true;
    if (this.#left === undefined) {
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
      socket.write(chunk);
      const room = socket.write('\r\n', 'latin1');
      socket.uncork();
      return room;
    }
    // What is beyond its length would be read as another request.
    if (chunk.length > this.#left) {
      this.#fail(new TargetFault('broken', 'the body of the request is longer than its head says'));
      return true;
    }
    this.#left -= chunk.length;
    return socket.write(chunk);
  }

  drained(then?: () => void): void {
    if (then) {
      if (this.#switched) this.#switched.once('drain', then);
      else this.#drained = then;
      return;
    }
    const waiting = this.#drained;
    this.#drained = undefined;
    waiting?.();
  }

  end(): void {
    if (this.#switched) this.#switched.end();
    if (this.#switched || !this.#link || this.#sent) return;
    if (this.#left !== undefined && this.#left > 0) {
      this.#fail(new TargetFault('broken', 'the body of the request is shorter than its head says'));
      return;
    }
    if (this.#left === undefined) this.#link.socket.write('0\r\n\r\n', 'latin1');
    this.#sent = true;
    this.#release();
  }

  cut(): void {
    this.#switched?.destroy();
    this.#fail(new TargetFault('broken', 'given up'));
  }

  connected(): void {
    this.#reached = true;
  }

  came(bytes: Buffer): void {
    this.#heard = true;
    const reader = this.#reader;
    // The answer is whole, and the request is not: what comes now nobody asked for. Kept or dropped, it would go on for as long as the client takes.
    if (reader.over) {
      this.cut();
      return;
    }
    try {
      reader.push(bytes);
    } catch (error) {
      this.#fail(faultOf(error));
      return;
    }
    if (this.#answered) this.#more();
    else if (reader.answer) this.#begin(reader.answer);
  }

  ended(): void {
    try {
      this.#reader.end();
    } catch {
      this.lost(undefined);
      return;
    }
    this.#more();
  }

  spent(): boolean {
    return this.#body !== undefined && this.#body.readableLength === 0 && this.#body.spent();
  }

  lost(error: Error | undefined): void {
    if (this.#link) this.#fail(error instanceof TargetFault ? error : this.#fault(error));
  }

  #begin(answer: Http1Answer): void {
    const { status, fields, length } = answer;
    this.#answered = true;
    if (status === 101) {
      this.#switch(answer);
      return;
    }
    if (this.#reader.over) {
      const came = this.#reader.take();
      this.#resolve({ status, fields, length, body: came.length === 1 ? (came[0] as Buffer) : Buffer.concat(came) });
      this.#release();
      return;
    }
    this.#body = new AnswerBody(this.#link as Http1Link, () => this.cut());
    this.#resolve({ status, fields, length, body: this.#body });
    this.#more();
  }

  /** What of the body has come goes on to whoever reads it. */
  #more(): void {
    const body = this.#body;
    if (!body) return;
    for (const data of this.#reader.take()) if (!body.push(data)) this.#link?.socket.pause();
    if (!this.#reader.over) return;
    body.over = true;
    body.push(null);
    this.#release();
  }

  /** What is behind the answer is no message of HTTP, but the bytes of what was asked for. */
  #switch({ fields }: Http1Answer): void {
    const bad = this.#upgrade ? badSwitch(this.#upgrade, (name) => fields.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value)) : 'the target changed the protocol without being asked';
    if (bad !== undefined) {
      this.#answered = false;
      this.#fail(new TargetFault('broken', bad));
      return;
    }
    const socket = (this.#link as Http1Link).switch();
    this.#link = undefined;
    if (this.#reader.rest.length > 0) socket.unshift(this.#reader.rest);
    this.#switched = socket;
    this.#resolve({ status: 101, fields, body: socket, length: undefined });
  }

  /** Both sides are whole: another request may take the connection, where nothing speaks against that. */
  #release(): void {
    const { answer, over, rest } = this.#reader;
    if (!this.#link || !over || !this.#sent) return;
    const link = this.#link;
    this.#link = undefined;
    if (answer?.persistent === true && rest.length === 0) this.#pool.give(link, answer.idleMs);
    else {
      link.leave();
      link.socket.destroy();
    }
  }

  #fail(fault: TargetFault): void {
    const link = this.#link;
    if (!link) return;
    this.#link = undefined;
    link.leave();
    link.socket.destroy();
    if (!this.#answered) this.#reject(fault);
    else if (this.#body && !this.#body.over) this.#body.destroy(Object.assign(new Error('cut off'), { code: 'ECONNRESET' }));
  }

  #fault(error: Error | undefined): TargetFault {
    const code = errorCode(error);
    if (code === FORBIDDEN_ADDRESS || !this.#reached) return notReached(code);
    return new TargetFault('broken', 'the target closed the connection without an answer', code, !this.#heard && this.#link?.used === true);
  }
}

const faultOf = (error: unknown): TargetFault => new TargetFault('broken', error instanceof NotHttp ? `the target answered with what is not HTTP: ${error.message}` : 'the answer of the target could not be read');

/** The body of an answer that comes in more than one piece. */
class AnswerBody extends LentBody {
  /** All of it has come. */
  over = false;
  readonly #link: Http1Link;
  readonly #cut: () => void;

  constructor(link: Http1Link, cut: () => void) {
    super();
    this.#link = link;
    this.#cut = cut;
    // It may be cut off before anybody reads it; who does looks at that.
    this.on('error', () => {});
  }

  override _read(): void {
    // What comes behind the end is not this answer's.
    if (!this.over) this.#link.socket.resume();
  }

  override _destroy(error: Error | null, then: (error?: Error | null) => void): void {
    if (!this.over) this.#cut();
    then(error);
  }
}
