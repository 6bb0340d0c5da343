import type { CredentialOf, Injector, InjectorParts } from './injector.ts';
import { referenceOf, secretReader } from './read-secret.ts';
import { staticInjector } from './static-injector.ts';
import { CredentialUnavailable } from './unavailable.ts';

/** Headers that say how the message is framed, where it goes or how long a connection lives: a credential there would change the request itself. */
const NOT_FOR_CREDENTIALS = new Set([
  'connection', 'content-encoding', 'content-length', 'content-type', 'expect', 'host', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
]);

/** One header of any name, such as `X-Api-Key`. The value is sent as it is, byte for byte. */
export const headerInjector = ({ name, value }: CredentialOf<'header'>, parts: InjectorParts): Injector => {
  const reader = secretReader(parts);
  const lower = name.toLowerCase();
  return staticInjector(lower, async () => {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || NOT_FOR_CREDENTIALS.has(lower)) throw new CredentialUnavailable('the configured header cannot carry a credential');
    const text = await reader.bytes(value, (bytes) => bytes.toString('latin1'));
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) throw new CredentialUnavailable(`${referenceOf(value)} holds control characters, which no header can carry`);
    return text;
  });
};
