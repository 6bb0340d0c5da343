import type { Socket } from 'node:net';
import fc from 'fast-check';
import { mutatedOf } from './mutated.ts';
import { Http1Server } from '../h1-server.ts';
import { settled, wireOf, type Taken } from './node-server.ts';

/** The requests that our server takes for whole, in order; those with a head that is refused are none. */
export const takenByServer = async (pieces: readonly Buffer[]): Promise<Taken[]> => {
  const taken: Taken[] = [];
  const server = new Http1Server({
    headMs: () => 60_000,
    connect: (_, connection) => void connection.socket.destroy(),
    malformed: () => {},
    serve: ({ client, head }) => {
      if ('refused' in head) {
        client.answer(head.status, [], Buffer.alloc(0));
        return;
      }
      const body: Buffer[] = [];
      const whole = (): void => {
        taken.push({ method: head.method, url: head.target, fields: head.fields.flat(), body: Buffer.concat(body).toString('latin1') });
        client.answer(200, [], Buffer.alloc(0));
      };
      if (!client.body) whole();
      else {
        client.body.on('data', (piece: Buffer) => body.push(piece));
        client.body.once('end', whole);
      }
    },
  });
  // Only what a socket shares with other streams is used of it.
  const wire = wireOf(pieces) as unknown as Socket;
  const { connection } = server.serve(wire, wire, { tls: false });
  await settled();
  connection.socket.destroy();
  server.close();
  return taken;
};

const field = fc.tuple(fc.constantFrom('X-A', 'Accept', 'Cookie', 'X-B', 'User-Agent'), fc.constantFrom(': ', ':', ':  ', ':\t'), fc.constantFrom('', 'a', 'a b', 'é', '"x"', 'a ')).map((parts) => `${parts.join('')}\r\n`);
const text = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const chunked = fc.array(fc.tuple(text, fc.constantFrom('', ';a', ';a=b', ';a="b c"')), { maxLength: 4 })
  .map((chunks) => `Transfer-Encoding: chunked\r\n\r\n${chunks.filter(([data]) => data !== '').map(([data, extension]) => `${data.length.toString(16)}${extension}\r\n${data}\r\n`).join('')}0\r\n\r\n`);
const measured = text.map((data) => `Content-Length: ${data.length}\r\n\r\n${data}`);
const request = fc.tuple(fc.constantFrom('GET / HTTP/1.1\r\n', 'POST /a?b=c HTTP/1.1\r\n', 'PUT /%20 HTTP/1.1\r\n', 'DELETE /x HTTP/1.1\r\n', 'POST /y HTTP/1.0\r\n'), fc.constant('Host: a\r\n'), fc.array(field, { maxLength: 3 }), fc.oneof(chunked, measured, fc.constant('\r\n')))
  .map((parts) => parts.flat().join(''))
  .filter((whole) => !/ HTTP\/1\.0\r\n[^]*Transfer-Encoding/.test(whole));

/** Requests as clients write them, one behind another; some of them again and again, or with another address. */
export const wellFormed = fc.array(fc.tuple(request, fc.constantFrom(1, 1, 2, 3)), { minLength: 1, maxLength: 3 }).map((requests) => requests.flatMap(([one, times]) => Array.from({ length: times }, (_, n) => (n === 1 ? one.replace(/ \S+ /, ' /again ') : one))));

const POISON = ['\r\n', '\n', '\r', '\0', ' ', '\t', ':', ';', '0', '0\r\n\r\n', 'Content-Length: 3\r\n', 'Content-Length: 0\r\n', 'Content-Length: 3\t\r\n', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: identity\r\n', 'Transfer-Encoding: chunked\t\r\n', 'transfer-encoding: gzip, chunked\r\n', 'Content-Length : 3\r\n', ' folded\r\n', 'GET /s HTTP/1.1\r\nHost: a\r\n\r\n', 'Connection: close\r\n', 'Expect: 100-continue\r\n', 'Trailer: X\r\n', '+1', '0x', '-', '\x0b', '\x7f', '\xff', '1'];

/** Nearly such requests. */
export const mutated = mutatedOf(wellFormed.map((requests) => requests.join('')), { poison: POISON, how: ['put', 'over', 'cut', 'line', 'line'], least: 1 });
