import { readFile } from 'node:fs/promises';
import { type Socket, connect, isIP } from 'node:net';
import { type ConnectionOptions, type SecureContext, createSecureContext } from 'node:tls';
import type { PostgresConnectionConfig } from '../../config/resolved.ts';
import { ChannelError, WireError, errorCode } from '../../wire/errors.ts';
import { Intake } from '../../wire/intake.ts';
import { ReadMemory } from '../../wire/read-memory.ts';
import { connectTls } from '../../wire/tls.ts';
import { DialError } from './dial-errors.ts';
import { toServer } from './encode.ts';
import { tlsServerEndPoint } from './scram.ts';

/** A connected socket, encrypted when the configuration says so, before the first message of the protocol. */
export interface Channel {
  readonly socket: Socket;
  readonly tls: boolean;
  /** Nobody on the way can read it: TLS, or a Unix socket. */
  readonly confidential: boolean;
  /** What the socket is read into; without it Node does as it likes, as it does in any case under TLS. */
  readonly memory?: ReadMemory;
  /** For channel binding; see `tlsServerEndPoint`. */
  readonly endPoint?: Buffer;
}

const KEEP_ALIVE_MS = 60_000;

/** Connects, and encrypts if the target is configured so. Throws DialError or ChannelError and then leaves nothing open. */
export const openChannel = async (target: PostgresConnectionConfig['target'], signal: AbortSignal): Promise<Channel> => {
  // PostgreSQL does not encrypt Unix sockets.
  const unix = isUnix(target.host);
  if (unix || target.tls === 'disable') {
    const memory = new ReadMemory(false, true);
    return { socket: await connectPlain(target, signal, memory), tls: false, confidential: unix, memory };
  }
  const socket = await connectPlain(target, signal);
  try {
    await askForTls(socket, signal);
    const secure = await connectTls(socket, await tlsOptions(target), signal);
    const certificate = secure.getPeerX509Certificate();
    const endPoint = certificate === undefined ? undefined : tlsServerEndPoint(certificate);
    return { socket: secure, tls: true, confidential: true, ...(endPoint === undefined ? {} : { endPoint }) };
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    throw error;
  }
};

const isUnix = (host: string): boolean => host.startsWith('/');

const connectPlain = (target: PostgresConnectionConfig['target'], signal: AbortSignal, memory?: ReadMemory): Promise<Socket> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(asChannelError(signal));
      return;
    }
    const { host, port } = target;
    const reading = memory && { onread: memory.onread };
    const socket = connect(isUnix(host) ? { path: `${host}/.s.PGSQL.${port}`, ...reading } : { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, ...reading });
    memory?.deliverTo(socket);
    const settle = (): void => {
      socket.off('connect', onConnect).off('error', onError);
      signal.removeEventListener('abort', onAbort);
    };
    const onConnect = (): void => {
      settle();
      socket.pause();
      resolve(socket);
    };
    const onError = (error: unknown): void => {
      settle();
      socket.destroy();
      reject(new DialError('network', 'the target cannot be reached', errorCode(error)));
    };
    const onAbort = (): void => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(asChannelError(signal));
    };
    socket.on('connect', onConnect).on('error', onError);
    signal.addEventListener('abort', onAbort);
  });

const asChannelError = (signal: AbortSignal): ChannelError => (signal.reason instanceof ChannelError ? signal.reason : new ChannelError('aborted', 'given up'));

/** SSLRequest. One byte is read and no more may be there: what came in clear must not be taken for what comes in TLS (CVE-2021-23222). */
const askForTls = async (socket: Socket, signal: AbortSignal): Promise<void> => {
  const intake = new Intake(socket, 1024, signal);
  try {
    socket.write(toServer.sslRequest);
    const answer = (await intake.read(1))[0];
    if (answer === 0x4e) throw new DialError('tls_refused', 'the target does not offer TLS, and the connection demands it');
    // A server that could not even fork answers with an error in the form of protocol 2.
    if (answer === 0x45) throw new DialError('server_error', 'the target refused the connection before TLS');
    if (answer !== 0x53) throw new WireError('malformed', 'neither yes nor no to the request for TLS');
    if (intake.length > 0 || socket.readableLength > 0) throw new WireError('malformed', 'bytes in clear behind the agreement on TLS');
  } finally {
    intake.release();
  }
};

const tlsOptions = async (target: PostgresConnectionConfig['target']): Promise<Omit<ConnectionOptions, 'socket'>> => {
  const secureContext = await contextFor(target.ca);
  return {
    secureContext,
    host: target.host,
    // An address is not a server name (RFC 6066); it is still compared with the certificate.
    ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
    rejectUnauthorized: target.tls === 'verify-full',
    ALPNProtocols: ['postgresql'],
  };
};

/** Contexts by the PEM text they were made of, so that a renewed file serves the next login. Parsing a CA costs more than reading it. */
const contexts = new Map<string, SecureContext>();
const MOST_CONTEXTS = 64;

const contextFor = async (ca: string | undefined): Promise<SecureContext> => {
  let pem = '';
  if (ca !== undefined) {
    try {
      pem = await readFile(ca, 'utf8');
    } catch (error) {
      throw new DialError('tls_unverified', 'the CA file of the target cannot be read', errorCode(error));
    }
  }
  let context = contexts.get(pem);
  if (context === undefined) {
    try {
      context = createSecureContext({ minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca: pem }) });
    } catch (error) {
      throw new DialError('tls_unverified', 'the CA file of the target holds no certificate', errorCode(error));
    }
    if (contexts.size >= MOST_CONTEXTS) contexts.clear();
    contexts.set(pem, context);
  }
  return context;
};
