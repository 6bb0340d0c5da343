import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { program, skipUnless } from '../../../../test/kit/present.ts';
import { run, type Ran } from '../../../../test/kit/run.ts';
import { startS3 } from '../../../../test/kit/s3.ts';
import { tempFolder } from '../../../../test/kit/temp.ts';
import { startSmallGateway } from './testdata/small-gateway.ts';

const CLI = program('aws');
const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.canary-signature';

// moto itself refuses names with a plus, and queries with an encoded slash, when it checks signatures: neither stands here.
test('the AWS CLI as it is: its token for keys, its signatures for the target\'s, up and down', { skip: skipUnless('moto') || (CLI === undefined && 'not installed: aws (pip install awscli)') }, async () => {
  using folder = tempFolder('aws-cli');
  await using s3 = await startS3();
  const credential = { type: 'aws', accessKey: { from: 'env', name: 'ACCESS' }, secretKey: { from: 'env', name: 'SECRET' }, region: 'us-east-1', service: 's3' } as const;
  await using gateway = await startSmallGateway(TOKEN, s3.url, credential, { ACCESS: s3.accessKey, SECRET: s3.secretKey });
  writeFileSync(folder.file('token'), TOKEN);
  writeFileSync(folder.file('ca.pem'), gateway.caPem);
  const small = Buffer.alloc(100_000, 'a small file ');
  const large = Buffer.alloc(20 * 1024 * 1024, 'a large file goes in parts ');
  writeFileSync(folder.file('small'), small);
  writeFileSync(folder.file('large'), large);
  writeFileSync(folder.file('empty'), '');
  // Without this it presigns in the old way, which the gateway does not take.
  writeFileSync(folder.file('config'), '[default]\ns3 =\n  signature_version = s3v4\n');
  const aws = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
    run(CLI ?? 'aws', [...args], {
      timeoutMs: 120_000,
      env: {
        HOME: folder.path, PATH: process.env['PATH'], AWS_EC2_METADATA_DISABLED: 'true', AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL: gateway.url, AWS_CA_BUNDLE: folder.file('ca.pem'),
        AWS_ROLE_ARN: 'arn:aws:iam::000000000000:role/ci', AWS_WEB_IDENTITY_TOKEN_FILE: folder.file('token'), AWS_CONFIG_FILE: folder.file('config'), ...env,
      },
    });
  const ok = async (...args: readonly string[]): Promise<string> => {
    const ran = await aws(args);
    assert.equal(ran.code, 0, `${args.join(' ')}\n${ran.stdout}${ran.stderr}\n${gateway.seen.join('\n')}`);
    return ran.stdout;
  };

  await ok('s3', 'cp', folder.file('small'), 's3://plain/dir/small 1.txt');
  await ok('s3', 'cp', folder.file('empty'), 's3://plain/empty');
  await ok('s3', 'cp', folder.file('large'), 's3://plain/large');
  assert.match(await ok('s3', 'ls', 's3://plain/', '--recursive'), /100000 dir\/small 1\.txt/);
  await ok('s3', 'cp', 's3://plain/dir/small 1.txt', folder.file('small.back'));
  await ok('s3', 'cp', 's3://plain/large', folder.file('large.back'));
  assert.ok(readFileSync(folder.file('small.back')).equals(small));
  assert.ok(readFileSync(folder.file('large.back')).equals(large));
  const url = (await ok('s3', 'presign', 's3://plain/dir/small 1.txt')).trim();
  assert.ok(url.startsWith(gateway.url));
  const curl = await run('curl', ['-sS', '--cacert', folder.file('ca.pem'), '-o', folder.file('small.curl'), '-w', '%{http_code}', url]);
  assert.equal(curl.stdout, '200', curl.stderr);
  assert.ok(readFileSync(folder.file('small.curl')).equals(small));
  assert.equal((await run('curl', ['-sS', '--cacert', folder.file('ca.pem'), '-o', '/dev/null', '-w', '%{http_code}', `${url}&acl`])).stdout, '403');
  await ok('s3', 'rm', 's3://plain/empty');

  const stranger = await aws(['s3', 'ls', 's3://plain/'], { AWS_ACCESS_KEY_ID: s3.accessKey, AWS_SECRET_ACCESS_KEY: s3.secretKey });
  assert.notEqual(stranger.code, 0, 'the target\'s own key does not open the gateway');
  writeFileSync(folder.file('token'), 'eyJ.another.token');
  // In another home: it keeps keys in a cache there until they end.
  const other = await aws(['s3', 'ls', 's3://plain/'], { HOME: folder.file('elsewhere') });
  assert.match(other.stderr, /InvalidIdentityToken/);

  const { seen } = gateway;
  // What the client did not sign over TLS is signed towards the target, which has none.
  assert.ok(seen.includes('PUT /plain/dir/small%201.txt unsigned -> STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER 200'), seen.join('\n'));
  assert.ok(seen.filter((line) => line.startsWith('PUT /plain/large unsigned -> STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER 200')).length >= 3, seen.join('\n'));
  assert.ok(seen.includes('refused InvalidAccessKeyId') || seen.includes('refused AuthorizationHeaderMalformed'));
  assert.ok(seen.includes('refused SignatureDoesNotMatch'));
});
