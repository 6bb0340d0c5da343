import { isLoopbackUrl } from '../../identity/fetch.ts';
import type { CredentialOf, Injector, InjectorParts } from './injector.ts';
import { secretReader, type SecretReader } from './read-secret.ts';
import { askForToken } from './token-endpoint.ts';
import { tokenInjector } from './token-injector.ts';
import { CredentialUnavailable } from './unavailable.ts';

/**
 * An application of Microsoft Entra: client credentials with its secret, or with an assertion of an issuer that it trusts (federated
 * credential). Either is read anew for each exchange, so an assertion that something else keeps fresh in a file stays fresh.
 */
export const azureInjector = (credential: CredentialOf<'azure'>, parts: InjectorParts): Injector => {
  const { tenant, clientId, scopes, authority, ca, allowPrivate } = credential;
  const reader = secretReader(parts);
  const rules = { allowPrivate, allowLoopback: isLoopbackUrl(authority), ...(ca === undefined ? {} : { ca }) };
  return tokenInjector(async () => {
    // A tenant is a GUID or a domain; anything else would be another path.
    if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,126}[A-Za-z0-9])?$/.test(tenant) || tenant.includes('..')) throw new CredentialUnavailable('the tenant is neither a GUID nor a domain');
    const form = { grant_type: 'client_credentials', client_id: clientId, scope: scopes.join(' '), ...(await proof(credential, reader)) };
    return askForToken({ url: `${authority.replace(/\/$/, '')}/${tenant}/oauth2/v2.0/token`, rules, form });
  }, parts, ['x-ms-authorization-auxiliary']);
};

const proof = async ({ clientSecret, assertion }: CredentialOf<'azure'>, reader: SecretReader): Promise<Readonly<Record<string, string>>> => {
  if (clientSecret !== undefined && assertion === undefined) return { client_secret: await reader.bytes(clientSecret, (value) => value.toString('utf8')) };
  if (assertion !== undefined && clientSecret === undefined) return { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: await reader.token(assertion) };
  throw new CredentialUnavailable('an Entra credential is either a clientSecret or an assertion');
};
