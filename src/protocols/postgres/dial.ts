import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { PostgresConnectionConfig } from '../../config/resolved.ts';
import { startDeadline } from '../../wire/deadline.ts';
import { ChannelError, isCertificateCode, WireError } from '../../wire/errors.ts';
import { Intake } from '../../wire/intake.ts';
import type { ReadMemory } from '../../wire/read-memory.ts';
import { Backend } from './codes.ts';
import { decodeBackend } from './decode.ts';
import { type Channel, openChannel } from './dial-channel.ts';
import { DialError, faultOfSqlState } from './dial-errors.ts';
import { toServer } from './encode.ts';
import { field } from './errors.ts';
import { Frame, HEADER } from './frames.ts';
import type { Authentication, BackendMessage, ErrorField, TransactionStatus } from './messages.ts';
import { ScramClient, ScramError } from './scram.ts';

export { DialError } from './dial-errors.ts';
export type { DialFault } from './dial-errors.ts';

type Target = PostgresConnectionConfig['target'];

/** Most bytes that a server may send before it is ready. */
const LOGIN_BYTES = 1024 * 1024;
/** Longest single message before the server is ready. */
const LOGIN_MESSAGE = 64 * 1024;

export interface DialOptions {
  readonly target: Target;
  readonly username: string;
  /**
   * Lends the password to `use` for as long as its promise takes; the lender overwrites it afterwards. Absent: the target
   * must not ask for one. Called at most once, when the server asks.
   */
  readonly password?: <T>(use: (password: Buffer) => Promise<T>) => Promise<T>;
  /** Startup parameters beside user and database. */
  readonly parameters: Iterable<readonly [string, string]>;
  /** Time for everything: name, connection, TLS, login. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

/** A connection to a target that is logged in and idle. */
export interface Upstream {
  /** Paused, without listeners of ours but one for `error` on the plain socket under TLS. */
  readonly socket: Socket;
  /** What it is read into, where that is known. */
  readonly memory?: ReadMemory;
  /** Bytes that came behind ReadyForQuery: they come before those of the socket. */
  readonly leftover: Buffer;
  /** ParameterStatus values. */
  readonly parameters: ReadonlyMap<string, string>;
  /** For CancelRequest. Absent when the server sent none (some proxies do not). */
  readonly backendKey?: { readonly processId: number; readonly key: Buffer };
  /** As in `server_version_num`: 150018 for 15.18. 0 when it cannot be told. */
  readonly serverVersion: number;
  readonly status: TransactionStatus;
  readonly tls: boolean;
}

/**
 * Connects and logs in with the gateway's credential, in protocol 3.0. Throws DialError, and then leaves nothing open.
 * PostgreSQL manual, "Message Flow", "Start-up".
 */
export const dial = async (options: DialOptions): Promise<Upstream> => {
  const deadline = startDeadline(options.deadlineMs, options.signal);
  let channel: Channel | undefined;
  try {
    channel = await openChannel(options.target, deadline.signal);
    return await new Entrance(channel, options, deadline.signal).login();
  } catch (error) {
    channel?.socket.on('error', () => {});
    channel?.socket.destroy();
    throw asDialError(error);
  } finally {
    deadline.clear();
  }
};

/**
 * Asks a target to cancel what the backend with this key is doing. Resolves when the target has closed the connection, which
 * is its only answer. Throws DialError when it cannot be reached the way it must be.
 */
export const cancelUpstream = async (target: Target, key: { readonly processId: number; readonly key: Buffer }, deadlineMs: number): Promise<void> => {
  const deadline = startDeadline(deadlineMs);
  try {
    const { socket } = await openChannel(target, deadline.signal);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        deadline.signal.removeEventListener('abort', done);
        socket.destroy();
        resolve();
      };
      socket.on('error', done).on('end', done).on('close', done);
      deadline.signal.addEventListener('abort', done);
      socket.resume();
      socket.write(toServer.cancelRequest(key.processId, key.key));
    });
  } catch (error) {
    throw asDialError(error);
  } finally {
    deadline.clear();
  }
};

const asDialError = (error: unknown): DialError => {
  if (error instanceof DialError) return error;
  if (error instanceof ScramError) return new DialError(error.fault === 'unverified' ? 'server_unverified' : 'protocol', error.message);
  if (error instanceof WireError) return new DialError('protocol', `the target broke the protocol: ${error.message}`);
  if (error instanceof ChannelError) {
    if (error.fault === 'deadline') return new DialError('deadline', 'the target did not answer in time');
    if (error.fault === 'aborted') return new DialError('aborted', 'the login at the target was given up');
    if (error.fault === 'too_many_bytes') return new DialError('protocol', 'the target sent too much before it was ready');
    if (error.fault === 'tls') {
      return isCertificateCode(error.code)
        ? new DialError('tls_unverified', 'the certificate of the target was not accepted', error.code)
        : new DialError('tls', 'the TLS handshake with the target failed', error.code);
    }
    return new DialError('network', 'the target closed the connection', error.code);
  }
  throw error;
};

/** One login, from the startup message to ReadyForQuery. */
class Entrance {
  readonly #channel: Channel;
  readonly #options: DialOptions;
  readonly #intake: Intake;
  #authenticated = false;
  /** A server that began SCRAM must finish it: it proves itself in its last message. */
  #scram: ScramClient | undefined;
  #scramVerified = false;

  constructor(channel: Channel, options: DialOptions, signal: AbortSignal) {
    this.#channel = channel;
    this.#options = options;
    this.#intake = new Intake(channel.socket, LOGIN_BYTES, signal);
  }

  async login(): Promise<Upstream> {
    const { target, username, parameters } = this.#options;
    this.#channel.socket.write(toServer.startup([['user', username], ['database', target.database], ...parameters]));
    const told = new Map<string, string>();
    let backendKey: Upstream['backendKey'];
    for (;;) {
      const message = await this.#message();
      switch (message.kind) {
        case 'Authentication':
          if (this.#authenticated) throw new WireError('malformed', 'authentication after its end');
          await this.#authenticate(message);
          break;
        case 'ParameterStatus':
          this.#afterLogin();
          told.set(message.name, message.value);
          break;
        case 'BackendKeyData':
          this.#afterLogin();
          backendKey = { processId: message.processId, key: message.key };
          break;
        case 'NoticeResponse':
          break;
        case 'ReadyForQuery': {
          this.#afterLogin();
          const leftover = this.#intake.release();
          const { socket, memory } = this.#channel;
          return {
            socket,
            ...(memory === undefined ? {} : { memory }),
            leftover,
            parameters: told,
            ...(backendKey === undefined ? {} : { backendKey }),
            serverVersion: versionNumber(told.get('server_version')),
            status: message.status,
            tls: this.#channel.tls,
          };
        }
        default:
          throw new WireError('malformed', `${message.kind} during login`);
      }
    }
  }

  #afterLogin(): void {
    if (!this.#authenticated) throw new WireError('malformed', 'the server went on without authentication');
  }

  async #message(): Promise<BackendMessage> {
    await this.#intake.need(HEADER);
    const head = this.#intake.peek();
    const type = head[0] as number;
    const length = head.readInt32BE(1);
    // A server that cannot speak protocol 3 answers with an `E` and text, whose letters make an absurd length.
    if (length < 4) throw new WireError('malformed', `length ${length} is impossible`);
    if (length > LOGIN_MESSAGE) throw new WireError('too_large', 'message is too long');
    const frame = new Frame(type, await this.#intake.read(length + 1), HEADER);
    if (type === Backend.ErrorResponse) throw serverError(frame);
    // A notice may be in the server's own encoding so early, and nobody reads it.
    if (type === Backend.NoticeResponse) return { kind: 'NoticeResponse', fields: [] };
    return decodeBackend(frame);
  }

  async #authenticate(request: Authentication): Promise<void> {
    if (this.#scram !== undefined && request.method !== 'SASLContinue' && request.method !== 'SASLFinal' && !(request.method === 'Ok' && this.#scramVerified)) {
      throw new DialError('server_unverified', 'the target broke off SCRAM before it had proved itself');
    }
    switch (request.method) {
      case 'Ok':
        this.#authenticated = true;
        return;
      case 'CleartextPassword':
        if (!this.#channel.confidential) throw new DialError('unsupported_authentication', 'the target asks for the password in clear on a connection without TLS');
        return this.#lend(async (password) => this.#sendPassword(password));
      case 'MD5Password': {
        const { salt } = request;
        return this.#lend(async (password) => this.#sendPassword(Buffer.from(md5Response(this.#options.username, password, salt))));
      }
      case 'SASL': {
        const scram = new ScramClient();
        const start = scram.start({ mechanisms: request.mechanisms, endPoint: this.#channel.endPoint });
        if (start === undefined) throw new DialError('unsupported_authentication', 'the target offers no SASL mechanism that the gateway speaks');
        this.#scram = scram;
        this.#channel.socket.write(toServer.saslInitialResponse(start.mechanism, start.message));
        return;
      }
      case 'SASLContinue': {
        const scram = this.#scram;
        if (scram === undefined) throw new WireError('malformed', 'SASL goes on before it began');
        const { data } = request;
        return this.#lend(async (password) => {
          this.#channel.socket.write(toServer.saslResponse(await scram.proof(data, password)));
        });
      }
      case 'SASLFinal':
        if (this.#scram === undefined) throw new WireError('malformed', 'SASL ends before it began');
        this.#scram.verify(request.data);
        this.#scramVerified = true;
        return;
      default:
        throw new DialError('unsupported_authentication', `the target asks for ${request.method}, which the gateway does not speak`);
    }
  }

  #lend(use: (password: Buffer) => Promise<void>): Promise<void> {
    const { password } = this.#options;
    if (password === undefined) throw new DialError('no_password', 'the target asks for a password and the connection has none');
    return password(use);
  }

  async #sendPassword(password: Buffer): Promise<void> {
    if (password.includes(0)) throw new DialError('login_refused', 'the password holds a zero byte, which the protocol cannot carry');
    const message = toServer.password(password);
    await new Promise<void>((resolve) => {
      this.#channel.socket.write(message, () => resolve());
    });
    message.fill(0);
  }
}

/** `md5` and the hash of salt and of the stored form. The manual, "MD5Password". */
const md5Response = (user: string, password: Buffer, salt: Buffer): string => {
  const stored = createHash('md5').update(password).update(user).digest('hex');
  return `md5${createHash('md5').update(stored).update(salt).digest('hex')}`;
};

/** Only the SQLSTATE of a refused login is used: its texts may name users, hosts and rules. */
const serverError = (frame: Frame): DialError => {
  let fields: readonly ErrorField[];
  try {
    const message = decodeBackend(frame);
    fields = message.kind === 'ErrorResponse' ? message.fields : [];
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // The text may be in another encoding before the client's is set. The SQLSTATE is ASCII, and that is all that is used.
    const found = /\0C([0-9A-Z]{5})\0/.exec(frame.body.toString('latin1'));
    fields = found === null ? [] : [{ code: 'C', value: found[1] as string }];
  }
  const sqlState = field(fields, 'C') ?? 'unknown';
  const known = /^[0-9A-Z]{5}$/.test(sqlState) ? sqlState : 'unknown';
  const fault = faultOfSqlState(known);
  return new DialError(fault, SAYING[fault] ?? 'the target refused the connection', known);
};

const SAYING: Partial<Record<DialError['fault'], string>> = {
  login_refused: 'the target refused the login of the gateway',
  parameter_refused: 'the target does not take a startup parameter',
  too_many_connections: 'the target has no connection left',
  starting_up: 'the target is starting up or shutting down',
};

/** `15.18 (Debian 15.18-0+deb12u1)` is 150018, `18beta1` is 180000. */
const versionNumber = (version: string | undefined): number => {
  const parts = /^(\d{1,3})(?:\.(\d{1,3}))?/.exec(version ?? '');
  return parts === null ? 0 : Number(parts[1]) * 10_000 + Number(parts[2] ?? 0);
};
