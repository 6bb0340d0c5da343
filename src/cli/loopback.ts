import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Wrong calls that are put up with: another program of this machine must not end a login, nor guess at it for long. */
const MOST_WRONG = 50;
const LONGEST_QUERY = 16 * 1024;

/** Where the browser comes back to (RFC 8252 section 7.3). */
export interface Loopback {
  readonly redirectUri: string;
  /** The first call with this state. Rejects after `ms`, or after too many wrong calls. */
  wait(state: string, ms: number): Promise<Callback>;
  close(): void;
}

export interface Callback {
  readonly url: URL;
  /** What the person reads in the browser. */
  reply(text: string): void;
}

/** Nobody came back in time, or too many came with something else. */
export class NoCallback extends Error {
  override name = 'NoCallback';
}

/** Listens on 127.0.0.1. Without a port, on a free one. */
export const listenForCallback = async (port = 0): Promise<Loopback> => {
  const server = createServer({ maxHeaderSize: LONGEST_QUERY + 8 * 1024, requestTimeout: 10_000, headersTimeout: 10_000 });
  server.maxConnections = 16;
  let redirectUri = '';
  let expected: { readonly state: string; readonly take: (callback: Callback) => void; readonly wrong: () => void } | undefined;
  server.on('request', (request, response) => {
    const url = callbackUrl(request, redirectUri);
    if (!url) {
      say(response, 404, 'Nothing is here.');
      return;
    }
    if (!expected || !hasState(url, expected.state)) {
      say(response, 400, 'This does not belong to the login that is waited for.');
      expected?.wrong();
      return;
    }
    const { take } = expected;
    // Once: what comes later with the same state is too late.
    expected = undefined;
    take({ url, reply: (text) => say(response, 200, text) });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
  });
  redirectUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`;
  return {
    redirectUri,
    wait: (state, ms) =>
      new Promise((resolve, reject) => {
        const end = (error: NoCallback): void => {
          expected = undefined;
          clearTimeout(timer);
          reject(error);
        };
        const timer = setTimeout(() => end(new NoCallback(`nobody logged in within ${Math.round(ms / 1000)} seconds`)), ms);
        let wrong = 0;
        expected = {
          state,
          take: (callback) => {
            clearTimeout(timer);
            resolve(callback);
          },
          wrong: () => {
            wrong += 1;
            if (wrong > MOST_WRONG) end(new NoCallback('too many calls came that do not belong to this login'));
          },
        };
      }),
    close: () => {
      server.close();
      // What the browser still reads is short; a connection that it keeps open must not keep this process.
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 1_000).unref();
      server.unref();
    },
  };
};

/** The address that was called, when it is the redirect URI by name and path: a page that rebinds a name to 127.0.0.1 sends its own. */
const callbackUrl = ({ method, headers, url: path = '' }: IncomingMessage, redirectUri: string): URL | undefined => {
  const { host, origin, pathname } = new URL(redirectUri);
  if (method !== 'GET' || headers.host !== host || path.length > LONGEST_QUERY || !path.startsWith(`${pathname}?`)) return undefined;
  const url = URL.parse(`${origin}${path}`);
  return url?.pathname === pathname ? url : undefined;
};

const hasState = ({ searchParams }: URL, state: string): boolean => {
  const [given, more] = searchParams.getAll('state');
  return given !== undefined && more === undefined && timingSafeEqual(digest(given), digest(state));
};

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const say = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  });
  response.end(`${text}\n`);
};
