import { createServer, type Server, type Socket } from 'node:net';
import type { Config, ConnectionConfig } from '../config/resolved.ts';
import type { Logger } from '../model/logger.ts';
import { takenOver } from '../wire/accepted.ts';

export interface ListenersParts {
  /** The configuration in force when a client comes; addresses are fixed at start. */
  readonly config: () => Config;
  /**
   * Serves one socket until it is closed. Never rejects. Calls back when its client has logged in. `offered`: the connections of its address, of the
   * configuration in force when it is asked; at first there is one at least.
   */
  readonly serve: (socket: Socket, offered: () => readonly ConnectionConfig[], loggedIn: () => void) => Promise<void>;
  readonly log: Logger;
}

export interface Listeners {
  /** Client sockets that are open, logged in or not. */
  readonly open: number;
  /** Stops accepting; what is open goes on. */
  stop(): void;
  /** Closes whatever is still open. */
  close(): void;
}

/** What goes wrong with a socket shows in its end. */
const IGNORED = (): void => {};

const addressOf = ({ listen }: ConnectionConfig): string => `${listen.host}:${listen.port}`;

/** Listens at every address of the configuration. Rejects, with nothing left open, when one cannot be had. */
export const startListeners = async ({ config, serve, log }: ListenersParts): Promise<Listeners> => {
  const sockets = new Set<Socket>();
  /** Those that have not logged in, oldest first. */
  const strangers = new Set<Socket>();
  let turnedAway = 0;
  /** One line a minute, whatever comes. */
  const tell = setInterval(() => {
    if (turnedAway > 0) log.warn({ count: turnedAway, limit: config().gateway.limits.connections }, 'clients were turned away: too many connections');
    turnedAway = 0;
  }, 60_000);
  tell.unref();
  const servers: Server[] = [];
  const addresses = new Map(config().connections.map((connection) => [addressOf(connection), connection.listen]));

  const accept = ({ host, port }: ConnectionConfig['listen'], socket: Socket): void => {
    const { limits } = config().gateway;
    if (sockets.size >= limits.connections) {
      turnedAway += 1;
      // Whoever holds connections without logging in keeps nobody else out.
      const [oldest] = strangers;
      if (!oldest) {
        // No protocol is spoken yet, so there is nothing to say.
        socket.destroy();
        return;
      }
      oldest.destroy();
      strangers.delete(oldest);
    }
    sockets.add(socket);
    strangers.add(socket);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('error', IGNORED);
    socket.on('close', () => {
      sockets.delete(socket);
      strangers.delete(socket);
    });
    const offered = (): readonly ConnectionConfig[] => config().connections.filter(({ listen }) => listen.host === host && listen.port === port);
    if (offered().length === 0) {
      socket.destroy();
      return;
    }
    serve(socket, offered, () => strangers.delete(socket)).catch((error: unknown) => {
      log.error({ error: error instanceof Error ? error.message : 'unknown' }, 'a client could not be served');
      socket.destroy();
    });
  };

  try {
    for (const [address, listen] of addresses) {
      const server = createServer({ pauseOnConnect: true }, (socket) => accept(listen, takenOver(socket)));
      servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ ...listen, backlog: 1024 }, () => {
          server.off('error', reject);
          server.on('error', (error) => log.error({ address, error: error.message }, 'listener failed'));
          resolve();
        });
      });
      log.info({ address }, 'listening');
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }

  return {
    get open() {
      return sockets.size;
    },
    stop: () => {
      clearInterval(tell);
      for (const server of servers) server.close();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
};
