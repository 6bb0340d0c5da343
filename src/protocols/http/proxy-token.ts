import type { IdentityProviderConfig } from '../../config/resolved.ts';
import { hasAudience } from '../../identity/claims.ts';
import { parseToken } from '../../identity/token.ts';
import { elsewhere, fromAuthorization, inAddress, type Shown } from './credentials.ts';
import type { RequestHead } from './head.ts';

/** Whose tokens are for this gateway. */
export type TokenProviders = readonly Pick<IdentityProviderConfig, 'issuer' | 'audience'>[];

/**
 * The token of a request that came through the forward proxy is the one that the proxy was shown. `Authorization` belongs to the target there: it is
 * what the client would show the target, and never reaches it. What contradicts the proxy's token is refused: another one in a field of the gateway's
 * own, and in `Authorization` another one that is for this gateway. That is told by what it says of itself: whether it is good makes no difference.
 *
 * @param token undefined: the proxy was shown a client certificate and no token, which every token for this gateway contradicts
 */
export const proxiedToken = ({ values, target, fields }: RequestHead, token: string | undefined, providers: TokenProviders): Shown => {
  const refused = (why: string): Shown => ({ kind: 'refused', why });
  const own = values.get('x-wicketgate-token')?.[0];
  const again = values.get('proxy-authorization')?.[0];
  if ((own !== undefined && own !== token) || (again !== undefined && fromAuthorization(again).token !== token)) return refused('the request holds another token than the forward proxy was shown');
  const authorization = values.get('authorization')?.[0];
  const inside = authorization === undefined ? undefined : fromAuthorization(authorization).token;
  if (inside !== undefined && inside !== token && isForUs(inside, token, providers)) return refused('Authorization holds a token for this gateway, and another than the forward proxy was shown');
  if (token === undefined) return { kind: 'none' };
  if (inAddress(target, token) || elsewhere(fields, token)) return refused('the token stands in a part of the request that would be passed on');
  return { kind: 'token', token };
};

const isForUs = (other: string, token: string | undefined, providers: TokenProviders): boolean => {
  const parsed = parseToken(other);
  if (typeof parsed === 'string') return false;
  const shown = parseToken(token ?? '');
  // The same content with another signature is no other token.
  if (typeof shown !== 'string' && shown.fingerprint === parsed.fingerprint) return false;
  const { claims } = parsed;
  return providers.some(({ issuer, audience }) => claims['iss'] === issuer && hasAudience(claims, audience));
};
