import { once } from 'node:events';
import { createServer } from 'node:net';
import { connect, TLSSocket, type SecureContext } from 'node:tls';

/** Shakes hands as a client that trusts `ca` and asks for `servername`: what `read` finds then, or the client's error. */
export const shakeHands = async (context: SecureContext, ca: string, servername: string, read: (socket: TLSSocket) => string | null | undefined): Promise<string> => {
  // As the listeners do: TLS upon a socket that was accepted plain.
  const server = createServer((plain) => {
    const socket = new TLSSocket(plain, { isServer: true, secureContext: context });
    socket.on('error', () => plain.destroy());
    socket.on('secure', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const socket = connect({ port, host: '127.0.0.1', ca, servername });
  try {
    await once(socket, 'secureConnect');
    return read(socket) ?? '';
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  } finally {
    socket.destroy();
    server.close();
  }
};
