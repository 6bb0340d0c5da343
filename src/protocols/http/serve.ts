import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { readTarget } from '../../apis/path.ts';
import type { Config, HttpConnectionConfig } from '../../config/resolved.ts';
import { isRefusal, refusal, type Refusal, type RefusalCode } from '../../model/decision.ts';
import type { Logger } from '../../model/logger.ts';
import type { Peer } from '../../model/principal.ts';
import type { RequestFacts } from '../../model/request.ts';
import type { Gate } from '../../pipeline/gate.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import { acceptClient, type AcceptFault } from './accept.ts';
import { KeptBytes } from './body.ts';
import { chooseConnection, withoutPrefix } from './choose.ts';
import { shownToken } from './credentials.ts';
import type { ClientStream } from './exchange.ts';
import { judgedFields } from './fields.ts';
import { Http1Client } from './h1-client.ts';
import { Http1Server, type Http1Connection, type Turn } from './h1-server.ts';
import { readHead, type HeadRefused, type RequestHead } from './head.ts';
import { problem, type Wording } from './refuse.ts';
import { runExchange } from './run.ts';
import { HttpSessions } from './sessions.ts';
import { Targets } from './targets.ts';

export interface HttpParts {
  readonly gate: Gate;
  readonly config: () => Config;
  readonly secureContext: () => SecureContext;
  readonly secrets: Secrets;
  readonly log: Logger;
}

/** Whoever comes on a connection: where from, to which connections, and whether somebody of it was ever known. */
interface Visitor {
  readonly peer: Peer;
  readonly offered: () => readonly HttpConnectionConfig[];
  readonly known: () => void;
}

const CODE_OF_FAULT: Partial<Record<AcceptFault, RefusalCode>> = { deadline: 'limit', tls: 'protocol', tls_required: 'protocol' };

/** The HTTP protocol of one gateway: what a listener hands its sockets to. */
export class HttpProtocol {
  readonly #parts: HttpParts;
  readonly #server: Http1Server;
  readonly #sessions: HttpSessions;
  readonly #targets: Targets;
  readonly #kept = new KeptBytes();
  readonly #visitors = new WeakMap<Http1Connection, Visitor>();

  constructor(parts: HttpParts) {
    this.#parts = parts;
    this.#sessions = new HttpSessions(parts.gate, parts.log);
    this.#targets = new Targets(parts.secrets, parts.log);
    this.#server = new Http1Server({
      serve: (turn) => this.#serve(turn),
      malformed: (connection, status) => {
        const visitor = this.#visitors.get(connection);
        if (visitor) parts.gate.refusedBeforeLogin(visitor.peer, status === 408 ? 'limit' : 'protocol');
      },
      headMs: () => parts.config().gateway.limits.preAuth.seconds * 1000,
    });
  }

  /** Serves one client socket until it is closed. Never rejects. `offered` are the connections of its address, as they are when it is asked. */
  async serve(socket: Socket, offered: () => readonly HttpConnectionConfig[], loggedIn: () => void): Promise<void> {
    const { gate, log, secureContext } = this.#parts;
    const { preAuth } = this.#parts.config().gateway.limits;
    const from = { address: socket.remoteAddress ?? 'local', port: socket.remotePort ?? 0 };
    const accepted = await acceptClient(socket, { secureContext, plaintextAllowed: offered().some(({ plaintext }) => plaintext), deadlineMs: preAuth.seconds * 1000 });
    if (accepted.kind === 'closed') {
      const code = CODE_OF_FAULT[accepted.fault];
      if (code) gate.refusedBeforeLogin({ ...from, tls: false }, code);
      log.debug({ peer: from.address, fault: accepted.fault }, 'client asked for nothing');
      return;
    }
    // Whoever shows no token that is good keeps the connection no longer than any other stranger.
    const stranger = setTimeout(() => accepted.stream.destroy(), preAuth.seconds * 1000);
    const { connection, closed } = this.#server.serve(accepted.stream, accepted.raw, accepted.channel);
    this.#visitors.set(connection, {
      peer: { ...from, tls: accepted.channel.tls },
      offered,
      known: () => {
        clearTimeout(stranger);
        loggedIn();
      },
    });
    await closed;
    clearTimeout(stranger);
  }

  /** The gateway stops: connections end when what runs on them has ended. */
  drain(): void {
    this.#server.drain();
  }

  close(): void {
    this.#server.close();
    this.#targets.close();
  }

  async #serve({ request, response, connection }: Turn): Promise<void> {
    const visitor = this.#visitors.get(connection);
    const head = readHead({ method: request.method ?? '', url: request.url ?? '', version: request.httpVersion, rawHeaders: request.rawHeaders }, connection.channel);
    const refused = 'refused' in head;
    // What is doubtful in one head is doubtful in where the next one begins.
    if (refused) connection.close();
    const client = new Http1Client(refused ? nothing(request.method ?? '', request.complete) : head, request, response, connection);
    const stop = connection.onLeft(() => client.left());
    try {
      if (!visitor) client.cut();
      else if (refused) this.#refuseHead(client, visitor.peer, head);
      else await this.#request(client, head, visitor);
    } catch (error) {
      this.#parts.log.error({ error: error instanceof Error ? error.stack : 'unknown' }, 'request failed');
      client.cut();
    }
    await new Promise<void>((resolve) => client.onOver(resolve));
    stop();
  }

  async #request(client: ClientStream, head: RequestHead, { peer, offered, known }: Visitor): Promise<void> {
    const { gate, config, log } = this.#parts;
    const early = (code: RefusalCode, message: string, wording: Wording = {}): void => {
      gate.refusedBeforeLogin(peer, code);
      refuse(client, refusal(code, message), wording);
    };
    // By a reading that only serves to find the connection; what is sent and judged is read below, by its own rules.
    const named = readTarget(head.target, () => true);
    if ('refused' in named) return early('protocol', named.refused);
    const choice = chooseConnection(offered(), head.host, named.path);
    if ('refused' in choice) return early('unknown_connection', choice.refused, { status: choice.status });
    const { connection } = choice;
    if (!peer.tls && !connection.plaintext) return early('protocol', 'this connection takes a token only inside TLS');
    const shown = shownToken(head);
    if (shown.kind === 'refused') return early('protocol', shown.why);
    if (shown.kind === 'none') return early('unauthenticated', 'a token is needed: Authorization: Bearer, or Basic with the token as the password', { token: 'missing' });

    const session = await this.#sessions.of(connection, shown.token, peer);
    if (isRefusal(session)) {
      // Counted in evidence and in a line a minute; a line for each would be an outsider's to make.
      log.debug({ peer: peer.address, connection: connection.name, code: session.code }, 'request refused');
      return refuse(client, session, session.code === 'unauthenticated' ? { token: 'shown' } : session.code === 'limit' ? { status: 503 } : {});
    }
    known();
    const { api, injector } = await this.#targets.of(session.connection);
    const { prefix } = session.connection.http;
    const [rawQuery] = named.rawQuery === '' ? [''] : [`?${named.rawQuery}`];
    const target = api.readTarget(`${withoutPrefix(prefix, named.path)}${rawQuery}`, head.host);
    if ('refused' in target) return refuse(client, session.gated.refuse('protocol', target.refused));
    const { control } = config();
    await runExchange({
      client,
      session,
      api,
      facts: factsOf(head, target),
      rawQuery: target.rawQuery,
      kept: this.#kept,
      injector,
      outside: { scheme: peer.tls ? 'https' : 'http', authority: head.authority },
      pages: control.url,
    });
  }

  #refuseHead(client: ClientStream, peer: Peer, { status, refused }: HeadRefused): void {
    this.#parts.gate.refusedBeforeLogin(peer, 'protocol');
    refuse(client, refusal('protocol', refused), { status });
  }
}

const factsOf = (head: RequestHead, { path, segments, query }: Pick<RequestFacts, 'path' | 'segments' | 'query'>): RequestFacts => ({
  method: head.method,
  host: head.host,
  path,
  segments,
  query,
  headers: judgedFields(head),
  body: head.body.kind === 'none' ? { kind: 'none' } : { kind: 'unread', why: 'the body was not read' },
});

const refuse = (client: ClientStream, why: Refusal, wording: Wording = {}): void => {
  const { status, fields, body } = problem(why, wording);
  client.answer(status, fields, body);
};

/** Stands for a head that is refused: nothing of it is used but whether more follows. */
const nothing = (method: string, complete: boolean): RequestHead => ({
  method, authority: '', host: '', target: '/', fields: [], values: new Map(), nominated: new Set(), body: complete ? { kind: 'none' } : { kind: 'chunked' }, expectsContinue: false, bytes: 0,
});
