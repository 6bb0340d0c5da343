import { connect as connectPlain, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { errorCode } from '../../wire/errors.ts';
import { TargetFault } from './exchange.ts';
import { CONNECT_MS, notReached, notReachedInTime } from './reaching.ts';

/**
 * A connection on which HTTP/2 is spoken: agreed on by ALPN, or, without TLS, known before (RFC 9113 section 3.3). Undefined when the target chose
 * HTTP/1.1. Rejects with TargetFault.
 */
export const dialHttp2 = (where: NetConnectOpts, tls: ConnectionOptions | undefined): Promise<Socket | undefined> =>
  new Promise((resolve, reject) => {
    const socket = tls ? connectTls({ ...where, ...tls, ALPNProtocols: ['h2', 'http/1.1'] } as ConnectionOptions) : connectPlain(where);
    const fail = (fault: TargetFault): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(fault);
    };
    const timer = setTimeout(() => fail(notReachedInTime()), CONNECT_MS);
    socket.on('error', (error) => fail(notReached(errorCode(error))));
    socket.once('close', () => fail(new TargetFault('unreachable', 'the target closed the connection')));
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      if (tls && 'alpnProtocol' in socket && socket.alpnProtocol !== 'h2') {
        socket.destroy();
        resolve(undefined);
      } else resolve(socket);
    });
  });
