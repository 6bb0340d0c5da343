import type { Socket } from 'node:net';
import { Chunks } from './h1-chunks.ts';
import { Http1Client } from './h1-client.ts';
import { FRAMING, NotHttp } from './h1-fields.ts';
import { tellMalformed } from './h1-malformed.ts';
import { HeadReader, HeadTooLarge, RequestBody } from './h1-request.ts';
import type { HeaderSection } from './header-section.ts';
import { SwitchingClient } from './h1-switching.ts';
import { joined, KeptPieces } from './pieces.ts';
import { readHead, refusedHead, type BodyLength, type Channel, type HeadRefused, type RawHead, type RequestHead } from './head.ts';

/** How long a connection may stay between two requests. */
export const BETWEEN_MS = 65_000;
/** Bytes of requests behind one that runs that are kept; more are not read until it is over. */
const MOST_BEHIND = 64 * 1024;

/** One request with its place to answer. */
export interface Turn {
  readonly client: Http1Client | SwitchingClient;
  readonly head: RequestHead | HeadRefused;
  readonly connection: Http1Connection;
}

export interface Http1ServerParts {
  /** Serves one request, to the end of its answer. Never throws. */
  readonly serve: (turn: Turn) => void;
  /** A CONNECT. From here on the socket, which is paused, is nobody else's; `early` is what came behind the head. Never throws. */
  readonly connect: (request: RawHead, connection: Http1Connection, early: Buffer) => void;
  /** What came was no HTTP; `status` is what it was answered. */
  readonly malformed: (connection: Http1Connection, status: number) => void;
  /** Milliseconds for one head. */
  readonly headMs: () => number;
}

/** One connection of a client. Its requests are served one after another: what a client has sent in this order happens in this order. */
export class Http1Connection {
  readonly channel: Channel;
  readonly socket: Socket;
  readonly #raw: Socket;
  readonly #parts: Http1ServerParts;
  readonly #reader = new HeadReader();
  /** Who is answered now. */
  #client: Turn['client'] | undefined;
  readonly #onDeaf = new Set<() => void>();
  /** More has come behind the request that runs than is kept: the socket is not read, and does not tell that its other end is gone. */
  #deaf = false;
  /** The header section of the last head, as it came and as it was read. */
  #last: { readonly rawHeaders: readonly string[]; readonly section: HeaderSection } | undefined;
  /** The body that is being read, and how its end is found. */
  #body: RequestBody | undefined;
  #left = 0;
  #chunks: Chunks | undefined;
  /** What came behind the request that runs. */
  #behind = new KeptPieces();
  #behindBytes = 0;
  /** Until when the next head has to have come, or its first byte where none has. */
  #until: number;
  #busy = false;
  #gone = false;
  #closing = false;
  /** Nothing more is read: the connection is somebody else's, or what comes is nobody's request. */
  #shut = false;
  /** What came was no HTTP: the client is told so, and the connection ends. */
  #refused = false;

  constructor(socket: Socket, raw: Socket, channel: Channel, parts: Http1ServerParts) {
    this.socket = socket;
    this.#raw = raw;
    this.channel = channel;
    this.#parts = parts;
    this.#until = performance.now() + parts.headMs();
    socket.on('data', this.#come);
    // A client that closes its side does not wait for an answer.
    socket.on('end', () => this.left());
  }

  /** The socket below, to reset it. */
  get raw(): Socket {
    return this.#raw;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** Calls back when nobody can tell any more whether the client is still there. Returns how to stop that. */
  onDeaf(then: () => void): () => void {
    if (this.#deaf) then();
    else this.#onDeaf.add(then);
    return () => this.#onDeaf.delete(then);
  }

  left(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#shutOff();
    if (this.#body && !this.#body.complete) this.#body.destroy(Object.assign(new Error('the client has gone'), { code: 'ECONNRESET' }));
    this.#client?.left();
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

  /** Looks whether the client has let too much time pass. */
  check(now: number): void {
    if (this.#busy || this.#body || this.#shut || now < this.#until) return;
    if (this.#until === this.#idleUntil && !this.#reader.begun) this.socket.destroy();
    else this.#refuse(408, 'the head did not come in time');
  }
  #idleUntil = 0;

  readonly #come = (bytes: Buffer): void => {
    if (this.#shut) return;
    if (this.#behindBytes > 0 || (this.#busy && !this.#body)) this.#keep(bytes);
    else this.#read(bytes);
  };

  #keep(bytes: Buffer): void {
    this.#behind.push(bytes);
    this.#behindBytes += bytes.length;
    if (this.#behindBytes <= MOST_BEHIND) return;
    this.socket.pause();
    this.#deaf = true;
    for (const then of this.#onDeaf) then();
    this.#onDeaf.clear();
  }

  #read(bytes: Buffer): void {
    try {
      for (let rest = bytes; rest.length > 0; ) {
        if (this.#shut) return;
        if (this.#body) {
          rest = this.#readBody(this.#body, rest);
          continue;
        }
        if (this.#busy) return this.#keep(rest);
        const waited = this.#reader.begun;
        const raw = this.#reader.push(rest);
        if (!raw) {
          if (!waited && this.#until === this.#idleUntil) this.#until = performance.now() + this.#parts.headMs();
          return;
        }
        rest = this.#reader.rest;
        this.#begin(raw, rest);
      }
    } catch (error) {
      if (error instanceof HeadTooLarge) this.#refuse(431, error.message);
      else if (error instanceof NotHttp) this.#refuse(400, 'the request is not HTTP/1.1, or can be read in two ways');
      else throw error;
    }
  }

  /** Returns what stands behind it. */
  #readBody(body: RequestBody, bytes: Buffer): Buffer {
    let next: number;
    let over: boolean;
    let room = true;
    if (this.#chunks) {
      const pieces: Buffer[] = [];
      try {
        next = this.#chunks.read(bytes, 0, (data) => pieces.push(data));
      } finally {
        for (const data of joined(pieces)) room = body.push(data);
      }
      over = this.#chunks.over;
    } else {
      next = Math.min(bytes.length, this.#left);
      room = body.push(bytes.subarray(0, next));
      this.#left -= next;
      over = this.#left === 0;
    }
    if (!room && !over) this.socket.pause();
    if (over) {
      this.#body = undefined;
      body.complete = true;
      body.push(null);
      if (!this.#busy) this.#rest();
    }
    return bytes.subarray(next);
  }

  #begin(raw: RawHead, rest: Buffer): void {
    if (raw.method === 'CONNECT') {
      this.#letGo();
      this.#parts.connect(raw, this, rest);
      return;
    }
    const head = this.#headOf(raw);
    const refused = 'refused' in head;
    // What is doubtful in one head is doubtful in where the next one begins.
    if (refused || !head.section.persistent) this.#closing = true;
    const length: BodyLength = refused ? { kind: 'none' } : head.body;
    // Where a body ends whose head is doubtful, nobody knows: what comes of it is dropped while the client reads the answer.
    const dropped = refused && raw.rawHeaders.some((name, index) => index % 2 === 0 && FRAMING.test(name));
    if (dropped) this.#shutOff();
    const body = length.kind === 'none' && !dropped ? undefined : new RequestBody(() => this.socket.resume(), () => this.socket.destroy());
    this.#body = dropped ? undefined : body;
    this.#left = length.kind === 'length' ? length.length : 0;
    this.#chunks = length.kind === 'chunked' ? new Chunks() : undefined;
    const plain = new Http1Client(refused ? refusedHead(raw.method) : head, body, this, raw.version === '1.1');
    let client: Turn['client'] = plain;
    if (!refused && head.upgrade) {
      // What asks for a WebSocket is the last request of its connection, whatever becomes of it.
      this.#closing = true;
      this.#letGo();
      if (rest.length > 0) this.socket.unshift(rest);
      client = new SwitchingClient(plain, this.socket, this);
    }
    this.#busy = true;
    this.#client = client;
    client.onOver(this.#served);
    this.#parts.serve({ client, head, connection: this });
  }

  #headOf(raw: RawHead): RequestHead | HeadRefused {
    const last = this.#last;
    const known = last?.rawHeaders === raw.rawHeaders && last.section.version === raw.version ? last.section : undefined;
    const head = readHead(raw, this.channel, known);
    if (!known) this.#last = 'refused' in head ? undefined : { rawHeaders: raw.rawHeaders, section: head.section };
    return head;
  }

  readonly #served = (): void => {
    this.#client = undefined;
    this.#busy = false;
    if (this.#gone || this.#refused) return;
    if (this.#closing) this.#end();
    else if (!this.#body) this.#rest();
  };

  /** The request is over on both sides: what has come behind it is next. */
  #rest(): void {
    this.#idleUntil = this.#until = performance.now() + BETWEEN_MS;
    // Not within whatever gave the answer, which has nothing to do with the next request.
    if (this.#behindBytes > 0) queueMicrotask(() => this.#readBehind());
  }

  #readBehind(): void {
    if (this.#shut || this.#busy || this.#behindBytes === 0) return;
    const behind = this.#behind.bytes();
    this.#behind = new KeptPieces();
    this.#behindBytes = 0;
    this.#deaf = false;
    this.socket.resume();
    this.#read(behind);
  }

  /** What is read from here on is read by somebody else. */
  #letGo(): void {
    this.#shutOff();
    this.socket.pause();
    this.socket.off('data', this.#come);
  }

  #shutOff(): void {
    this.#shut = true;
    this.#behind = new KeptPieces();
    this.#behindBytes = 0;
  }

  /** The last answer was given. What still comes is read and dropped for a moment, so that the client gets to read it. */
  #end(): void {
    this.#shutOff();
    this.socket.destroySoon();
  }

  /** Nothing that follows on this connection can be trusted to be what it seems. */
  #refuse(status: number, why: string): void {
    this.#parts.malformed(this, status);
    const [client, body] = [this.#client, this.#body];
    // An answer is under way: what is written now would become a part of it.
    if (client?.begun === true && !client.answered) return this.reset();
    this.#shutOff();
    // It has its answer, or gets it now, and the connection ends with that.
    if (client?.answered === true) return;
    if (body && !client) return this.#end();
    this.#refused = true;
    this.#body = undefined;
    tellMalformed(this.socket, status, why);
    // To whoever serves the request its client is gone, in the middle of the body: nothing more of it will come.
    client?.left();
    body?.breakOff();
  }
}
