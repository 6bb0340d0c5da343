import { isLoopbackUrl } from '../../identity/fetch.ts';
import type { CredentialOf, Injector, InjectorParts } from './injector.ts';
import { secretReader } from './read-secret.ts';
import { askForToken } from './token-endpoint.ts';
import { tokenInjector } from './token-injector.ts';

/** Client credentials (RFC 6749 section 4.4), with the secret as RFC 6749 section 2.3.1 has it: in the header, or in the form. */
export const oauthInjector = (credential: CredentialOf<'oauth'>, parts: InjectorParts): Injector => {
  const { tokenUrl, clientId, clientSecret, scopes, audience, auth, ca, allowPrivate } = credential;
  const reader = secretReader(parts);
  const rules = { allowPrivate, allowLoopback: isLoopbackUrl(tokenUrl), ...(ca === undefined ? {} : { ca }) };
  return tokenInjector(async () => {
    const secret = await reader.bytes(clientSecret, (value) => value.toString('utf8'));
    const form = { grant_type: 'client_credentials', ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }), ...(audience === undefined ? {} : { audience }) };
    return auth === 'basic'
      ? askForToken({ url: tokenUrl, rules, form, authorization: `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(secret)}`).toString('base64')}` })
      : askForToken({ url: tokenUrl, rules, form: { ...form, client_id: clientId, client_secret: secret } });
  }, parts);
};

/** Both halves are form-encoded before base64, unlike in RFC 7617. */
const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);
