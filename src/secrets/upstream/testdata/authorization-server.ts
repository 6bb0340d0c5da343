import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { secretCanary } from '../../../../test/kit/canaries.ts';
import { signingKey } from '../../../../test/kit/tokens.ts';

/** A real OAuth 2 server (oidc-provider) on loopback with two clients for the client credentials grant. */
export interface AuthorizationServer extends AsyncDisposable {
  readonly tokenUrl: string;
  /** Their secrets hold what form encoding and Basic each treat in their own way. */
  readonly basic: { readonly id: string; readonly secret: string };
  readonly post: { readonly id: string; readonly secret: string };
  /** How often a token was asked for. */
  asked(): number;
  /** What the server says of a token (RFC 7662). */
  introspect(token: string): Promise<Readonly<Record<string, unknown>>>;
}

export const startAuthorizationServer = async (lifetime = 300): Promise<AuthorizationServer> => {
  const basic = { id: 'a client:with colon', secret: 'p@ss:w%rd+ /&=?~basic' };
  const post = { id: 'poster', secret: 'p@ss:w%rd+ /&=?~posted' };
  for (const { secret } of [basic, post]) secretCanary(secret);
  const { privateJwk } = await signingKey();
  let handle: ReturnType<Provider['callback']> | undefined;
  let asked = 0;
  const server = createServer((request, response) => {
    if (request.url === '/token') asked += 1;
    handle?.(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = (one: { readonly id: string; readonly secret: string }, method: string): object => ({ client_id: one.id, client_secret: one.secret, token_endpoint_auth_method: method, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: 'read write' });
  handle = new Provider(issuer, {
    clients: [client(basic, 'client_secret_basic'), client(post, 'client_secret_post')],
    jwks: { keys: [privateJwk] },
    adapter: Remembered,
    scopes: ['read', 'write', 'admin'],
    ttl: { ClientCredentials: lifetime },
    cookies: { keys: ['there-is-no-browser'] },
    features: { devInteractions: { enabled: false }, clientCredentials: { enabled: true }, introspection: { enabled: true } },
  }).callback();
  return {
    tokenUrl: `${issuer}/token`,
    basic,
    post,
    asked: () => asked,
    introspect: async (token) => {
      const answer = await fetch(`${issuer}/token/introspection`, { method: 'POST', headers: { connection: 'close' }, body: new URLSearchParams({ token, client_id: post.id, client_secret: post.secret }) });
      return (await answer.json()) as Record<string, unknown>;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

/** Tokens by their id, for introspection. */
class Remembered {
  readonly #kept = new Map<string, object>();
  async upsert(id: string, payload: object): Promise<void> { this.#kept.set(id, payload); }
  async find(id: string): Promise<object | undefined> { return this.#kept.get(id); }
}
