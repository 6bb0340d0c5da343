import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { CertificateCredential } from '../../model/principal.ts';
import { shownCertificate } from '../../wire/client-certificate.ts';
import { type Deadline, startDeadline } from '../../wire/deadline.ts';
import { ChannelError, WireError } from '../../wire/errors.ts';
import { Intake } from '../../wire/intake.ts';
import { serveTls } from '../../wire/tls.ts';
import { Frontend } from './codes.ts';
import { toClient } from './encode.ts';
import { type Report, SqlState, errorResponse } from './errors.ts';
import { PASSWORD_LIMIT } from './frames.ts';
import { NEWEST_MINOR, type StartupPacket, decodeStartup, startupLength } from './startup.ts';

/** First byte of a TLS record that carries a handshake: a client that starts with TLS at once. */
const TLS_HANDSHAKE = 0x16;
/** The ALPN name of the protocol, IANA registry; required when TLS comes without SSLRequest. */
const ALPN = 'postgresql';
/** Time that a refused client gets to read why. */
const LINGER_MS = 1_000;

export interface AcceptOptions {
  /** Asked once for each TLS handshake, so that a renewed certificate serves the next client. */
  readonly secureContext: () => SecureContext;
  /** Clients are asked for a certificate. */
  readonly askCertificate?: boolean;
  /** A client may log in without TLS. For loopback listeners only. */
  readonly plaintextAllowed: boolean;
  /** Time for everything up to the password. */
  readonly deadlineMs: number;
  /** Bytes that a client may send up to and including the password, TLS not counted. */
  readonly maxBytes: number;
  /** Gives up, for example when the gateway shuts down. */
  readonly signal?: AbortSignal;
}

/** Why a client was let go before it had logged in. */
export type AcceptFault =
  | 'closed' // it left
  | 'aborted' // we gave up
  | 'deadline'
  | 'too_many_bytes'
  | 'tls' // the handshake failed
  | 'no_alpn' // direct TLS without naming the protocol
  | 'smuggled' // bytes in clear behind a request for encryption
  | 'malformed'
  | 'unsupported_version'
  | 'tls_required';

export interface AcceptClosed {
  readonly kind: 'closed';
  readonly fault: AcceptFault;
  readonly tls: boolean;
  /** Code of TLS or the system, for the log. */
  readonly code?: string;
}

/** A CancelRequest. Has no answer: act on it, then part from the stream, whose end tells the client that it was seen. It is paused. */
export interface CancelAccepted {
  readonly kind: 'cancel';
  readonly stream: Socket;
  readonly tls: boolean;
  readonly processId: number;
  readonly key: Buffer;
}

export type Accepted = AcceptClosed | CancelAccepted | Login;

/**
 * Takes a new connection up to its startup message: negotiates encryption, bounds time and bytes, and refuses what must not
 * go on. Never throws for what a client does. The socket must not have been read from; it belongs to this function until
 * the result is used. PostgreSQL manual, "Message Flow", "Start-up", "SSL Session Encryption".
 */
export const acceptClient = async (socket: Socket, options: AcceptOptions): Promise<Accepted> => {
  const deadline = startDeadline(options.deadlineMs, options.signal);
  const door = new Door(socket, options, deadline);
  try {
    return await door.open();
  } catch (error) {
    deadline.clear();
    return door.closed(error);
  }
};

/** One connection on its way to the startup message. */
class Door {
  readonly #options: AcceptOptions;
  readonly #deadline: Deadline;
  #stream: Socket;
  #intake: Intake;
  #tls: TLSSocket | undefined;

  constructor(socket: Socket, options: AcceptOptions, deadline: Deadline) {
    this.#stream = socket;
    this.#options = options;
    this.#deadline = deadline;
    this.#intake = new Intake(socket, options.maxBytes, deadline.signal);
  }

  async open(): Promise<Accepted> {
    await this.#intake.need(1);
    if (this.#intake.peek()[0] === TLS_HANDSHAKE) {
      await this.#encrypt();
      if (this.#tls?.alpnProtocol !== ALPN) throw new Ended('no_alpn');
    }
    let askedTls = false;
    let askedGss = false;
    for (;;) {
      const packet = await this.#packet();
      switch (packet.kind) {
        case 'SSLRequest':
          if (askedTls || this.#tls !== undefined) return this.#end('malformed', protocolViolation('encryption was asked for twice'));
          askedTls = true;
          this.#nothingBehind();
          this.#stream.write('S');
          await this.#encrypt();
          break;
        case 'GSSENCRequest':
          if (askedGss || this.#tls !== undefined) return this.#end('malformed', protocolViolation('encryption was asked for twice'));
          askedGss = true;
          this.#nothingBehind();
          this.#stream.write('N');
          break;
        case 'CancelRequest':
          this.#deadline.clear();
          this.#intake.release();
          // From here on nothing that the client does matters; an error event must not end the process.
          this.#stream.on('error', () => {});
          return { kind: 'cancel', stream: this.#stream, tls: this.#tls !== undefined, processId: packet.processId, key: packet.key };
        case 'unsupported':
          return this.#end('unsupported_version', {
            severity: 'FATAL',
            sqlState: SqlState.feature_not_supported,
            message: `unsupported frontend protocol ${packet.major}.${packet.minor}: this gateway supports 3.0 to 3.${NEWEST_MINOR}`,
          });
        case 'StartupMessage':
          if (this.#tls === undefined && !this.#options.plaintextAllowed) {
            return this.#end('tls_required', {
              severity: 'FATAL',
              sqlState: SqlState.invalid_authorization_specification,
              message: 'this gateway accepts logins over TLS only',
              hint: 'Connect with sslmode=verify-full and sslrootcert=FILE, where FILE is what `wicketgate ca` prints.',
            });
          }
          return new Login(this.#stream, this.#intake, this.#deadline, packet, this.#tls, this.#options.askCertificate === true && this.#tls !== undefined ? shownCertificate(this.#tls) : undefined);
      }
    }
  }

  /** Lets the client go. What a parser or the channel found becomes the reason; anything else is a defect and goes on up. */
  closed(error: unknown): AcceptClosed {
    const tls = this.#tls !== undefined;
    if (error instanceof WireError) {
      this.#intake.release();
      void refuseAndClose(this.#stream, protocolViolation(error.message));
      return { kind: 'closed', fault: 'malformed', tls };
    }
    this.#intake.release();
    this.#stream.on('error', () => {});
    this.#stream.destroy();
    if (error instanceof Ended) return { kind: 'closed', fault: error.fault, tls };
    if (error instanceof ChannelError) return { kind: 'closed', fault: error.fault, tls, ...(error.code === undefined ? {} : { code: error.code }) };
    throw error;
  }

  async #packet(): Promise<StartupPacket> {
    await this.#intake.need(4);
    const length = startupLength(this.#intake.peek());
    return decodeStartup(await this.#intake.read(length));
  }

  /** Bytes behind a request for encryption were not sent by the client inside TLS: somebody put them there (CVE-2021-23214). */
  #nothingBehind(): void {
    if (this.#intake.length > 0 || this.#stream.readableLength > 0) throw new Ended('smuggled');
  }

  async #encrypt(): Promise<void> {
    const budget = this.#intake.budget;
    const early = this.#intake.release();
    // Only a ClientHello that came first of all can be here; TLS reads it again from the start.
    if (early.length > 0) this.#stream.unshift(early);
    const tls = await serveTls(this.#stream, { context: this.#options.secureContext(), alpn: [ALPN], signal: this.#deadline.signal, askCertificate: this.#options.askCertificate === true });
    this.#tls = tls;
    this.#stream = tls;
    this.#intake = new Intake(tls, budget + early.length, this.#deadline.signal);
  }

  #end(fault: AcceptFault, report: Report): AcceptClosed {
    this.#deadline.clear();
    this.#intake.release();
    void refuseAndClose(this.#stream, report);
    return { kind: 'closed', fault, tls: this.#tls !== undefined };
  }
}

/** Ends `Door.open` without a word to the client. */
class Ended extends Error {
  readonly fault: AcceptFault;
  constructor(fault: AcceptFault) {
    super(fault);
    this.fault = fault;
  }
}

const protocolViolation = (message: string): Report => ({ severity: 'FATAL', sqlState: SqlState.protocol_violation, message });

/** A client that has sent its startup message and waits to be asked for its credential. */
export class Login {
  readonly kind = 'startup';
  /** The socket to talk to the client with, encrypted if `tls`. Paused. */
  readonly stream: Socket;
  readonly tls: boolean;
  /** The server name that the client asked for in TLS. */
  readonly sni?: string;
  /** What it showed when it opened TLS. */
  readonly certificate?: CertificateCredential;
  /** Minor version of protocol 3 that holds from here on: 0 or 2. Cancel keys are exactly 4 bytes in 0. */
  readonly minor: 0 | 2;
  /** As the client sent them; `judgeParameters` says what to do with them. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly #intake: Intake;
  readonly #deadline: Deadline;
  /** What the client has to be told of the protocol's version, until it was. */
  #negotiate: Buffer | undefined;

  constructor(stream: Socket, intake: Intake, deadline: Deadline, packet: Extract<StartupPacket, { kind: 'StartupMessage' }>, tls: TLSSocket | undefined, certificate?: CertificateCredential) {
    this.stream = stream;
    this.#intake = intake;
    this.#deadline = deadline;
    this.parameters = packet.parameters;
    this.tls = tls !== undefined;
    if (tls !== undefined && typeof tls.servername === 'string' && tls.servername !== '') this.sni = tls.servername;
    if (certificate !== undefined) this.certificate = certificate;
    this.minor = packet.minor >= NEWEST_MINOR ? NEWEST_MINOR : 0;
    const understood = packet.minor === this.minor && packet.protocolOptions.length === 0;
    this.#negotiate = understood ? undefined : toClient.negotiateProtocolVersion(this.minor, packet.protocolOptions);
  }

  /**
   * Asks for the password in clear and returns its bytes, without the terminator. Call once, and only when the login may
   * succeed. The buffer is the caller's: overwrite it when it was used. When the client leaves, is too slow or breaks the
   * protocol instead, the connection is closed and the reason returned.
   */
  async requestPassword(): Promise<Buffer | AcceptClosed> {
    try {
      this.#sayVersion();
      this.stream.write(toClient.authenticationCleartextPassword);
      await this.#intake.need(5);
      const head = this.#intake.peek();
      if (head[0] === Frontend.Terminate) throw new ChannelError('closed', 'the client gave up');
      if (head[0] !== Frontend.Password) throw new WireError('malformed', 'expected a password message');
      const length = head.readInt32BE(1);
      if (length < 5) throw new WireError('malformed', 'password message of impossible length');
      if (length > PASSWORD_LIMIT + 5) throw new WireError('too_large', 'password is too long');
      const frame = await this.#intake.read(length + 1);
      const password = Buffer.alloc(length - 5);
      frame.copy(password, 0, 5, length);
      const terminated = frame[length] === 0 && !password.includes(0);
      frame.fill(0);
      if (!terminated) {
        password.fill(0);
        throw new WireError('malformed', 'password message is not one terminated text');
      }
      this.#deadline.clear();
      return password;
    } catch (error) {
      this.#deadline.clear();
      this.#intake.release();
      if (error instanceof WireError) {
        void refuseAndClose(this.stream, protocolViolation(error.message));
        return { kind: 'closed', fault: 'malformed', tls: this.tls };
      }
      this.stream.on('error', () => {});
      this.stream.destroy();
      if (error instanceof ChannelError) return { kind: 'closed', fault: error.fault, tls: this.tls, ...(error.code === undefined ? {} : { code: error.code }) };
      throw error;
    }
  }

  /** Goes on without a password: the client has proved who it is. Call in the place of `requestPassword`. */
  passwordless(): void {
    this.#sayVersion();
    this.#deadline.clear();
  }

  #sayVersion(): void {
    if (this.#negotiate !== undefined) this.stream.write(this.#negotiate);
    this.#negotiate = undefined;
  }

  /** Ends the login with a FATAL error. Resolves when the connection is closed, which takes at most about a second. */
  refuse(report: Omit<Report, 'severity'>): Promise<void> {
    this.#deadline.clear();
    this.#intake.release();
    return refuseAndClose(this.stream, { severity: 'FATAL', ...report }, this.#negotiate);
  }

  /**
   * Hands the paused stream over, and the bytes that were read beyond the password, which come first. The caller listens
   * for `data`, `end`, `close` and `error` before it returns to the event loop, and calls `resume` when it is ready. Nothing was said to the client yet:
   * AuthenticationOk, parameters, the cancel key and ReadyForQuery are the session's to send.
   */
  release(): Buffer {
    this.#deadline.clear();
    return this.#intake.release();
  }
}

/**
 * Says why and closes. What the client still sends is read and dropped for a moment: closing with unread bytes would reset
 * the connection, and the client might never see the reason.
 */
const refuseAndClose = (stream: Socket, report: Report, before?: Buffer): Promise<void> =>
  new Promise((resolve) => {
    stream.on('error', () => {});
    if (stream.destroyed) {
      resolve();
      return;
    }
    const timer = setTimeout(() => stream.destroy(), LINGER_MS);
    stream.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    stream.resume();
    if (before !== undefined) stream.write(before);
    stream.end(errorResponse(report));
  });
