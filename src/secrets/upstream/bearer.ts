import { whenThere } from '../../model/when-there.ts';
import type { CredentialOf, Injector, InjectorParts } from './injector.ts';
import { secretReader } from './read-secret.ts';
import { staticInjector } from './static-injector.ts';

/** `Authorization: Bearer VALUE` (RFC 6750 section 2.1). */
export const bearerInjector = ({ token }: CredentialOf<'bearer'>, parts: InjectorParts): Injector => {
  const reader = secretReader(parts);
  return staticInjector('authorization', () => whenThere(reader.token(token), (value) => `Bearer ${value}`));
};
