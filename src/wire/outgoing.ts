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
  /** The last piece, and the memory from `#from` to `#to` that it has grown to. */
  #last: Uint8Array | undefined;
  #memory: ArrayBufferLike | undefined;
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
    if (bytes.length === 0) return;
    this.#size += bytes.length;
    const { buffer, byteOffset } = bytes;
    if (this.#memory === buffer && this.#to === byteOffset) {
      this.#to += bytes.length;
      return;
    }
    if (this.#last !== undefined) this.#pieces.push(this.#grown(this.#last));
    this.#last = bytes;
    this.#memory = buffer;
    this.#from = byteOffset;
    this.#to = byteOffset + bytes.length;
  }

  #grown(piece: Uint8Array): Uint8Array {
    const length = this.#to - this.#from;
    return piece.length === length ? piece : new Uint8Array(piece.buffer, this.#from, length);
  }

  /**
   * Sends what was added; drops it when the socket is closed or closing. False: the socket holds more than its high-water
   * mark, so stop reading the other side until `drained`.
   */
  flush(): boolean {
    const { socket } = this;
    if (this.#last === undefined) return !socket.writableNeedDrain;
    const last = this.#grown(this.#last);
    const pieces = this.#pieces;
    const size = this.#size;
    this.#last = this.#memory = undefined;
    this.#size = 0;
    if (pieces.length > 0) this.#pieces = [];
    if (socket.destroyed || socket.writableEnded) return true;
    if (pieces.length === 0) return socket.write(last);
    pieces.push(last);
    if (size <= COPY_LIMIT) return socket.write(Buffer.concat(pieces, size));
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
    return !socket.writableNeedDrain;
  }

  /** Calls back once when the socket has room again; at once when it has room now. */
  drained(then: () => void): void {
    if (this.socket.writableNeedDrain) this.socket.once('drain', then);
    else then();
  }
}
