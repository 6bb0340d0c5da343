import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** How long the client may go on sending: closed under what it sends, the connection would be reset, and the client might never read why. */
const LINGER_MS = 1_000;

/** Tells a client that what it sent is no HTTP, and ends its connection. Whoever reads the socket drops what still comes. */
export const tellMalformed = (socket: Socket, status: number, why: string): void => {
  const problem = `${JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail: `wicketgate: ${why}`, code: 'protocol' })}\n`;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(problem)}\r\nConnection: close\r\n\r\n${problem}`);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
};
