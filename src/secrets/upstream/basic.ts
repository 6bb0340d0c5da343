import type { CredentialOf, Injector, InjectorParts } from './injector.ts';
import { secretReader } from './read-secret.ts';
import { staticInjector } from './static-injector.ts';
import { CredentialUnavailable } from './unavailable.ts';

/** `Authorization: Basic` (RFC 7617), in UTF-8. */
export const basicInjector = ({ username, password }: CredentialOf<'basic'>, parts: InjectorParts): Injector => {
  const reader = secretReader(parts);
  return staticInjector('authorization', () => {
    // A colon would end the name early, and the rest of it would be taken for the password.
    if (/[:\x00-\x1f\x7f]/.test(username)) throw new CredentialUnavailable('the user name holds a colon or a control character');
    return reader.bytes(password, (value) => `Basic ${Buffer.concat([Buffer.from(`${username}:`, 'utf8'), value]).toString('base64')}`);
  });
};
