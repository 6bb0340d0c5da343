import { connect as connectPlain, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { bytesPassed } from '../../wire/passing-bytes.ts';
import { ReadMemory } from '../../wire/read-memory.ts';
import { CONNECT_MS, notReachedInTime } from './reaching.ts';

/** How long a connection waits in the pool for its next request. Shorter than what servers commonly wait, so that it is seldom theirs to close. */
const POOLED_MS = 4_000;
/** So much earlier than a target says that it closes a connection. */
const MARGIN_MS = 1_000;
/** How often those are looked for that have waited too long. */
const SWEEP_MS = 1_000;
/** Most connections of one session that wait for a next request. */
const MOST_POOLED = 32;

/** Whose request a connection carries now. */
export interface LinkUser {
  connected(): void;
  came(bytes: Buffer): void;
  drained(): void;
  /** The target sends nothing more. */
  ended(): void;
  /** Nothing that came is held any more. */
  spent(): boolean;
  /** The connection is closed. */
  lost(error: Error | undefined): void;
}

/** One connection to the target. It carries one request at a time. */
export class Http1Link {
  readonly socket: Socket;
  /** It is open, TLS included. */
  connected = false;
  /** It has carried a request before: the target may have closed it since. */
  used = false;
  /** Until when it may wait in the pool. */
  until = 0;
  #user: LinkUser | undefined;
  /** What is read is new memory each time. */
  readonly #counts: boolean = false;
  readonly #connecting: NodeJS.Timeout;
  #error: Error | undefined;

  /** @param opened the event that says so @param memory what it is read into, where that is the link's own */
  constructor(socket: Socket, opened: 'connect' | 'secureConnect', user: LinkUser, memory: ReadMemory | undefined) {
    this.socket = socket;
    this.#user = user;
    if (memory) memory.free = () => this.#user?.spent() === true;
    else this.#counts = true;
    this.#connecting = setTimeout(() => socket.destroy(notReachedInTime()), CONNECT_MS);
    socket.once(opened, () => {
      clearTimeout(this.#connecting);
      this.connected = true;
      this.#user?.connected();
    });
    socket.on('data', this.#data).on('drain', this.#drain).on('end', this.#end);
    socket.on('error', (error) => (this.#error = error));
    socket.once('close', () => {
      clearTimeout(this.#connecting);
      this.#user?.lost(this.#error);
      this.#user = undefined;
    });
  }

  /** Carries the next request. */
  begin(user: LinkUser): void {
    this.used = true;
    this.#user = user;
  }

  /** Nobody's any more. */
  leave(): void {
    this.#user = undefined;
  }

  /** The connection is something else from here on, and whoever asked for that reads it. */
  switch(): Socket {
    this.leave();
    this.socket.pause();
    return this.socket.off('data', this.#data).off('drain', this.#drain).off('end', this.#end);
  }

  readonly #data = (bytes: Buffer): void => {
    if (this.#counts) bytesPassed(bytes.length);
    // Whatever comes while nothing was asked answers nothing, and could be taken for the answer of what is asked next.
    if (this.#user) this.#user.came(bytes);
    else this.socket.destroy();
  };

  readonly #drain = (): void => this.#user?.drained();

  readonly #end = (): void => {
    if (this.#user) this.#user.ended();
    else this.socket.destroy();
  };
}

export interface Http1PoolParts {
  readonly where: TcpNetConnectOpts;
  /** Undefined: without TLS. */
  readonly tls: ConnectionOptions | undefined;
}

/** The connections of HTTP/1.1 to one target: of one session of the gateway, and used for no other. */
export class Http1Pool {
  readonly #parts: Http1PoolParts;
  readonly #idle: Http1Link[] = [];
  #tlsSession: Buffer | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: Http1PoolParts) {
    this.#parts = parts;
  }

  /** A connection for one request: the one that waited least, or a new one, which may still be opening. @param switching the connection may become a WebSocket */
  take(user: LinkUser, switching: boolean): Http1Link {
    if (switching) return this.#open(user, undefined);
    const now = performance.now();
    for (let link = this.#idle.pop(); link; link = this.#idle.pop()) {
      if (now < link.until && !link.socket.destroyed && link.socket.writable) {
        link.begin(user);
        return link;
      }
      link.socket.destroy();
    }
    return this.#open(user, this.#parts.tls ? undefined : new ReadMemory(true, true));
  }

  /** Its answer has come whole, and so has gone its request. @param idleMs how long the target says that it keeps it */
  give(link: Http1Link, idleMs: number = POOLED_MS + MARGIN_MS): void {
    link.leave();
    const wait = Math.min(POOLED_MS, idleMs - MARGIN_MS);
    if (this.#closed || wait <= 0 || this.#idle.length >= MOST_POOLED) {
      link.socket.destroy();
      return;
    }
    link.until = performance.now() + wait;
    link.socket.resume();
    this.#idle.push(link);
    this.#sweep ??= setInterval(() => this.#clear(), SWEEP_MS).unref();
  }

  close(): void {
    this.#closed = true;
    for (const { socket } of this.#idle.splice(0)) socket.destroy();
    clearInterval(this.#sweep);
  }

  #clear(): void {
    const now = performance.now();
    const late = this.#idle.filter(({ until, socket }) => now >= until || socket.destroyed);
    for (const link of late) {
      this.#idle.splice(this.#idle.indexOf(link), 1);
      link.socket.destroy();
    }
    if (this.#idle.length > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  #open(user: LinkUser, memory: ReadMemory | undefined): Http1Link {
    const { where, tls } = this.#parts;
    if (!tls) {
      const socket = connectPlain({ ...where, ...(memory ? { onread: memory.onread } : {}) });
      memory?.deliverTo(socket);
      return new Http1Link(socket, 'connect', user, memory);
    }
    const socket = connectTls({ ...where, ...tls, ALPNProtocols: ['http/1.1'], ...(this.#tlsSession ? { session: this.#tlsSession } : {}) } as ConnectionOptions);
    socket.on('session', (session: Buffer) => (this.#tlsSession = session));
    // A session that the target does not take any more must not stand in the way of the next connection.
    socket.once('error', () => (this.#tlsSession = undefined));
    return new Http1Link(socket, 'secureConnect', user, undefined);
  }
}
