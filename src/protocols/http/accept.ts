import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { CertificateCredential } from '../../model/principal.ts';
import { shownCertificate } from '../../wire/client-certificate.ts';
import { startDeadline } from '../../wire/deadline.ts';
import { ChannelError } from '../../wire/errors.ts';
import { Intake } from '../../wire/intake.ts';
import { serveTls } from '../../wire/tls.ts';
import type { Channel } from './head.ts';

/** First byte of a TLS record that carries a handshake. */
const TLS_HANDSHAKE = 0x16;
/** The versions that are spoken, by their ALPN names. A client that offers others only is refused by TLS itself. */
export const ALPN: readonly string[] = ['h2', 'http/1.1'];
/** How HTTP/2 begins that was not agreed on by TLS (RFC 9113 section 3.4). No method of HTTP/1.1 begins so. */
const PREFACE = 'PRI';
/** Most bytes of what a client sends first. */
const MOST_FIRST = 128 * 1024;
/** Time that a client gets to read that it has to use TLS. */
const LINGER_MS = 1_000;

export interface AcceptOptions {
  /** Asked once for each TLS handshake, so that a renewed certificate serves the next client. */
  readonly secureContext: () => SecureContext;
  /** Clients are asked for a certificate. */
  readonly askCertificate?: boolean;
  /** A client may speak without TLS. For loopback listeners only. */
  readonly plaintextAllowed: boolean;
  /** ALPN names that are offered, where it is not all of them. */
  readonly alpn?: readonly string[];
  /** Time up to the end of the TLS handshake. */
  readonly deadlineMs: number;
}

/** Why a client was let go before it had asked for anything. */
export type AcceptFault = 'closed' | 'deadline' | 'tls' | 'tls_required';

export interface Accepted {
  readonly kind: 'accepted';
  /** Paused, with what was read of it put back. */
  readonly stream: Socket;
  /** The socket below, to reset it. */
  readonly raw: Socket;
  readonly channel: Channel;
  /** It speaks HTTP/2. */
  readonly http2: boolean;
  /** A session of TLS 1.2 was resumed: the server is not told the name again that it was opened for (RFC 6066 section 3). */
  readonly nameless: boolean;
  /** What it showed in the handshake. */
  readonly certificate?: CertificateCredential;
}

/** Takes a new connection up to its first request: TLS, or none where that is allowed. Never throws for what a client does. */
export const acceptClient = async (socket: Socket, options: AcceptOptions): Promise<Accepted | { readonly kind: 'closed'; readonly fault: AcceptFault; readonly code?: string }> => {
  const deadline = startDeadline(options.deadlineMs);
  try {
    const intake = new Intake(socket, MOST_FIRST, deadline.signal);
    await intake.need(PREFACE.length);
    const early = intake.release();
    // The parser, or TLS, reads it again from the start.
    socket.unshift(early);
    if (early[0] === TLS_HANDSHAKE) return await secured(socket, options, deadline.signal);
    if (!options.plaintextAllowed) {
      sayTls(socket);
      return { kind: 'closed', fault: 'tls_required' };
    }
    return { kind: 'accepted', stream: socket, raw: socket, channel: { tls: false }, nameless: false, http2: early.toString('latin1', 0, PREFACE.length) === PREFACE };
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    if (!(error instanceof ChannelError)) throw error;
    const fault = error.fault === 'deadline' || error.fault === 'tls' ? error.fault : 'closed';
    return { kind: 'closed', fault, ...(error.code === undefined ? {} : { code: error.code }) };
  } finally {
    deadline.clear();
  }
};

const secured = async (socket: Socket, { secureContext, alpn = ALPN, askCertificate = false }: AcceptOptions, signal: AbortSignal): Promise<Accepted> => {
  const stream = await serveTls(socket, { context: secureContext(), alpn, signal, askCertificate });
  // A dot at the end changes nothing, in Host as here.
  const sni = typeof stream.servername === 'string' ? stream.servername.replace(/\.$/, '') : '';
  const certificate = askCertificate ? shownCertificate(stream) : undefined;
  // Node's own server says so itself; HTTP/2 would wait for it.
  Object.assign(stream, { secureConnecting: false });
  return { kind: 'accepted', stream, raw: socket, channel: { tls: true, ...(sni === '' ? {} : { sni }) }, nameless: stream.isSessionReused() && stream.getProtocol() === 'TLSv1.2', http2: stream.alpnProtocol === 'h2', ...(certificate === undefined ? {} : { certificate }) };
};

/** In clear, because that is what the client reads. */
const sayTls = (socket: Socket): void => {
  const body = 'wicketgate: this address takes requests over TLS only: use https\n';
  socket.on('error', () => {});
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
  socket.end(`HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
};
