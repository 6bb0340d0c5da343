import type { Socket } from 'node:net';

/** Up to this size several pieces are copied into one write: one system call costs more than the copy. */
const COPY_LIMIT = 64 * 1024;

/**
 * Writes to a socket in few system calls. Pieces are collected with `add` and leave with `flush`; pieces that lie behind one
 * another in the same memory (messages of one chunk, passed on unchanged) become one again without being copied.
 * The memory must not be written to after it was added.
 */
export class Outgoing {
  readonly socket: Socket;
  #pieces: Uint8Array[] = [];
  #last: Uint8Array | undefined;
  #size = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Bytes added and not flushed. */
  get pending(): number {
    return this.#size;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#size += bytes.length;
    const last = this.#last;
    if (last === undefined) {
      this.#last = bytes;
    } else if (last.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
      this.#last = new Uint8Array(last.buffer, last.byteOffset, last.length + bytes.length);
    } else {
      this.#pieces.push(last);
      this.#last = bytes;
    }
  }

  /**
   * Sends what was added; drops it when the socket is closed or closing. False: the socket holds more than its high-water
   * mark, so stop reading the other side until `drained`.
   */
  flush(): boolean {
    const { socket } = this;
    const last = this.#last;
    const pieces = this.#pieces;
    const size = this.#size;
    if (last === undefined) return !socket.writableNeedDrain;
    this.#last = undefined;
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
