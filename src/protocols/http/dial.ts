import { readFile } from 'node:fs/promises';
import dns from 'node:dns';
import * as http from 'node:http';
import * as https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { formatHostPort } from '../../config/units.ts';
import { addressKind } from '../../wire/addresses.ts';
import { TargetFault } from './exchange.ts';
import { dialHttp2, FORBIDDEN_ADDRESS } from './h2-dial.ts';
import { Http2Pool } from './h2-pool.ts';

/** How long a connection waits in the pool for its next request. Shorter than what servers commonly wait, so that it is seldom theirs to close. */
const POOLED_MS = 4_000;
/** Most connections of one session that wait for a next request. */
const MOST_POOLED = 32;

/** The upstream connections of one session: never used for another identity. */
export interface TargetPool {
  readonly scheme: 'http' | 'https';
  readonly agent: http.Agent;
  /** Where to, for each request. */
  readonly options: Readonly<https.RequestOptions>;
  /** Those of HTTP/2. */
  readonly http2: Http2Pool;
  close(): void;
}

/** Opens none yet. Rejects with TargetFault when the target cannot be reached as configured. */
export const openPool = async ({ target }: Pick<HttpConnectionConfig, 'target'>): Promise<TargetPool> => {
  const { host, port, tls } = target;
  if (isIP(host) !== 0 && addressKind(host) === 'forbidden') throw new TargetFault('unreachable', 'the target is at an address that no target may have');
  const pooling = { keepAlive: true, timeout: POOLED_MS, maxFreeSockets: MOST_POOLED, scheduling: 'lifo' } as const;
  const where = { host, port, lookup: checkedLookup, noDelay: true };
  if (tls === 'disable') {
    return pooled('http', new http.Agent(pooling), where, new Http2Pool(originOf('http', target), () => dialHttp2(where, undefined)));
  }
  let ca: Buffer | undefined;
  try {
    ca = target.ca === undefined ? undefined : await readFile(target.ca);
  } catch {
    throw new TargetFault('unreachable', 'the CA file of the target cannot be read');
  }
  const secure = {
    minVersion: 'TLSv1.2',
    // `require` encrypts without looking at whom.
    rejectUnauthorized: tls === 'verify-full',
    ...(isIP(host) === 0 ? { servername: host } : { servername: '' }),
    ...(ca === undefined ? {} : { ca }),
  } as const;
  const agent = new https.Agent({ ...pooling, ...secure, ALPNProtocols: ['http/1.1'] });
  return pooled('https', agent, where, new Http2Pool(originOf('https', target), () => dialHttp2(where, secure)));
};

const pooled = (scheme: TargetPool['scheme'], agent: http.Agent, options: TargetPool['options'], http2: Http2Pool): TargetPool => ({
  scheme,
  agent,
  options,
  http2,
  close: () => {
    agent.destroy();
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
    if (addresses.some(({ address }) => addressKind(address) === 'forbidden')) return fail(Object.assign(new Error('forbidden address'), { code: FORBIDDEN }));
    return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
  });
};

/** A name of the target leads to an address of link-local, metadata, multicast or reserved ranges. */
export const FORBIDDEN = FORBIDDEN_ADDRESS;
