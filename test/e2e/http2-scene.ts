import * as http2 from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { certificateAuthority } from '../kit/certificates.ts';
import { freePort, releasePort } from '../kit/ports.ts';
import { tempFolder } from '../kit/temp.ts';
import type { HttpScene } from './http-scene.ts';

/** An answer on a stream, with what stood behind it. */
export interface Answer2 {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly text: string;
  readonly problem: Record<string, unknown>;
}

/** A client of the gateway that speaks HTTP/2. */
export const http2Client = (scene: HttpScene, port = scene.gateway.port(), options: http2.SecureClientSessionOptions = {}): http2.ClientHttp2Session => {
  const session = http2.connect(`https://localhost:${port}`, { ca: scene.ca, servername: 'localhost', ...options });
  session.on('error', () => {});
  return session;
};

/** One request on a connection. Rejects when the stream is reset. */
export const ask2 = (session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders, body?: string | Buffer): Promise<Answer2> =>
  new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    let head: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on('response', (came) => (head = came));
    stream.on('trailers', (came: http2.IncomingHttpHeaders) => (trailers = came));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.once('close', () => {
      if (head[':status'] === undefined) reject(new Error(`reset with ${stream.rstCode}`));
      const text = Buffer.concat(chunks).toString('utf8');
      resolve({ status: Number(head[':status']), headers: head, trailers, text, problem: head['content-type'] === 'application/problem+json' ? (JSON.parse(text) as Record<string, unknown>) : {} });
    });
    if (body !== undefined) stream.end(body);
  });

const FRAME = { data: 0, headers: 1, priority: 2, rst: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 } as const;

/** One frame of HTTP/2, as bytes. */
export const frame = (type: keyof typeof FRAME, flags: number, stream: number, payload: Uint8Array = new Uint8Array(0)): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = FRAME[type];
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

const literal = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const size = [127];
  let left = bytes.length - 127;
  for (; left >= 128; left = Math.floor(left / 128)) size.push((left % 128) + 128);
  return Buffer.concat([Buffer.from([...size, left]), bytes]);
};

/** A header block without any compression, so that it may hold what no library sends. */
export const block = (fields: readonly (readonly [name: string, value: string])[]): Buffer => Buffer.concat(fields.map(([name, value]) => Buffer.concat([Buffer.from([0]), literal(name), literal(value)])));

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** What a client of HTTP/2 begins with. */
export const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame('settings', 0, 0)]);

/** One frame that came. */
export interface Came {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A connection on which a test writes frames itself. */
export interface RawHttp2 {
  readonly socket: Socket;
  readonly came: readonly Came[];
  readonly closed: boolean;
}

export const rawHttp2 = async (scene: HttpScene): Promise<RawHttp2> => {
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const connecting = connectTls({ host: '127.0.0.1', port: scene.gateway.port(), ca: scene.ca, servername: 'localhost', ALPNProtocols: ['h2'] }, () => resolve(connecting));
    connecting.once('error', reject);
  });
  const came: Came[] = [];
  let bytes: Buffer = Buffer.alloc(0);
  let closed = false;
  socket.on('error', () => {});
  socket.once('close', () => (closed = true));
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const length = bytes.readUIntBE(0, 3);
      came.push({ type: bytes[3] as number, flags: bytes[4] as number, stream: bytes.readUInt32BE(5), payload: bytes.subarray(9, 9 + length) });
      bytes = bytes.subarray(9 + length);
    }
  });
  socket.write(PREFACE);
  return { socket, came, get closed() { return closed; } };
};

/** A target that speaks HTTP/2, and HTTP/1.1 where a test wants that too. */
export interface Http2Target {
  readonly port: number;
  readonly ca: string;
  readonly server: http2.Http2SecureServer;
  /** Connections that were made to it, and the version that each of them agreed on. */
  readonly versions: readonly string[];
  /** Ends every connection, and listens no more; `start` listens again at the same port. */
  down(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export const startHttp2Target = async (handler: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void, options: http2.SecureServerOptions = {}): Promise<Http2Target> => {
  const authority = await certificateAuthority();
  const { certPem, keyPem } = await authority.issue(['localhost', '127.0.0.1']);
  const folder = tempFolder('http2-target').path;
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, authority.certPem);
  const server = http2.createSecureServer({ cert: certPem, key: keyPem, ...options });
  const versions: string[] = [];
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('secureConnection', (socket: TLSSocket) => void versions.push(String(socket.alpnProtocol)));
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
    session.once('close', () => sessions.delete(session));
    // It was accepted before the server went down, and shook hands since.
    if (!server.listening) session.destroy();
  });
  server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on('error', () => {});
    handler(stream, headers);
  });
  server.on('sessionError', () => {});
  const port = await freePort();
  const start = (): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const down = async (): Promise<void> => {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  await start();
  return {
    port, ca, server, versions, down, start,
    async stop() {
      await down();
      releasePort(port);
    },
  };
};
