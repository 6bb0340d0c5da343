import { createHmac, hash } from 'node:crypto';

/*
 * AWS Signature Version 4, as both sides need it: the gateway signs for the target with it, and checks the signatures of clients with it.
 */

export const ALGORITHM = 'AWS4-HMAC-SHA256';
export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';

/** What a signature is good for. */
export interface Scope {
  /** `20260102`, in UTC. */
  readonly day: string;
  readonly region: string;
  readonly service: string;
}

export interface CanonicalParts {
  readonly method: string;
  /** As sent, without the query. */
  readonly path: string;
  /** As sent, without its question mark. */
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Names of the headers that are signed: lower case, sorted, each once. */
  readonly signed: readonly string[];
  /** SHA-256 of the body in hex, or one of the words that stand for it. */
  readonly payload: string;
  readonly service: string;
}

/** `20260102T030405Z` */
export const amzDate = (now: number): string => new Date(now).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');

export const scopeText = ({ day, region, service }: Scope): string => `${day}/${region}/${service}/aws4_request`;

/** S3 encodes its paths once and never normalises them; everyone else does the opposite of both. */
export const hasS3Rules = (service: string): boolean => service === 's3' || service === 's3express' || service.startsWith('s3-');

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text, 'utf8').digest();

/** The key of one day, region and service. Whoever has it can sign in that scope for about a day. */
export const signingKey = (secretKey: Uint8Array, { day, region, service }: Scope): Buffer => {
  const start = Buffer.concat([Buffer.from('AWS4'), secretKey]);
  const key = [day, region, service, 'aws4_request'].reduce(hmac, start);
  start.fill(0);
  return key;
};

/** The signature over a request, in hex. */
export const signatureOf = (key: Uint8Array, timestamp: string, scope: string, parts: CanonicalParts): string => {
  // Headers come as one character a byte, and the rest is ASCII: these are the bytes on the wire.
  const digest = hash('sha256', Buffer.from(canonicalRequest(parts), 'latin1'), 'hex');
  return hmac(key, `${ALGORITHM}\n${timestamp}\n${scope}\n${digest}`).toString('hex');
};

export const canonicalRequest = ({ method, path, query, headers, signed, payload, service }: CanonicalParts): string =>
  [method, canonicalPath(path, service), canonicalQuery(query), ...canonicalHeaders(headers, signed), '', signed.join(';'), payload].join('\n');

/** Any encoding of a path gives the same text here, except where the service takes the path as the client wrote it. */
export const canonicalPath = (path: string, service: string): string => {
  if (!hasS3Rules(service)) return normalised(path).replaceAll(/[^A-Za-z0-9\-._~/]/g, percent);
  return path === '' ? '/' : path.replaceAll(/%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~/]/g, recoded);
};

/** Names and values encoded in the one way, and sorted by name, then by value. A plus is a space, as in forms. */
export const canonicalQuery = (query: string): string =>
  query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair): [string, string] => {
      const at = pair.indexOf('=');
      return at === -1 ? [encodedAgain(pair), ''] : [encodedAgain(pair.slice(0, at)), encodedAgain(pair.slice(at + 1))];
    })
    .toSorted(([name, value], [otherName, otherValue]) => compare(name, otherName) || compare(value, otherValue))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');

const canonicalHeaders = (headers: CanonicalParts['headers'], signed: readonly string[]): string[] => {
  const values = new Map<string, string[]>(signed.map((name) => [name, []]));
  for (const [name, value] of headers) values.get(name.toLowerCase())?.push(collapsed(value));
  return signed.map((name) => `${name}:${values.get(name)?.join(',') ?? ''}`);
};

/** Runs of white space become one space, and none stays at the ends. Not `\s`: that has characters which are half of a UTF-8 one here. */
const collapsed = (value: string): string => {
  const single = value.replaceAll(/[ \t]+/g, ' ');
  return single.slice(single.startsWith(' ') ? 1 : 0, single.length > 1 && single.endsWith(' ') ? -1 : undefined);
};

const encodedAgain = (text: string): string => text.replaceAll('+', '%20').replaceAll(/%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~]/g, recoded);

const recoded = (one: string, hex: string | undefined): string => {
  const text = hex === undefined ? one : String.fromCharCode(Number.parseInt(hex, 16));
  return /[A-Za-z0-9\-._~]/.test(text) ? text : percent(text);
};

const percent = (one: string): string => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/** RFC 3986 section 5.2.4, and no empty segments. */
const normalised = (path: string): string => {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  return kept.length === 0 ? '/' : `/${kept.join('/')}${path.endsWith('/') ? '/' : ''}`;
};

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
