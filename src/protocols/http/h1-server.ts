import type { Socket } from 'node:net';
import { Http1Connection, type Http1ServerParts } from './h1-connection.ts';
import type { Channel } from './head.ts';

/** How often connections are looked at whose client lets time pass. */
const CHECK_MS = 1_000;

/** The connections of clients in HTTP/1.1, over sockets that were accepted elsewhere. One for all addresses. */
export class Http1Server {
  readonly #connections = new Set<Http1Connection>();
  readonly #parts: Http1ServerParts;
  #checking: NodeJS.Timeout | undefined;

  constructor(parts: Http1ServerParts) {
    const { connect } = parts;
    this.#parts = {
      ...parts,
      connect: (request, connection, early) => {
        // What runs in the tunnel is a connection of its own.
        this.#connections.delete(connection);
        connect(request, connection, early);
      },
    };
  }

  /** Serves what comes on a socket, which is paused. Resolves when it is closed. */
  serve(socket: Socket, raw: Socket, channel: Channel): { readonly connection: Http1Connection; readonly closed: Promise<void> } {
    const connection = new Http1Connection(socket, raw, channel, this.#parts);
    this.#connections.add(connection);
    this.#checking ??= setInterval(() => this.#check(), CHECK_MS).unref();
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => {
        this.#connections.delete(connection);
        connection.left();
        resolve();
      });
    });
    socket.on('error', () => {});
    socket.resume();
    return { connection, closed };
  }

  /** Connections end when what they have to answer is answered. */
  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }

  close(): void {
    clearInterval(this.#checking);
    for (const { socket } of this.#connections) socket.destroy();
  }

  #check(): void {
    const now = performance.now();
    for (const connection of this.#connections) connection.check(now);
  }
}
