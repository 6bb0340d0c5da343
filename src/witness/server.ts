import { createServer as createPlain, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { Socket } from 'node:net';
import type { Logger } from '../model/logger.ts';
import { MOST_BODY } from './request.ts';
import type { Answer, Witness } from './witness.ts';

/** Connections in all, and from one address: an idle one costs little, and a log needs one. */
const MOST_CONNECTIONS = 1024;
const MOST_PER_ADDRESS = 64;
/** How often one kind of refusal is told: whoever reaches the port can cause them. */
const QUIET_MS = 10_000;

const LIMITS: ServerOptions = {
  maxHeaderSize: 8192,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  // Longer than the pause between two submissions of a gateway, so that it keeps its connection.
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
};

export interface WitnessServerParts {
  readonly witness: Witness;
  readonly prefix: string;
  /** PEM. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  readonly log: Logger;
}

/** The HTTP side of a witness: bounded in bytes, time and connections. Not listening yet. */
export const createWitnessServer = ({ witness, prefix, tls, log }: WitnessServerParts): Server => {
  const tell = refusalsTold(log);
  const answerAdd = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    if (body === undefined) {
      response.shouldKeepAlive = false;
      send(response, 413, 'text/plain; charset=utf-8', `larger than ${MOST_BODY} bytes\n`);
      tell({ status: 413 });
      return;
    }
    const answer = witness.add(body);
    send(response, answer.status, answer.type, answer.body);
    if (answer.status === 200) log.info({ ...answer.log }, 'cosigned');
    else tell(answer);
  };
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url ?? '';
    if (path === `${prefix}/add-checkpoint`) {
      if (request.method !== 'POST') refuseMethod(request, response, 'POST');
      else {
        answerAdd(request, response).catch((error: unknown) => {
          if (request.destroyed && !request.complete) return;
          log.error({ error: error instanceof Error ? error.message : 'unknown' }, 'a request could not be answered');
          if (!response.headersSent) send(response, 500, 'text/plain; charset=utf-8', 'failed\n');
        });
      }
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuseMethod(request, response, 'GET, HEAD');
    request.resume();
    if (path === '/health') {
      const { failed } = witness;
      return send(response, failed === undefined ? 200 : 503, 'text/plain; charset=utf-8', `${failed ?? 'ok'}\n`);
    }
    const [, hash] = path.startsWith(`${prefix}/`) ? (/^\/([0-9a-f]{64})\/checkpoint$/.exec(path.slice(prefix.length)) ?? []) : [];
    const note = hash === undefined ? undefined : witness.checkpoint(hash);
    return note === undefined ? send(response, 404, 'text/plain; charset=utf-8', 'not found\n') : send(response, 200, 'text/plain; charset=utf-8', note);
  };
  const server = tls === undefined ? createPlain(LIMITS, serve) : createTls({ ...LIMITS, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: 5_000 }, serve);
  server.maxConnections = MOST_CONNECTIONS;
  limitPerAddress(server);
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
};

const send = (response: ServerResponse, status: number, type: string, body: string): void => {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  response.end(response.req.method === 'HEAD' ? undefined : body);
};

const refuseMethod = (request: IncomingMessage, response: ServerResponse, allow: string): void => {
  request.resume();
  response.setHeader('allow', allow);
  send(response, 405, 'text/plain; charset=utf-8', `only ${allow}\n`);
};

/** The body; undefined when it is too large, and then no more of it is read. */
const bodyOf = (request: IncomingMessage): Promise<Buffer | undefined> =>
  new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > MOST_BODY) return resolve(undefined);
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MOST_BODY) chunks.push(chunk);
      else {
        request.pause();
        resolve(undefined);
      }
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
    return undefined;
  });

const limitPerAddress = (server: Server): void => {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    if (count > MOST_PER_ADDRESS) socket.destroy();
  });
};

/** Tells one refusal of each status in ten seconds, and how many were like it. */
const refusalsTold = (log: Logger): ((answer: { readonly status: number; readonly log?: Answer['log'] }) => void) => {
  const kinds = new Map<number, { at: number; more: number }>();
  return ({ status, log: about = {} }) => {
    const now = performance.now();
    const kind = kinds.get(status) ?? { at: Number.NEGATIVE_INFINITY, more: 0 };
    kinds.set(status, kind);
    if (now - kind.at < QUIET_MS) {
      kind.more += 1;
      return;
    }
    log.warn({ status, ...about, ...(kind.more === 0 ? {} : { more: kind.more }) }, 'refused');
    kind.at = now;
    kind.more = 0;
  };
};
