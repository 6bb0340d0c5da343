import type { Socket } from 'node:net';

/** Silence after which a peer is taken to have sent what it was sending. */
const QUIET_MS = 100;
/** The same while more is due: a client that shifts hundreds of megabytes in its memory pauses for longer. */
const STALLED_MS = 1_000;
/** What may have come of a message before it was found to be too large. */
const READ_AHEAD = 256 * 1024;
/** Longest time that what it sends is read for. */
const LONGEST_MS = 10_000;
/** Time that it then gets to close its side. */
const LINGER_MS = 1_000;

/** Closes our side, and after a moment all of it, whether the peer closes its own or not. */
export function partFrom(socket: Socket): void {
  socket.end();
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(linger));
}

/**
 * Tells a peer why, and closes. A peer in the middle of a large message looks for an answer only once it has sent all of it, and takes a
 * connection that is closed before for a broken one, without a look at what it was told. So what it still sends is read and dropped first.
 *
 * @param due bytes that the peer is known to be sending
 */
export function partWith(socket: Socket, last: Buffer, due = 0): void {
  socket.write(last);
  socket.resume();
  const begun = performance.now();
  const over = (): void => {
    clearTimeout(quiet);
    socket.off('data', heard);
    partFrom(socket);
  };
  let missing = due - READ_AHEAD;
  const wait = (): ReturnType<typeof setTimeout> => setTimeout(over, missing > 0 ? STALLED_MS : QUIET_MS);
  let quiet = wait();
  const heard = (chunk: Buffer): void => {
    clearTimeout(quiet);
    missing -= chunk.length;
    // A peer that finds the connection broken while it sends does look at what it has; one that finds it closed does not.
    if (performance.now() - begun > LONGEST_MS) socket.destroy();
    else quiet = wait();
  };
  socket.on('data', heard);
  socket.once('close', () => clearTimeout(quiet));
}
