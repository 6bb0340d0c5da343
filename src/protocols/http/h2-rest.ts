import type { Socket } from 'node:net';
import { BETWEEN_MS } from './h2-bounds.ts';

/**
 * How long a connection has been without a stream. Node's `Http2Session.setTimeout` tells that as well, but does not clear its timer when the session is
 * destroyed: all that belongs to a connection would be kept in memory for so long after its end.
 */
export class Rest {
  #timer: NodeJS.Timeout | undefined;

  /** @param tooLong called after BETWEEN_MS in which no stream ended, unless the socket has closed; one may be open */
  constructor(socket: Socket, tooLong: () => void) {
    this.#timer = setTimeout(tooLong, BETWEEN_MS).unref();
    socket.once('close', () => {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    });
  }

  /** A stream has ended. */
  begin(): void {
    this.#timer?.refresh();
  }
}
