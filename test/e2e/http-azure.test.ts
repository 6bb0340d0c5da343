import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startBlobStorage, type BlobStorage } from '../kit/azure.ts';
import { run, type Ran } from '../kit/run.ts';
import { startHttpScene, type HttpRole, type HttpScene } from './http-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

let storage: BlobStorage;
let scene: HttpScene;
before(async () => {
  storage = await startBlobStorage();
  scene = await startHttpScene({
    env: { AZURE_SECRET: storage.clientSecret },
    connectionsAt: () => [{
      name: 'blobs', protocol: 'http',
      target: { host: '127.0.0.1', port: storage.port, tls: 'disable' },
      credential: { type: 'azure', tenant: storage.tenant, clientId: storage.clientId, clientSecret: 'env:AZURE_SECRET', scopes: ['https://storage.azure.com/.default'], authority: `http://127.0.0.1:${storage.port}`, allowPrivate: true },
      http: { apis: ['azure-blob'], host: 'acme.blob.core.windows.net' },
    }],
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await storage?.[Symbol.asyncDispose]();
});

/** A program with `container`, a client of @azure/storage-blob whose credential is the token of this role. */
const withContainer = async (role: HttpRole, program: string): Promise<Ran> => {
  const start = `
import { BlobServiceClient } from '@azure/storage-blob';
const { BASE, TOKEN } = process.env;
const credential = { getToken: async () => ({ token: TOKEN, expiresOnTimestamp: Date.now() + 240_000 }) };
const container = new BlobServiceClient(BASE, credential, { retryOptions: { maxTries: 1 } }).getContainerClient('exports');
`;
  return run(process.execPath, ['--input-type=module', '-e', start + program], { cwd: import.meta.dirname, env: { NODE_EXTRA_CA_CERTS: scene.gateway.caFile, BASE: scene.url, TOKEN: await scene.token(role) } });
};

test('@azure/storage-blob: its token credential is the job\'s token; the target sees the one of the service principal', async () => {
  const ran = await withContainer('writer', `
const large = Buffer.alloc(9 * 1024 * 1024, 'a large file goes in blocks ');
await container.getBlockBlobClient('dir/small one').upload('small', 5);
await container.getBlockBlobClient('dir/large').uploadData(large, { blockSize: 4 * 1024 * 1024, maxSingleShotSize: 1024 * 1024 });
for await (const { name, properties } of container.listBlobsFlat({ prefix: 'dir/' })) console.log(name, properties.contentLength);
console.log((await container.getBlobClient('dir/large').downloadToBuffer()).equals(large));
await container.getBlobClient('dir/small one').delete();
console.log(await container.getBlobClient('dir/small one').exists());
`);
  assert.equal(ran.stdout, 'dir/small one 5\ndir/large 9437184\ntrue\nfalse\n', `${ran.stderr}\n${storage.seen.join('\n')}`);
  assert.ok(storage.seen.every((line) => !line.endsWith(' 401')));
  assert.deepEqual([...storage.blobs.keys()], ['exports/dir/large']);
  assert.equal((await recorded(scene, 'PUT /exports/dir/small%20one')).at(-1)?.end, 'ok');
});

test('what policy refuses is an error of the service to its client', async () => {
  const ran = await withContainer('reader', `
await container.getBlockBlobClient('dir/refused').upload('small', 5).catch((error) => console.log(error.statusCode, error.message));
console.log(await container.getBlobClient('dir/large').exists());
`);
  assert.match(ran.stdout, /^403 .*\ntrue\n$/s, ran.stderr);
  assert.ok(!storage.blobs.has('exports/dir/refused'));
});

test('the log of all that verifies', () => stopAndVerify(scene));
