import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { ActivityPage } from '../../src/control/api/schema/activity.ts';
import { AnswerRequest, ApprovalDetail, ApprovalPage } from '../../src/control/api/schema/approvals.ts';
import { ConnectionList, ConnectionView } from '../../src/control/api/schema/connections.ts';
import { EvidenceView, ExportRequest, HoldRequest, Job, JobList, PurgePlan, ReleaseRequest } from '../../src/control/api/schema/evidence.ts';
import { Done } from '../../src/control/api/schema/forms.ts';
import { IdentityDetail, IdentityPage, RevokeRequest } from '../../src/control/api/schema/identities.ts';
import { Me, SignIn } from '../../src/control/api/schema/me.ts';
import { Overview } from '../../src/control/api/schema/overview.ts';
import { Explained, ExplainRequest, Matrix, PolicyList, VersionPage } from '../../src/control/api/schema/policies.ts';
import { CommandAnswer, CommandPage, ReplayPage, SessionPage, SessionSummary, TerminateRequest, TimelinePage } from '../../src/control/api/schema/sessions.ts';
import { NewToken, Settings, TokenList, TokenRequest } from '../../src/control/api/schema/settings.ts';
import { secureHeaders } from '../../src/control/http/headers.ts';
import { addPage } from '../../src/control/http/page.ts';
import { builtPage } from '../../tools/build-ui.ts';
import * as answers from './page-answers.ts';

/** What came in: the page must send what the API takes. */
export interface Asked {
  readonly operation: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}
export type Said = { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> };
type Answering = (asked: Asked, params: Readonly<Record<string, string>>) => unknown;

interface Operation {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly answer: TSchema;
  readonly request?: TSchema;
  readonly status?: number;
  readonly says: Answering;
}

const found = <T extends { readonly id: string } | { readonly name: string }>(items: readonly T[], id: string | undefined): T | Said =>
  items.find((item) => ('id' in item ? item.id : item.name) === id) ?? refusal(404, 'not_found', 'there is nothing of that id');

/** A refusal, as the API words one. */
export const refusal = (status: number, code: string, message: string): Said => ({ status, body: { code, message, request: 'f00dfeed' } });
const isSaid = (value: unknown): value is Said => typeof value === 'object' && value !== null && 'status' in value && 'body' in value;

/** A slice of a list, by cursor and limit. */
const paged = <T>(total: number, item: (index: number) => T, { cursor, limit }: Asked['query']): { items: T[]; next: string | null } => {
  const from = Number(cursor ?? 0);
  const to = Math.min(total, from + Number(limit ?? 50));
  return { items: Array.from({ length: to - from }, (_, index) => item(from + index)), next: to < total ? String(to) : null };
};
const list = <T>(items: readonly T[], query: Asked['query'] = {}) => paged(items.length, (index) => items[index] as T, query);
const without = (item: object, ...keys: readonly string[]): object => Object.fromEntries(Object.entries(item).filter(([key]) => !keys.includes(key)));
const done = () => ({ done: true });

/** Every operation that the page uses, by its id. */
export const OPERATIONS = {
  'me.signIn': { method: 'GET', path: '/sign-in', answer: SignIn, says: () => ({ providers: [{ name: 'okta' }, { name: 'entra' }] }) },
  'me.show': { method: 'GET', path: '/me', answer: Me, says: () => answers.me() },
  'me.logout': { method: 'POST', path: '/logout', answer: Done, says: done },
  'overview.show': { method: 'GET', path: '/overview', answer: Overview, says: () => answers.overview() },
  'sessions.list': { method: 'GET', path: '/sessions', answer: SessionPage, says: ({ query }) => paged(100_000, answers.session, query) },
  'sessions.show': { method: 'GET', path: '/sessions/:id', answer: SessionSummary, says: (_, { id }) => ({ ...answers.session(0), id, refused: 2 }) },
  'sessions.timeline': { method: 'GET', path: '/sessions/:id/timeline', answer: TimelinePage, says: ({ query }) => list(answers.timeline, query) },
  'sessions.answer': { method: 'GET', path: '/sessions/:id/commands/:command/answer', answer: CommandAnswer, says: () => answers.answer },
  'sessions.replay': { method: 'GET', path: '/sessions/:id/replay', answer: ReplayPage, says: ({ query }) => list(answers.replay, query) },
  'sessions.terminate': { method: 'POST', path: '/sessions/:id/terminate', request: TerminateRequest, answer: Done, says: done },
  'commands.search': { method: 'GET', path: '/commands', answer: CommandPage, says: ({ query }) => paged(300, answers.hit, query) },
  'approvals.list': { method: 'GET', path: '/approvals', answer: ApprovalPage, says: ({ query }) => list(answers.approvals.filter(({ state }) => query['state'] === undefined || state === query['state']).filter(({ exception }) => query['exceptions'] === undefined || exception).map((one) => without(one, 'text', 'parameters', 'hidden', 'digest', 'mayForce', 'answers')), query) },
  'approvals.show': { method: 'GET', path: '/approvals/:id', answer: ApprovalDetail, says: (_, { id }) => found(answers.approvals, id) },
  'approvals.answer': { method: 'POST', path: '/approvals/:id/answer', request: AnswerRequest, answer: ApprovalDetail, says: ({ body }, { id }) => {
    const { verdict, reason } = body as { verdict: 'approve' | 'deny' | 'force'; reason: string };
    const of = found(answers.approvals, id);
    return isSaid(of) ? of : { ...of, state: verdict === 'deny' ? 'denied' : 'approved', exception: verdict === 'force', answers: [...of.answers, { by: 'Ada Okafor', provider: 'okta', verdict, reason, at: answers.ago(0), channel: 'page' }] };
  } },
  'identities.list': { method: 'GET', path: '/identities', answer: IdentityPage, says: ({ query }) => list(answers.identities.filter(({ name }) => name.includes(query['text'] ?? '')).map((one) => without(one, 'claims', 'when', 'reaches', 'used', 'objects')), query) },
  'identities.show': { method: 'GET', path: '/identities/:name', answer: IdentityDetail, says: (_, { name }) => found(answers.identities, name) },
  'identities.revoke': { method: 'POST', path: '/identities/:name/revoke', request: RevokeRequest, answer: Done, says: done },
  'identities.restore': { method: 'POST', path: '/identities/:name/restore', request: RevokeRequest, answer: Done, says: done },
  'connections.list': { method: 'GET', path: '/connections', answer: ConnectionList, says: () => ({ items: answers.connections }) },
  'connections.show': { method: 'GET', path: '/connections/:name', answer: ConnectionView, says: (_, { name }) => found(answers.connections, name) },
  'policies.list': { method: 'GET', path: '/policies', answer: PolicyList, says: () => answers.policies },
  'policies.versions': { method: 'GET', path: '/policies/versions', answer: VersionPage, says: ({ query }) => list(answers.versions, query) },
  'policies.explain': { method: 'POST', path: '/policies/explain', request: ExplainRequest, answer: Explained, says: () => answers.explained },
  'policies.matrix': { method: 'GET', path: '/policies/matrix', answer: Matrix, says: () => answers.matrix },
  'evidence.show': { method: 'GET', path: '/evidence', answer: EvidenceView, says: () => answers.evidence },
  'evidence.verify': { method: 'POST', path: '/evidence/verify', answer: Job, status: 202, says: () => answers.jobs[0] },
  'evidence.export': { method: 'POST', path: '/evidence/exports', request: ExportRequest, answer: Job, status: 202, says: () => answers.jobs[1] },
  'evidence.jobs': { method: 'GET', path: '/evidence/jobs', answer: JobList, says: () => ({ items: answers.jobs }) },
  'evidence.hold': { method: 'POST', path: '/evidence/holds', request: HoldRequest, answer: Done, says: done },
  'evidence.release': { method: 'POST', path: '/evidence/holds/:name/release', request: ReleaseRequest, answer: Done, says: done },
  'evidence.purgePlan': { method: 'GET', path: '/evidence/purge-plan', answer: PurgePlan, says: () => answers.purgePlan },
  'activity.list': { method: 'GET', path: '/activity', answer: ActivityPage, says: ({ query }) => list(answers.activity.filter(({ kind }) => query['kind'] === undefined || kind === query['kind']), query) },
  'settings.show': { method: 'GET', path: '/settings', answer: Settings, says: () => answers.settings },
  'tokens.list': { method: 'GET', path: '/tokens', answer: TokenList, says: () => ({ items: answers.tokens }) },
  'tokens.create': { method: 'POST', path: '/tokens', request: TokenRequest, answer: NewToken, status: 201, says: ({ body }) => ({ token: { ...answers.tokens[0], name: (body as { name: string }).name }, secret: 'wgt_shown-once-9f8e7d' }) },
  'tokens.revoke': { method: 'POST', path: '/tokens/:id/revoke', answer: Done, says: done },
} as const satisfies Readonly<Record<string, Operation>>;
export type OperationId = keyof typeof OPERATIONS;

/**
 * The built page behind the gateway's own page server and headers, with answers from a table in the place of the gateway: to bring the page
 * into every state, wrong ones too. An answer or a request that the API's schemas do not allow ends the test.
 */
export class StandIn {
  readonly #server: FastifyInstance;
  readonly #says = new Map<OperationId, Answering>();
  readonly #streams = new Set<FastifyReply>();
  /** Everything that was asked, in order. */
  readonly asked: Asked[] = [];
  /** What was not as the API has it. */
  readonly breaches: string[] = [];
  url = '';

  constructor(server: FastifyInstance) {
    this.#server = server;
  }

  static async start(): Promise<StandIn> {
    const server = Fastify({ forceCloseConnections: true });
    const standIn = new StandIn(server);
    server.addHook('onRequest', async (_request, reply) => secureHeaders(reply, undefined));
    for (const [id, operation] of Object.entries(OPERATIONS) as [OperationId, Operation][]) standIn.#add(id, operation);
    server.get('/api/v1/events', (request, reply) => standIn.#stream(reply));
    addPage(server, await builtPage());
    standIn.url = await server.listen({ host: '127.0.0.1', port: 0 });
    return standIn;
  }

  /** Answers an operation like this from now on; without an answer, as at first. */
  say(operation: OperationId, says?: Answering): void {
    if (says) this.#says.set(operation, says);
    else this.#says.delete(operation);
  }

  reset(): void {
    this.#says.clear();
    this.asked.length = 0;
    this.breaches.length = 0;
  }

  /** Tells every open page of a change. */
  tell(kind: string, more: Readonly<Record<string, string>> = {}): void {
    for (const reply of this.#streams) reply.raw.write(`event: ${kind}\ndata: ${JSON.stringify({ kind, at: answers.ago(0), ...more })}\n\n`);
  }

  /** How many pages listen to changes. */
  get listening(): number {
    return this.#streams.size;
  }

  /** Ends every open stream, as a restart of the gateway does. */
  dropStreams(): void {
    for (const reply of this.#streams) reply.raw.destroy();
  }

  async close(): Promise<void> {
    this.dropStreams();
    await this.#server.close();
  }

  #add(id: OperationId, { method, path, answer, request: body, status = 200, says }: Operation): void {
    this.#server.route({
      method,
      url: `/api/v1${path}`,
      handler: async (request, reply) => {
        const asked: Asked = { operation: id, path: request.url, query: request.query as Asked['query'], body: request.body };
        this.asked.push(asked);
        if (method === 'POST' && request.headers['x-csrf-token'] !== 'csrf-of-this-session') this.breaches.push(`${id}: no CSRF token`);
        if (body && !Value.Check(body, request.body)) this.breaches.push(`${id}: the page sent ${JSON.stringify(request.body)}`);
        const said = await (this.#says.get(id) ?? says)(asked, request.params as Record<string, string>);
        if (isSaid(said)) return reply.code(said.status).headers(said.headers ?? {}).send(said.body);
        const [wrong] = Value.Errors(answer, said);
        if (wrong) this.breaches.push(`${id}: the stand-in says what the API does not: ${JSON.stringify(wrong)}`);
        return reply.code(status).send(said);
      },
    });
  }

  #stream(reply: FastifyReply): FastifyReply {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    reply.raw.write('retry: 2000\n\n');
    this.#streams.add(reply);
    reply.raw.on('close', () => this.#streams.delete(reply));
    return reply;
  }
}
