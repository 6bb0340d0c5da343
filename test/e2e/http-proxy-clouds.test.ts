import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { startCloudStorage, type CloudStorage } from '../kit/gcs.ts';
import { freePort, releasePort } from '../kit/ports.ts';
import { requireProgram, skipUnless } from '../kit/present.ts';
import { run } from '../kit/run.ts';
import { startS3, type S3Server } from '../kit/s3.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

const GCLOUD = skipUnless('gcloud');
const AWS = skipUnless('aws', 'moto');

/** Clients of clouds that are told of nothing but a proxy and a CA: they ask for the cloud's own addresses. */
let folder: TempFolder;
let storage: CloudStorage;
let s3: S3Server | undefined;
let port: number;
let scene: HttpScene;
before(async () => {
  folder = tempFolder('proxy-clouds');
  storage = await startCloudStorage();
  s3 = AWS === false ? await startS3() : undefined;
  port = await freePort();
  writeFileSync(folder.file('key.json'), storage.account.json(), { mode: 0o600 });
  // gcloud warns of proxies that speak TLS, and aws wants the CA of such a one in its configuration.
  const address = { protocol: 'http', listen: `127.0.0.1:${port}`, plaintext: true };
  scene = await startHttpScene({
    policies: [{ name: 'all', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'schema'] }],
    env: { AWS_KEY_ID: s3?.accessKey ?? 'none', AWS_SECRET: s3?.secretKey ?? 'none' },
    connectionsAt: (plain) => [
      { name: 'first', protocol: 'http', target: { host: '127.0.0.1', port: plain, tls: 'disable' }, credential: { type: 'none' } },
      {
        ...address, name: 'gcs', target: { host: '127.0.0.1', port: storage.port, tls: 'disable' },
        credential: { type: 'google', key: `file:${folder.file('key.json')}`, tokenUrl: storage.tokenUrl, allowPrivate: true },
        http: { apis: ['gcs'], proxy: true, hosts: ['storage.googleapis.com'], host: 'storage.googleapis.com' },
      },
      {
        ...address, name: 's3', target: { host: '127.0.0.1', port: Number(new URL(s3?.url ?? 'http://127.0.0.1:9').port), tls: 'disable' },
        credential: { type: 'aws', accessKey: 'env:AWS_KEY_ID', secretKey: 'env:AWS_SECRET', region: 'us-east-1', service: 's3' },
        http: { apis: ['s3'], proxy: true, hosts: ['s3.amazonaws.com', '*.s3.amazonaws.com', 's3.us-east-1.amazonaws.com', '*.s3.us-east-1.amazonaws.com'] },
      },
    ],
  });
  writeFileSync(folder.file('bundle.pem'), `${scene.ca}${readFileSync(`${scene.gateway.dataDir}/interception-ca.pem`, 'utf8')}`);
  writeFileSync(folder.file('small'), 'one small file\n');
  writeFileSync(folder.file('large'), Buffer.alloc(9 * 1024 * 1024, 'a large file '));
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await s3?.[Symbol.asyncDispose]();
  await storage?.[Symbol.asyncDispose]();
  if (port) releasePort(port);
  folder?.remove();
});

const proxied = async (program: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> => {
  const ran = await run(requireProgram(program), args, { timeoutMs: 90_000, env: { HOME: folder.path, HTTPS_PROXY: `http://job:${await scene.token('writer')}@localhost:${port}`, NO_PROXY: '', ...env } });
  assert.equal(ran.code, 0, `${program} ${args.join(' ')}\n${ran.stdout}${ran.stderr}\n${scene.gateway.log().slice(-2_000)}`);
  return ran.stdout + ran.stderr;
};

test('gcloud storage, unchanged but for HTTPS_PROXY and a CA: up, list, down', { skip: GCLOUD }, async () => {
  const gcloud = (...args: readonly string[]): Promise<string> =>
    proxied('gcloud', ['storage', ...args], {
      CLOUDSDK_CONFIG: folder.file('gcloud'), CLOUDSDK_CORE_DISABLE_PROMPTS: '1', CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: '1', CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
      CLOUDSDK_AUTH_ACCESS_TOKEN: 'of-nobody', CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE: folder.file('bundle.pem'),
    });
  await gcloud('cp', folder.file('small'), folder.file('large'), 'gs://acme-exports/');
  assert.match(await gcloud('ls', 'gs://acme-exports/'), /gs:\/\/acme-exports\/large\ngs:\/\/acme-exports\/small/);
  await gcloud('cp', 'gs://acme-exports/large', folder.file('gcs-back'));
  assert.deepEqual(readFileSync(folder.file('gcs-back')), readFileSync(folder.file('large')));
});

test('aws s3, with keys of nobody: up, list, down', { skip: AWS }, async () => {
  const aws = (...args: readonly string[]): Promise<string> =>
    proxied('aws', args, { AWS_EC2_METADATA_DISABLED: 'true', AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-1', AWS_MAX_ATTEMPTS: '1', AWS_CA_BUNDLE: folder.file('bundle.pem'), AWS_ACCESS_KEY_ID: 'AKIAOFNOBODY', AWS_SECRET_ACCESS_KEY: 'of-nobody' });
  await aws('s3api', 'create-bucket', '--bucket', 'proxied');
  await aws('s3', 'cp', folder.file('small'), 's3://proxied/small');
  await aws('s3', 'cp', folder.file('large'), 's3://proxied/large');
  // moto refuses queries with an encoded slash when it checks signatures, so nothing is listed by folders.
  assert.match(await aws('s3', 'ls', '--recursive', 's3://proxied'), /9437184 large\n.* 15 small/);
  await aws('s3', 'cp', 's3://proxied/large', folder.file('s3-back'));
  assert.deepEqual(readFileSync(folder.file('s3-back')), readFileSync(folder.file('large')));
});

test('the log is whole', () => stopAndVerify(scene));
