import { randomBytes } from 'node:crypto';
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { badReason } from '../../model/reason.ts';
import type { AnyAction } from '../api/action.ts';
import { mayDo } from '../api/action.ts';
import { Refused } from '../api/refused.ts';
import { NOT_AT_TERMINAL, personAtTerminal } from '../at-terminal.ts';
import type { Metrics } from '../metrics.ts';
import type { Services } from '../services.ts';
import type { Actor } from '../sign-in/actor.ts';
import { cookieIn, sessionCookie, setCookie } from '../sign-in/cookies.ts';
import { addSignInRoutes, type SignInRoutes } from '../sign-in/routes.ts';
import type { Site } from '../sign-in/site.ts';
import { addChannels } from './channels.ts';
import { problemOf } from './errors.ts';
import { secureHeaders } from './headers.ts';
import { fromOurPage, identify, type IdentifyParts } from './identify.ts';
import { addPage } from './page.ts';
import { callerOf, Rates } from './rates.ts';
import type { RefusalCounter } from '../../pipeline/refusals.ts';

/** Below this stand the actions. */
const API_PREFIX = '/api/v1';
const BODY_BYTES = 128 * 1024;
const CONNECTIONS = 1024;

export interface ServerParts {
  readonly services: Services;
  readonly actions: readonly AnyAction[];
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
  readonly site: () => Site | undefined;
  readonly signIn: Pick<SignInRoutes, 'signIn' | 'seal'>;
  /** Counts who was not signed in: whoever can reach the port must not fill the disk. */
  readonly refusals: Pick<RefusalCounter, 'count'>;
  /** The built page; empty: there is none. */
  readonly page: string;
}

/** The HTTP server of the control plane. Every request takes one way: rate, who asks, whether the page sent it, what they may do. */
export const buildServer = (parts: ServerParts): FastifyInstance => {
  const { services, actions, metrics, site } = parts;
  const server = Fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    // The proxy with TLS in front runs on this machine; nobody else's word on addresses counts.
    trustProxy: 'loopback',
    genReqId: () => randomBytes(8).toString('hex'),
    requestIdHeader: false,
    requestTimeout: 10_000,
    connectionTimeout: 65_000,
    keepAliveTimeout: 10_000,
    maxRequestsPerSocket: 10_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200, ignoreDuplicateSlashes: false, caseSensitive: true },
    http: { headersTimeout: 5_000, connectionsCheckingInterval: 1_000, maxHeaderSize: 16_384 },
  });
  server.server.maxConnections = CONNECTIONS;
  server.setValidatorCompiler(TypeBoxValidatorCompiler);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, server.getDefaultJsonParser('error', 'error'));

  const ofAddress = new Rates({ burst: 400, perSecond: 100 });
  const ofCaller = new Rates({ burst: 200, perSecond: 50 });
  const ofRefusals = new Rates({ burst: 20, perSecond: 0.2 });
  const refused = (address: string, reason: string): void => parts.refusals.count(address, 'unauthenticated', undefined, reason);
  const identifying: IdentifyParts = { services, site, wrongTokens: new Rates({ burst: 10, perSecond: 1 / 30 }), refused };

  server.addHook('onRequest', async (_request, reply) => secureHeaders(reply, site()));
  server.setErrorHandler((error, request, reply) => {
    const { status, problem, retryAfter } = problemOf(error, request.id, services.logger);
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
    // What is left of the body of a refused request is not read.
    if (status === 413) reply.header('connection', 'close');
    return reply.code(status).type('application/json; charset=utf-8').serializer(JSON.stringify).send(problem);
  });

  addHealth(server, services, metrics);
  addSignInRoutes(server, {
    site,
    logins: () => services.config().control.login,
    sessions: services.people,
    rates: new Rates({ burst: 60, perSecond: 1 }),
    now: services.now,
    refused,
    ...parts.signIn,
  });

  addChannels(server, { channels: services.channels, rates: new Rates({ burst: 100, perSecond: 10 }) });

  const actors = new WeakMap<FastifyRequest, Actor>();
  const granted = (action: AnyAction) => async (request: FastifyRequest): Promise<void> => {
    const wait = ofAddress.take(callerOf(request.ip));
    if (wait !== undefined) throw new Refused(429, 'rate', `too many requests from this address: try again in ${wait} s`, wait);
    const here = personAtTerminal();
    if (here && NOT_AT_TERMINAL.has(action.id)) throw new Refused(404, 'not_found', `${action.id} is not for terminals: ${NOT_AT_TERMINAL.get(action.id)}`);
    const actor = action.who === 'anyone' ? undefined : (here ?? identify(identifying, request));
    const may = mayDo(action, actor);
    if (may === 'unauthenticated' || (!actor && action.who !== 'anyone')) throw new Refused(401, 'unauthenticated', 'sign in first');
    if (!actor) return;
    // First: what another site sends in somebody's name takes nothing of what they may ask.
    if (action.method !== 'GET' && !here) fromOurPage(request, actor, site());
    const caller = actor.kind === 'person' ? actor.session : actor.id;
    const tooMuch = ofCaller.take(caller, action.cost);
    if (tooMuch !== undefined) throw new Refused(429, 'rate', `too many requests: try again in ${tooMuch} s`, tooMuch);
    if (may === 'forbidden') {
      services.logger.warn({ action: action.id, by: actor.kind }, 'somebody may not do that');
      // On record, but not so often that somebody could fill the disk with it.
      if (action.method !== 'GET' && ofRefusals.take(caller) === undefined) services.deeds.refused(actor, action.id);
      const needed = typeof action.who === 'string' ? 'a person' : `the role ${action.who.join(' or ')}`;
      throw new Refused(403, 'forbidden', `you may not do that: it takes ${needed}${actor.kind === 'token' ? ', and the token must have been made for it' : ''}`);
    }
    actors.set(request, actor);
  };

  for (const action of actions) {
    const { params, query, body, response, status = 200, media } = action;
    server.route({
      method: action.method,
      url: `${API_PREFIX}${action.path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
      schema: { ...(params && { params }), ...(query && { querystring: query }), ...(body && { body }), ...(media === undefined ? { response: { [status]: response } } : {}) },
      onRequest: granted(action),
      handler: async (request, reply) => {
        // The body may have come slowly: whoever was signed out meanwhile, or may not do that any longer, does not.
        if (action.method !== 'GET') actors.set(request, again(action, personAtTerminal() ?? identify(identifying, request, false)));
        saysWhy(request.body);
        const answer = await action.handle({
          params: request.params as never,
          query: request.query as never,
          body: request.body as never,
          actor: actors.get(request) as Actor,
          services,
          still: () => identify(identifying, request, false),
          signOut: () => {
            const where = site();
            const cookie = where && cookieIn(request.headers.cookie, sessionCookie(where));
            if (!where || cookie === undefined) return;
            services.people.end(cookie);
            reply.header('set-cookie', setCookie(where, sessionCookie(where), '', 0)).header('clear-site-data', '"cache", "storage"');
          },
          request: request.id,
          raw: { request, reply },
        });
        return media === undefined ? reply.code(status).send(answer) : reply;
      },
    });
  }
  addPage(server, parts.page);
  return server;
};

/** A reason is one line of visible text, whatever it is a reason for: it is shown by pages, terminals and channels. Throws Refused. */
const saysWhy = (body: unknown): void => {
  if (typeof body !== 'object' || body === null || !('reason' in body)) return;
  const wrong = badReason(body.reason);
  if (wrong !== undefined) throw new Refused(400, 'reason', wrong);
};

const again = (action: AnyAction, actor: Actor | undefined): Actor => {
  if (!actor) throw new Refused(401, 'unauthenticated', 'sign in first');
  if (mayDo(action, actor) !== 'yes') throw new Refused(403, 'forbidden', 'you may not do that any longer');
  return actor;
};

/** For probes and scrapers, without signing in: nothing that is secret. */
const addHealth = (server: FastifyInstance, services: Pick<Services, 'readiness'>, metrics: ServerParts['metrics']): void => {
  server.get('/health', (_request, reply) => reply.type('text/plain').send('ok\n'));
  server.get('/ready', (_request, reply) => {
    const { ready, details } = services.readiness();
    return reply.code(ready ? 200 : 503).type('application/json').send(Buffer.from(`${JSON.stringify({ ready, ...details })}\n`));
  });
  for (const url of ['/health', '/ready', '/metrics']) server.route({ method: ['POST', 'PUT', 'PATCH', 'DELETE'], url, handler: (_request, reply) => reply.code(405).header('allow', 'GET').type('text/plain').send('only GET\n') });
  server.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
};
