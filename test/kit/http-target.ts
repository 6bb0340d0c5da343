import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import { freePort, releasePort } from './ports.ts';

/** Most raw bytes that are kept of one connection. */
const MOST_RAW = 256 * 1024;

/** One request as the target's parser read it. */
export interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  /** Which connection it came on, counted from 1. */
  readonly connection: number;
  /** As far as `keepBody` goes. */
  readonly body: Buffer;
  readonly bytes: number;
  readonly complete: boolean;
}

export type Handler = (request: http.IncomingMessage, response: http.ServerResponse, socket: Socket) => void;

export interface HttpTargetOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Default: 200 and `ok`, when the whole request has come. */
  readonly handler?: Handler;
  readonly port?: number;
}

/** A target that says what it got, byte by byte, and answers as a test wants it to: also with what is no answer. */
export interface HttpTarget {
  readonly port: number;
  /** What answers the next requests. */
  handler: Handler;
  readonly requests: readonly Arrived[];
  /** All bytes of all connections, in order of the connections. */
  raw(): string;
  readonly connections: number;
  /** Sockets that are open. */
  readonly open: number;
  header(request: Arrived, name: string): string | undefined;
  clear(): void;
  /** Ends every connection, and listens no more; `start` listens again at the same port. */
  down(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export const answerOk: Handler = (request, response) => {
  request.resume();
  request.once('end', () => response.end('ok\n'));
};

export const startHttpTarget = async (options: HttpTargetOptions = {}): Promise<HttpTarget> => {
  const port = options.port ?? (await freePort());
  const requests: Arrived[] = [];
  const raws: Buffer[][] = [];
  const sockets = new Map<Socket, number>();
  let connections = 0;
  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const chunks: Buffer[] = [];
    const arrived = { method: request.method ?? '', url: request.url ?? '', rawHeaders: request.rawHeaders, connection: sockets.get(request.socket) ?? 0, body: Buffer.alloc(0), bytes: 0, complete: false };
    requests.push(arrived);
    const { push } = request;
    // Seen on its way into the stream, so that a handler may read it, or not, as it likes.
    request.push = (chunk: Buffer | null, ...rest): boolean => {
      if (chunk === null) {
        arrived.complete = request.complete;
      } else {
        if (arrived.bytes < MOST_RAW) chunks.push(chunk);
        arrived.bytes += chunk.length;
        arrived.body = chunks.length > 0 && arrived.bytes <= MOST_RAW ? Buffer.concat(chunks) : arrived.body;
      }
      return push.call(request, chunk, ...rest);
    };
    request.on('error', () => {});
    response.on('error', () => {});
    target.handler(request, response, request.socket);
  };
  const server = options.tls ? https.createServer({ ...options.tls, ALPNProtocols: ['http/1.1'] }, onRequest) : http.createServer(onRequest);
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  server.on('checkContinue', onRequest);
  server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    connections += 1;
    sockets.set(socket, connections);
    const raw: Buffer[] = [];
    raws.push(raw);
    let kept = 0;
    socket.on('data', (chunk: Buffer) => {
      if (kept < MOST_RAW) raw.push(chunk);
      kept += chunk.length;
    });
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  const start = (): Promise<void> => new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const down = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets.keys()) socket.destroy();
    server.closeAllConnections();
    await closed;
  };
  const target: HttpTarget = {
    port,
    handler: options.handler ?? answerOk,
    requests,
    raw: () => Buffer.concat(raws.flat()).toString('latin1'),
    get connections() { return connections; },
    get open() { return sockets.size; },
    header: ({ rawHeaders }, name) => {
      const at = rawHeaders.findIndex((one, index) => index % 2 === 0 && one.toLowerCase() === name.toLowerCase());
      return at < 0 ? undefined : rawHeaders[at + 1];
    },
    clear: () => {
      requests.length = 0;
      raws.length = 0;
    },
    down,
    start,
    stop: async () => {
      await down();
      if (options.port === undefined) releasePort(port);
    },
  };
  await start();
  return target;
};
