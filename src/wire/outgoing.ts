import type { Socket } from 'node:net';

/** Up to this size several pieces are copied into one: a list of pieces costs more to write than the copy. */
const COPY_LIMIT = 8 * 1024;

/**
 * Writes to a socket in few system calls. Pieces are collected with `add` and leave with `flush`; pieces that lie behind one
 * another in the same memory (messages of one chunk, passed on unchanged) become one again without being copied.
 * The memory must not be written to after it was added.
 */
export class Outgoing {
  readonly socket: Socket;
  #pieces: Uint8Array[] = [];
  /** What the last piece lies in, and the part of that, from `#from` to `#to`, that it has grown to. */
  #last: Uint8Array | undefined;
  #from = 0;
  #to = 0;
  #size = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Bytes added and not flushed. */
  get pending(): number {
    return this.#size;
  }

  /** Everything that was added is with the operating system: its memory may be written to again. */
  get idle(): boolean {
    return this.#last === undefined && this.socket.writableLength === 0;
  }

  add(bytes: Uint8Array): void {
    this.pass(bytes, 0, bytes.length);
  }

  /** Adds `size` bytes that lie in `memory` from `from` on. */
  pass(memory: Uint8Array, from: number, size: number): void {
    if (size === 0) return;
    this.#size += size;
    const last = this.#last;
    // By far the most lie in one chunk, and asking an array for its buffer is a call into the engine.
    if (last === memory && this.#to === from) {
      this.#to += size;
      return;
    }
    if (last !== undefined && last !== memory && last.byteOffset + this.#to === memory.byteOffset + from && last.buffer === memory.buffer) {
      this.#to += size;
      return;
    }
    if (last !== undefined) this.#pieces.push(this.#grown(last));
    this.#last = memory;
    this.#from = from;
    this.#to = from + size;
  }

  /** The last piece, which may go beyond what it began in. */
  #grown(memory: Uint8Array): Uint8Array {
    const length = this.#to - this.#from;
    return this.#from === 0 && length === memory.length ? memory : new Uint8Array(memory.buffer, memory.byteOffset + this.#from, length);
  }

  /**
   * Sends what was added; drops it when the socket is closed or closing. False: the socket holds more than its high-water
   * mark, so stop reading the other side until `drained`. What the system took at once is no longer held, however much it was.
   */
  flush(): boolean {
    const { socket } = this;
    if (this.#last === undefined) return !socket.writableNeedDrain;
    const last = this.#grown(this.#last);
    const pieces = this.#pieces;
    const size = this.#size;
    this.#last = undefined;
    this.#size = 0;
    if (pieces.length > 0) this.#pieces = [];
    if (socket.destroyed || socket.writableEnded) return true;
    if (pieces.length === 0) return socket.write(last) || socket.writableLength === 0;
    pieces.push(last);
    if (size <= COPY_LIMIT) return socket.write(Buffer.concat(pieces, size));
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
    return !socket.writableNeedDrain || socket.writableLength === 0;
  }

  /** Calls back once when the socket has room again; at once when it has room now. */
  drained(then: () => void): void {
    if (this.socket.writableNeedDrain) this.socket.once('drain', then);
    else then();
  }
}
