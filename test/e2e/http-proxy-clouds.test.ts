import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { startBlobStorage, type BlobStorage } from '../kit/azure.ts';
import { startCloudStorage, type CloudStorage } from '../kit/gcs.ts';
import { freePort, releasePort } from '../kit/ports.ts';
import { requireProgram, skipUnless } from '../kit/present.ts';
import { run, type Ran } from '../kit/run.ts';
import { startS3, type S3Server } from '../kit/s3.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

const GCLOUD = skipUnless('gcloud');
const GSUTIL = skipUnless('gsutil');
const AWS = skipUnless('aws', 'moto');

/** Clients of clouds that are told of nothing but a proxy and a CA: they ask for the cloud's own addresses. */
let folder: TempFolder;
let storage: CloudStorage;
let blobs: BlobStorage;
let s3: S3Server | undefined;
let port: number;
let scene: HttpScene;
before(async () => {
  folder = tempFolder('proxy-clouds');
  storage = await startCloudStorage();
  blobs = await startBlobStorage();
  s3 = AWS === false ? await startS3() : undefined;
  port = await freePort();
  writeFileSync(folder.file('key.json'), storage.account.json(), { mode: 0o600 });
  // gcloud warns of proxies that speak TLS, and aws wants the CA of such a one in its configuration.
  const address = { protocol: 'http', listen: `127.0.0.1:${port}`, plaintext: true };
  scene = await startHttpScene({
    policies: [{ name: 'all', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'schema'] }],
    env: { AWS_KEY_ID: s3?.accessKey ?? 'none', AWS_SECRET: s3?.secretKey ?? 'none', AZURE_SECRET: blobs.clientSecret },
    connectionsAt: (plain) => [
      { name: 'first', protocol: 'http', target: { host: '127.0.0.1', port: plain, tls: 'disable' }, credential: { type: 'none' } },
      {
        ...address, name: 'gcs', target: { host: '127.0.0.1', port: storage.port, tls: 'disable' },
        credential: { type: 'google', key: `file:${folder.file('key.json')}`, tokenUrl: storage.tokenUrl, allowPrivate: true },
        // Google's libraries exchange their token before they ask for anything: that is answered past the proxy, at the gateway's own name.
        http: { apis: ['gcs'], proxy: true, hosts: ['storage.googleapis.com', 'localhost'], host: 'storage.googleapis.com' },
      },
      {
        ...address, name: 'blobs', target: { host: '127.0.0.1', port: blobs.port, tls: 'disable' },
        credential: { type: 'azure', tenant: blobs.tenant, clientId: blobs.clientId, clientSecret: 'env:AZURE_SECRET', scopes: ['https://storage.azure.com/.default'], authority: `http://127.0.0.1:${blobs.port}`, allowPrivate: true },
        http: { apis: ['azure-blob'], proxy: true, hosts: ['acme.blob.core.windows.net'], host: 'acme.blob.core.windows.net' },
      },
      {
        ...address, name: 's3', target: { host: '127.0.0.1', port: Number(new URL(s3?.url ?? 'http://127.0.0.1:9').port), tls: 'disable' },
        credential: { type: 'aws', accessKey: 'env:AWS_KEY_ID', secretKey: 'env:AWS_SECRET', region: 'us-east-1', service: 's3' },
        http: { apis: ['s3'], proxy: true, hosts: ['s3.amazonaws.com', '*.s3.amazonaws.com', 's3.us-east-1.amazonaws.com', '*.s3.us-east-1.amazonaws.com'] },
      },
    ],
  });
  writeFileSync(folder.file('bundle.pem'), `${scene.ca}${readFileSync(`${scene.gateway.dataDir}/interception-ca.pem`, 'utf8')}`);
  writeFileSync(folder.file('token'), await scene.token('writer'));
  writeFileSync(folder.file('account.json'), JSON.stringify({
    type: 'external_account', audience: '//iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/none/providers/none', subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: `http://localhost:${port}/v1/token`, credential_source: { file: folder.file('token') },
  }));
  writeFileSync(folder.file('small'), 'one small file\n');
  writeFileSync(folder.file('large'), Buffer.alloc(9 * 1024 * 1024, 'a large file '));
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await s3?.[Symbol.asyncDispose]();
  await storage?.[Symbol.asyncDispose]();
  await blobs?.[Symbol.asyncDispose]();
  if (port) releasePort(port);
  folder?.remove();
});

const proxy = async (): Promise<string> => `http://job:${await scene.token('writer')}@localhost:${port}`;
/** A program for Node, whose libraries are told of the proxy by its environment. */
const node = async (program: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  run(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname, timeoutMs: 90_000, env: { NODE_EXTRA_CA_CERTS: `${scene.gateway.dataDir}/interception-ca.pem`, HTTPS_PROXY: await proxy(), FOLDER: folder.path, ...env } });
const proxied = async (program: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> => {
  const ran = await run(requireProgram(program), args, { timeoutMs: 90_000, env: { HOME: folder.path, HTTPS_PROXY: await proxy(), NO_PROXY: '', ...env } });
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

test('gsutil, by the proxy of its boto file and an external account: up, list, down', { skip: GSUTIL }, async () => {
  writeFileSync(folder.file('boto'), `[Credentials]\ngs_external_account_file = ${folder.file('account.json')}\n[Boto]\nproxy = localhost\nproxy_port = ${port}\nproxy_type = http\nproxy_user = job\nproxy_pass = ${await scene.token('writer')}\nca_certificates_file = ${folder.file('bundle.pem')}\n[GSUtil]\nstate_dir = ${folder.file('state')}\nresumable_threshold = 1048576\nsoftware_update_check_period = 0\n`, { mode: 0o600 });
  const gsutil = (...args: readonly string[]): Promise<string> => proxied('gsutil', ['-q', ...args], { HTTPS_PROXY: '', NO_PROXY: 'localhost', BOTO_CONFIG: folder.file('boto'), CLOUDSDK_CONFIG: folder.file('gcloud'), CLOUDSDK_CORE_PASS_CREDENTIALS_TO_GSUTIL: 'false', REQUESTS_CA_BUNDLE: folder.file('bundle.pem') });
  await gsutil('cp', folder.file('large'), 'gs://acme-exports/by-gsutil');
  assert.match(await gsutil('ls', 'gs://acme-exports/'), /gs:\/\/acme-exports\/by-gsutil\n/);
  await gsutil('cp', 'gs://acme-exports/by-gsutil', folder.file('by-gsutil.back'));
  assert.deepEqual(readFileSync(folder.file('by-gsutil.back')), readFileSync(folder.file('large')));
});

test('@google-cloud/storage, by an external account: up in pieces, list, down', async () => {
  const ran = await node(`
import { Storage } from '@google-cloud/storage';
import { readFileSync } from 'node:fs';
const { FOLDER } = process.env;
const bucket = new Storage({ projectId: 'acme', retryOptions: { autoRetry: false } }).bucket('acme-exports');
await bucket.upload(FOLDER + '/large', { destination: 'node/large', resumable: true, chunkSize: 4 * 1024 * 1024 });
const [files] = await bucket.getFiles({ prefix: 'node/' });
console.log(files.map(({ name }) => name).join());
const [bytes] = await bucket.file('node/large').download();
console.log(bytes.equals(readFileSync(FOLDER + '/large')));
`, { GOOGLE_APPLICATION_CREDENTIALS: folder.file('account.json'), NO_PROXY: 'localhost' });
  assert.equal(ran.stdout, 'node/large\ntrue\n', ran.stderr);
});

test('@azure/storage-blob, with a credential of nobody: up in blocks, list, down', async () => {
  const ran = await node(`
import { BlobServiceClient } from '@azure/storage-blob';
const credential = { getToken: async () => ({ token: 'of-nobody', expiresOnTimestamp: Date.now() + 240_000 }) };
const container = new BlobServiceClient('https://acme.blob.core.windows.net', credential, { retryOptions: { maxTries: 1 } }).getContainerClient('exports');
const large = Buffer.alloc(9 * 1024 * 1024, 'a large file goes in blocks ');
await container.getBlockBlobClient('large').uploadData(large, { blockSize: 4 * 1024 * 1024, maxSingleShotSize: 1024 * 1024 });
for await (const { name, properties } of container.listBlobsFlat()) console.log(name, properties.contentLength);
console.log((await container.getBlobClient('large').downloadToBuffer()).equals(large));
`);
  assert.equal(ran.stdout, 'large 9437184\ntrue\n', ran.stderr);
  assert.ok(blobs.seen.length > 0 && blobs.seen.every((line) => !line.endsWith(' 401')));
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

test('the log is whole, and Google was shown its own tokens alone', async () => {
  assert.ok([...storage.shown].every((value) => value.startsWith('Bearer ya29.')));
  await stopAndVerify(scene);
});
