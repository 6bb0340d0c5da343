import type { Socket } from 'node:net';
import { type ConnectionOptions, type SecureContext, TLSSocket, connect } from 'node:tls';
import { ChannelError, errorCode } from './errors.ts';

/** Protocols that are still considered safe; whatever the secure context allows, older ones end the connection. */
const SAFE_VERSIONS: ReadonlySet<string | null> = new Set(['TLSv1.2', 'TLSv1.3']);

export interface ServeTls {
  readonly context: SecureContext;
  /** ALPN names that we speak. A client that offers others only is refused by TLS itself; one that offers none is not. */
  readonly alpn: readonly string[];
  readonly signal: AbortSignal;
  /** Asks the client for a certificate, by the CAs of the context. One that shows none, or one that does not hold, is let in all the same: whoever needs a certificate looks at it. */
  readonly askCertificate?: boolean;
}

/**
 * Makes an accepted socket a TLS server. The socket must be paused and without listeners of ours; bytes that were read from it
 * and belong to TLS must have been put back (`unshift`). On failure the socket is destroyed and ChannelError thrown.
 */
export const serveTls = async (socket: Socket, { context, alpn, signal, askCertificate = false }: ServeTls): Promise<TLSSocket> => {
  const secure = new TLSSocket(socket, { isServer: true, secureContext: context, ALPNProtocols: [...alpn], requestCert: askCertificate, rejectUnauthorized: false });
  await handshake(socket, secure, 'secure', signal);
  secure.disableRenegotiation();
  return secure;
};

/**
 * Makes a connected socket a TLS client. `options` as for `tls.connect`, without `socket`. On failure the socket is destroyed
 * and ChannelError thrown; its code tells a certificate that was not accepted from other failures.
 */
export const connectTls = async (socket: Socket, options: Omit<ConnectionOptions, 'socket'>, signal: AbortSignal): Promise<TLSSocket> => {
  const secure = connect({ ...options, socket });
  await handshake(socket, secure, 'secureConnect', signal);
  secure.disableRenegotiation();
  return secure;
};

const handshake = async (plain: Socket, secure: TLSSocket, done: 'secure' | 'secureConnect', signal: AbortSignal): Promise<void> => {
  // After the upgrade the TLS socket reports what happens to the connection; the plain one must only not crash the process.
  plain.on('error', () => secure.destroy());
  try {
    await new Promise<void>((resolve, reject) => {
      let code: string | undefined;
      const settle = (end: () => void): void => {
        secure.off(done, onDone).off('_tlsError', onTlsError).off('error', onTlsError).off('close', onClose);
        signal.removeEventListener('abort', onAbort);
        end();
      };
      const onDone = (): void => settle(resolve);
      const onTlsError = (error: unknown): void => {
        code ??= errorCode(error);
      };
      const onClose = (): void => settle(() => reject(new ChannelError('tls', 'the TLS handshake failed', code)));
      const onAbort = (): void => settle(() => reject(signal.reason instanceof ChannelError ? signal.reason : new ChannelError('aborted', 'given up')));
      secure.on(done, onDone).on('_tlsError', onTlsError).on('error', onTlsError).on('close', onClose);
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
    });
    if (!SAFE_VERSIONS.has(secure.getProtocol())) throw new ChannelError('tls', 'the TLS version is too old');
  } catch (error) {
    secure.on('error', () => {});
    secure.destroy();
    throw error;
  }
};
