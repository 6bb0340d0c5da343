import { STATUS_CODES } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { isRefusal, refusal, type Refusal } from '../../model/decision.ts';
import type { Logger } from '../../model/logger.ts';
import type { CertificateCredential, Peer } from '../../model/principal.ts';
import type { Gate } from '../../pipeline/gate.ts';
import { acceptClient, type Accepted } from './accept.ts';
import { contradiction } from './contradiction.ts';
import { PROXY_NEEDS, type Tunnel } from './asking.ts';
import type { RawHead } from './head.ts';
import { chooseProxied } from './proxy-choose.ts';
import { readConnect } from './proxy-connect.ts';
import type { Distrust } from './distrust.ts';
import { problem, type Wording } from './refuse.ts';
import type { HttpSession } from './session.ts';
import type { HttpSessions } from './sessions.ts';

const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n';
/** Time that a refused client gets to read why. */
const LINGER_MS = 1_000;

/** What is shown to clients of the forward proxy in a target's place: `listeners/interception.ts`. */
export interface Intercept {
  /** What clients have to trust. */
  readonly authority: { readonly path: string };
  readonly contextFor: (host: string) => Promise<SecureContext>;
}

export interface TunnelParts {
  readonly gate: Gate;
  readonly log: Logger;
  readonly distrust: Distrust;
  readonly sessions: HttpSessions;
  readonly intercept: () => Intercept | undefined;
  readonly handshakeMs: () => number;
}

/** A CONNECT, with the socket that it came on: nobody else reads it any more. */
export interface Connecting {
  readonly head: RawHead;
  readonly socket: Socket;
  /** The socket below, to reset it. */
  readonly raw: Socket;
  /** What the client has sent already. */
  readonly early: Buffer;
  readonly peer: Peer;
  /** What the client showed when it opened TLS to the proxy. */
  readonly certificate: CertificateCredential | undefined;
  readonly offered: () => readonly HttpConnectionConfig[];
  /** Its client has shown a token that is good. */
  readonly known: () => void;
}

/** What came of it: a client inside a tunnel, who is served like any other. */
export interface Inside {
  readonly accepted: Accepted;
  readonly tunnel: Tunnel;
  /** Call when it has closed. */
  readonly left: (asked: boolean) => void;
}

/** Tunnels of the forward proxy: CONNECT up to the first request in it. Nothing passes that is not read, and nothing leads to where no connection does. */
export class Tunnels {
  readonly #parts: TunnelParts;
  readonly #distrust: Distrust;

  constructor(parts: TunnelParts) {
    this.#parts = parts;
    this.#distrust = parts.distrust;
  }

  /** Undefined: it was refused, or its client went. Never rejects for what a client does. */
  async open(connecting: Connecting): Promise<Inside | undefined> {
    const { gate } = this.#parts;
    const { head, socket, raw, early, peer, certificate, offered, known } = connecting;
    const refuse = (why: Refusal, wording: Wording = {}): undefined => {
      gate.refusedBeforeLogin(peer, why.code);
      sayProblem(socket, why, wording);
    };
    if (!offered().some(({ http }) => http.proxy)) return refuse(refusal('protocol', 'CONNECT is not offered at this address'), { status: 501 });
    const asked = readConnect(head);
    if ('refused' in asked) return refuse(refusal('protocol', asked.refused));
    const { host, port, shown } = asked;
    if (shown.kind === 'refused') return refuse(refusal('protocol', shown.why));
    const credential = shown.kind === 'token' ? ({ kind: 'bearer', token: shown.token } as const) : certificate;
    if (credential === undefined) return refuse(refusal('unauthenticated', PROXY_NEEDS), { status: 407 });
    const connection = chooseProxied(offered(), asked, 'connect');
    if (!connection) return refuse(refusal('unknown_connection', 'no connection is for this host and port, and nothing else passes'), { status: 403 });
    if (!peer.tls && !connection.plaintext) return refuse(refusal('protocol', 'this connection takes a token only inside TLS: use the forward proxy by https'));
    const session = await this.#parts.sessions.of(connection, credential, peer);
    // It is in the evidence already.
    if (isRefusal(session)) return sayProblem(socket, session, session.code === 'unauthenticated' ? { status: 407 } : session.code === 'limit' ? { status: 503 } : {});
    const other = contradiction(gate, session, credential, certificate);
    if (other !== undefined) return sayProblem(socket, other);
    known();
    const context = await this.#context(host, connection);
    if (!context) return sayProblem(socket, refusal('internal', 'the gateway has no certificate for this host', { session: session.gated.session.id }));
    socket.write(ESTABLISHED);
    if (early.length > 0) socket.unshift(early);
    const accepted = await this.#accept(socket, raw, context, host, session);
    return accepted && { accepted, tunnel: { host, port, credential }, left: (asked) => asked || this.#unused(connection, host, peer) };
  }

  async #context(host: string, connection: HttpConnectionConfig): Promise<SecureContext | undefined> {
    try {
      return await this.#parts.intercept()?.contextFor(host);
    } catch (error) {
      this.#parts.log.error({ connection: connection.name, error: error instanceof Error ? error.message : 'unknown' }, 'no certificate could be made for a host of the forward proxy');
      return undefined;
    }
  }

  /** TLS with the client, in the place of the host. It has to mean the same host: otherwise one name would be judged and another be shown. */
  async #accept(socket: Socket, raw: Socket, context: SecureContext, host: string, { gated, log, connection }: HttpSession): Promise<Accepted | undefined> {
    const accepted = await acceptClient(socket, { secureContext: () => context, plaintextAllowed: false, deadlineMs: this.#parts.handshakeMs() });
    if (accepted.kind === 'closed') {
      if (accepted.fault === 'tls_required') gated.refuse('protocol', 'what came through the tunnel is not TLS');
      else if (!this.#distrust.alert(accepted.code, this.#about(connection, host, gated.session.peer))) log.debug({ fault: accepted.fault, code: accepted.code }, 'no TLS came about in a tunnel');
      return undefined;
    }
    const named = accepted.channel.sni?.toLowerCase();
    // What was resumed is of this host all the same: no other's context takes its ticket.
    if (named === host || (named === undefined && (accepted.nameless || isIP(host) !== 0))) return { ...accepted, raw };
    gated.refuse('protocol', 'TLS in the tunnel was opened for another host than CONNECT named');
    accepted.stream.destroy();
    return undefined;
  }

  #unused(connection: HttpConnectionConfig, host: string, peer: Peer): void {
    this.#distrust.silent(this.#about(connection, host, peer));
  }

  #about({ name }: HttpConnectionConfig, host: string, { address }: Peer): { connection: string; host: string; peer: string; ca: string | undefined } {
    return { connection: name, host, peer: address, ca: this.#parts.intercept()?.authority.path };
  }
}

/** A whole answer, and the end: whoever comes again opens another connection. */
const sayProblem = (socket: Socket, why: Refusal, wording: Wording = {}): undefined => {
  const { status, fields, body } = problem(why, wording);
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`, ...fields.map(([name, value]) => `${name}: ${value}`), `Content-Length: ${body.length}`, 'Connection: close', '', ''];
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  // What the client still sends is read, so that the end is not a reset that it sees before this answer.
  socket.resume();
  socket.end(Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body]));
};
