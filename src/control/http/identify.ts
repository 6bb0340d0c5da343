import type { FastifyRequest } from 'fastify';
import { Refused } from '../api/refused.ts';
import type { Services } from '../services.ts';
import type { Actor } from '../sign-in/actor.ts';
import { tokenActor } from '../sign-in/api-tokens.ts';
import { cookieIn, sessionCookie } from '../sign-in/cookies.ts';
import { isCsrf } from '../sign-in/person-sessions.ts';
import { rolesOf } from '../sign-in/roles.ts';
import type { Site } from '../sign-in/site.ts';
import { callerOf, type Rates } from './rates.ts';

const LONGEST_HEADER = 256;

export interface IdentifyParts {
  readonly services: Pick<Services, 'people' | 'signedIn' | 'config' | 'now'>;
  readonly site: () => Site | undefined;
  /** Wrong API tokens, by address. */
  readonly wrongTokens: Rates;
  /** Somebody was not let in: counted for evidence. */
  readonly refused: (address: string, reason: string) => void;
}

/** Says who asks: the API token in the header, else the session in the cookie. Throws Refused for a token that is not good. */
export const identify = ({ services, site, wrongTokens, refused }: IdentifyParts, request: FastifyRequest, use = true): Actor | undefined => {
  const { authorization, cookie } = request.headers;
  if (authorization !== undefined) {
    const caller = callerOf(request.ip);
    const wait = wrongTokens.over(caller);
    if (wait !== undefined) throw new Refused(429, 'rate', `too many wrong tokens from this address: try again in ${wait} s`, wait);
    const [, secret] = authorization.length <= LONGEST_HEADER ? (/^Bearer ([\w-]+)$/i.exec(authorization) ?? []) : [];
    const actor = secret === undefined ? undefined : tokenActor(services.signedIn.tokens, secret, services.now());
    if (actor) return actor;
    wrongTokens.take(caller);
    refused(request.ip, 'api_token');
    // One answer for unknown, expired and revoked: nothing is told to who has no good one.
    throw new Refused(401, 'unauthenticated', 'the API token is not good');
  }
  const where = site();
  const value = where && cookieIn(cookie, sessionCookie(where));
  const found = value === undefined ? undefined : services.people.find(value, use);
  if (!found) return undefined;
  return { kind: 'person', channel: 'page', ...found, roles: rolesOf(found.person, services.config(), services.signedIn.administrators) };
};

/** A change that a person asks for must come from a page of this site, and from the session itself. Throws Refused. */
export const fromOurPage = (request: FastifyRequest, actor: Actor, site: Site | undefined): void => {
  if (actor.kind === 'token') return;
  const { origin, 'sec-fetch-site': fetched, 'x-csrf-token': token } = request.headers;
  if (origin === undefined || origin !== site?.origin || (fetched !== undefined && fetched !== 'same-origin')) throw new Refused(403, 'csrf', 'this did not come from a page of this site');
  if (!isCsrf(token, actor.csrf)) throw new Refused(403, 'csrf', 'the header x-csrf-token is not that of the session: load the page again');
};
