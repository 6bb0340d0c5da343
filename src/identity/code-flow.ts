import * as client from 'openid-client';
import type { LoginConfig } from '../config/resolved.ts';
import { exchange, FetchFailed, isLoopbackUrl, type FetchRules } from './fetch.ts';

/** Largest answer of an authorization server: discovery, tokens, errors. */
const MAX_ANSWER = 256 * 1024;
const SKEW_SECONDS = 30;

/** A login that was begun: what belongs to one browser and one attempt. All of it is secret but the URL. */
export interface BegunLogin {
  /** Where the person goes. */
  readonly url: string;
  readonly state: string;
  readonly nonce: string;
  /** Of PKCE (RFC 7636). */
  readonly verifier: string;
}

/** A login did not work out. The message is for people, and holds nothing that was sent or answered but the server's error code. */
export class LoginFailed extends Error {
  override name = 'LoginFailed';
}

/** The authorization code flow with PKCE at one of `control.login`, for the terminal and for the page. */
export interface CodeFlow {
  begin(redirectUri: string): Promise<BegunLogin>;
  /**
   * Exchanges the code of a callback for the ID token. `callback` is the redirect URI with the query that came. The ID token's signature is
   * not looked at here: give it to People.verify, with the nonce, before anything follows from it. Rejects with LoginFailed.
   */
  finish(begun: BegunLogin, callback: URL): Promise<string>;
}

/** Without a secret the client is a public one, which PKCE protects alone. Asks the issuer for its addresses. Rejects with LoginFailed. */
export const openCodeFlow = async (login: LoginConfig, secret: string | undefined): Promise<CodeFlow> => {
  const configuration = await told(discover(login, secret));
  return {
    begin: async (redirectUri) => {
      const begun = { state: client.randomState(), nonce: client.randomNonce(), verifier: client.randomPKCECodeVerifier() };
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: login.scopes.join(' '),
        code_challenge: await client.calculatePKCECodeChallenge(begun.verifier),
        code_challenge_method: 'S256',
        state: begun.state,
        nonce: begun.nonce,
      });
      return { ...begun, url: url.href };
    },
    finish: async ({ state, nonce, verifier }, callback) => {
      const tokens = await told(client.authorizationCodeGrant(configuration, callback, { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true }));
      if (tokens.id_token === undefined) throw new LoginFailed('the provider gave no ID token');
      return tokens.id_token;
    },
  };
};

const discover = async (login: LoginConfig, secret: string | undefined): Promise<client.Configuration> => {
  const { issuer, clientId, ca, allowPrivate } = login;
  const loopback = isLoopbackUrl(issuer);
  const rules: FetchRules = { allowPrivate, allowLoopback: loopback, ...(ca === undefined ? {} : { ca }) };
  const execute = loopback ? [client.allowInsecureRequests] : [];
  const metadata = { [client.clockTolerance]: SKEW_SECONDS };
  const found = await client.discovery(new URL(issuer), clientId, metadata, client.None(), { execute, [client.customFetch]: fetchOf(rules) });
  if (secret === undefined) return found;
  const methods = found.serverMetadata().token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const authentication = methods.includes('client_secret_basic') ? client.ClientSecretBasic(secret) : client.ClientSecretPost(secret);
  const configuration = new client.Configuration(found.serverMetadata(), clientId, metadata, authentication);
  if (loopback) client.allowInsecureRequests(configuration);
  configuration[client.customFetch] = fetchOf(rules);
  return configuration;
};

/** The same rules as for keys: no link-local or metadata address, private ones only when the configuration says so, the configured CA. */
const fetchOf =
  (rules: FetchRules): client.CustomFetch =>
  async (address, { method, headers, body }) => {
    if (method !== 'GET' && method !== 'POST') throw new Error('only GET and POST are sent');
    if (body !== undefined && body !== null && typeof body !== 'string' && !(body instanceof URLSearchParams)) throw new Error('only forms are sent');
    const sent = body === undefined || body === null ? undefined : body.toString();
    const answered = await exchange(address, rules, MAX_ANSWER, {
      method,
      headers: { ...headers, ...(sent === undefined ? {} : { 'content-length': String(Buffer.byteLength(sent)) }), ...(body instanceof URLSearchParams ? { 'content-type': 'application/x-www-form-urlencoded' } : {}) },
      ...(sent === undefined ? {} : { body: sent }),
    });
    const type = answered.headers['content-type'];
    return new Response(bodiless(answered.status) ? null : new Uint8Array(answered.body), { status: answered.status, headers: type === undefined ? {} : { 'content-type': type } });
  };

const bodiless = (status: number): boolean => status === 204 || status === 205 || status === 304;

/** Words for people. What the library throws may carry the answer, so only what is known to be harmless is taken from it. */
const told = async <T>(doing: Promise<T>): Promise<T> => {
  try {
    return await doing;
  } catch (error) {
    // No cause: it may carry what was answered, and what prints an error prints its cause.
    throw new LoginFailed(reasonOf(error));
  }
};

const reasonOf = (error: unknown): string => {
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) return `the provider said ${plain(error.error)}`;
  if (error instanceof Error && error.cause instanceof FetchFailed) return error.cause.message;
  if (error instanceof FetchFailed) return error.message;
  if (error instanceof client.ClientError && error.code === 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED') return CLOCKS_DIFFER;
  if (error instanceof client.ClientError) return `the provider's answer is not accepted (${plain(error.code ?? 'invalid')})`;
  return 'the provider cannot be used';
};

/** A token that was made a moment ago is not valid now. */
export const CLOCKS_DIFFER = `the clocks of the provider and of this machine differ by more than ${SKEW_SECONDS} seconds: set them right`;

const plain = (code: string): string => code.replaceAll(/[^\w.-]/g, '?').slice(0, 64);
