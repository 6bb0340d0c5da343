import dns, { type LookupAddress, type LookupOptions } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { request as requestPlain, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestTls } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { addressKind, type AddressKind } from '../wire/addresses.ts';

/** What a fetch of an issuer's documents may reach. */
export interface FetchRules {
  /** Private and loopback addresses are allowed. */
  readonly allowPrivate: boolean;
  /** Loopback addresses are allowed, and plain http to them: the configured issuer is itself on loopback. */
  readonly allowLoopback: boolean;
  /** PEM file of the CAs to trust instead of the system's. Read at each fetch, so that it can be replaced. */
  readonly ca?: string;
}

/** Whole fetch, from name resolution to the last byte. */
const TIMEOUT = 5_000;

/** Nothing came of a fetch. The message is safe to log: it names hosts, never what was sent or answered. */
export class FetchFailed extends Error {
  override name = 'FetchFailed';
}

/** What is sent. Without a method it is a GET. */
export interface Asked {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/**
 * Fetches one small document of an issuer.
 *
 * @throws FetchFailed
 */
export const fetchDocument = async (address: string, rules: FetchRules, maxBytes: number): Promise<Buffer> => (await exchange(address, rules, maxBytes, {}, true)).body;

/**
 * Sends one request to an issuer, and takes whatever status it answers. The address is judged where the connection is made: what the name
 * resolved to is what is connected to, so no second resolution can differ. No redirect is followed, no proxy of the environment used.
 *
 * @throws FetchFailed
 */
export const exchange = async (address: string, rules: FetchRules, maxBytes: number, asked: Asked, onlyOk = false): Promise<Answered> => {
  const url = checkedUrl(address, rules);
  const ca = rules.ca === undefined ? undefined : await readFile(rules.ca);
  const options: RequestOptions = {
    method: asked.method ?? 'GET',
    headers: { accept: 'application/json', ...asked.headers, 'accept-encoding': 'identity', 'user-agent': 'wicketgate' },
    // A connection of its own: a pooled one would not be judged again.
    agent: false,
    lookup: judgingLookup(url, rules),
    signal: AbortSignal.timeout(TIMEOUT),
    maxHeaderSize: 16 * 1024,
  };
  return new Promise((done, failed) => {
    const fail = (cause: unknown): void => failed(new FetchFailed(`${url.host}: ${describe(cause)}`));
    const request =
      url.protocol === 'https:'
        ? requestTls(url, { ...options, minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) })
        : requestPlain(url, options);
    request.on('error', fail);
    request.on('response', (response) => {
      const refused = refusedResponse(response, maxBytes, onlyOk);
      if (refused !== undefined) {
        fail(new FetchRefused(refused));
        request.destroy();
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes <= maxBytes) return;
        fail(new FetchRefused('document is too large'));
        request.destroy();
      });
      response.on('error', fail);
      response.on('aborted', () => fail(new FetchRefused('connection ended early')));
      response.on('end', () => done({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    request.end(asked.body);
  });
};

/** Refused by a rule of ours. */
class FetchRefused extends Error {}

/** Whether a URL names this machine, literally or as `localhost` (RFC 6761). */
export const isLoopbackUrl = (address: string): boolean => {
  if (!URL.canParse(address)) return false;
  const host = bareHost(new URL(address));
  return host === 'localhost' || host.endsWith('.localhost') || (isIP(host) !== 0 && addressKind(host) === 'loopback');
};

const bareHost = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

const checkedUrl = (address: string, rules: FetchRules): URL => {
  if (!URL.canParse(address)) throw new FetchFailed('address is not a URL');
  const url = new URL(address);
  if (url.username !== '' || url.password !== '') throw new FetchFailed(`${url.host}: address must not carry a user or password`);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && rules.allowLoopback && isLoopbackUrl(address))) {
    throw new FetchFailed(`${url.host}: only https is fetched (http on loopback when the issuer is on loopback)`);
  }
  const host = bareHost(url);
  // A literal address is connected to without a lookup, so it is judged here.
  if (isIP(host) !== 0 && !mayReach(addressKind(host), url, rules)) throw new FetchFailed(`${url.host}: ${notAllowed(host)}`);
  return url;
};

const mayReach = (kind: AddressKind, url: URL, rules: FetchRules): boolean => {
  if (url.protocol === 'http:') return kind === 'loopback' && rules.allowLoopback;
  if (kind === 'public') return true;
  if (kind === 'loopback') return rules.allowLoopback || rules.allowPrivate;
  return kind === 'private' && rules.allowPrivate;
};

const notAllowed = (address: string): string => `${addressKind(address)} address ${address} is not allowed`;

/** Resolves as the system does, and refuses when any of the addresses may not be reached. */
const judgingLookup =
  (url: URL, rules: FetchRules): LookupFunction =>
  (hostname: string, options: LookupOptions, callback: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void) => {
    dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const first = addresses[0];
      if (first === undefined) return callback(new FetchRefused('name has no address'), []);
      const refused = addresses.find(({ address }) => !mayReach(addressKind(address), url, rules));
      if (refused !== undefined) return callback(new FetchRefused(notAllowed(refused.address)), []);
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };

const refusedResponse = (response: IncomingMessage, maxBytes: number, onlyOk: boolean): string | undefined => {
  if (onlyOk && response.statusCode !== 200) return `answered ${response.statusCode}`;
  const encoding = response.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') return 'answer is encoded';
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) return 'document is too large';
  return undefined;
};

/** Words for the log. System errors by their code, since their messages vary. */
const describe = (cause: unknown): string => {
  if (cause instanceof FetchRefused) return cause.message;
  if (!(cause instanceof Error)) return 'failed';
  if (cause.name === 'TimeoutError' || cause.name === 'AbortError') return 'no answer within 5 s';
  const { code } = cause as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : cause.name;
};
