import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { formatSecretRef } from '../../config/secret-ref.ts';
import { isLoopbackUrl, type FetchRules } from '../../identity/fetch.ts';
import { readJsonObject } from '../../wire/json.ts';
import type { CredentialOf, Injector, InjectorParts } from './injector.ts';
import { secretReader } from './read-secret.ts';
import { askForToken } from './token-endpoint.ts';
import { tokenInjector } from './token-injector.ts';
import { CredentialUnavailable } from './unavailable.ts';

/** Seconds. The longest that Google takes. */
const ASSERTION_LIFETIME = 3600;
const BOUNDS = { depth: 4, values: 50 };

interface ServiceAccountKey {
  readonly email: string;
  readonly keyId?: string;
  readonly key: KeyObject;
  readonly tokenUri?: string;
}

/** A service account's key: an assertion signed with it is exchanged for an access token (RFC 7523 section 2.1). The key is read anew for each exchange. */
export const googleInjector = (credential: CredentialOf<'google'>, parts: InjectorParts): Injector => {
  const { key: ref, scopes, tokenUrl, ca, allowPrivate } = credential;
  const reader = secretReader(parts);
  return tokenInjector(async () => {
    const account = await reader.bytes(ref, readKey);
    if (typeof account === 'string') throw new CredentialUnavailable(`${formatSecretRef(ref)} ${account}`);
    const url = tokenUrl ?? account.tokenUri;
    if (url === undefined) throw new CredentialUnavailable(`${formatSecretRef(ref)} names no token_uri, and the configuration no tokenUrl`);
    // An address in the key file is not the configuration's word: it may not turn to this machine in clear.
    const rules: FetchRules = { allowPrivate, allowLoopback: tokenUrl !== undefined && isLoopbackUrl(tokenUrl), ...(ca === undefined ? {} : { ca }) };
    const assertion = assertionOf(account, url, scopes, parts.clock());
    return askForToken({ url, rules, form: { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion } });
  }, parts, ['x-goog-iam-authorization-token', 'x-goog-api-key']);
};

/** The key of a JSON file, or what is wrong with it. */
const readKey = (bytes: Buffer): ServiceAccountKey | string => {
  let file: Record<string, unknown>;
  try {
    file = readJsonObject(bytes, BOUNDS);
  } catch {
    return 'is not a JSON object';
  }
  const { type, client_email: email, private_key: pem, private_key_id: keyId, token_uri: tokenUri } = file;
  if (type !== 'service_account') return 'is not a key of a service account';
  if (typeof email !== 'string' || email === '' || typeof pem !== 'string') return 'lacks client_email or private_key';
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    return 'holds a private key that cannot be read';
  }
  if (key.asymmetricKeyType !== 'rsa') return 'holds a private key that is not RSA';
  return { email, key, ...(typeof keyId === 'string' ? { keyId } : {}), ...(typeof tokenUri === 'string' ? { tokenUri } : {}) };
};

const assertionOf = ({ email, key, keyId }: ServiceAccountKey, audience: string, scopes: readonly string[], now: number): string => {
  const issued = Math.floor(now / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) };
  const input = `${part(header)}.${part({ iss: email, scope: scopes.join(' '), aud: audience, iat: issued, exp: issued + ASSERTION_LIFETIME })}`;
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
};
