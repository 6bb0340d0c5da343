import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { secretCanary } from './canaries.ts';
import { makeServiceAccount, type ServiceAccount } from './service-account.ts';

/** A token endpoint of Google's kind: takes assertions that a service account signed (RFC 7523), and knows the access tokens that it gave. */
export class GoogleTokens {
  readonly #publicPem: string;
  readonly #email: string;
  readonly #tokens = new Set<string>();
  /** How many it gave. */
  given = 0;

  constructor(publicPem: string, email: string) {
    this.#publicPem = publicPem;
    this.#email = email;
  }

  /** @param audience its own address */
  exchange(form: string, audience: string): { readonly status: number; readonly body: object } {
    const given = new URLSearchParams(form);
    const [head = '', claims = '', signature = ''] = (given.get('assertion') ?? '').split('.');
    const signed = verify('sha256', Buffer.from(`${head}.${claims}`), createPublicKey(this.#publicPem), Buffer.from(signature, 'base64url'));
    const read = signed ? (JSON.parse(Buffer.from(claims, 'base64url').toString()) as { iss: string; aud: string; exp: number; scope: string }) : undefined;
    if (given.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer' || read === undefined || read.iss !== this.#email || read.aud !== audience || read.exp * 1000 < Date.now() || read.scope === '') return { status: 400, body: { error: 'invalid_grant' } };
    const token = `ya29.${randomBytes(60).toString('base64url')}`;
    secretCanary(token);
    this.#tokens.add(token);
    this.given += 1;
    return { status: 200, body: { access_token: token, expires_in: 3599, token_type: 'Bearer' } };
  }

  accepts(authorization: string | undefined): boolean {
    return authorization?.startsWith('Bearer ') === true && this.#tokens.has(authorization.slice(7));
  }

  /** None of those that it gave is good any more. */
  revoke(): void {
    this.#tokens.clear();
  }
}

/** Such an endpoint alone, at loopback, for an account of its own. */
export const startGoogleTokens = async (): Promise<{ readonly account: ServiceAccount; readonly tokenUrl: string; readonly tokens: GoogleTokens } & AsyncDisposable> => {
  const account = makeServiceAccount();
  const tokens = new GoogleTokens(account.publicPem, account.email);
  const server = createServer((request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      const { status, body } = tokens.exchange(Buffer.concat(chunks).toString(), tokenUrl);
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    }, () => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return {
    account, tokenUrl, tokens,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
