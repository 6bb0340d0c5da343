import { mayCarryCredential } from '../../config/credential-header.ts';
import { formatSecretRef } from '../../config/secret-ref.ts';
import type { CredentialOf, Injector, InjectorParts } from './injector.ts';
import { secretReader } from './read-secret.ts';
import { staticInjector } from './static-injector.ts';
import { CredentialUnavailable } from './unavailable.ts';

/** One header of any name, such as `X-Api-Key`. The value is sent as it is, byte for byte. */
export const headerInjector = ({ name, value }: CredentialOf<'header'>, parts: InjectorParts): Injector => {
  const reader = secretReader(parts);
  const lower = name.toLowerCase();
  return staticInjector(lower, () => {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || !mayCarryCredential(name)) throw new CredentialUnavailable('the configured header cannot carry a credential');
    return reader.bytes(value, (bytes) => {
      const text = bytes.toString('latin1');
      if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) throw new CredentialUnavailable(`${formatSecretRef(value)} holds control characters, which no header can carry`);
      return text;
    });
  });
};
