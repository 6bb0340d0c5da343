import { formatSecretRef } from '../../config/secret-ref.ts';
import { AwsChunkTransform, type ChunkWork } from './aws-chunk-transform.ts';
import type { ChunkSeed } from './aws-chunk-signature.ts';
import { needsBytes, payloadOf, type Payload } from './aws-payload.ts';
import { headerValues, removeHeader, setHeader } from './headers.ts';
import type { CredentialOf, Injector, InjectorParts, OutgoingBody, OutgoingHead } from './injector.ts';
import { NotSignable } from './not-signable.ts';
import { secretReader, type SecretReader } from './read-secret.ts';
import { ALGORITHM, amzDate, hasS3Rules, scopeText, signatureOf, signingKey } from './sigv4.ts';
import { CredentialUnavailable } from './unavailable.ts';
import { within } from './within.ts';

/** What a proxy, a balancer or the HTTP library may change, add or drop on the way. Every other header is signed. */
const NOT_SIGNED = new Set([
  'accept-encoding', 'connection', 'content-length', 'expect', 'forwarded', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer',
  'transfer-encoding', 'upgrade', 'user-agent', 'via', 'x-amzn-trace-id', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto',
]);
/** How the gateway's authentication could come by the query. A target would take the client's word there for ours, or refuse both. */
const QUERY_AUTHENTICATION = /(?:^|&)(?:x-amz-(?:algorithm|credential|date|expires|signedheaders|signature|security-token|s3session-token)|awsaccesskeyid)=/i;

interface Keys {
  readonly accessKey: string;
  readonly sessionToken: string | undefined;
  readonly key: Buffer;
}

/** AWS Signature Version 4, in the `Authorization` header. The key is read for each request, and the body's chunks are signed anew. */
export const awsInjector = (credential: CredentialOf<'aws'>, parts: InjectorParts): Injector => {
  const { region, service } = credential;
  const reader = secretReader(parts);
  return {
    owns: ['authorization', 'x-amz-date', 'x-amz-security-token', 'x-amz-s3session-token'],
    needsBytes: (head) => needsBytes(head, service),
    inject: async (head, signal) => {
      mustBeSignable(head);
      const payload = payloadOf(head, service);
      const timestamp = amzDate(parts.clock());
      const scope = { day: timestamp.slice(0, 8), region, service };
      const keys = await within(readKeys(credential, reader, (secret) => signingKey(secret, scope)), signal());
      const seed = sign(head, payload, keys, { timestamp, scope: scopeText(scope) }, service);
      const body = bodyOf(head, payload, seed);
      if (body === undefined) seed.key.fill(0);
      return body === undefined ? undefined : { body };
    },
    // Nothing is cached: the next request reads the key anew.
    rejected: () => false,
    close: () => {},
  };
};

/** Puts the headers on; what comes back is what the chunks' signatures follow from. */
const sign = (head: OutgoingHead, payload: Payload, { accessKey, sessionToken, key }: Keys, at: Pick<ChunkSeed, 'timestamp' | 'scope'>, service: string): ChunkSeed => {
  const { headers } = head;
  for (const name of ['authorization', 'x-amz-security-token', 'x-amz-s3session-token']) removeHeader(headers, name);
  describeBody(headers, payload);
  setHeader(headers, 'x-amz-date', at.timestamp);
  if (sessionToken !== undefined) setHeader(headers, 'x-amz-security-token', sessionToken);
  // Other services do not ask for it, but check what is there.
  if (hasS3Rules(service) || headerValues(headers, 'x-amz-content-sha256').length > 0) setHeader(headers, 'x-amz-content-sha256', payload.word);
  if (headerValues(headers, 'host').length > 0) setHeader(headers, 'host', head.authority);
  const all: [string, string][] = [...headers.filter(([name]) => name.toLowerCase() !== 'host'), ['host', head.authority]];
  const signed = [...new Set(all.map(([name]) => name.toLowerCase()))].filter((name) => !NOT_SIGNED.has(name)).toSorted();
  const [path, query] = splitOnce(head.path);
  const signature = signatureOf(key, at.timestamp, at.scope, { method: head.method, path, query, headers: all, signed, payload: payload.word, service });
  setHeader(headers, 'authorization', `${ALGORITHM} Credential=${accessKey}/${at.scope}, SignedHeaders=${signed.join(';')}, Signature=${signature}`);
  return { ...at, key, signature };
};

/** The headers that say how the body is written. */
const describeBody = (headers: OutgoingHead['headers'], { word, chunks }: Payload): void => {
  if (chunks === undefined) return;
  const encodings = headerValues(headers, 'content-encoding').flatMap((value) => value.split(',')).map((one) => one.trim()).filter((one) => one !== '');
  if (!encodings.some((one) => one.toLowerCase() === 'aws-chunked')) setHeader(headers, 'content-encoding', ['aws-chunked', ...encodings].join(','));
  if (chunks.decoded !== undefined) setHeader(headers, 'x-amz-decoded-content-length', String(chunks.decoded));
  removeHeader(headers, 'content-length');
  if (chunks.length !== undefined) setHeader(headers, 'content-length', String(chunks.length));
  setHeader(headers, 'x-amz-content-sha256', word);
};

const bodyOf = ({ body }: OutgoingHead, { chunks }: Payload, seed: ChunkSeed): OutgoingBody | undefined => {
  if (chunks === undefined) return undefined;
  const { from, signed, length } = chunks;
  // A key that signs nothing more is not kept for the time of the upload.
  if (!signed) seed.key.fill(0);
  const clientSeed = body.kind === 'stream' ? body.chunks : undefined;
  const work: ChunkWork = {
    from: 'form' in from && from.form.signed && clientSeed !== undefined ? { ...from, seed: clientSeed } : from,
    ...(signed ? { seed } : {}),
  };
  return { transform: new AwsChunkTransform(work), ...(length === undefined ? {} : { length }) };
};

const mustBeSignable = ({ method, authority, path, headers }: OutgoingHead): void => {
  if (!/^[\x21-\x7e]+$/.test(path) || !path.startsWith('/')) throw new NotSignable('the path is not written in ASCII');
  if (!/^[\x21-\x7e]+$/.test(authority) || !/^[!#$%&'*+.^_`|~\w-]+$/.test(method)) throw new NotSignable('the method or the host is not written in ASCII');
  if (headers.some(([name, value]) => !/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))) throw new NotSignable('a header cannot be signed');
  const [, query] = splitOnce(path);
  if (QUERY_AUTHENTICATION.test(decodedNames(query))) throw new NotSignable('the query carries a signature of its own');
};

/** However their names are written, they are seen. */
const decodedNames = (query: string): string =>
  query
    .split('&')
    .map((pair) => `${(pair.split('=', 1)[0] ?? '').replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))}=`)
    .join('&');

const splitOnce = (path: string): [path: string, query: string] => {
  const at = path.indexOf('?');
  return at === -1 ? [path, ''] : [path.slice(0, at), path.slice(at + 1)];
};

const readKeys = async ({ accessKey, secretKey, sessionToken }: CredentialOf<'aws'>, reader: SecretReader, derive: (secret: Buffer) => Buffer): Promise<Keys> => {
  const id = await reader.token(accessKey);
  if (!/^\w{4,128}$/.test(id)) throw new CredentialUnavailable(`${formatSecretRef(accessKey)} is not the id of an access key`);
  const token = sessionToken === undefined ? undefined : await reader.token(sessionToken);
  return { accessKey: id, sessionToken: token, key: await reader.bytes(secretKey, derive) };
};
