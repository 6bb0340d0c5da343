import * as http from 'node:http';
import type { Socket } from 'node:net';
import { errorCode } from '../../wire/errors.ts';
import type { Channel } from './head.ts';

/** Largest head of a request; more fields than this are counted in `head.ts`. */
const HEAD_BYTES = 64 * 1024;
/** How long a connection may stay between two requests. */
const BETWEEN_MS = 65_000;
/** Requests that a client may send behind one that is not answered. Each waits for its turn. */
const MOST_BEHIND = 64;

/** One request with its place to answer. `done` when the answer is over: the next one begins. */
export interface Turn {
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
  /** Body may be asked for by 100 (Continue). */
  readonly connection: Http1Connection;
  /** It asks for a WebSocket: what the connection is, once the parser has left it. */
  readonly switching?: Socket;
}

export interface Http1ServerParts {
  /** Serves one request. Resolves when its answer is over. Never rejects. */
  readonly serve: (turn: Turn) => Promise<void>;
  /** A CONNECT. From here on the socket is nobody else's; `early` is what came behind the head. Never throws. */
  readonly connect: (request: http.IncomingMessage, connection: Http1Connection, early: Buffer) => void;
  /** What came was no HTTP; `status` is what it was answered. */
  readonly malformed: (connection: Http1Connection, status: number) => void;
  /** Milliseconds for one head. */
  readonly headMs: () => number;
}

/** Node's parser over sockets that were accepted elsewhere. One for all addresses. */
export class Http1Server {
  readonly #server: http.Server;
  readonly #connections = new Map<Socket, Http1Connection>();
  readonly #parts: Http1ServerParts;

  constructor(parts: Http1ServerParts) {
    this.#parts = parts;
    const server = http.createServer({
      insecureHTTPParser: false,
      requireHostHeader: false, // asked for in head.ts, with an answer of our own
      maxHeaderSize: HEAD_BYTES,
      headersTimeout: parts.headMs(),
      // A body may take as long as it goes on; body.ts and forward.ts look at that.
      requestTimeout: 0,
      keepAliveTimeout: BETWEEN_MS,
      connectionsCheckingInterval: 1_000,
      noDelay: true,
      // Any other offer may be passed over (RFC 9110 section 7.8), or is refused with its head.
      shouldUpgradeCallback: ({ headers: { upgrade } }) => upgrade?.trim().toLowerCase() === 'websocket',
    });
    // Nothing is dropped without a word: head.ts counts.
    server.maxHeadersCount = 0;
    const take = (request: http.IncomingMessage, response: http.ServerResponse): void => this.#connections.get(request.socket)?.take({ request, response });
    server.on('request', take);
    // 100 (Continue) is said when the request was admitted, and any other expectation is judged with the head.
    server.on('checkContinue', take);
    server.on('checkExpectation', take);
    server.on('connect', (request, socket, early) => this.#connect(request, socket as Socket, early));
    server.on('upgrade', (request, _, early) => this.#upgrade(request, early));
    server.on('clientError', (error, socket) => this.#clientError(error, socket as Socket));
    // This server listens nowhere; its watch over slow heads begins with this event.
    server.emit('listening');
    this.#server = server;
  }

  /** Serves what comes on a socket, which is paused. Resolves when it is closed. */
  serve(socket: Socket, raw: Socket, channel: Channel): { readonly connection: Http1Connection; readonly closed: Promise<void> } {
    this.#server.headersTimeout = this.#parts.headMs();
    const connection = new Http1Connection(socket, raw, channel, this.#parts.serve);
    this.#connections.set(socket, connection);
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => {
        this.#connections.delete(socket);
        connection.left();
        resolve();
      });
    });
    socket.on('error', () => {});
    this.#server.emit('connection', socket);
    // After the parser's own listener: a client that closes its side does not wait for an answer.
    socket.on('end', () => connection.left());
    socket.resume();
    return { connection, closed };
  }

  /** Connections end when what they have to answer is answered. */
  drain(): void {
    for (const connection of this.#connections.values()) connection.drain();
  }

  close(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
    this.#server.closeAllConnections();
    this.#server.close(() => {});
  }

  /** What asks for a WebSocket is the last request of its connection, whatever becomes of it. */
  #upgrade(request: http.IncomingMessage, early: Buffer): void {
    // Node hands over another stream where a body follows.
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (!connection || connection.busy || connection.closing) {
      if (connection) connection.reset();
      else socket.destroy();
      return;
    }
    socket.on('error', () => {});
    // The parser has left it at its head: where its body ends, and what is behind that, nobody knows.
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
      this.#refuse(socket, 400, 'a request for a WebSocket has no body');
      return;
    }
    if (early.length > 0) socket.unshift(early);
    const response = new http.ServerResponse(request);
    response.assignSocket(socket);
    // As Node does for the answers that it looks after itself.
    response.once('finish', () => process.nextTick(() => response.emit('close')));
    connection.take({ request, response, switching: socket });
    connection.close();
  }

  #connect(request: http.IncomingMessage, socket: Socket, early: Buffer): void {
    const connection = this.#connections.get(socket);
    if (!connection || connection.busy || connection.closing) {
      // An answer is under way, or the last one was given.
      if (connection) connection.reset();
      else socket.destroy();
      return;
    }
    // What runs in the tunnel is a connection of its own.
    this.#connections.delete(socket);
    this.#parts.connect(request, connection, early);
  }

  #clientError(error: Error, socket: Socket): void {
    const code = errorCode(error);
    // The client is gone, and nobody is there to be told.
    if (code === 'ECONNRESET' || code === 'EPIPE' || !socket.writable) {
      socket.destroy();
      return;
    }
    if (code === 'HPE_HEADER_OVERFLOW') this.#refuse(socket, 431, `the head has more than ${HEAD_BYTES} bytes`);
    else if (code === 'ERR_HTTP_REQUEST_TIMEOUT') this.#refuse(socket, 408, 'the head did not come in time');
    else this.#refuse(socket, 400, 'the request is not HTTP/1.1, or can be read in two ways');
  }

  /** Nothing that follows on this connection can be trusted to be what it seems. */
  #refuse(socket: Socket, status: number, why: string): void {
    const connection = this.#connections.get(socket);
    if (connection) this.#parts.malformed(connection, status);
    if (connection?.busy) {
      // An answer is under way: what is written now would become a part of it.
      connection.reset();
      return;
    }
    const body = `${JSON.stringify({ type: 'about:blank', title: http.STATUS_CODES[status], status, detail: `wicketgate: ${why}`, code: 'protocol' })}\n`;
    socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`, () => socket.destroySoon());
  }
}

/** One connection of a client. Its requests are served one after another: what a client has sent in this order happens in this order. */
export class Http1Connection {
  readonly channel: Channel;
  readonly socket: Socket;
  readonly #raw: Socket;
  readonly #serve: Http1ServerParts['serve'];
  readonly #turns: Omit<Turn, 'connection'>[] = [];
  readonly #onLeft = new Set<() => void>();
  readonly #onDeaf = new Set<() => void>();
  /** More has come behind the request that runs than is kept: the socket is not read, and does not tell that its other end is gone. */
  #deaf = false;
  #busy = false;
  #left = false;
  #closing = false;

  constructor(socket: Socket, raw: Socket, channel: Channel, serve: Http1ServerParts['serve']) {
    this.socket = socket;
    this.#raw = raw;
    this.channel = channel;
    this.#serve = serve;
  }

  /** The socket below, to reset it. */
  get raw(): Socket {
    return this.#raw;
  }

  get busy(): boolean {
    return this.#busy;
  }

  get closing(): boolean {
    return this.#closing;
  }

  take(turn: Omit<Turn, 'connection'>): void {
    // What comes behind the last answer is nobody's request any more.
    if (this.#left || this.#closing) return;
    if (!this.#busy) {
      this.#begin(turn);
      return;
    }
    if (this.#turns.length >= MOST_BEHIND) this.reset();
    else {
      this.#turns.push(turn);
      this.#watch(turn.request);
    }
  }

  /** Calls back when nobody can tell any more whether the client is still there. Returns how to stop that. */
  onDeaf(then: () => void): () => void {
    if (this.#deaf) then();
    else this.#onDeaf.add(then);
    return () => this.#onDeaf.delete(then);
  }

  /** Calls back when the client has gone. Returns how to stop that. */
  onLeft(then: () => void): () => void {
    if (this.#left) then();
    else this.#onLeft.add(then);
    return () => this.#onLeft.delete(then);
  }

  left(): void {
    if (this.#left) return;
    this.#left = true;
    this.#turns.length = 0;
    for (const then of this.#onLeft) then();
    this.#onLeft.clear();
  }

  drain(): void {
    this.#closing = true;
    if (!this.#busy) this.socket.destroySoon();
  }

  /** The last answer is given, and says so. */
  close(): void {
    this.#closing = true;
  }

  /** Ends it so that its other end cannot take what it got for whole. */
  reset(): void {
    try {
      this.#raw.resetAndDestroy();
    } catch {
      // What lies under TLS is not always a socket of its own.
    }
    this.socket.destroy();
    this.left();
  }

  /** Node reads a connection no further when the body of a request that waits for its turn has filled its buffer, and tells nobody. */
  #watch(request: http.IncomingMessage): void {
    const push = request.push.bind(request);
    request.push = (chunk: unknown, ...rest): boolean => {
      const room = push(chunk, ...rest);
      if (!room && chunk !== null && this.#turns.some((turn) => turn.request === request)) {
        this.#deaf = true;
        for (const then of this.#onDeaf) then();
        this.#onDeaf.clear();
      }
      return room;
    };
  }

  #begin(turn: Omit<Turn, 'connection'>): void {
    this.#busy = true;
    this.#deaf = false;
    void this.#serve({ ...turn, connection: this }).then(() => {
      this.#busy = false;
      if (this.#left) return;
      const behind = this.#turns.shift();
      if (this.#closing) this.socket.destroySoon();
      else if (behind) this.#begin(behind);
    });
  }
}
