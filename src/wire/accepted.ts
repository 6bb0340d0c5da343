import { Socket } from 'node:net';
import { ReadMemory } from './read-memory.ts';

/**
 * An accepted socket, read as `ReadMemory` reads it. Node takes `onread` for a socket in its constructor alone, and makes those that it accepts
 * itself: so what it has opened for one is taken over by another one. The place where it stands (`_handle`) is not in Node's documentation; where a
 * version of Node has none there, the socket stays as it is, which costs a sixth more for a short command and nothing else.
 *
 * The socket must be paused and nobody's yet (`pauseOnConnect`); the one that comes back is paused as well, and the only one to use. See decision 0024.
 */
export const takenOver = (socket: Socket): Socket => {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null) return socket;
  const memory = new ReadMemory(false, false);
  const options: object = { handle, onread: memory.onread, pauseOnCreate: true, readable: true, writable: true };
  const taker = new Socket(options);
  memory.deliverTo(taker);
  // Without what it has opened nothing is left of it but its place in the server's count.
  Reflect.set(socket, '_handle', null);
  socket.destroy();
  return taker;
};
