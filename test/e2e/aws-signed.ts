import { hash } from 'node:crypto';
import { ChunkSignatures, type ChunkSeed } from '../../src/secrets/upstream/aws-chunk-signature.ts';
import { AwsChunkWriter } from '../../src/secrets/upstream/aws-chunk-writer.ts';
import { ALGORITHM, amzDate, scopeText, signatureOf, signingKey } from '../../src/secrets/upstream/sigv4.ts';
import { secretCanary } from '../kit/canaries.ts';
import type { Answered, HttpRole, HttpScene } from './http-scene.ts';

/** Keys that the gateway gave for a token. */
export interface IssuedKeys {
  readonly id: string;
  readonly secret: string;
  readonly session: string;
  readonly text: string;
  readonly status: number;
}

/** Keys of this role, as a client gets them. */
export const keysOf = async (scene: HttpScene, role: HttpRole, seconds = 900): Promise<IssuedKeys> => {
  const form = new URLSearchParams({ Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15', RoleArn: 'arn:aws:iam::000000000000:role/ci', RoleSessionName: 'ci', DurationSeconds: String(seconds), WebIdentityToken: await scene.token(role) });
  const { status, text } = await scene.ask(undefined, '/', { method: 'POST', body: form.toString(), headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
  const part = (name: string): string => new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)?.[1] ?? '';
  const keys = { id: part('AccessKeyId'), secret: part('SecretAccessKey'), session: part('SessionToken'), text, status };
  for (const secret of [keys.secret, keys.session]) if (secret !== '') secretCanary(secret);
  return keys;
};

/** Objects that are stored by requests that were signed by hand: their body is what was signed, or another. */
export const signedPuts = (scene: HttpScene, keys: IssuedKeys, path: string): { readonly whole: (body: string, signedBody: string) => Promise<Answered>; readonly chunked: (data: Buffer, change?: (body: Buffer) => void, unsigned?: Readonly<Record<string, string>>) => Promise<Answered> } => {
  /** @param payload what is signed of the body */
  const put = (payload: string, more: Readonly<Record<string, string>>, write: (seed: ChunkSeed) => Buffer, unsigned: Readonly<Record<string, string>> = {}): Promise<Answered> => {
    const timestamp = amzDate(Date.now());
    const scope = { day: timestamp.slice(0, 8), region: 'us-east-1', service: 's3' };
    const headers = { Host: `localhost:${scene.gateway.port()}`, 'X-Amz-Content-Sha256': payload, 'X-Amz-Date': timestamp, 'X-Amz-Security-Token': keys.session, ...more };
    const signed = Object.keys(headers).map((name) => name.toLowerCase()).toSorted();
    const key = signingKey(Buffer.from(keys.secret), scope);
    const signature = signatureOf(key, timestamp, scopeText(scope), { method: 'PUT', path, query: '', headers: Object.entries(headers), signed, payload, service: 's3' });
    const body = write({ key, timestamp, scope: scopeText(scope), signature });
    return scene.ask(undefined, path, { method: 'PUT', body, headers: { ...headers, ...unsigned, Authorization: `${ALGORITHM} Credential=${keys.id}/${scopeText(scope)}, SignedHeaders=${signed.join(';')}, Signature=${signature}` } });
  };
  return {
    whole: (body, signedBody) => put(hash('sha256', signedBody, 'hex'), {}, () => Buffer.from(body)),
    chunked: (data, change = () => {}, unsigned = {}) =>
      put('STREAMING-AWS4-HMAC-SHA256-PAYLOAD', { 'Content-Encoding': 'aws-chunked', 'X-Amz-Decoded-Content-Length': String(data.length) }, (seed) => {
        const parts: Buffer[] = [];
        const writer = new AwsChunkWriter(new ChunkSignatures(seed));
        writer.write(data, (part) => parts.push(part));
        writer.end(undefined, (part) => parts.push(part));
        const body = Buffer.concat(parts);
        change(body);
        return body;
      }, unsigned),
  };
};
