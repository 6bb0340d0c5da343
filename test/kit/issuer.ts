import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { Provider } from 'oidc-provider';
import type { Issued } from './certificates.ts';
import { freePort, releasePort } from './ports.ts';
import { mintToken, signingKey, type Algorithm, type SigningKey, type TokenOptions } from './tokens.ts';

export interface IssuerOptions {
  readonly algorithm?: Algorithm;
  /** Serve HTTPS with this certificate (for 127.0.0.1). */
  readonly tls?: Issued;
}

/** A real OpenID provider in this process: discovery, key set, token endpoint. */
export interface Issuer {
  /** Exact value of `iss`: its address. */
  readonly issuer: string;
  readonly jwksUri: string;
  /** The key that signs now. */
  key(): SigningKey;
  /** A token as a CI system's issuer would hand to a job, signed by the current key. */
  token(options?: TokenOptions): Promise<string>;
  /** An access token from the token endpoint (client credentials grant, JWT), `sub` and `client_id` being `job`. */
  grantedToken(audience?: string): Promise<string>;
  /** Signs with a new key from now on. `keepOld` (default true): the old one stays in the key set, so that its tokens still verify. */
  rotate(options?: { readonly keepOld?: boolean; readonly algorithm?: Algorithm }): Promise<void>;
  /** Paths asked for so far, oldest first. */
  requests(): readonly string[];
  /** `refuse`: nothing listens. `fail`: every answer is 503. `hang`: no answer. `serve`: as usual. */
  behave(how: 'serve' | 'refuse' | 'fail' | 'hang'): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const CLIENT = { id: 'job', secret: 'the-job-of-the-kit' } as const;

export async function startIssuer(options: IssuerOptions = {}): Promise<Issuer> {
  const port = await freePort();
  const issuer = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  let keys = [await signingKey(options.algorithm)];
  const current = (): SigningKey => {
    const key = keys[0];
    if (key === undefined) throw new Error('an issuer always has a key');
    return key;
  };
  // A provider reads its keys once, so rotation puts a new one behind the same address.
  const provider = (): ((request: IncomingMessage, response: ServerResponse) => Promise<void>) => new Provider(issuer, configuration(keys)).callback();
  let handle = provider();
  let mode: 'serve' | 'refuse' | 'fail' | 'hang' = 'serve';
  const asked: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    asked.push((request.url ?? '').replace(/\?.*/, ''));
    if (mode === 'hang') return;
    if (mode === 'fail') {
      response.writeHead(503).end('unavailable');
      return;
    }
    handle(request, response).catch(() => { response.destroy(); });
  };
  const server: Server = options.tls === undefined ? createServer(answer) : createTlsServer({ cert: options.tls.certPem, key: options.tls.keyPem }, answer);
  server.unref();
  const listen = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      if (!server.listening) {
        resolve();
        return;
      }
      server.close(() => { resolve(); });
      server.closeAllConnections();
    });
  await listen();
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await close();
    releasePort(port);
  };
  return {
    issuer, stop,
    jwksUri: `${issuer}/jwks`,
    key: current,
    token: (wanted) => mintToken(issuer, current(), wanted),
    async grantedToken(audience = 'wicketgate') {
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`, connection: 'close' },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: `urn:${audience}` }),
      });
      const body = (await response.json()) as { access_token?: string };
      if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`);
      return body.access_token;
    },
    async rotate({ keepOld = true, algorithm } = {}) {
      const next = await signingKey(algorithm ?? current().algorithm);
      keys = keepOld ? [next, ...keys] : [next];
      handle = provider();
    },
    requests: () => [...asked],
    async behave(how) {
      mode = how;
      if (how === 'refuse') await close();
      else if (!server.listening) await listen();
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** Where the provider would keep state. Its access tokens here are JWTs, and nobody logs in, so there is none. */
class NoState {
  upsert(): Promise<void> { return Promise.resolve(); }
  find(): Promise<undefined> { return Promise.resolve(undefined); }
}

const configuration = (keys: readonly SigningKey[]): Record<string, unknown> => ({
  jwks: { keys: keys.map((key) => key.privateJwk) },
  adapter: NoState,
  ttl: { ClientCredentials: 300 },
  cookies: { keys: ['the-kit-has-no-browser'] },
  clients: [{ client_id: CLIENT.id, id_token_signed_response_alg: keys[0]?.algorithm ?? 'RS256', client_secret: CLIENT.secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context: unknown, resource: string) => ({
        scope: '',
        audience: resource.replace(/^urn:/, ''),
        accessTokenFormat: 'jwt',
        accessTokenTTL: 300,
        jwt: { sign: { alg: keys[0]?.algorithm ?? 'RS256' } },
      }),
    },
  },
});
