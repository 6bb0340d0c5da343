import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { requireProgram, skipUnless } from '../kit/present.ts';
import { run, type Ran } from '../kit/run.ts';
import { startS3, type S3Server } from '../kit/s3.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { keysOf, signedPuts } from './aws-signed.ts';
import { startHttpScene, type HttpRole, type HttpScene } from './http-scene.ts';
import { until } from '../kit/until.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

const SKIP = skipUnless('moto', 'aws', 'curl');
const LARGE = Buffer.alloc(20 * 1024 * 1024, 'a large file goes in parts ');

let s3: S3Server;
let scene: HttpScene;
let folder: TempFolder;
before(async () => {
  if (SKIP !== false) return;
  folder = tempFolder('http-aws');
  s3 = await startS3();
  const { port } = new URL(s3.url);
  scene = await startHttpScene({
    env: { AWS_KEY_ID: s3.accessKey, AWS_SECRET: s3.secretKey },
    connectionsAt: () => [{
      name: 'store', protocol: 'http',
      target: { host: '127.0.0.1', port: Number(port), tls: 'disable' },
      credential: { type: 'aws', accessKey: 'env:AWS_KEY_ID', secretKey: 'env:AWS_SECRET', region: 'us-east-1', service: 's3' },
      http: { apis: ['s3'] },
    }],
  });
  for (const role of ['reader', 'writer', 'stranger'] as const) writeFileSync(folder.file(role), await scene.token(role));
  writeFileSync(folder.file('small'), 'one small file\n');
  writeFileSync(folder.file('empty'), '');
  writeFileSync(folder.file('large'), LARGE);
  // Without this it presigns in the way before Version 4.
  writeFileSync(folder.file('config'), '[default]\ns3 =\n  signature_version = s3v4\n');
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await s3?.[Symbol.asyncDispose]();
  folder?.remove();
});

const aws = (role: HttpRole, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  run(requireProgram('aws'), args, {
    timeoutMs: 120_000,
    env: {
      // Of its own: the CLI keeps keys for the next call by the name of the role, whoever's token they were for.
      HOME: mkdtempSync(folder.file('home-')), AWS_EC2_METADATA_DISABLED: 'true', AWS_REGION: 'us-east-1', AWS_CONFIG_FILE: folder.file('config'), AWS_MAX_ATTEMPTS: '1',
      AWS_ENDPOINT_URL: scene.url, AWS_CA_BUNDLE: scene.gateway.caFile,
      AWS_ROLE_ARN: 'arn:aws:iam::000000000000:role/ci', AWS_WEB_IDENTITY_TOKEN_FILE: folder.file(role), ...env,
    },
  });
const ok = async (role: HttpRole, ...args: readonly string[]): Promise<string> => {
  const ran = await aws(role, args);
  assert.equal(ran.code, 0, `aws ${args.join(' ')}\n${ran.stdout}${ran.stderr}\n${scene.gateway.log().slice(-2_000)}`);
  return ran.stdout;
};

const withKeys = ({ id, secret, session }: { readonly id: string; readonly secret: string; readonly session: string }): Readonly<Record<string, string>> => ({ AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: session });

// moto refuses queries with an encoded slash when it checks signatures, so nothing is listed by folders.
test('the AWS CLI as it is: up, in parts, list, down, presigned, remove; the target sees its own key only', { skip: SKIP }, async () => {
  await ok('writer', 's3', 'cp', folder.file('small'), 's3://plain/dir/small 1.txt');
  await ok('writer', 's3', 'cp', folder.file('empty'), 's3://plain/empty');
  await ok('writer', 's3', 'cp', folder.file('large'), 's3://plain/large');
  assert.match(await ok('reader', 's3', 'ls', 's3://plain/', '--recursive'), /15 dir\/small 1\.txt\n.* 0 empty\n.* 20971520 large\n/);
  await ok('reader', 's3', 'cp', 's3://plain/large', folder.file('large.back'));
  assert.ok(readFileSync(folder.file('large.back')).equals(LARGE));

  const url = (await ok('reader', 's3', 'presign', 's3://plain/dir/small 1.txt')).trim();
  assert.ok(url.startsWith(`${scene.url}/plain/dir/small%201.txt?`), url);
  const curl = (...args: readonly string[]): Promise<Ran> => run(requireProgram('curl'), ['-sS', '--cacert', scene.gateway.caFile, ...args]);
  assert.equal((await curl(url)).stdout, 'one small file\n');
  assert.match((await curl(`${url}&acl`)).stdout, /<Code>SignatureDoesNotMatch<\/Code>/);
  assert.match((await curl('-H', `Authorization: Bearer ${await scene.token('reader')}`, url)).stdout, /<Code>InvalidRequest<\/Code>/);
  await ok('writer', 's3', 'rm', 's3://plain/dir/small 1.txt');
  const [put] = await recorded(scene, 'PUT /plain/dir/small%201.txt');
  assert.equal(put?.end, 'ok');
  assert.equal((await recorded(scene, 'GET /plain/dir/small%201.txt')).length, 1);
});

test('what policy refuses is told in AWS\'s words; a token that is not good gets no keys', { skip: SKIP }, async () => {
  const refused = await aws('reader', ['s3', 'cp', folder.file('small'), 's3://plain/refused']);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /An error occurred \(AccessDenied\) when calling the PutObject operation: wicketgate: /);
  const stranger = await aws('stranger', ['s3', 'ls', 's3://plain/', '--recursive']);
  assert.match(stranger.stderr, /An error occurred \(AccessDenied\) when calling the AssumeRoleWithWebIdentity operation: wicketgate: /);
  writeFileSync(folder.file('bad'), `${(await scene.token('reader')).slice(0, -6)}AAAAAA`);
  const bad = await aws('reader', ['s3', 'ls', 's3://plain/', '--recursive'], { AWS_WEB_IDENTITY_TOKEN_FILE: folder.file('bad') });
  assert.match(bad.stderr, /\(InvalidIdentityToken\)/);
  // The target's own keys are nobody's here.
  const own = await aws('reader', ['s3', 'ls', 's3://plain/', '--recursive'], { AWS_ACCESS_KEY_ID: s3.accessKey, AWS_SECRET_ACCESS_KEY: s3.secretKey });
  assert.match(own.stderr, /\(InvalidAccessKeyId\)/);
  assert.equal((await scene.ask(undefined, '/plain/')).status, 401);
});

test('keys without their session token, a body that was not signed, and keys of an identity that was revoked are refused', { skip: SKIP }, async () => {
  const keys = await keysOf(scene, 'writer');
  assert.equal(keys.status, 200, keys.text);
  const without = await aws('writer', ['s3', 'ls', 's3://plain/', '--recursive'], { AWS_ACCESS_KEY_ID: keys.id, AWS_SECRET_ACCESS_KEY: keys.secret });
  assert.match(without.stderr, /\(SignatureDoesNotMatch\)/);

  const { whole, chunked } = signedPuts(scene, keys, '/plain/signed');
  const first = await whole('the body', 'the body');
  assert.equal(first.status, 200, `${first.text}${scene.gateway.log().slice(-3_000)}${s3.log().slice(-2_000)}`);
  const other = await whole('another!', 'the body');
  assert.equal(other.status, 400, other.text);
  assert.match(other.text, /<Code>InvalidRequest<\/Code><Message>wicketgate: the body is not the one that was signed/);
  assert.equal((await scene.ask('reader', '/plain/signed')).text, 'the body');
  const data = Buffer.alloc(200_000, 'in chunks, each signed ');
  const fine = await chunked(data);
  assert.equal(fine.status, 200, fine.text);
  assert.ok((await scene.ask('reader', '/plain/signed')).body.equals(data));
  const wrong = await chunked(Buffer.alloc(200_000, 'another text '), (body) => body.fill(0x78, 150_000, 150_001));
  assert.equal(wrong.status, 400, wrong.text);
  assert.ok((await scene.ask('reader', '/plain/signed')).body.equals(data));

  const still = await aws('writer', ['s3', 'ls', 's3://plain/', '--recursive'], withKeys(keys));
  assert.equal(still.code, 0, still.stderr);
  const revoked = await scene.gateway.cli('identities', 'revoke', 'writer', '--config', scene.gateway.configFile);
  assert.equal(revoked.code, 0, revoked.stderr);
  // The running gateway sees it within two seconds.
  const after = await until(async () => {
    const tried = await aws('writer', ['s3', 'ls', 's3://plain/', '--recursive'], withKeys(keys));
    return tried.code === 0 ? undefined : tried;
  });
  assert.match(after.stderr, /\(AccessDenied\).*revoked/);
  assert.equal((await keysOf(scene, 'writer')).status, 403);
});

test('the log of all that verifies', { skip: SKIP }, () => stopAndVerify(scene));
