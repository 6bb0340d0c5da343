import { readFile } from 'node:fs/promises';
import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { formatHostPort } from '../../config/units.ts';
import { addressKind } from '../../wire/addresses.ts';
import { TargetFault } from './exchange.ts';
import { dialHttp2 } from './h2-dial.ts';
import { Http1Pool } from './h1-pool.ts';
import { Http2Pool } from './h2-pool.ts';
import { FORBIDDEN_ADDRESS } from './reaching.ts';

/** How long a connection may be silent before the system asks whether its other end is still there. */
const KEEP_ALIVE_MS = 60_000;

/** The upstream connections of one session: never used for another identity. */
export interface TargetPool {
  readonly scheme: 'http' | 'https';
  readonly http1: Http1Pool;
  /** Those of HTTP/2. */
  readonly http2: Http2Pool;
  close(): void;
}

/** Opens none yet. Rejects with TargetFault when the target cannot be reached as configured. */
export const openPool = async ({ target }: Pick<HttpConnectionConfig, 'target'>): Promise<TargetPool> => {
  const { host, port, tls } = target;
  if (isIP(host) !== 0 && addressKind(host) === 'forbidden') throw new TargetFault('unreachable', 'the target is at an address that no target may have');
  const where = { host, port, lookup: checkedLookup, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  if (tls === 'disable') return pooled('http', new Http1Pool({ where, tls: undefined }), new Http2Pool(originOf('http', target), () => dialHttp2(where, undefined)));
  let ca: Buffer | undefined;
  try {
    ca = target.ca === undefined ? undefined : await readFile(target.ca);
  } catch {
    throw new TargetFault('unreachable', 'the CA file of the target cannot be read');
  }
  const secure = {
    secureContext: contextOf(ca),
    // `require` encrypts without looking at whom.
    rejectUnauthorized: tls === 'verify-full',
    ...(isIP(host) === 0 ? { servername: host } : { servername: '' }),
  };
  return pooled('https', new Http1Pool({ where, tls: secure }), new Http2Pool(originOf('https', target), () => dialHttp2(where, secure)));
};

/** Made once for all connections of a session: to parse the authorities costs more than a handshake. */
const contextOf = (ca: Buffer | undefined): SecureContext => {
  try {
    return createSecureContext({ minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) });
  } catch {
    throw new TargetFault('unreachable', 'the CA file of the target holds no certificate');
  }
};

const pooled = (scheme: TargetPool['scheme'], http1: Http1Pool, http2: Http2Pool): TargetPool => ({
  scheme,
  http1,
  http2,
  close: () => {
    http1.close();
    http2.close();
  },
});

const originOf = (scheme: TargetPool['scheme'], target: HttpConnectionConfig['target']): string => `${scheme}://${formatHostPort(target)}`;

/** Resolves as the system does, and refuses when any of the addresses is one that no target may have: it is asked again for each connection. */
const checkedLookup: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const fail = (failed: NodeJS.ErrnoException): void => callback(failed, '', 0);
    if (error) return fail(error);
    const [first] = addresses;
    if (!first) return fail(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }));
    if (addresses.some(({ address }) => addressKind(address) === 'forbidden')) return fail(Object.assign(new Error('forbidden address'), { code: FORBIDDEN_ADDRESS }));
    return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
  });
};
