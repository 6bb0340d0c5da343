import { isRefusal, type Refusal } from '../../../model/decision.ts';
import type { KeptBytes } from '../body.ts';
import type { ClientStream } from '../exchange.ts';
import { formParameters, isForm, readForm } from '../form.ts';
import type { RequestHead } from '../head.ts';
import type { HttpSession } from '../session.ts';

/*
 * Google's client libraries take their OIDC token by `external_account`: before anything else they exchange it at `token_url` (RFC 8693) and send what they
 * get as their access token. Here they get the very token back that they brought, once it was verified: it is what shows who they are, and nothing
 * is made, kept or logged that could stand for it.
 */

/** Where it is asked for, behind the connection's prefix: as at Google's own. */
const PATH = '/v1/token';
/** A token of 16 KiB and the rest. */
const LARGEST = 32 * 1024;
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_TYPES: ReadonlySet<string> = new Set(['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:token-type:id_token']);
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

export const asksForToken = ({ method, values }: RequestHead, path: string): boolean => method === 'POST' && path === PATH && !values.has('authorization') && !values.has('x-wicketgate-token') && isForm(values);

/** Answers one that asks. `open` gives the session of its token. Resolves to why it was refused, for what is counted. */
export const exchangeToken = async (client: ClientStream, kept: KeptBytes, open: (token: string) => HttpSession | Refusal | Promise<HttpSession | Refusal>): Promise<Refusal['code'] | undefined> => {
  const read = await readForm(client, LARGEST, kept);
  if (read === 'gone') return undefined;
  const token = 'refused' in read ? { error: 'invalid_request', description: read.refused } : subjectToken(read.form);
  if (typeof token === 'object') {
    answer(client, 400, { error: token.error, error_description: token.description });
    return 'protocol';
  }
  const session = await open(token);
  if (isRefusal(session)) {
    const status = session.code === 'limit' || session.code === 'evidence_unavailable' || session.code === 'shutting_down' ? 503 : session.code === 'unauthenticated' ? 400 : 403;
    answer(client, status, { error: status === 503 ? 'temporarily_unavailable' : 'invalid_grant', error_description: `wicketgate: ${session.message}` });
    // It was counted where it was refused.
    return undefined;
  }
  const left = Math.floor((session.gated.session.principal.tokenExpiresAt - Date.now()) / 1000);
  answer(client, 200, { access_token: token, issued_token_type: ACCESS_TOKEN, token_type: 'Bearer', expires_in: Math.max(0, left) });
  return undefined;
};

const subjectToken = (form: string): string | { readonly error: string; readonly description: string } => {
  const wrong = (error: string, description: string): { readonly error: string; readonly description: string } => ({ error, description });
  const given = formParameters(form);
  if (given === undefined) return wrong('invalid_request', 'a parameter stands there twice');
  if (given.get('grant_type') !== GRANT) return wrong('unsupported_grant_type', 'grant_type is not token-exchange');
  // Asks for another subject than that of the token, or for less than what it may: neither would be honoured.
  if (given.has('actor_token')) return wrong('invalid_request', 'an actor_token is not supported');
  if (!JWT_TYPES.has(given.get('subject_token_type') ?? '')) return wrong('invalid_request', 'subject_token_type is neither jwt nor id_token');
  const wanted = given.get('requested_token_type');
  if (wanted !== undefined && wanted !== ACCESS_TOKEN) return wrong('invalid_request', 'requested_token_type is not access_token');
  const token = given.get('subject_token') ?? '';
  return /^[\x21-\x7e]{4,16384}$/.test(token) ? token : wrong('invalid_request', 'subject_token is not a token');
};

const answer = (client: ClientStream, status: number, body: object): void =>
  client.answer(status, [['Content-Type', 'application/json'], ['Cache-Control', 'no-store'], ['Pragma', 'no-cache']], Buffer.from(JSON.stringify(body)));
