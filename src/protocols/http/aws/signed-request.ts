import { ALGORITHM, UNSIGNED_PAYLOAD, hasS3Rules, type Scope } from '../../../secrets/upstream/sigv4.ts';
import { dashed } from '../field-names.ts';

/** A request as the client sent it, before anything was taken off. */
export interface ReceivedRequest {
  readonly method: string;
  /** As sent: with the connection's prefix, encoded as it was, without the query. */
  readonly path: string;
  /** As sent, without its question mark. */
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What a signature on a request claims. Nothing of it is checked yet. */
export interface SignatureClaim {
  readonly accessKeyId: string;
  readonly scope: Scope;
  /** `20260102T030405Z` */
  readonly timestamp: string;
  /** Milliseconds since the epoch. */
  readonly signedAt: number;
  /** Of a presigned URL: milliseconds that it is good for. */
  readonly lifetime?: number;
  /** Lower case, sorted. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string | undefined;
  /** For the canonical request; undefined: the hash of the body, which has to be read first. */
  readonly payload: string | undefined;
  /** The query as it was signed, and as it goes on: without what belongs to the signature. */
  readonly signedQuery: string;
  readonly query: string;
}

/** Why a signed request is not let in, in AWS's words. `message` quotes nothing that came. */
export interface SignatureRefusal {
  readonly status: 400 | 403;
  readonly code: 'AuthorizationHeaderMalformed' | 'AuthorizationQueryParametersError' | 'InvalidAccessKeyId' | 'SignatureDoesNotMatch' | 'RequestTimeTooSkewed' | 'AccessDenied' | 'InvalidRequest';
  readonly message: string;
}

export const isSignatureRefusal = (read: object): read is SignatureRefusal => 'code' in read;

/** The parameters of a presigned URL, as names are written. */
const QUERY_NAMES = new Set(['x-amz-algorithm', 'x-amz-credential', 'x-amz-date', 'x-amz-expires', 'x-amz-signedheaders', 'x-amz-signature', 'x-amz-security-token', 'x-amz-content-sha256']);
const MOST_SIGNED = 100;
const WEEK = 7 * 24 * 3_600;

/** Reads a SigV4 signature off a request: of the header, or of a presigned URL. Undefined: it has none. */
export const readSignature = (request: ReceivedRequest): SignatureClaim | SignatureRefusal | undefined => {
  const authorization = values(request, 'authorization').filter((value) => /^AWS4-/i.test(value));
  const parameters = presigned(request.query);
  if (authorization.length === 0 && !parameters.some(([name]) => name === 'x-amz-signature')) return undefined;
  if (authorization.length > 0 && parameters.some(([name]) => name === 'x-amz-signature')) return { status: 400, code: 'InvalidRequest', message: 'a request is signed by its header or by its query, not by both' };
  return authorization.length > 0 ? ofHeader(request, authorization) : ofQuery(request, parameters);
};

const ofHeader = (request: ReceivedRequest, authorization: readonly string[]): SignatureClaim | SignatureRefusal => {
  const malformed: SignatureRefusal = { status: 400, code: 'AuthorizationHeaderMalformed', message: 'the Authorization header is not one of AWS Signature Version 4' };
  const [text, ...more] = authorization;
  if (text === undefined || more.length > 0 || !text.startsWith(`${ALGORITHM} `)) return malformed;
  const fields = new Map<string, string>();
  for (const part of text.slice(ALGORITHM.length).split(',')) {
    const [, name, value] = /^ *(Credential|SignedHeaders|Signature)=([\x21-\x7e]+) *$/.exec(part) ?? [];
    if (name === undefined || value === undefined || fields.has(name)) return malformed;
    fields.set(name, value);
  }
  const timestamp = timestampOf(request);
  if (timestamp === undefined) return { status: 403, code: 'AccessDenied', message: 'a signed request needs a valid X-Amz-Date' };
  const [token, ...tokens] = values(request, 'x-amz-security-token');
  const [digest, ...digests] = values(request, 'x-amz-content-sha256');
  if (tokens.length > 0 || digests.length > 0) return malformed;
  const common = readCommon({ credential: fields.get('Credential'), signedHeaders: fields.get('SignedHeaders'), signature: fields.get('Signature'), timestamp });
  if (common === undefined) return malformed;
  if (!common.signedHeaders.includes('x-amz-date') && !common.signedHeaders.includes('date')) return unsignedHeader('the date');
  // S3 always says it; the others leave it to the body.
  if (digest === undefined && hasS3Rules(common.scope.service)) return { status: 400, code: 'InvalidRequest', message: 'the header x-amz-content-sha256 is missing' };
  return checked(request, { ...common, sessionToken: token, payload: digest, signedQuery: request.query, query: request.query });
};

const ofQuery = (request: ReceivedRequest, parameters: readonly Parameter[]): SignatureClaim | SignatureRefusal => {
  const malformed: SignatureRefusal = { status: 400, code: 'AuthorizationQueryParametersError', message: 'the query parameters of the signature are not as they must be' };
  const given = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (given.has(name) || value === undefined) return malformed;
    given.set(name, value);
  }
  const expires = given.get('x-amz-expires') ?? '';
  if (given.get('x-amz-algorithm') !== ALGORITHM || !/^\d{1,6}$/.test(expires) || Number(expires) < 1 || Number(expires) > WEEK) return malformed;
  const common = readCommon({ credential: given.get('x-amz-credential'), signedHeaders: given.get('x-amz-signedheaders'), signature: given.get('x-amz-signature'), timestamp: given.get('x-amz-date') });
  if (common === undefined) return malformed;
  const digests = [...values(request, 'x-amz-content-sha256'), ...(given.get('x-amz-content-sha256') === undefined ? [] : [given.get('x-amz-content-sha256')])];
  // Said twice, which of them was meant?
  if (values(request, 'x-amz-security-token').length > 0 || digests.length > 1) return malformed;
  const [digest] = digests;
  const pairs = request.query.split('&');
  return checked(request, {
    ...common,
    lifetime: Number(expires) * 1000,
    sessionToken: given.get('x-amz-security-token'),
    payload: digest ?? (hasS3Rules(common.scope.service) ? UNSIGNED_PAYLOAD : undefined),
    signedQuery: pairs.filter((pair) => nameOf(pair) !== 'x-amz-signature').join('&'),
    query: pairs.filter((pair) => !QUERY_NAMES.has(nameOf(pair))).join('&'),
  });
};

type Common = Pick<SignatureClaim, 'accessKeyId' | 'scope' | 'timestamp' | 'signedAt' | 'signedHeaders' | 'signature'>;

const readCommon = (given: { readonly credential: string | undefined; readonly signedHeaders: string | undefined; readonly signature: string | undefined; readonly timestamp: string | undefined }): Common | undefined => {
  const [, accessKeyId, day, region, service] = /^([A-Z0-9]{16,64})\/(\d{8})\/([\w-]{1,64})\/([\w.-]{1,64})\/aws4_request$/.exec(given.credential ?? '') ?? [];
  if (accessKeyId === undefined || day === undefined || region === undefined || service === undefined) return undefined;
  const signedHeaders = (given.signedHeaders ?? '').split(';');
  const sorted = signedHeaders.every((name, index) => /^[!#$%&'*+.^_`|~a-z0-9-]{1,100}$/.test(name) && (index === 0 || (signedHeaders[index - 1] ?? '') < name));
  if (!sorted || signedHeaders.length > MOST_SIGNED || !/^[0-9a-f]{64}$/.test(given.signature ?? '')) return undefined;
  const { timestamp = '' } = given;
  const signedAt = timeOf(timestamp);
  if (signedAt === undefined || timestamp.slice(0, 8) !== day) return undefined;
  return { accessKeyId, scope: { day, region, service }, timestamp, signedAt, signedHeaders, signature: given.signature ?? '' };
};

/** What every signature has to cover, and nothing that is not there. */
const checked = (request: ReceivedRequest, claim: SignatureClaim): SignatureClaim | SignatureRefusal => {
  const present = new Set(request.headers.map(([name]) => name.toLowerCase()));
  const signed = new Set(claim.signedHeaders);
  if (!signed.has('host')) return unsignedHeader('host');
  for (const name of signed) if (!present.has(name)) return unsignedHeader('a header that is not there');
  // Some targets read `x_amz_` as that too.
  for (const name of present) if (dashed(name).startsWith('x-amz-') && !signed.has(name)) return unsignedHeader('every header that begins with x-amz-');
  return claim;
};

const unsignedHeader = (what: string): SignatureRefusal => ({ status: 403, code: 'AccessDenied', message: what === 'a header that is not there' ? 'a header that is signed is not there' : `SignedHeaders must name ${what}` });

type Parameter = readonly [name: string, value: string | undefined];

/** The parameters of the query that belong to a signature, by their names in lower case. Undefined value: its encoding is broken. */
const presigned = (query: string): readonly Parameter[] =>
  query
    .split('&')
    .filter((pair) => QUERY_NAMES.has(nameOf(pair)))
    .map((pair) => [nameOf(pair), decoded(pair.slice(pair.indexOf('=') + 1))]);

const nameOf = (pair: string): string => (decoded(pair.split('=', 1)[0] ?? '') ?? '').toLowerCase();

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
};

/** X-Amz-Date, or else Date. */
const timestampOf = (request: ReceivedRequest): string | undefined => {
  const [given, ...more] = values(request, 'x-amz-date');
  if (more.length > 0) return undefined;
  if (given !== undefined) return given;
  const [date, ...dates] = values(request, 'date');
  if (date === undefined || dates.length > 0 || !/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(date)) return undefined;
  const time = Date.parse(date);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
};

const timeOf = (timestamp: string): number | undefined => {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
};

const values = ({ headers }: ReceivedRequest, wanted: string): readonly string[] => headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
