import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Spools } from '../../approvals/spool.ts';
import { isPostgres } from '../../config/protocols.ts';
import type { Config, PostgresConnectionConfig } from '../../config/resolved.ts';
import { formatHostPort } from '../../config/units.ts';
import { isRefusal, type Refusal, type RefusalCode } from '../../model/decision.ts';
import type { Logger } from '../../model/logger.ts';
import type { Credential, Peer } from '../../model/principal.ts';
import type { Gate, GatedSession } from '../../pipeline/gate.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import type { Understander } from '../../sql/understand.ts';
import { partFrom } from '../../wire/parting.ts';
import { acceptClient, type AcceptFault, type Login } from './accept.ts';
import { CancelKeys } from './cancel.ts';
import { TargetCatalogs } from './catalogs.ts';
import { dialConnection } from './dial-connection.ts';
import { DialError, type Upstream } from './dial.ts';
import { SqlState } from './errors.ts';
import type { Names } from './explain-text.ts';
import { judgeParameters, type ClientSettings } from './parameters.ts';
import { refusedLogin } from './refuse.ts';
import { runSession, type SessionOptions } from './session.ts';
import { applicationName } from './settings.ts';
import { chooseConnection } from './startup.ts';

/** Time to reach a target and log in there. */
const DIAL_MS = 15_000;

export interface PostgresParts {
  readonly gate: Gate;
  readonly config: () => Config;
  readonly secureContext: () => SecureContext;
  /** The context that asks clients for a certificate; undefined: none is asked for. */
  readonly contextAsking: () => SecureContext | undefined;
  readonly secrets: Secrets;
  readonly understander: Understander;
  /** Where data is kept that people are asked about. */
  readonly spools: Spools;
  readonly log: Logger;
}

const CODE_OF_FAULT: Partial<Record<AcceptFault, RefusalCode>> = { deadline: 'limit', too_many_bytes: 'limit', smuggled: 'protocol', malformed: 'protocol', unsupported_version: 'protocol', no_alpn: 'protocol', tls: 'protocol', tls_required: 'protocol' };

/** The PostgreSQL protocol of one gateway: what a listener hands its sockets to. */
export class PostgresProtocol {
  readonly #parts: PostgresParts;
  readonly #cancelKeys = new CancelKeys();
  readonly #catalogs = new Map<string, { readonly key: string; readonly catalogs: TargetCatalogs }>();

  constructor(parts: PostgresParts) {
    this.#parts = parts;
  }

  /** Serves one client socket until it is closed. Never rejects. */
  async serve(socket: Socket, offered: readonly PostgresConnectionConfig[], loggedIn: () => void): Promise<void> {
    const session = await this.#admitted(socket, offered, loggedIn);
    // Returned, not waited for: what waits would hold everything of the login, the token above all, until the session ends.
    return session && run(session);
  }

  /** From the first byte to a session with both sides logged in; undefined when it came to none and the client is gone. */
  async #admitted(socket: Socket, offered: readonly PostgresConnectionConfig[], loggedIn: () => void): Promise<SessionOptions | undefined> {
    const { gate, log } = this.#parts;
    const asking = this.#parts.contextAsking();
    const { limits } = this.#parts.config().gateway;
    const peer: Peer = { address: socket.remoteAddress ?? 'local', port: socket.remotePort ?? 0, tls: false };
    const accepted = await acceptClient(socket, {
      secureContext: () => asking ?? this.#parts.secureContext(),
      askCertificate: asking !== undefined,
      plaintextAllowed: offered.some(({ plaintext }) => plaintext),
      deadlineMs: limits.preAuth.seconds * 1000,
      maxBytes: limits.preAuth.bytes,
    });
    if (accepted.kind === 'closed') {
      const code = CODE_OF_FAULT[accepted.fault];
      if (code) gate.refusedBeforeLogin(peer, code);
      log.debug({ peer: peer.address, fault: accepted.fault }, 'client did not log in');
      return undefined;
    }
    if (accepted.kind === 'cancel') {
      if (!this.#cancelKeys.cancel(accepted.processId, accepted.key)) gate.refusedBeforeLogin(peer, 'protocol');
      // Its end has to be read, or the socket stays: nothing else looks at it any more.
      accepted.stream.resume();
      partFrom(accepted.stream);
      return undefined;
    }
    return this.#login(accepted, offered, { ...peer, tls: accepted.tls }, loggedIn);
  }

  close(): void {
    for (const { catalogs } of this.#catalogs.values()) catalogs.close();
    this.#catalogs.clear();
  }

  async #login(login: Login, offered: readonly PostgresConnectionConfig[], peer: Peer, loggedIn: () => void): Promise<SessionOptions | undefined> {
    const { gate, log } = this.#parts;
    const refuseEarly = async (code: RefusalCode, sqlState: SqlState, message: string, hint?: string): Promise<undefined> => {
      gate.refusedBeforeLogin(peer, code);
      await login.refuse({ sqlState, message: `wicketgate: ${message}`, ...(hint === undefined ? {} : { hint }) });
    };
    const settings = judgeParameters(login.parameters);
    if (settings.kind === 'refused') {
      return refuseEarly('protocol', settings.why === 'replication' ? SqlState.feature_not_supported : SqlState.invalid_parameter_value, settings.message, settings.hint);
    }
    const choice = chooseConnection({
      offered,
      elsewhere: this.#parts.config().connections.filter(isPostgres).flatMap((one) => (offered.includes(one) ? [] : [one.name])),
      user: settings.user,
      ...(login.sni === undefined ? {} : { sni: login.sni }),
      database: settings.database,
      ...(settings.connection === undefined ? {} : { option: settings.connection }),
    });
    if ('refused' in choice) return refuseEarly('unknown_connection', SqlState.invalid_catalog_name, choice.message);
    const { connection } = choice;
    if (!login.tls && !connection.plaintext) return refuseEarly('protocol', SqlState.invalid_authorization_specification, 'this connection takes a token only inside TLS', 'use sslmode=verify-full with sslrootcert');
    if (looksLikeToken(settings.user)) return refuseEarly('protocol', SqlState.invalid_authorization_specification, 'the user name looks like a token: send it as the password');

    const credential = await this.#credential(login, peer);
    if (credential === undefined) return undefined;
    const gated = await gate.open({ credential, connection: connection.name, peer });
    if (isRefusal(gated)) {
      // Counted in evidence and in a line a minute; a line for each would be an outsider's to make.
      log.debug({ peer: peer.address, connection: connection.name, code: gated.code }, 'login refused');
      await login.refuse(refusedLogin(gated));
      return undefined;
    }
    loggedIn();
    return this.#connect(login, gated, connection, settings);
  }

  /**
   * A certificate that stands for an identity is enough: a client that has one may have no password, and whether it has is only known by asking. Anybody
   * else is asked for a token. Undefined: the client is gone.
   */
  async #credential(login: Login, peer: Peer): Promise<Credential | undefined> {
    const { certificate } = login;
    if (certificate !== undefined && this.#parts.gate.identityOf(certificate, peer) !== undefined) {
      login.passwordless();
      return certificate;
    }
    const password = await login.requestPassword();
    if (!Buffer.isBuffer(password)) return undefined;
    const token = password.toString('latin1');
    password.fill(0);
    return { kind: 'bearer', token };
  }

  /** The session is open on our side; now the target's. What it gives holds the catalogs. */
  async #connect(login: Login, gated: GatedSession, connection: PostgresConnectionConfig, settings: ClientSettings): Promise<SessionOptions | undefined> {
    const catalogs = this.#catalogsOf(connection);
    catalogs.hold();
    let ready: SessionOptions | undefined;
    try {
      ready = await this.#reach(login, gated, connection, settings, catalogs);
    } finally {
      if (!ready) catalogs.release();
    }
    return ready;
  }

  async #reach(login: Login, gated: GatedSession, connection: PostgresConnectionConfig, settings: ClientSettings, catalogs: TargetCatalogs): Promise<SessionOptions | undefined> {
    const { log, understander, spools } = this.#parts;
    const { session } = gated;
    const clientName = settings.applicationName ?? '';
    let upstream: Upstream;
    let catalog;
    try {
      // Both at once: the catalog is nearly always there already.
      const loading = catalogs.current();
      loading.catch(() => {});
      upstream = await this.#dial(gated, connection, settings, clientName);
      try {
        catalog = await loading;
      } catch (error) {
        upstream.socket.destroy();
        throw error;
      }
    } catch (error) {
      if (gated.ended.aborted) {
        gated.close('ended before it began');
        await login.refuse(refusedLogin(gated.ended.reason as Refusal));
        return undefined;
      }
      const why = error instanceof DialError ? error.message : 'the target could not be asked for its catalog';
      // Where the target is, the log alone says.
      log.warn({ session: session.id, connection: connection.name, target: formatHostPort(connection.target), why, ...(error instanceof DialError ? { fault: error.fault } : {}) }, 'target unavailable');
      // A value of the client's that the target does not take is the client's mistake.
      const mistaken = error instanceof DialError && error.fault === 'parameter_refused';
      const refused = gated.refuse(mistaken ? 'protocol' : 'target_unavailable', mistaken ? why : `connection ${connection.name}: ${why}`);
      gated.close('target unavailable');
      await login.refuse(refusedLogin(refused));
      return undefined;
    }
    log.info({ session: session.id, identity: session.principal.identity, connection: connection.name, peer: session.peer.address }, 'session opened');
    return {
      gated,
      client: login.stream,
      clientBytes: login.release(),
      upstream,
      minor: login.minor,
      clientName,
      catalog,
      catalogs,
      understander,
      spools,
      cancelKeys: this.#cancelKeys,
      limits: this.#parts.config().gateway.limits,
      log: log.child({ session: session.id }),
    };
  }

  async #dial(gated: GatedSession, connection: PostgresConnectionConfig, settings: ClientSettings, clientName: string): Promise<Upstream> {
    const { session } = gated;
    return dialConnection(connection, this.#parts.secrets, {
      parameters: [...settings.settings, ['application_name', applicationName(session.id, session.principal.identity, clientName)]],
      deadlineMs: DIAL_MS,
      signal: gated.ended,
    });
  }

  /** The target's names as a session that has just opened would see them: for questions about policy. Rejects when the target cannot be asked. */
  async namesOf(connection: PostgresConnectionConfig): Promise<Names> {
    const catalogs = this.#catalogsOf(connection);
    catalogs.hold();
    try {
      return await catalogs.names();
    } finally {
      catalogs.release();
    }
  }

  /** One snapshot for each connection as configured: another target or credential may show another catalog. */
  #catalogsOf(connection: PostgresConnectionConfig): TargetCatalogs {
    const { name, target, credential } = connection;
    const key = JSON.stringify([target, credential]);
    const known = this.#catalogs.get(name);
    if (known?.key === key) return known.catalogs;
    known?.catalogs.retire();
    const catalogs = new TargetCatalogs(connection, this.#parts.secrets, this.#parts.log);
    this.#catalogs.set(name, { key, catalogs });
    return catalogs;
  }
}

const run = (session: SessionOptions): Promise<void> => {
  const { catalogs, log } = session;
  return runSession(session)
    .then((reason) => log.info({ reason }, 'session closed'))
    .finally(() => catalogs.release());
};

/** Users paste tokens into the wrong field; a user name goes into many logs. */
const looksLikeToken = (user: string): boolean => user.length > 100 && user.split('.').length === 3;
