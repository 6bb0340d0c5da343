import { whenThere } from '../../model/when-there.ts';
import { AccessTokens, type HeldToken } from './access-tokens.ts';
import { setHeader } from './headers.ts';
import type { Injector, InjectorParts, OutgoingHead } from './injector.ts';
import type { GrantedToken } from './token-endpoint.ts';

/** Puts an access token that is exchanged for the credential on each request. `owns`: other headers that could carry one, beside `Authorization`. */
export const tokenInjector = (ask: () => Promise<GrantedToken>, parts: InjectorParts, owns: readonly string[] = []): Injector => {
  const tokens = new AccessTokens(ask, parts);
  // Which token a request went with: ten requests that were refused with one token must not drop the next nine times.
  const sentWith = new WeakMap<OutgoingHead, HeldToken>();
  return {
    owns: ['authorization', ...owns],
    inject: (head, signal) =>
      whenThere(tokens.take(signal), (token) => {
        setHeader(head.headers, 'authorization', `Bearer ${token.value}`);
        sentWith.set(head, token);
        return undefined;
      }),
    rejected: (head) => tokens.reject(head === undefined ? undefined : sentWith.get(head)),
    close: () => tokens.close(),
  };
};
