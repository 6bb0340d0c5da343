import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Site } from './site.ts';
import { attemptCookie, cookieIn, sessionCookie, setCookie } from './cookies.ts';
import { ATTEMPT_MS, type AttemptSeal } from './attempt.ts';
import { returnPath } from './return-path.ts';
import { CALLBACK, SignInFailed, type SignIn } from './sign-in.ts';
import type { SignedInPeople } from './person-sessions.ts';
import { callerOf, type Rates } from '../http/rates.ts';
import { Refused } from '../api/refused.ts';
import type { LoginConfig } from '../../config/resolved.ts';

export interface SignInRoutes {
  readonly site: () => Site | undefined;
  readonly logins: () => readonly LoginConfig[];
  readonly signIn: SignIn;
  readonly sessions: SignedInPeople;
  readonly seal: AttemptSeal;
  /** Of one address. */
  readonly rates: Rates;
  /** Somebody was not signed in: counted for evidence. */
  readonly refused: (address: string, reason: string) => void;
  readonly now: () => number;
}

interface Query {
  readonly return?: unknown;
  readonly bootstrap?: unknown;
}

/** The pages of signing in that the server itself answers. They only redirect; the page has the words. */
export const addSignInRoutes = (server: FastifyInstance, parts: SignInRoutes): void => {
  const { signIn, sessions, seal, rates, now } = parts;
  const home = (): Site => {
    const site = parts.site();
    if (!site) throw new Refused(503, 'unavailable', 'nobody can sign in safely: control.url must be https, or http on this machine');
    return site;
  };
  const tooMany = (request: FastifyRequest): void => {
    const wait = rates.take(callerOf(request.ip));
    if (wait === undefined) return;
    parts.refused(request.ip, 'sign_in_rate');
    throw new Refused(429, 'rate', `too many sign-ins from this address: try again in ${wait} s`, wait);
  };
  const failed = (request: FastifyRequest, reply: FastifyReply, site: Site, error: unknown, returnTo: string): FastifyReply => {
    if (!(error instanceof SignInFailed)) throw error;
    parts.refused(request.ip, `sign_in_${error.fault}`);
    return reply.header('set-cookie', setCookie(site, attemptCookie(site), '', 0)).redirect(`${site.base}/login?error=${error.fault}&return=${encodeURIComponent(returnTo)}`, 303);
  };

  server.get('/login/:provider', async (request, reply) => {
    tooMany(request);
    const site = home();
    const { provider } = request.params as { provider: string };
    const query = request.query as Query;
    try {
      const { url, attempt } = await signIn.begin(site, provider, query.return, query.bootstrap);
      return await reply.header('set-cookie', setCookie(site, attemptCookie(site), seal.seal(attempt), ATTEMPT_MS / 1000)).redirect(url, 303);
    } catch (error) {
      return failed(request, reply, site, error, returnPath(query.return));
    }
  });

  server.get(CALLBACK, async (request, reply) => {
    tooMany(request);
    const site = home();
    const attempt = seal.open(cookieIn(request.headers.cookie, attemptCookie(site)) ?? '', now());
    try {
      if (!attempt) throw new SignInFailed('expired');
      const { cookie, maxAge } = await signIn.finish(site, attempt, request.raw.url?.split('?')[1] ?? '');
      // Whoever was signed in here before is not any more: one browser, one person.
      const before = cookieIn(request.headers.cookie, sessionCookie(site));
      if (before !== undefined) sessions.end(before);
      return await reply
        .header('set-cookie', [setCookie(site, attemptCookie(site), '', 0), setCookie(site, sessionCookie(site), cookie, maxAge)])
        .redirect(`${site.base}${attempt.returnTo}`, 303);
    } catch (error) {
      return failed(request, reply, site, error, attempt?.returnTo ?? '/');
    }
  });

  server.get('/bootstrap/:key', async (request, reply) => {
    tooMany(request);
    const site = home();
    const { key } = request.params as { key: string };
    if (!signIn.isOffered(key)) return failed(request, reply, site, new SignInFailed('used'), '/');
    const logins = parts.logins();
    const way = (name: string): string => `${site.base}/login/${encodeURIComponent(name)}?bootstrap=${key}&return=/`;
    const [only] = logins;
    if (only && logins.length === 1) return reply.redirect(way(only.name), 303);
    // Names of logins are names of the configuration: letters, digits, dots and dashes.
    const links = logins.map(({ name }) => `<li><a href="${way(name)}">${name}</a></li>`).join('');
    return reply.type('text/html; charset=utf-8').send(`<!doctype html><html lang="en"><meta charset="utf-8"><title>First administrator</title><h1>First administrator</h1><p>Sign in with:</p><ul>${links}</ul></html>`);
  });
};
