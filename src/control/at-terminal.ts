import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config/resolved.ts';
import type { People } from '../identity/people.ts';
import type { Administrators } from '../identity/signed-in.ts';
import { usableUntil } from '../identity/usable-until.ts';
import { isRefusal } from '../model/decision.ts';
import type { LocalAnswer } from './local.ts';
import type { PersonActor } from './sign-in/actor.ts';
import { rolesOf } from './sign-in/roles.ts';

/** What a person asks of the API at a terminal, as the generated client would send it over HTTP. Who asks is proved by the ID token alone. */
export interface ActionRequest {
  readonly do: 'action';
  readonly method: string;
  /** Path and query, from `/api/v1/` on. */
  readonly path: string;
  /** JSON. */
  readonly body?: string;
  readonly idToken: string;
}

/** What the API answered: a status of HTTP, and JSON. */
export interface ActionAnswer {
  readonly status: number;
  readonly body: string;
  /** Seconds, when too much was asked. */
  readonly retryAfter?: string;
}

export interface AtTerminalParts {
  readonly server: Pick<FastifyInstance, 'inject'>;
  readonly people: Pick<People, 'verify'>;
  readonly config: () => Config;
  readonly administrators: Pick<Administrators, 'bootstrapped'>;
}

/** Actions that are not for the socket of the terminal, and why. */
export const NOT_AT_TERMINAL: ReadonlyMap<string, string> = new Map([
  ['me.signIn', 'of a browser: wicketgate login signs in at a terminal'],
  ['me.logout', 'of a browser: wicketgate logout forgets the ID token'],
  ['approvals.answer', 'wicketgate approvals approve, deny and force answer, which is recorded as an answer from the terminal'],
  ['evidence.pack', 'no JSON: wicketgate evidence export writes the pack itself'],
  ['events.stream', 'a stream for pages: wicketgate approvals list --watch follows what waits'],
  ['openapi.show', 'no JSON of ours: GET /api/v1/openapi.json has it, and docs/reference/openapi.json'],
]);

/** Who asks at a terminal, while their request is answered. Nothing that comes over the network is ever inside it. */
const asking = new AsyncLocalStorage<PersonActor>();

/** The person at the terminal whose request is being answered; undefined for every request that came over HTTP. */
export const personAtTerminal = (): PersonActor | undefined => asking.getStore();

/** Longer than any path and query of the API. */
const LONGEST_PATH = 16_384;

/**
 * Answers what a person asks at a terminal. It takes the way of every request of the API through the server, except for how it is known
 * who asks: rates, the check of roles, of the request and of the answer, and the record are the same ones.
 */
export const answerAtTerminal = async ({ server, people, config, administrators }: AtTerminalParts, { method, path, body, idToken }: ActionRequest): Promise<LocalAnswer> => {
  // It comes from another process as it was sent.
  const known = (method === 'GET' || method === 'POST') && typeof path === 'string' && path.startsWith('/api/v1/') && path.length <= LONGEST_PATH && (body === undefined || typeof body === 'string');
  if (!known) return { ok: false, error: 'not something that can be asked', code: 'invalid' };
  const person = await people.verify(idToken);
  if (isRefusal(person)) return { ok: false, error: person.message, code: person.reason };
  const login = config().control.login.find(({ name }) => name === person.provider);
  // The configuration was replaced while the token was verified.
  if (!login) return { ok: false, error: 'this login is no longer in the configuration', code: 'issuer_unknown' };
  const until = usableUntil(idToken, login.maxTokenAge);
  const actor: PersonActor = {
    kind: 'person',
    channel: 'terminal',
    person,
    roles: rolesOf(person, config(), administrators),
    // No session of a browser: what one person asks at terminals is counted together.
    session: createHash('sha256').update(JSON.stringify(['terminal', person.issuer, person.subject])).digest('hex'),
    csrf: '',
    idleUntil: until,
    expiresAt: until,
  };
  // Awaited inside: inject begins when its result is asked for, and outside of this it would be nobody's request.
  const response = await asking.run(actor, async () => await server.inject({ method, url: path, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, payload: body }) }));
  const wait = response.headers['retry-after'];
  const answer: ActionAnswer = { status: response.statusCode, body: response.body, ...(wait === undefined ? {} : { retryAfter: String(wait) }) };
  return { ok: true, result: answer };
};
