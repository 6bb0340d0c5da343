import { hash } from 'node:crypto';
import { ALGORITHM, amzDate, scopeText, signatureOf, signingKey } from '../../secrets/upstream/sigv4.ts';

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

/** The headers of a request, with AWS Signature Version 4 of the service s3 over all of them and the body. The path is taken as it is encoded. */
export const signS3 = ({ method, url, headers, body, region, now }: S3Request, { accessKey, secretKey, sessionToken }: S3Credentials): Record<string, string> => {
  const time = amzDate(now.getTime());
  const scope = { day: time.slice(0, 8), region, service: 's3' };
  const payload = hash('sha256', body, 'hex');
  const all: Record<string, string> = { ...headers, host: url.host, 'x-amz-content-sha256': payload, 'x-amz-date': time, ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }) };
  const signed = Object.keys(all).toSorted();
  const signature = signatureOf(signingKey(secretKey, scope), time, scopeText(scope), { method, path: url.pathname, query: url.search.slice(1), headers: Object.entries(all), signed, payload, service: 's3' });
  return { ...all, authorization: `${ALGORITHM} Credential=${accessKey}/${scopeText(scope)},SignedHeaders=${signed.join(';')},Signature=${signature}` };
};
