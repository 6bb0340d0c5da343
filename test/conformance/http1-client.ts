import type { Socket } from 'node:net';
import type { HttpScene } from '../e2e/http-scene.ts';
import { meaning, type Reply } from './http.ts';
import type { Client, Said } from './scenarios.ts';

/** The first whole answer in these bytes, and what is behind it. Only what the gateway writes: a length, or chunks. */
const replyIn = (bytes: Buffer): { readonly reply: Reply; readonly rest: Buffer } | undefined => {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.subarray(0, end).toString('latin1');
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const to = end + 4 + Number(length);
    return bytes.length < to ? undefined : { reply: { status, body: bytes.subarray(end + 4, to) }, rest: bytes.subarray(to) };
  }
  const pieces: Buffer[] = [];
  for (let at = end + 4; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (bytes.length < line + 2 + size + 2) return undefined;
    if (size === 0) return { reply: { status, body: Buffer.concat(pieces) }, rest: bytes.subarray(line + 4) };
    pieces.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
};

/** A client that speaks HTTP/1.1: what it sends at once stands one behind the other in its connection. */
export const http1Client = async (scene: HttpScene): Promise<Client> => onSocket(await scene.dial(), await scene.token('writer'));

const onSocket = (socket: Socket, token: string): Client => {
  let bytes: Buffer = Buffer.alloc(0);
  let over = false;
  let look = (): void => {};
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    look();
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    over = true;
    look();
  });
  const result = (): Promise<Said> => new Promise((resolve) => {
    look = () => {
      const found = replyIn(bytes);
      if (found) {
        bytes = found.rest;
        resolve(meaning(found.reply));
      } else if (over) resolve({ kind: 'ended', text: bytes.toString('latin1') });
      else return;
      look = () => {};
    };
    look();
  });
  const request = (method: string, path: string, body = ''): string => `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const ask = (method: string, path: string, body = ''): Promise<Said> => {
    if (over) return Promise.resolve({ kind: 'ended', text: '' });
    socket.write(request(method, path, body));
    return result();
  };
  return {
    idle: () => ask('GET', '/name'),
    read: () => ask('GET', '/name'),
    write: () => ask('POST', '/changes', '{}'),
    forbidden: () => ask('POST', '/forbidden', '{}'),
    unit: async (refusedAt) => {
      const requests = [request('POST', '/changes', '{}'), request('POST', '/changes', '{}')];
      requests.splice(refusedAt, 0, request('POST', '/forbidden', '{}'));
      socket.write(requests.join(''));
      return [await result(), await result(), await result()];
    },
    masked: (which) => ask('GET', `/values/${encodeURIComponent(which)}`),
    withheld: () => ask('GET', '/opaque'),
    begin: async () => void socket.write(request('POST', '/slow', '{}')),
    result,
    nonsense: async () => {
      socket.write('~~~\r\n\r\n');
      await new Promise<void>((resolve) => (over ? resolve() : socket.once('close', () => resolve())));
      return { kind: 'ended', text: bytes.toString('latin1') };
    },
    leave: () => void socket.destroy(),
  };
};
