import type { Socket } from 'node:net';

/** Silence after which a peer is taken to have sent what it was sending. */
const QUIET_MS = 100;
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
 */
export function partWith(socket: Socket, last: Buffer): void {
  socket.write(last);
  socket.resume();
  const begun = performance.now();
  const over = (): void => {
    clearTimeout(quiet);
    socket.off('data', heard);
    partFrom(socket);
  };
  let quiet = setTimeout(over, QUIET_MS);
  const heard = (): void => {
    clearTimeout(quiet);
    if (performance.now() - begun > LONGEST_MS) over();
    else quiet = setTimeout(over, QUIET_MS);
  };
  socket.on('data', heard);
  socket.once('close', () => clearTimeout(quiet));
}
