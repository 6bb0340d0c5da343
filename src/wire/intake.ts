import type { Socket } from 'node:net';
import { ChannelError, errorCode } from './errors.ts';

const EMPTY: Buffer = Buffer.alloc(0);

/**
 * Reads a handshake from a socket, a few bytes at a time, by asking for them. Between two questions the socket is paused, so
 * that a peer cannot fill memory; the total is bounded, and the signal ends the wait. It owns the socket's events until
 * `release`, which hands over what was read too far.
 */
export class Intake {
  readonly #socket: Socket;
  readonly #signal: AbortSignal;
  #budget: number;
  #buffered: Buffer = EMPTY;
  #fault: ChannelError | undefined;
  #waiting: { readonly count: number; readonly resolve: () => void; readonly reject: (error: ChannelError) => void } | undefined;

  /** @param maxBytes most bytes that this intake may receive */
  constructor(socket: Socket, maxBytes: number, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    this.#budget = maxBytes;
    socket.pause();
    socket.on('data', this.#onData);
    // A 'data' listener may set a stream going that was never paused before.
    socket.pause();
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
    socket.on('error', this.#onError);
    signal.addEventListener('abort', this.#onAbort);
    if (signal.aborted) this.#onAbort();
    else if (socket.destroyed || socket.readableEnded) this.#onEnd();
  }

  /** Bytes that are in and were not taken. */
  get length(): number {
    return this.#buffered.length;
  }

  /** Bytes that may still come. */
  get budget(): number {
    return this.#budget;
  }

  /** A view of what is in, without taking it. */
  peek(): Buffer {
    return this.#buffered;
  }

  /** Waits until `count` bytes are in. Rejects with ChannelError. One question at a time. */
  need(count: number): Promise<void> {
    if (this.#buffered.length >= count) return Promise.resolve();
    if (this.#fault !== undefined) return Promise.reject(this.#fault);
    if (count - this.#buffered.length > this.#budget) return Promise.reject(this.#fail(new ChannelError('too_many_bytes', 'more bytes than a handshake may have')));
    return new Promise((resolve, reject) => {
      this.#waiting = { count, resolve, reject };
      this.#socket.resume();
    });
  }

  /** Takes `count` bytes that are in: a view, which is the caller's from here on. */
  take(count: number): Buffer {
    const view = this.#buffered.subarray(0, count);
    this.#buffered = this.#buffered.subarray(count);
    return view;
  }

  /** Waits for `count` bytes and takes them. */
  async read(count: number): Promise<Buffer> {
    await this.need(count);
    return this.take(count);
  }

  /** Lets go of the socket, which stays paused, and returns what was read and not taken: a copy, or what was taken would live as long as it. */
  release(): Buffer {
    this.#socket.off('data', this.#onData);
    this.#socket.pause();
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('close', this.#onEnd);
    this.#socket.off('error', this.#onError);
    this.#signal.removeEventListener('abort', this.#onAbort);
    const rest = this.#buffered.length === 0 ? EMPTY : Buffer.from(this.#buffered);
    this.#buffered = EMPTY;
    return rest;
  }

  #onData = (chunk: Buffer): void => {
    this.#budget -= chunk.length;
    if (this.#budget < 0) {
      this.#fail(new ChannelError('too_many_bytes', 'more bytes than a handshake may have'));
      this.#socket.destroy();
      return;
    }
    this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    const waiting = this.#waiting;
    if (waiting !== undefined && this.#buffered.length < waiting.count) return;
    this.#socket.pause();
    this.#waiting = undefined;
    waiting?.resolve();
  };

  #onEnd = (): void => {
    this.#fail(new ChannelError('closed', 'the peer closed the connection'));
  };

  #onError = (error: unknown): void => {
    this.#fail(new ChannelError('closed', 'the connection failed', errorCode(error)));
  };

  #onAbort = (): void => {
    const reason: unknown = this.#signal.reason;
    this.#fail(reason instanceof ChannelError ? reason : new ChannelError('aborted', 'given up'));
  };

  #fail(fault: ChannelError): ChannelError {
    this.#fault ??= fault;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#fault);
    return this.#fault;
  }
}
