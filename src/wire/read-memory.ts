import type { OnReadOpts, Socket } from 'node:net';
import { bytesPassed } from './passing-bytes.ts';

/** Reads of up to so many bytes are handed on as copies. Answers to single commands are mostly that short. */
const SHORT = 2048;
const LONG = 64 * 1024;
/** Long buffers that wait for another socket. */
const MOST_SPARE = 16;

const spare: Buffer<ArrayBuffer>[] = [];

/**
 * The memory that one socket is read into. Left to itself, Node allocates 64 KiB for each read: more work than a short read is, and while much
 * is read V8 collects its whole heap again and again because of it. Here short reads are copied out of a small buffer. When one fills it, a long
 * buffer takes its place, whose bytes are handed on as they are: it is used again where nobody holds on to them, and given away otherwise.
 *
 * A buffer serves one socket at a time, because the next read is bound to it long before it comes.
 */
export class ReadMemory {
  readonly #short = Buffer.allocUnsafeSlow(SHORT);
  #buffer = this.#short;
  #changed = true;
  #socket: Socket | undefined;
  /** Asked behind a long read: whether nothing of what was handed on is kept any more. */
  free: (memory: ArrayBufferLike) => boolean = () => false;

  /** For the socket's constructor: a socket takes it only there. */
  readonly onread: OnReadOpts = {
    // Asked at first and behind each read; anything but a buffer means the one that it has.
    buffer: () => {
      if (!this.#changed) return undefined as never;
      this.#changed = false;
      return this.#buffer;
    },
    callback: (length, buffer) => {
      this.#read(length, buffer as Buffer<ArrayBuffer>);
      return true;
    },
  };

  /** What is read comes as `data` of this socket, paused and resumed as any. */
  deliverTo(socket: Socket): void {
    this.#socket = socket;
    socket.once('close', () => {
      if (this.#buffer !== this.#short) keep(this.#buffer);
    });
  }

  #read(length: number, buffer: Buffer<ArrayBuffer>): void {
    const long = buffer.length === LONG;
    if (length > SHORT) {
      this.#socket?.emit('data', length === LONG ? buffer : buffer.subarray(0, length));
      if (this.free(buffer.buffer)) return;
      bytesPassed(LONG);
      this.#use(Buffer.allocUnsafeSlow(LONG));
      return;
    }
    if (long) this.#use(this.#short);
    else if (length === SHORT) this.#use(spare.pop() ?? Buffer.allocUnsafeSlow(LONG));
    const copy = Buffer.allocUnsafe(length);
    buffer.copy(copy, 0, 0, length);
    if (long) keep(buffer);
    this.#socket?.emit('data', copy);
  }

  #use(buffer: Buffer<ArrayBuffer>): void {
    this.#buffer = buffer;
    this.#changed = true;
  }
}

const keep = (buffer: Buffer<ArrayBuffer>): void => {
  if (spare.length < MOST_SPARE) spare.push(buffer);
};
