import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

/*
 * bench/tls-termination.ts CERTIFICATE KEY [connect]: what it costs to open TLS on Node and do nothing else; with `connect`, behind a CONNECT that is answered
 * without a look at it. Prints the port it listens at.
 */
const [certificate = '', key = '', connect] = process.argv.slice(2);
const secureContext = createSecureContext({ cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.2' });
const secure = (socket: Socket): void => {
  const inside = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['h2', 'http/1.1'] });
  inside.on('error', () => {}).resume();
};
const server = createServer((socket) => {
  socket.on('error', () => {});
  if (connect === undefined) {
    secure(socket);
    return;
  }
  // A client waits for the answer, so that one piece is all of it.
  socket.once('data', () => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    secure(socket);
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`));
process.on('SIGTERM', () => process.exit(0));
