import { ChannelError, WireError, errorCode } from '../../wire/errors.ts';
import type { FrameParser } from '../../wire/framing.ts';
import { Backend } from './codes.ts';
import { decodeBackend } from './decode.ts';
import { toServer } from './encode.ts';
import { field } from './errors.ts';
import { Frame, backendFrames } from './frames.ts';
import type { Upstream } from './dial.ts';

export interface QueryLimits {
  readonly rows: number;
  /** Bytes of the whole answer. */
  readonly bytes: number;
  readonly deadlineMs: number;
}

const DEFAULT_LIMITS: QueryLimits = { rows: 1_000_000, bytes: 64 * 1024 * 1024, deadlineMs: 10_000 };

/** The target refused a query of the gateway's own. The connection can go on. */
export class QueryError extends Error {
  readonly sqlState: string;
  constructor(sqlState: string) {
    super(`the target refused a query of the gateway (${sqlState})`);
    this.name = 'QueryError';
    this.sqlState = sqlState;
  }
}

interface Running {
  readonly rows: (string | null)[][];
  readonly limits: QueryLimits;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (rows: (string | null)[][]) => void;
  readonly reject: (error: Error) => void;
  bytes: number;
  failed?: QueryError;
}

/**
 * A connection of the gateway's own, for look-ups in catalogs. Simple queries in text format, one at a time. Never carries
 * anything of a client's. After any fault but QueryError it is closed.
 */
export class QueryConnection {
  readonly #upstream: Upstream;
  readonly #frames: FrameParser;
  #running: Running | undefined;
  #closed: Error | undefined;

  /** @param upstream fresh from `dial`; belongs to this object from here on */
  constructor(upstream: Upstream) {
    this.#upstream = upstream;
    this.#frames = backendFrames(DEFAULT_LIMITS.bytes);
    const { socket, leftover } = upstream;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(new ChannelError('closed', 'the target closed the connection', errorCode(error))));
    socket.on('close', () => this.#fail(new ChannelError('closed', 'the target closed the connection')));
    if (leftover.length > 0) this.#take(leftover);
    socket.resume();
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Rows of the one statement in `sql`. Rejects with QueryError, ChannelError or WireError; calls must not overlap. */
  query(sql: string, limits: Partial<QueryLimits> = {}): Promise<(string | null)[][]> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#running !== undefined) return Promise.reject(new TypeError('a query is running'));
    const bounds = { ...DEFAULT_LIMITS, ...limits };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(new ChannelError('deadline', `no answer within ${bounds.deadlineMs} ms`)), bounds.deadlineMs);
      this.#running = { rows: [], limits: bounds, timer, resolve, reject, bytes: 0 };
      this.#upstream.socket.write(toServer.query(sql));
    });
  }

  /** Says goodbye and closes. */
  close(): void {
    if (this.#closed !== undefined) return;
    this.#closed = new ChannelError('closed', 'closed');
    this.#settle()?.reject(this.#closed);
    this.#upstream.socket.end(toServer.terminate);
    this.#upstream.socket.destroySoon();
  }

  #take(chunk: Buffer): void {
    if (this.#closed !== undefined) return;
    try {
      this.#frames.push(chunk);
      for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
        if (frame instanceof Frame) this.#message(frame);
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new WireError('malformed', 'unreadable answer'));
    }
  }

  #message(frame: Frame): void {
    // These may come at any time and concern nobody here.
    if (frame.type === Backend.NoticeResponse || frame.type === Backend.ParameterStatus || frame.type === Backend.NotificationResponse) return;
    const running = this.#running;
    if (running === undefined) throw new WireError('malformed', 'a message that nobody asked for');
    running.bytes += frame.bytes.length;
    if (running.bytes > running.limits.bytes) throw new WireError('too_large', 'the answer has too many bytes');
    const message = decodeBackend(frame);
    switch (message.kind) {
      case 'DataRow':
        if (running.rows.length >= running.limits.rows) throw new WireError('too_large', 'the answer has too many rows');
        running.rows.push(message.values.map((value) => (value === null ? null : value.toString('utf8'))));
        return;
      case 'ErrorResponse':
        running.failed = new QueryError(field(message.fields, 'C') ?? 'XX000');
        return;
      case 'ReadyForQuery':
        this.#settle();
        if (running.failed === undefined) running.resolve(running.rows);
        else running.reject(running.failed);
        return;
      case 'RowDescription':
      case 'CommandComplete':
      case 'EmptyQueryResponse':
        return;
      default:
        throw new WireError('malformed', `${message.kind} in the answer to a query`);
    }
  }

  #settle(): Running | undefined {
    const running = this.#running;
    this.#running = undefined;
    if (running !== undefined) clearTimeout(running.timer);
    return running;
  }

  #fail(error: Error): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#settle()?.reject(error);
    this.#upstream.socket.destroy();
  }
}
