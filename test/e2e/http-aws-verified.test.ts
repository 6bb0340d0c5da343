import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { requireProgram, skipUnless } from '../kit/present.ts';
import { startRadosgw, type Radosgw } from '../kit/radosgw.ts';
import { run, type Ran } from '../kit/run.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { keysOf, signedPuts } from './aws-signed.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

/*
 * What the gateway signs, before a verifier that others wrote: names that have to be encoded in one way, queries that have to be sorted, chunks that are
 * signed one after the other.
 */

const SKIP = skipUnless('radosgw', 'aws', 'curl');
const LARGE = Buffer.alloc(20 * 1024 * 1024, 'a large file goes in parts ');
// But for what would look encoded once it is decoded, which the gateway refuses: "%20" as part of a name.
const ODD = 'dir one/ä+b&c=d 100% e~(f)\'!*,;@$.txt';

let rados: Radosgw;
let scene: HttpScene;
let folder: TempFolder;
before(async () => {
  if (SKIP !== false) return;
  folder = tempFolder('http-aws-verified');
  rados = await startRadosgw();
  const connection = { protocol: 'http', target: { host: '127.0.0.1', port: rados.port, tls: 'disable' }, http: { apis: ['s3'] } };
  const credential = { type: 'aws', accessKey: 'env:AWS_KEY_ID', secretKey: 'env:AWS_SECRET', region: 'us-east-1', service: 's3' };
  scene = await startHttpScene({
    env: { AWS_KEY_ID: rados.accessKey, AWS_SECRET: rados.secretKey, WRONG_SECRET: `${rados.secretKey.slice(0, -1)}#` },
    connectionsAt: () => [{ ...connection, name: 'store', credential }, { ...connection, name: 'wrong', credential: { ...credential, secretKey: 'env:WRONG_SECRET' } }],
    policies: [{ name: 'all', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'schema'] }],
  });
  writeFileSync(folder.file('token'), await scene.token('writer'));
  writeFileSync(folder.file('small'), 'one small file\n');
  writeFileSync(folder.file('large'), LARGE);
  writeFileSync(folder.file('config'), '[default]\ns3 =\n  signature_version = s3v4\n');
  await ok('s3', 'mb', 's3://plain');
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await rados?.[Symbol.asyncDispose]();
  folder?.remove();
});

const aws = (args: readonly string[]): Promise<Ran> =>
  run(requireProgram('aws'), args, {
    timeoutMs: 120_000,
    env: {
      // Of its own: the CLI keeps keys for the next call by the name of the role, whoever's token they were for.
      HOME: mkdtempSync(folder.file('home-')), AWS_EC2_METADATA_DISABLED: 'true', AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-1', AWS_CONFIG_FILE: folder.file('config'), AWS_MAX_ATTEMPTS: '1',
      AWS_ENDPOINT_URL: scene.url, AWS_CA_BUNDLE: scene.gateway.caFile, AWS_ROLE_ARN: 'arn:aws:iam::000000000000:role/ci', AWS_WEB_IDENTITY_TOKEN_FILE: folder.file('token'),
    },
  });
const ok = async (...args: readonly string[]): Promise<string> => {
  const ran = await aws(args);
  assert.equal(ran.code, 0, `aws ${args.join(' ')}\n${ran.stdout}${ran.stderr}\n${scene.gateway.log().slice(-2_000)}`);
  return ran.stdout;
};

test('it is a verifier: a secret key of which one character is wrong is refused', { skip: SKIP }, async () => {
  const refused = await scene.ask('writer', '/plain/', { port: scene.gateway.port('wrong') });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /<Code>SignatureDoesNotMatch<\/Code>/);
});

test('the AWS CLI: up, in parts, names and prefixes that have to be encoded, down, presigned, metadata, remove', { skip: SKIP }, async () => {
  await ok('s3', 'cp', folder.file('small'), `s3://plain/${ODD}`, '--metadata', 'spaced=  two  words  ');
  await ok('s3', 'cp', folder.file('large'), 's3://plain/dir one/large');
  assert.match(await ok('s3', 'ls', 's3://plain/'), /PRE dir one\//);
  assert.match(await ok('s3', 'ls', 's3://plain/dir one/'), /20971520 large/);
  const listed = JSON.parse(await ok('s3api', 'list-objects-v2', '--bucket', 'plain', '--prefix', 'dir one/', '--delimiter', '/', '--query', 'Contents[].Key')) as string[];
  assert.deepEqual(new Set(listed), new Set([ODD, 'dir one/large']));
  // Its store for one process mixes up the bytes of parts and of ranges, also past the gateway: that each was taken is what can be seen of them. One piece it keeps.
  await ok('s3api', 'put-object', '--bucket', 'plain', '--key', 'whole', '--body', folder.file('large'));
  await ok('s3api', 'get-object', '--bucket', 'plain', '--key', 'whole', folder.file('large.back'));
  assert.ok(readFileSync(folder.file('large.back')).equals(LARGE));
  assert.match(await ok('s3api', 'head-object', '--bucket', 'plain', '--key', ODD), /"ContentLength": 15/);
  const url = (await ok('s3', 'presign', `s3://plain/${ODD}`)).trim();
  const got = await run(requireProgram('curl'), ['-sS', '--cacert', scene.gateway.caFile, url]);
  assert.equal(got.stdout, 'one small file\n', got.stderr);
  await ok('s3', 'cp', `s3://plain/${ODD}`, 's3://plain/copied');
  await ok('s3', 'rm', `s3://plain/${ODD}`);
  assert.equal((await aws(['s3api', 'head-object', '--bucket', 'plain', '--key', ODD])).code !== 0, true);
});

test('an upload in signed chunks is signed anew, chunk by chunk, and each signature holds', { skip: SKIP }, async () => {
  const { chunked, whole } = signedPuts(scene, await keysOf(scene, 'writer'), '/plain/signed');
  for (const size of [0, 1, 65_536, 65_537, 1_000_003]) {
    const data = Buffer.alloc(size, `in ${size} chunks, each signed `);
    for (const unsigned of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      const stored = await chunked(data, undefined, unsigned);
      assert.equal(stored.status, 200, `${size}: ${stored.text}\n${rados.log().slice(-1_000)}`);
      assert.ok((await scene.ask('writer', '/plain/signed')).body.equals(data), String(size));
    }
  }
  assert.equal((await whole('as a whole', 'as a whole')).status, 200);
  assert.equal((await chunked(Buffer.alloc(200_000, 'another text '), (body) => body.fill(0x78, 150_000, 150_001))).status, 400);
  assert.equal((await scene.ask('writer', '/plain/signed')).text, 'as a whole');
});

test('a token alone is enough: what was not signed by its client is signed all the same', { skip: SKIP }, async () => {
  const headers = { 'x-amz-meta-spaced': '  two  words  ', 'Content-Type': 'text/plain; charset=utf-8' };
  for (const [name, body] of [['small', 'one text'], ['large', LARGE.toString()]] as const) {
    const { status, text } = await scene.ask('writer', `/plain/by-token/${name}`, { method: 'PUT', body, headers });
    assert.equal(status, 200, text);
    assert.equal((await scene.ask('writer', `/plain/by-token/${name}`)).text, body);
  }
});

test('the log of all that verifies', { skip: SKIP }, () => stopAndVerify(scene));
