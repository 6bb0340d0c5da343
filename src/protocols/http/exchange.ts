import { Readable } from 'node:stream';
import type { Fields, RequestHead } from './head.ts';

/*
 * One request and its answer, as both sides of the gateway see it, in words of no version of HTTP. `h1-client.ts` and `h1-target.ts` say them in
 * HTTP/1.1, `h2-client.ts` and `h2-target.ts` in HTTP/2; another version is another pair of adapters.
 */

/** What can be written to with backpressure. */
export interface Sink {
  /** False: it holds more than it should, so stop reading the other side until `drained`. */
  write(chunk: Uint8Array): boolean;
  /** Calls back once when there is room again. Never, when the stream is over. */
  drained(then: () => void): void;
}

/** A body that is read into memory which is used again as soon as nobody holds on to what came in it. */
export class LentBody extends Readable {
  /** Says whether nothing that was given is held. Set by whoever takes all of it as it comes; without it nothing is used again. */
  spent: () => boolean = () => false;
}

/** The head of an answer as the client gets it. */
export interface AnswerHead {
  readonly status: number;
  readonly fields: Fields;
  /** Of the body as the client gets it; undefined: not known. */
  readonly length: number | undefined;
  /** HEAD, 204, 304: the head is all there is. */
  readonly bodiless: boolean;
}

/** The client's side. Everything of it may be called when the client has gone; then it does nothing. */
export interface ClientStream extends Sink {
  readonly head: RequestHead;
  /** Paused; undefined: the request has none. */
  readonly body: Readable | undefined;
  /** The whole request has come. */
  readonly complete: boolean;
  /** Leave to send the body, for one that asked. */
  sendContinue(): void;
  /** The head of the answer, which leaves with what is written next, or with `flush`. */
  begin(head: AnswerHead): void;
  readonly begun: boolean;
  flush(): void;
  /** The end of the answer, with its last bytes, and what stands behind it where the version has a place for that: well-formed from here on. */
  end(last?: Uint8Array, trailers?: Fields): void;
  /** Nothing that was written is held any more. Absent: nobody knows. */
  readonly clear?: boolean;
  /** A whole answer at once. Not after `begin`. */
  answer(status: number, fields: Fields, body: Uint8Array): void;
  /** Ends it so that nobody takes what was sent for whole. @param why of a call of gRPC: the status at its end, which says that it failed */
  cut(why?: Fields): void;
  /** What the client says once it was told 101: bytes of a WebSocket. Paused. */
  readonly switched?: Readable | undefined;
  /** Calls back when the client has gone before the end of its answer; at once when it has. */
  onGone(then: () => void): void;
  /** Calls back when nobody can tell any more whether the client is still there: more has come behind its request than is kept. */
  onDeaf?(then: () => void): void;
  /** Calls back when the answer was handed to the network, or was cut. */
  onOver(then: () => void): void;
}

/** Answers that are none yet (100, 103) which a target may send before its answer. */
export const MOST_INTERIM = 32;

/** What the target answers. */
export interface TargetAnswer {
  readonly status: number;
  readonly fields: Fields;
  /** Bytes: it has come whole. A stream is paused, and ends only when the body is whole; otherwise it is destroyed with an error. */
  readonly body: Readable | Buffer;
  readonly length: number | undefined;
  /** What stood behind the body, once that has ended. */
  readonly trailers?: () => Fields;
}

/** The head is all there is of such an answer (RFC 9110 section 6.4.1), whatever it says of a body. */
export const isBodiless = (method: string, status: number): boolean => method === 'HEAD' || status === 204 || status === 304;

/** The body of an answer as a stream, paused, for what reads it in pieces. */
export const streamOf = (body: TargetAnswer['body']): Readable => (body instanceof Readable ? body : Readable.from(body.length === 0 ? [] : [body], { objectMode: false }));

/** The target's side of one exchange. */
export interface TargetStream extends Sink {
  /** The request is whole. */
  end(): void;
  /** Something may have reached the target. */
  readonly reached: boolean;
  /** Rejects with TargetFault. */
  readonly answer: Promise<TargetAnswer>;
  /** Nobody waits for it any more: whatever is not whole stays so. */
  cut(): void;
}

/** Why a target did not answer, or not to the end. The message is words of ours. */
export class TargetFault extends Error {
  override name = 'TargetFault';
  readonly kind: 'unreachable' | 'late' | 'broken';
  /** Code of the system, of TLS or of the parser, for the log. */
  readonly code: string | undefined;
  /** It was a connection from the pool, which the target may have closed before it saw anything. */
  readonly stale: boolean;
  constructor(kind: TargetFault['kind'], message: string, code?: string, stale = false) {
    super(message);
    this.kind = kind;
    this.code = code;
    this.stale = stale;
  }
}
