import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { withQuery } from '../../apis/path.ts';
import type { Config, HttpConnectionConfig } from '../../config/resolved.ts';
import { formatHostPort } from '../../config/units.ts';
import { whenThere } from '../../model/when-there.ts';
import { isRefusal, refusal, type Refusal, type RefusalCode } from '../../model/decision.ts';
import type { Logger } from '../../model/logger.ts';
import type { BearerCredential, Credential, Peer } from '../../model/principal.ts';
import type { Gate } from '../../pipeline/gate.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import { acceptClient, type Accepted, type AcceptFault } from './accept.ts';
import { KeptBytes } from './body.ts';
import { withoutPrefix } from './choose.ts';
import { factsOf } from './commands.ts';
import { contradiction } from './contradiction.ts';
import { shownToken } from './credentials.ts';
import { Distrust } from './distrust.ts';
import { Entrance, entersByConvention } from './entrance.ts';
import type { ClientStream } from './exchange.ts';
import { refusalAnswer } from './grpc.ts';
import type { Http1Connection, Turn } from './h1-connection.ts';
import { Http1Server } from './h1-server.ts';
import { Http2Server } from './h2-server.ts';
import type { HeadRefused, RawHead, RequestHead } from './head.ts';
import { Tunnels, type Intercept } from './proxy-tunnel.ts';
import { readingOf, type Visitor } from './reading.ts';
import { ReadRequest } from './read-request.ts';
import type { Wording } from './refuse.ts';
import { runExchange } from './run.ts';
import type { HttpSession } from './session.ts';
import { HttpSessions } from './sessions.ts';
import { Targets } from './targets.ts';

export interface HttpParts {
  readonly gate: Gate;
  readonly config: () => Config;
  readonly secureContext: () => SecureContext;
  /** The context that asks clients for a certificate; undefined: none is asked for. */
  readonly contextAsking: () => SecureContext | undefined;
  readonly secrets: Secrets;
  /** What the forward proxy shows; undefined: no connection is reached by it. */
  readonly intercept: () => Intercept | undefined;
  readonly log: Logger;
}

const CODE_OF_FAULT: Partial<Record<AcceptFault, RefusalCode>> = { deadline: 'limit', tls: 'protocol', tls_required: 'protocol' };

/** The HTTP protocol of one gateway: what a listener hands its sockets to. */
export class HttpProtocol {
  readonly #parts: HttpParts;
  readonly #server: Http1Server;
  readonly #http2 = new Http2Server();
  readonly #sessions: HttpSessions;
  readonly #targets: Targets;
  readonly #tunnels: Tunnels;
  readonly #kept = new KeptBytes();
  readonly #entrance: Entrance;
  readonly #distrust: Distrust;
  readonly #visitors = new WeakMap<Http1Connection, Visitor>();

  constructor(parts: HttpParts) {
    this.#parts = parts;
    this.#sessions = new HttpSessions(parts.gate, parts.log, (provider) => parts.config().identityProviders.find(({ name }) => name === provider)?.clockSkew ?? 0);
    this.#targets = new Targets(parts.secrets, parts.log);
    this.#distrust = new Distrust(parts.log);
    this.#tunnels = new Tunnels({ gate: parts.gate, log: parts.log, distrust: this.#distrust, sessions: this.#sessions, intercept: parts.intercept, handshakeMs: () => parts.config().gateway.limits.preAuth.seconds * 1000 });
    this.#entrance = new Entrance(this.#kept);
    this.#server = new Http1Server({
      serve: (turn) => this.#serve(turn),
      connect: (head, connection, early) => void this.#connect(head, connection, early),
      malformed: (connection, status) => {
        const visitor = this.#visitors.get(connection);
        if (visitor) parts.gate.refusedBeforeLogin(visitor.peer, status === 408 ? 'limit' : 'protocol');
      },
      headMs: () => parts.config().gateway.limits.preAuth.seconds * 1000,
    });
  }

  /** Serves one client socket until it is closed. Never rejects. `offered` are the connections of its address, as they are when it is asked. */
  async serve(socket: Socket, offered: () => readonly HttpConnectionConfig[], loggedIn: () => void): Promise<void> {
    const { gate, log } = this.#parts;
    const { preAuth } = this.#parts.config().gateway.limits;
    const from = { address: socket.remoteAddress ?? 'local', port: socket.remotePort ?? 0 };
    const here = offered();
    // CONNECT is understood in HTTP/1.1; clients that are offered HTTP/2 by a proxy would say it in that. Inside a tunnel both are spoken.
    const versions = here.some(({ http }) => http.proxy) ? { alpn: ['http/1.1'] } : {};
    const asking = this.#parts.contextAsking();
    const accepted = await acceptClient(socket, { secureContext: () => asking ?? this.#parts.secureContext(), askCertificate: asking !== undefined, plaintextAllowed: here.some(({ plaintext }) => plaintext), ...versions, deadlineMs: preAuth.seconds * 1000 });
    if (accepted.kind === 'closed') {
      const code = CODE_OF_FAULT[accepted.fault];
      if (code) gate.refusedBeforeLogin({ ...from, tls: false }, code);
      const told = here[0] !== undefined && this.#distrust.direct(accepted.code, { listen: formatHostPort(here[0].listen), peer: from.address });
      if (!told) log.debug({ peer: from.address, fault: accepted.fault }, 'client asked for nothing');
      return;
    }
    // Whoever shows no token that is good keeps the connection no longer than any other stranger.
    const stranger = setTimeout(() => accepted.stream.destroy(), preAuth.seconds * 1000);
    await this.#speak(accepted, {
      peer: { ...from, tls: accepted.channel.tls },
      certificate: accepted.certificate,
      offered,
      known: () => {
        clearTimeout(stranger);
        loggedIn();
      },
    });
    clearTimeout(stranger);
  }

  /** Serves whoever was accepted, at an address or inside a tunnel, until the connection is closed. */
  async #speak(accepted: Accepted, visitor: Visitor): Promise<void> {
    if (accepted.http2) return this.#speakHttp2(accepted, visitor);
    const { connection, closed } = this.#server.serve(accepted.stream, accepted.raw, accepted.channel);
    this.#visitors.set(connection, visitor);
    await closed;
  }

  /** The same in HTTP/2, where requests do not wait for one another. */
  async #speakHttp2({ stream, channel }: Accepted, visitor: Visitor): Promise<void> {
    const within: Visitor = {
      ...visitor,
      known: () => {
        connection.known();
        visitor.known();
      },
    };
    const { connection, closed } = this.#http2.serve(stream, {
      channel,
      serve: ({ client, head }) => void this.#answer(client, head, within),
      asked: () => (visitor.asked = true),
      malformed: (why) => {
        this.#parts.gate.refusedBeforeLogin(visitor.peer, 'protocol');
        this.#parts.log.debug({ peer: visitor.peer.address, why }, 'connection cut');
      },
    });
    if (visitor.tunnel) connection.known();
    await closed;
  }

  async #answer(client: ClientStream, head: RequestHead | HeadRefused, visitor: Visitor): Promise<void> {
    try {
      if ('refused' in head) this.#refuseHead(client, visitor.peer, head);
      else await this.#request(client, head, visitor);
    } catch (error) {
      this.#parts.log.error({ error: error instanceof Error ? error.stack : 'unknown' }, 'request failed');
      client.cut();
    }
  }

  /** The gateway stops: connections end when what runs on them has ended. */
  drain(): void {
    this.#server.drain();
    this.#http2.drain();
  }

  close(): void {
    this.#server.close();
    this.#http2.close();
    this.#targets.close();
  }

  /** The way into the forward proxy. What comes out of it is served like every other client. */
  async #connect(head: RawHead, connection: Http1Connection, early: Buffer): Promise<void> {
    const { socket, raw } = connection;
    const visitor = this.#visitors.get(connection);
    try {
      if (!visitor || visitor.tunnel) return void socket.destroy();
      const { peer, certificate, offered, known } = visitor;
      const inside = await this.#tunnels.open({ head, socket, raw, early, peer, certificate, offered, known });
      if (!inside) return;
      const { accepted, tunnel, left } = inside;
      const guest: Visitor = { peer, certificate, offered, known: () => {}, tunnel: { ...tunnel, end: () => accepted.stream.destroySoon() } };
      await this.#speak(accepted, guest);
      left(guest.asked === true);
    } catch (error) {
      this.#parts.log.error({ error: error instanceof Error ? error.stack : 'unknown' }, 'a tunnel failed');
      socket.destroy();
    }
  }

  #serve({ client, head, connection }: Turn): void {
    const visitor = this.#visitors.get(connection);
    if (!visitor) {
      client.cut();
      return;
    }
    visitor.asked = true;
    void this.#answer(client, head, visitor);
  }

  async #request(client: ClientStream, head: RequestHead, visitor: Visitor): Promise<void> {
    const { gate, log } = this.#parts;
    const { peer, certificate, tunnel } = visitor;
    const config = this.#parts.config();
    const early = (code: RefusalCode, message: string, wording: Wording = {}): void => {
      gate.refusedBeforeLogin(peer, code);
      refuse(client, refusal(code, message), wording);
    };
    const reading = readingOf(head, config, visitor);
    if ('refused' in reading) return early('protocol', reading.refused);
    const { of, named, asking } = reading;
    if (asking.kind === 'refused') {
      const { code, message, wording, connection: within } = asking;
      const session = tunnel && within && (await this.#sessions.of(within, tunnel.credential, peer));
      return session && !isRefusal(session) ? refuse(client, session.gated.refuse(code, message), wording) : early(code, message, wording);
    }
    const { connection, by } = asking;
    if (!peer.tls && !connection.plaintext) return early('protocol', 'this connection takes a token only inside TLS');
    const open = (credential: Credential): HttpSession | Refusal | Promise<HttpSession | Refusal> => this.#open(connection, credential, visitor);
    const entered = by !== 'direct' || !entersByConvention(connection) ? undefined : await this.#entrance.enter(client, connection, { path: withoutPrefix(connection.http.prefix, named.path), open: (token) => open(bearer(token)), refused: (code) => gate.refusedBeforeLogin(peer, code) });
    if (entered === 'answered') return;
    if (entered) {
      client.onOver(() => {
        entered.body?.release();
        entered.signed.chunks?.key.fill(0);
      });
    }
    const shown = by === 'direct' && !entered ? (reading.shown ??= shownToken(head, of.token)) : undefined;
    if (shown?.kind === 'refused') return early('protocol', shown.why);
    const credential = by !== 'direct' ? asking.credential : entered ? bearer(entered.token) : shown?.kind === 'token' ? bearer(shown.token) : certificate;
    if (credential === undefined) return early('unauthenticated', 'a token is needed: Authorization: Bearer, or Basic with the token as the password', { token: 'missing' });

    // The same fields show the same, and a session that stands was opened with it.
    const before = entered || certificate ? undefined : of.sessionFor(asking);
    const opened = before && this.#sessions.stands(before) ? before : open(credential);
    const session = opened instanceof Promise ? await opened : opened;
    const dialect = entered?.dialect;
    if (isRefusal(session)) {
      if (session.code === 'revoked') entered?.forget();
      // Counted in evidence and in a line a minute; a line for each would be an outsider's to make.
      log.debug({ peer: peer.address, connection: connection.name, code: session.code }, 'request refused');
      // A tunnel shows its token once: its client has to open another.
      if (tunnel) client.onOver(tunnel.end);
      return refuse(client, session, { dialect, ...(session.code === 'unauthenticated' ? (by === 'plain proxy' ? { status: 407 } : credential?.kind === 'bearer' ? { token: 'shown' } : {}) : session.code === 'limit' ? { status: 503 } : {}) });
    }
    // Not `session.connection`: a reload may have come since the head was read, and it goes where it was read for or nowhere.
    const leadsTo = this.#targets.of(connection);
    const target = leadsTo instanceof Promise ? await leadsTo : leadsTo;
    if (!entered && session !== before) of.opened(session, asking);
    const sending = of.sending(session, target, connection);
    let { request } = reading;
    if (entered || request?.sending !== sending) {
      // What the client signed goes on without what belongs to its signature.
      const asked = entered ? withQuery(named, entered.rawQuery) : named;
      const read = 'refused' in asked ? asked : target.api.readTarget(asked, connection.http.prefix, head.host);
      if ('refused' in read) return refuse(client, session.gated.refuse('protocol', read.refused), { dialect });
      request = new ReadRequest(head, { facts: factsOf(head, read, of.facts), rawQuery: read.rawQuery, of: of.facts, sending });
      if (!entered) reading.request = request;
    }
    runExchange({
      client,
      session,
      request,
      kept: this.#kept,
      body: entered?.body,
      signed: entered?.signed,
      dialect,
      outside: { scheme: by === 'tunnel' || (by === 'direct' && peer.tls) ? 'https' : 'http', authority: head.authority, proxied: by !== 'direct' },
      pages: config.control.url,
    });
  }

  #open(connection: HttpConnectionConfig, credential: Credential, { peer, certificate, known }: Visitor): HttpSession | Refusal | Promise<HttpSession | Refusal> {
    return whenThere(this.#sessions.of(connection, credential, peer), (session): HttpSession | Refusal => {
      if (isRefusal(session)) return session;
      known();
      return contradiction(this.#parts.gate, session, credential, certificate) ?? session;
    });
  }

  #refuseHead(client: ClientStream, peer: Peer, { status, refused }: HeadRefused): void {
    this.#parts.gate.refusedBeforeLogin(peer, 'protocol');
    refuse(client, refusal('protocol', refused), { status });
  }
}

const bearer = (token: string): BearerCredential => ({ kind: 'bearer', token });

const refuse = (client: ClientStream, why: Refusal, wording: Wording = {}): void => {
  const { status, fields, body } = refusalAnswer(client.head, why, wording);
  client.answer(status, fields, body);
};
