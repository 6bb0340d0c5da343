import * as http2 from 'node:http2';
import type { Socket } from 'node:net';
import { errorCode } from '../../wire/errors.ts';
import { Allowance, FIRST_WINDOW, HEAD_BYTES, MEMORY_MB, MOST_INVALID, MOST_REJECTED, MOST_STREAMS, WINDOW } from './h2-bounds.ts';
import { Http2Client } from './h2-client.ts';
import { Http2Heads } from './h2-head.ts';
import { Rest } from './h2-rest.ts';
import { refusedHead, type Channel, type HeadRefused, type RequestHead } from './head.ts';
import { MOST_FIELDS } from './header-section.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM } = http2.constants;
/** Streams that a connection may open before one of them showed a token that is good. */
const MOST_OF_STRANGERS = 100;

/** One request on a connection. */
export interface Http2Turn {
  readonly client: Http2Client;
  readonly head: RequestHead | HeadRefused;
}

export interface Http2Parts {
  readonly channel: Channel;
  /** Serves one request; several of a connection at a time. */
  readonly serve: (turn: Http2Turn) => void;
  /** A request has come. */
  readonly asked: () => void;
  /** What came was no HTTP/2, or more of something than anybody needs. `why` is a word of ours. */
  readonly malformed: (why: string) => void;
}

const OPTIONS = {
  maxHeaderListPairs: MOST_FIELDS + 8,
  maxSessionMemory: MEMORY_MB,
  maxSessionInvalidFrames: MOST_INVALID,
  maxSessionRejectedStreams: MOST_REJECTED,
  maxOutstandingPings: 4,
  maxOutstandingSettings: 4,
  maxSettings: 16,
  // Node counts all resets, whatever else the client does: `#resets` is what ends a flood.
  streamResetBurst: 2000,
  streamResetRate: 500,
  strictSingleValueFields: false,
  settings: { maxConcurrentStreams: MOST_STREAMS, maxHeaderListSize: HEAD_BYTES, initialWindowSize: FIRST_WINDOW, enablePush: false, enableConnectProtocol: false },
} as const;

/** HTTP/2 over sockets that were accepted elsewhere. */
export class Http2Server {
  readonly #connections = new Set<Http2Connection>();

  /** Serves what comes on a socket, which is paused. */
  serve(socket: Socket, parts: Http2Parts): { readonly connection: Http2Connection; readonly closed: Promise<void> } {
    const connection = new Http2Connection(socket, parts);
    this.#connections.add(connection);
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => {
        this.#connections.delete(connection);
        resolve();
      });
    });
    return { connection, closed };
  }

  /** No further streams; those that are open go on to their end. */
  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }

  close(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}

/** One connection of a client. Its streams may belong to different Principals: each shows a token of its own. */
export class Http2Connection {
  readonly #session: http2.ServerHttp2Session;
  readonly #socket: Socket;
  readonly #parts: Http2Parts;
  /** What a client may do for nothing: asking whether anybody is there, changing its settings, breaking off what it began. */
  readonly #pings = new Allowance(100, 5);
  /** Clients of gRPC measure the line: they send a PING for what comes of an answer, as soon as the one before is acknowledged. */
  readonly #sent = (frames: number): void => this.#pings.give(frames);
  readonly #settings = new Allowance(50, 2);
  readonly #resets = new Allowance(200, 33);
  readonly #rest: Rest;
  #known = false;
  readonly #heads: Http2Heads;
  #streams = 0;
  #open = 0;
  #cut = false;

  constructor(socket: Socket, parts: Http2Parts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#heads = new Http2Heads(parts.channel);
    socket.on('error', () => {});
    const session = http2.performServerHandshake(socket, OPTIONS);
    this.#session = session;
    session.on('stream', (stream: http2.ServerHttp2Stream, _: unknown, flags: number, raw: string[]) => this.#stream(stream, flags, raw));
    session.on('error', (error) => {
      // A client that has merely gone has broken no rule.
      if (errorCode(error)?.startsWith('ERR_HTTP2') === true) this.#broken('broke the rules of HTTP/2');
    });
    session.on('ping', () => this.#pings.take() || this.#broken('too many PING frames'));
    session.on('remoteSettings', () => this.#settings.take() || this.#broken('too many SETTINGS frames'));
    this.#rest = new Rest(socket, () => this.#open > 0 || session.close());
  }

  /** Somebody of it has shown a token that is good. */
  known(): void {
    if (this.#known) return;
    this.#known = true;
    if (!this.#session.destroyed) this.#session.settings({ initialWindowSize: WINDOW });
  }

  drain(): void {
    if (!this.#session.destroyed) this.#session.close();
  }

  destroy(): void {
    this.#session.destroy();
    this.#socket.destroy();
  }

  #stream(stream: http2.ServerHttp2Stream, flags: number, raw: string[]): void {
    if (this.#cut) {
      stream.on('error', () => {});
      return;
    }
    this.#streams += 1;
    this.#open += 1;
    const ended = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    const head = this.#heads.read(raw, ended);
    const client = new Http2Client('refused' in head ? refusedHead('') : head, stream, ended, this.#sent);
    stream.once('close', () => {
      this.#open -= 1;
      this.#rest.begin();
      // Rapid reset: work that is asked for, and broken off before it can be answered. A rule that was broken on purpose ends a stream as well.
      // Whoever mostly lets itself be answered may give up now and then, as calls with a deadline do: each answer that was read to its end makes up for one.
      if (!client.brokenOff) this.#resets.give(1);
      else if (!this.#resets.take()) this.#broken('too many streams were reset');
    });
    if (!this.#known && this.#streams > MOST_OF_STRANGERS) {
      this.#broken('too many requests without a token that is good');
      return;
    }
    this.#parts.asked();
    this.#parts.serve({ client, head });
  }

  #broken(why: string): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#parts.malformed(why);
    if (!this.#session.destroyed) this.#session.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM);
    this.#socket.destroySoon();
  }
}
