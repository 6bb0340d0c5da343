import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Provider } from 'oidc-provider';
import { freePort, releasePort } from './ports.ts';
import { mintToken, signingKey, type TokenOptions } from './tokens.ts';

/** Who can log in. Any password does. */
export const PEOPLE = ['alice', 'bob', 'carol', 'mallory'] as const;
export type PersonName = (typeof PEOPLE)[number];

/** What the provider says of a person. */
export interface PersonClaims {
  readonly name: string;
  readonly groups: readonly string[];
  readonly github_login: string;
}

const FIRST: Readonly<Record<PersonName, PersonClaims>> = {
  alice: { name: 'Alice Ames', groups: ['dba', 'oncall'], github_login: 'alice-gh' },
  bob: { name: 'Bob Burns', groups: ['dba'], github_login: 'bob-gh' },
  carol: { name: 'Carol Cole', groups: ['incident-commanders'], github_login: 'carol-gh' },
  mallory: { name: 'Mallory', groups: ['engineering'], github_login: 'mallory-gh' },
};

export interface PeopleOptions {
  /** Where browsers come back to, beside any port of `http://127.0.0.1` with the path `/callback`. Loopback addresses may have any port. */
  readonly redirectUris?: readonly string[];
}

/** A real OpenID provider for people, in this process: pages with forms, code flow, PKCE required, ID tokens with groups. */
export interface PeopleProvider {
  readonly issuer: string;
  /** A client with a secret: for the terminal and the page. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** A client without one. */
  readonly publicClientId: string;
  /** An entry of `control.login`. The gateway needs `env`. `public`: with the client that has no secret. */
  login(options?: { readonly public?: boolean; readonly more?: Readonly<Record<string, unknown>> }): Record<string, unknown>;
  readonly env: Readonly<Record<string, string>>;
  /** Goes where a browser would: logs in and consents on the pages. Resolves with the address that the provider sends the browser back to; it is not fetched. */
  complete(url: string, who: PersonName | (string & {})): Promise<string>;
  /** An ID token for the client with the secret, as the provider signs it, without a login. The options replace anything. */
  idToken(who: PersonName, options?: TokenOptions): Promise<string>;
  /** What the token endpoint gives to a program that has the client's secret. */
  machineToken(): Promise<string>;
  /** Changes what is said of a person from their next token on. */
  change(who: PersonName, claims: Partial<PersonClaims>): void;
  /** Paths asked for so far. */
  requests(): readonly string[];
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const CLIENT = 'wicketgate-people';
const PUBLIC_CLIENT = 'wicketgate-terminal';
const SECRET = 'known-to-gateway-and-provider-5c1';

export async function startPeople({ redirectUris = [] }: PeopleOptions = {}): Promise<PeopleProvider> {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const key = await signingKey();
  const people = new Map<string, PersonClaims>(Object.entries(FIRST));
  const accountOf = (sub: string): unknown => {
    const claims = people.get(sub);
    return claims && { accountId: sub, claims: () => ({ sub, ...claims }) };
  };
  const shared = { grant_types: ['authorization_code', 'client_credentials'], response_types: ['code'], application_type: 'native', redirect_uris: ['http://127.0.0.1/callback', ...redirectUris] };
  const provider = new Provider(issuer, {
    adapter: memory(),
    jwks: { keys: [key.privateJwk] },
    cookies: { keys: ['only-for-tests'] },
    clients: [
      { ...shared, client_id: CLIENT, client_secret: SECRET },
      { ...shared, client_id: PUBLIC_CLIENT, token_endpoint_auth_method: 'none', grant_types: ['authorization_code'] },
    ],
    findAccount: (_context: unknown, sub: string) => accountOf(sub),
    claims: { openid: ['sub', 'name', 'groups', 'github_login'] },
    // Groups and accounts stand in the ID token itself.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    ttl: { AccessToken: 300, AuthorizationCode: 60, ClientCredentials: 300, Grant: 3600, IdToken: 3600, Interaction: 600, Session: 3600 },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        getResourceServerInfo: () => ({ scope: '', audience: CLIENT, accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg: 'RS256' } } }),
      },
    },
  });
  const handle = provider.callback();
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push((request.url ?? '').replace(/\?.*/, ''));
    handle(request, response).catch(() => response.destroy());
  });
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    releasePort(port);
  };
  return {
    issuer, stop,
    clientId: CLIENT,
    clientSecret: SECRET,
    publicClientId: PUBLIC_CLIENT,
    env: { PEOPLE_SECRET: SECRET },
    login: ({ public: open = false, more = {} } = {}) => ({
      name: 'okta',
      issuer,
      ...(open ? { clientId: PUBLIC_CLIENT } : { clientId: CLIENT, clientSecret: 'env:PEOPLE_SECRET' }),
      groupsClaim: 'groups',
      allowPrivate: true,
      ...more,
    }),
    complete: (url, who) => followForms(url, issuer, who),
    idToken: (who, options = {}) => mintToken(issuer, key, { sub: who, aud: CLIENT, ...options, claims: { nonce: 'of-a-login', ...people.get(who), ...options.claims } }),
    async machineToken() {
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${CLIENT}:${SECRET}`).toString('base64')}`, connection: 'close' },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: 'urn:the-client-itself' }),
      });
      const body = (await response.json()) as { access_token?: string };
      if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`);
      return body.access_token;
    },
    change(who, claims) {
      people.set(who, { ...FIRST[who], ...people.get(who), ...claims });
    },
    requests: () => [...asked],
    [Symbol.asyncDispose]: stop,
  };
}

/** What a browser does with pages that hold one form: fills in who it is, keeps cookies, follows redirects until they lead away from the provider. */
export async function followForms(start: string, issuer: string, who: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = start;
  let form: URLSearchParams | undefined;
  for (let step = 0; step < 20; step++) {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { connection: 'close', cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { method: 'POST', body: form }),
    });
    form = undefined;
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location !== null) {
      url = new URL(location, url).href;
      await response.body?.cancel();
      if (!url.startsWith(`${issuer}/`)) return url;
      continue;
    }
    const page = await response.text();
    const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
    if (!response.ok || action === undefined) throw new Error(`the provider answered ${response.status}: ${page.slice(0, 2000)}`);
    url = new URL(action, url).href;
    form = new URLSearchParams([...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]));
    if (page.includes('name="login"')) {
      form.set('login', who);
      form.set('password', 'any');
    }
  }
  throw new Error('the provider sends the browser in circles');
}

/** Where the provider keeps its state: a map of its own for each provider. */
function memory(): unknown {
  interface Stored { readonly uid?: string; readonly userCode?: string; readonly grantId?: string; consumed?: number }
  const stored = new Map<string, Stored>();
  const find = (prefix: string, matches: (one: Stored) => boolean): Promise<Stored | undefined> =>
    Promise.resolve([...stored].find(([id, one]) => id.startsWith(prefix) && matches(one))?.[1]);
  return class {
    readonly kind: string;
    constructor(kind: string) {
      this.kind = `${kind}:`;
    }
    async upsert(id: string, payload: Stored): Promise<void> {
      stored.set(this.kind + id, payload);
    }
    async find(id: string): Promise<Stored | undefined> {
      return stored.get(this.kind + id);
    }
    findByUid(uid: string): Promise<Stored | undefined> {
      return find(this.kind, (one) => one.uid === uid);
    }
    findByUserCode(code: string): Promise<Stored | undefined> {
      return find(this.kind, (one) => one.userCode === code);
    }
    async consume(id: string): Promise<void> {
      const one = stored.get(this.kind + id);
      if (one) one.consumed = Math.floor(Date.now() / 1000);
    }
    async destroy(id: string): Promise<void> {
      stored.delete(this.kind + id);
    }
    async revokeByGrantId(grant: string): Promise<void> {
      for (const [id, one] of stored) if (one.grantId === grant) stored.delete(id);
    }
  };
}
