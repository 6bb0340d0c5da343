import { exchange, FetchFailed, type Answered, type FetchRules } from '../../identity/fetch.ts';
import { JsonRefused, readJsonObject } from '../../wire/json.ts';
import { CredentialUnavailable } from './unavailable.ts';

const MAX_ANSWER = 64 * 1024;
const MAX_TOKEN = 16 * 1024;
const BOUNDS = { depth: 8, values: 200 };
/** For a server that does not say (RFC 6749 section 5.1 only recommends that it does), and most for one that says a lot, in milliseconds. */
const UNSAID_LIFETIME = 300_000;
const LONGEST_LIFETIME = 24 * 3_600_000;

/** Error codes of RFC 6749 section 5.2, RFC 8707 and Entra. Any other is not told: a server could put anything there, also what it was sent. */
const KNOWN_ERRORS = new Set([
  'invalid_request', 'invalid_client', 'invalid_grant', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope', 'invalid_target', 'invalid_resource',
  'access_denied', 'server_error', 'temporarily_unavailable', 'interaction_required', 'consent_required',
]);

export interface GrantedToken {
  readonly accessToken: string;
  /** Milliseconds. */
  readonly lifetime: number;
}

export interface TokenRequest {
  readonly url: string;
  readonly form: Readonly<Record<string, string>>;
  readonly authorization?: string;
  readonly rules: FetchRules;
}

/** Asks a token endpoint (RFC 6749 section 3.2) for an access token. One request, no redirect, within five seconds. Rejects with CredentialUnavailable. */
export const askForToken = async ({ url, form, authorization, rules }: TokenRequest): Promise<GrantedToken> => {
  const body = new URLSearchParams(form).toString();
  let answered: Answered;
  try {
    answered = await exchange(url, rules, MAX_ANSWER, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(Buffer.byteLength(body)), ...(authorization === undefined ? {} : { authorization }) },
      body,
    });
  } catch (cause) {
    throw new CredentialUnavailable(cause instanceof FetchFailed ? `token endpoint ${cause.message}` : `token endpoint cannot be asked: ${codeOf(cause)}`);
  }
  const { host } = new URL(url);
  if (answered.status !== 200) throw new CredentialUnavailable(`token endpoint ${host} answered ${answered.status}${errorOf(answered.body)}`);
  return granted(answered.body, host);
};

const granted = (body: Buffer, host: string): GrantedToken => {
  const refuse = (what: string): never => { throw new CredentialUnavailable(`token endpoint ${host}: ${what}`); };
  let answer: Record<string, unknown>;
  try {
    answer = readJsonObject(body, BOUNDS);
  } catch (cause) {
    return refuse(`the answer is ${cause instanceof JsonRefused ? cause.message : 'not readable'}`);
  }
  const { access_token: accessToken, token_type: type, expires_in: expires } = answer;
  if (typeof accessToken !== 'string' || accessToken === '') return refuse('the answer holds no access token');
  if (accessToken.length > MAX_TOKEN || !/^[\x21-\x7e]+$/.test(accessToken)) return refuse('the access token is not one that a header can carry');
  // A token of another type (mac, DPoP) proves nothing by being sent.
  if (type !== undefined && (typeof type !== 'string' || type.toLowerCase() !== 'bearer')) return refuse('the access token is not a bearer token');
  const lifetime = lifetimeOf(expires);
  return lifetime === undefined ? refuse('the access token has no life left, or none that can be read') : { accessToken, lifetime };
};

/** Entra's older endpoint writes the number as text. */
const lifetimeOf = (expires: unknown): number | undefined => {
  if (expires === undefined) return UNSAID_LIFETIME;
  const seconds = typeof expires === 'string' && /^\d{1,10}$/.test(expires) ? Number(expires) : expires;
  return typeof seconds === 'number' && seconds > 0 ? Math.min(seconds * 1000, LONGEST_LIFETIME) : undefined;
};

/** ` (invalid_client, AADSTS7000215)`: codes only. */
const errorOf = (body: Buffer): string => {
  try {
    const { error, error_codes: numbers } = readJsonObject(body, BOUNDS);
    const codes = [
      ...(typeof error === 'string' && KNOWN_ERRORS.has(error) ? [error] : []),
      ...(Array.isArray(numbers) ? numbers.filter((one) => Number.isInteger(one) && one > 0 && one < 1e8).slice(0, 3).map((one) => `AADSTS${one}`) : []),
    ];
    return codes.length === 0 ? '' : ` (${codes.join(', ')})`;
  } catch {
    return '';
  }
};

const codeOf = (cause: unknown): string => {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : 'failed';
};
