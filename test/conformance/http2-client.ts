import * as http2 from 'node:http2';
import { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { HttpScene } from '../e2e/http-scene.ts';
import { frame } from '../e2e/http2-scene.ts';
import { meaning } from './http.ts';
import type { Client, Said } from './scenarios.ts';

/** The same connection for Node's HTTP/2, which otherwise would take it over: a test may then write into it as well. */
const beside = (socket: TLSSocket): Duplex => {
  const shared = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, _, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    if (!shared.push(chunk)) socket.pause();
  });
  socket.once('end', () => shared.push(null));
  socket.once('close', () => shared.destroy());
  return shared;
};

/** A client that speaks HTTP/2: what it sends at once are streams beside each other. */
export const http2Client = async (scene: HttpScene): Promise<Client> => {
  const token = await scene.token('writer');
  const socket = connectTls({ host: '127.0.0.1', port: scene.gateway.port(), ca: scene.ca, servername: 'localhost', ALPNProtocols: ['h2'] });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const session = http2.connect('https://localhost', { createConnection: () => beside(socket) });
  session.on('error', () => {});

  const ask = (method: string, path: string, body = ''): Promise<Said> =>
    new Promise((resolve) => {
      if (session.destroyed || session.closed) {
        resolve({ kind: 'ended', text: '' });
        return;
      }
      const stream = session.request({ ':method': method, ':path': path, authorization: `Bearer ${token}`, 'content-length': String(body.length) }, { endStream: body === '' });
      let status = 0;
      let whole = false;
      const chunks: Buffer[] = [];
      stream.on('response', (headers) => (status = Number(headers[':status'])));
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.once('end', () => (whole = true));
      stream.on('error', () => {});
      stream.once('close', () => {
        const bytes = Buffer.concat(chunks);
        // A stream that is reset has an end as well, as Node has it.
        resolve(whole && stream.rstCode === http2.constants.NGHTTP2_NO_ERROR && status > 0 ? meaning({ status, body: bytes }) : { kind: 'ended', text: bytes.toString('latin1') });
      });
      if (body !== '') stream.end(body);
    });
  let begun: Promise<Said> = Promise.resolve({ kind: 'ended', text: '' });
  return {
    idle: () => ask('GET', '/name'),
    read: () => ask('GET', '/name'),
    write: () => ask('POST', '/changes', '{}'),
    forbidden: () => ask('POST', '/forbidden', '{}'),
    unit: (refusedAt) => Promise.all([0, 1, 2].map((place) => ask('POST', place === refusedAt ? '/forbidden' : '/changes', '{}'))),
    masked: (which) => ask('GET', `/values/${encodeURIComponent(which)}`),
    withheld: () => ask('GET', '/opaque'),
    begin: async () => {
      begun = ask('POST', '/slow', '{}');
    },
    result: () => begun,
    nonsense: async () => {
      // DATA belongs to a stream. A frame of a type that nobody knows would be passed over (RFC 9113 section 4.1).
      socket.write(frame('data', 0, 0, Buffer.from('~~~')));
      await closed;
      return { kind: 'ended', text: '' };
    },
    leave: () => session.destroy(),
  };
};
