import { freePort } from './ports.ts';
import { requireProgram } from './present.ts';
import { startServed, type Served } from './served.ts';
import { tempFolder } from './temp.ts';

/** A moto server: S3 with Object Lock that checks signatures and rights. */
export interface S3Server extends Served {
  /** `http://127.0.0.1:N`; the buckets are `locked` (with Object Lock) and `plain` (without versions). */
  readonly url: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

const POLICY = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] });

export async function startS3(): Promise<S3Server> {
  const folder = tempFolder('s3');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // From the sixth request on it checks who asks.
  const served = await startServed({ name: 'the S3 server', folder, port, program: requireProgram('moto_server'), args: ['-H', '127.0.0.1', '-p', String(port)], env: { INITIAL_NO_AUTH_ACTION_COUNT: '5' }, ready: '/moto-api/' });
  const ask = async (service_: string, path: string, init: RequestInit): Promise<string> => {
    const authorization = `AWS4-HMAC-SHA256 Credential=setup/20260101/us-east-1/${service_}/aws4_request, SignedHeaders=host, Signature=0`;
    const answer = await fetch(url + path, { ...init, headers: { ...(init.headers as Record<string, string> | undefined), authorization } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return text;
  };
  const iam = (parameters: Readonly<Record<string, string>>): Promise<string> => ask('iam', '/', { method: 'POST', body: new URLSearchParams({ Version: '2010-05-08', UserName: 'gateway', ...parameters }) });
  await ask('s3', '/locked', { method: 'PUT', headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  await ask('s3', '/plain', { method: 'PUT' });
  await iam({ Action: 'CreateUser' });
  const key = await iam({ Action: 'CreateAccessKey' });
  await iam({ Action: 'PutUserPolicy', PolicyName: 'all', PolicyDocument: POLICY });
  const part = (name: string): string => new RegExp(`<${name}>([^<]+)</${name}>`).exec(key)?.[1] ?? '';
  return {
    ...served,
    url,
    accessKey: part('AccessKeyId'),
    secretKey: part('SecretAccessKey'),
  };
}
