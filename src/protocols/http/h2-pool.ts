import * as http2 from 'node:http2';
import type { Socket } from 'node:net';
import { errorCode } from '../../wire/errors.ts';
import { TargetFault } from './exchange.ts';
import { HEAD_BYTES, MEMORY_MB, MOST_INVALID, WINDOW } from './h2-bounds.ts';
import { Rest } from './h2-rest.ts';
import { MOST_FIELDS } from './header-section.ts';

/** Time until a target that was reached has said its settings. */
const SETTINGS_MS = 10_000;
/** Connections that one request waits for: more than requests of a session at a time, each of which may need one of its own. */
const MOST_OPENINGS = 300;

const OPTIONS = {
  maxHeaderListPairs: MOST_FIELDS + 8,
  maxSessionMemory: MEMORY_MB,
  maxSessionInvalidFrames: MOST_INVALID,
  maxSettings: 16,
  maxReservedRemoteStreams: 0,
  strictSingleValueFields: false,
  settings: { enablePush: false, initialWindowSize: WINDOW, maxHeaderListSize: HEAD_BYTES },
} as const;

/** One connection to the target. */
interface Link {
  readonly session: http2.ClientHttp2Session;
  readonly rest: Rest;
  streams: number;
}

/** A place for one stream: used once, or left. */
export interface Place {
  leave(): void;
  /** Throws when the connection has ended meanwhile. */
  request(headers: http2.OutgoingHttpHeaders, options: http2.ClientSessionRequestOptions): http2.ClientHttp2Stream;
}

/** The connections of HTTP/2 to one target: of one session of the gateway, as those of HTTP/1.1 are. */
export class Http2Pool {
  readonly #dial: () => Promise<Socket | undefined>;
  readonly #origin: string;
  readonly #links = new Set<Link>();
  #opening: Promise<void> | undefined;
  #offered = true;
  #closed = false;

  /** @param dial a connection on which HTTP/2 was agreed; undefined where the target does not speak it. Rejects with TargetFault. */
  constructor(origin: string, dial: () => Promise<Socket | undefined>) {
    this.#origin = origin;
    this.#dial = dial;
  }

  /** A connection that takes one more stream; undefined when the target does not speak HTTP/2. Rejects with TargetFault. */
  async place(): Promise<Place | undefined> {
    for (let openings = 0; openings < MOST_OPENINGS; openings++) {
      if (!this.#offered) return undefined;
      const link = [...this.#links].find(({ session, streams }) => streams < mostOf(session));
      if (link) return placeOn(link);
      // Whoever comes meanwhile waits for the same connection.
      this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
      await this.#opening;
    }
    throw takesNone();
  }

  close(): void {
    this.#closed = true;
    for (const { session } of this.#links) session.destroy();
    this.#links.clear();
  }

  async #open(): Promise<void> {
    const socket = await this.#dial();
    if (!socket) {
      this.#offered = false;
      return;
    }
    if (this.#closed) {
      socket.destroy();
      throw new TargetFault('unreachable', 'the session is over');
    }
    const session = http2.connect(this.#origin, { ...OPTIONS, createConnection: () => socket });
    const drop = (): void => void this.#links.delete(link);
    const rest = new Rest(socket, () => {
      if (link.streams > 0) return;
      drop();
      session.close();
    });
    const link: Link = { session, rest, streams: 0 };
    session.once('goaway', drop);
    session.once('close', drop);
    await new Promise<void>((resolve, reject) => {
      const fail = (error?: unknown): void => {
        clearTimeout(timer);
        session.destroy();
        reject(new TargetFault('broken', 'the target does not answer in HTTP/2', errorCode(error)));
      };
      const timer = setTimeout(fail, SETTINGS_MS);
      session.on('error', fail);
      session.once('close', () => fail());
      session.once('remoteSettings', () => {
        clearTimeout(timer);
        resolve();
      });
    });
    if (mostOf(session) === 0) {
      session.destroy();
      throw takesNone();
    }
    this.#links.add(link);
  }
}

/** Its connections say good-bye, or that no stream may be opened, before the first one. */
const takesNone = (): TargetFault => new TargetFault('broken', 'the target takes no requests on its connections');

/** How many streams the target takes on it. One that takes none now is not waited for: another connection is opened. */
const mostOf = ({ closed, destroyed, remoteSettings }: http2.ClientHttp2Session): number => (closed || destroyed ? 0 : (remoteSettings.maxConcurrentStreams ?? 100));

/** Taken at once: several who wait for the same connection come on together. */
const placeOn = (link: Link): Place => {
  link.streams += 1;
  const leave = (): void => {
    link.streams -= 1;
    link.rest.begin();
  };
  return {
    leave,
    request: (headers, options) => {
      try {
        const stream = link.session.request(headers, options);
        stream.once('close', leave);
        return stream;
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
};
