import { constants, type Http2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { joined, SHORT } from './pieces.ts';

const { NGHTTP2_NO_ERROR } = constants;
/** Bytes that wait here for whoever reads; what the peer may send ahead is bounded by its window. */
const WAITING_BYTES = 64 * 1024;

/**
 * The body of a message on a stream of HTTP/2, paused. Ends only when its sender has ended it. Node ends a stream in the same way when it is reset: a
 * body that was broken off would look whole to whoever it is sent on to. What tells them apart is that a reset closes the stream first.
 */
export class StreamBody extends Readable {
  #whole = false;
  #trailers: readonly string[] = [];
  readonly #stream: Http2Stream;
  /** What follows a short frame in the same turn; undefined: nothing is put together. */
  #gathered: Buffer[] | undefined;

  constructor(stream: Http2Stream) {
    super({ highWaterMark: WAITING_BYTES, read: () => void stream.resume() });
    this.#stream = stream;
    // It is told by `close`, and may be broken off before anybody listens.
    this.on('error', () => {});
    const push = stream.push.bind(stream);
    stream.push = (chunk: unknown, ...rest): boolean => {
      if (chunk === null && !stream.closed) this.#whole = true;
      return push(chunk, ...rest);
    };
    stream.on('trailers', (_, __, raw) => (this.#trailers = raw));
    stream.on('data', (chunk: Buffer) => this.#come(chunk));
    stream.pause();
    stream.once('end', () => {
      this.#flush();
      if (this.#whole) this.push(null);
      else this.#cutOff();
    });
    stream.once('close', () => {
      if (stream.readableEnded) return;
      this.#flush();
      if (!this.#whole || stream.rstCode !== NGHTTP2_NO_ERROR) return this.#cutOff();
      // Its sender closed the connection behind it: what was not read yet has come nevertheless.
      for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) this.push(chunk);
      this.push(null);
    });
  }

  /** Its sender has ended it, whether it was read so far or not. */
  get whole(): boolean {
    return this.#whole;
  }

  /** Names and values in turn, as they came behind it. */
  get trailers(): readonly string[] {
    return this.#trailers;
  }

  /** A frame goes on as it comes. Whoever cuts what it sends into many short ones has those that come together put together. */
  #come(chunk: Buffer): void {
    if (this.#gathered) {
      this.#gathered.push(chunk);
      return;
    }
    if (chunk.length < SHORT) {
      this.#gathered = [];
      setImmediate(() => {
        this.#flush();
        this.#gathered = undefined;
      });
    }
    this.#give(chunk);
  }

  #flush(): void {
    for (const chunk of joined(this.#gathered?.splice(0) ?? [])) this.#give(chunk);
  }

  #give(chunk: Buffer): void {
    if (!this.destroyed && !this.push(chunk)) this.#stream.pause();
  }

  #cutOff(): void {
    this.destroy(Object.assign(new Error('the stream was reset'), { code: 'ECONNRESET' }));
  }
}

/**
 * Resets a stream so that its other end cannot take what it got for whole. `close` with any code would end it first: the last frame before the reset
 * says that the message is complete, and a peer may act on that.
 */
export const breakOff = (stream: Http2Stream): void => {
  if (!stream.destroyed) stream.destroy(new Error('broken off'));
};
