import { createHash, createHmac } from 'node:crypto';

/** Credentials of an S3 service. */
export interface S3Credentials {
  readonly accessKey: string;
  readonly secretKey: Buffer;
  readonly sessionToken?: string;
}

export interface S3Request {
  readonly method: string;
  readonly url: URL;
  /** In small letters; all of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly region: string;
  readonly now: Date;
}

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text, 'utf8').digest();

/** The headers of a request, with AWS Signature Version 4 of the service s3 over all of them and the body. The path is taken as it is encoded. */
export const signS3 = ({ method, url, headers, body, region, now }: S3Request, { accessKey, secretKey, sessionToken }: S3Credentials): Record<string, string> => {
  const time = now.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const digest = sha256(body);
  const all: Record<string, string> = { ...headers, host: url.host, 'x-amz-content-sha256': digest, 'x-amz-date': time, ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }) };
  const names = Object.keys(all).toSorted();
  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).toSorted().join('&');
  const canonical = [method, url.pathname, query, ...names.map((name) => `${name}:${(all[name] ?? '').trim()}`), '', names.join(';'), digest].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const key = [region, 's3', 'aws4_request'].reduce(hmac, hmac(Buffer.concat([Buffer.from('AWS4'), secretKey]), day));
  const signature = hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')).toString('hex');
  return { ...all, authorization: `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope},SignedHeaders=${names.join(';')},Signature=${signature}` };
};

/** Percent-encoding of RFC 3986, which leaves fewer characters than encodeURIComponent. */
const encode = (text: string): string => encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
