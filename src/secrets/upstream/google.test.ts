import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { importSPKI, jwtVerify } from 'jose';
import { certificateAuthority } from '../../../test/kit/certificates.ts';
import { skipUnless } from '../../../test/kit/present.ts';
import { tempFolder } from '../../../test/kit/temp.ts';
import { json, startHostileIssuer } from '../../identity/testdata/hostile-issuer.ts';
import { createInjector, type CredentialOf } from './injector.ts';
import { headOf, NEVER, START, testParts } from './testdata/parts.ts';
import { makeServiceAccount } from '../../../test/kit/service-account.ts';
import { CredentialUnavailable } from './unavailable.ts';

const SCOPES = ['https://www.googleapis.com/auth/devstorage.read_write', 'https://www.googleapis.com/auth/pubsub'];
const account = makeServiceAccount();
const google = (over: Partial<CredentialOf<'google'>> = {}): CredentialOf<'google'> => ({ type: 'google', key: { from: 'env', name: 'KEY' }, scopes: SCOPES, allowPrivate: false, ...over });

const serving = async (): Promise<{ readonly url: string; readonly forms: URLSearchParams[]; readonly [Symbol.asyncDispose]: () => PromiseLike<void> }> => {
  const server = await startHostileIssuer();
  const forms: URLSearchParams[] = [];
  server.answer('/token', (response, request) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => { text += part; }).on('end', () => {
      forms.push(new URLSearchParams(text));
      json({ access_token: `ya29.${forms.length}`, expires_in: 3599, token_type: 'Bearer' })(response, request);
    });
  });
  return { url: `${server.issuer}/token`, forms, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
};

test('an assertion that jose verifies is exchanged for a token', async () => {
  await using server = await serving();
  const parts = testParts({ KEY: account.json() });
  const injector = createInjector(google({ tokenUrl: server.url }), parts);
  assert.deepEqual(injector.owns, ['authorization', 'x-goog-iam-authorization-token', 'x-goog-api-key']);
  const head = headOf();
  await injector.inject(head, NEVER);
  assert.deepEqual(head.headers, [['authorization', 'Bearer ya29.1']]);
  const [form] = server.forms;
  assert.equal(form?.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  assert.deepEqual([...(form?.keys() ?? [])], ['grant_type', 'assertion']);
  const { payload, protectedHeader } = await jwtVerify(form?.get('assertion') ?? '', await importSPKI(account.publicPem, 'RS256'), { algorithms: ['RS256'], issuer: account.email, audience: server.url, currentDate: new Date(START) });
  assert.deepEqual(protectedHeader, { alg: 'RS256', typ: 'JWT', kid: account.keyId });
  const issued = Math.floor(START / 1000);
  assert.deepEqual(payload, { iss: account.email, scope: SCOPES.join(' '), aud: server.url, iat: issued, exp: issued + 3600 });
  await injector.inject(headOf(), NEVER);
  assert.equal(server.forms.length, 1);
  assert.ok(!parts.lines.join().includes('ya29'));
});

test('openssl verifies the assertion as well', { skip: skipUnless('openssl') }, async () => {
  await using server = await serving();
  using folder = tempFolder('google');
  await createInjector(google({ tokenUrl: server.url }), testParts({ KEY: account.json() })).inject(headOf(), NEVER);
  const [header, payload, signature = ''] = (server.forms[0]?.get('assertion') ?? '').split('.');
  writeFileSync(folder.file('input'), `${header}.${payload}`);
  writeFileSync(folder.file('signature'), Buffer.from(signature, 'base64url'));
  writeFileSync(folder.file('public.pem'), account.publicPem);
  const ran = spawnSync('openssl', ['dgst', '-sha256', '-verify', folder.file('public.pem'), '-signature', folder.file('signature'), folder.file('input')], { encoding: 'utf8' });
  assert.equal(ran.stdout.trim(), 'Verified OK', ran.stderr);
});

test('a rotated key serves the next exchange', async () => {
  await using server = await serving();
  const parts = testParts({ KEY: account.json() });
  const injector = createInjector(google({ tokenUrl: server.url }), parts);
  await injector.inject(headOf(), NEVER);
  const other = makeServiceAccount();
  parts.set('KEY', other.json());
  parts.pass(3_600_000);
  await injector.inject(headOf(), NEVER);
  await jwtVerify(server.forms[1]?.get('assertion') ?? '', await importSPKI(other.publicPem, 'RS256'), { currentDate: new Date(parts.clock()) });
});

test('the address of the key file is judged: only https, no private address, no metadata service', async () => {
  const table: readonly [string, boolean, RegExp][] = [
    ['http://127.0.0.1:1/token', true, /only https/],
    ['https://127.0.0.1:1/token', false, /loopback address/],
    ['https://10.1.2.3/token', false, /private address/],
    ['https://169.254.169.254/computeMetadata/v1/', true, /forbidden address/],
    ['https://[fd20:ce::254]/', true, /forbidden address/],
    ['http://metadata.google.internal/', true, /only https/],
    ['file:///etc/passwd', true, /only https/],
    ['canary', true, /not a URL/],
  ];
  for (const [tokenUri, allowPrivate, message] of table) {
    await assert.rejects(async () => createInjector(google({ allowPrivate }), testParts({ KEY: account.json({ token_uri: tokenUri }) })).inject(headOf(), NEVER), (error) => {
      assert.ok(error instanceof CredentialUnavailable);
      assert.match(error.message, message);
      return true;
    }, tokenUri);
  }
});

test('an address of the key file that may be reached is used', async (t) => {
  using folder = tempFolder('google');
  const authority = await certificateAuthority();
  writeFileSync(folder.file('ca.pem'), authority.certPem);
  const { certPem, keyPem } = await authority.issue(['127.0.0.1']);
  const server = createServer({ cert: certPem, key: keyPem }, (_request, response) => void response.writeHead(200).end('{"access_token":"ya29.private","expires_in":10}'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing(t, server);
  const uri = `https://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  const head = headOf();
  await createInjector(google({ allowPrivate: true, ca: folder.file('ca.pem') }), testParts({ KEY: account.json({ token_uri: uri }) })).inject(head, NEVER);
  assert.deepEqual(head.headers, [['authorization', 'Bearer ya29.private']]);
});

const closing = (t: TestContext, server: ReturnType<typeof createServer>): void => t.after(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

test('a file that is no such key is refused without a word of it', async () => {
  const key = account.json();
  const secret = /"private_key":"([^"]{80})/.exec(key)?.[1] ?? '';
  assert.equal(secret.length, 80);
  const table: readonly [string, RegExp][] = [
    ['canary', /is not a JSON object$/],
    [key.slice(0, -10), /is not a JSON object$/],
    [account.json({ type: 'authorized_user' }), /is not a key of a service account$/],
    [account.json({ client_email: undefined }), /lacks client_email or private_key$/],
    [account.json({ private_key: 'canary' }), /cannot be read$/],
    [account.json({ private_key: makeServiceAccount('ec').privatePem }), /is not RSA$/],
    [account.json({ token_uri: undefined }), /names no token_uri, and the configuration no tokenUrl$/],
  ];
  for (const [value, message] of table) {
    const parts = testParts({ KEY: value });
    await assert.rejects(async () => createInjector(google(), parts).inject(headOf(), NEVER), (error) => {
      assert.ok(error instanceof CredentialUnavailable);
      assert.match(error.message, /^env:KEY /);
      assert.match(error.message, message);
      const seen = inspect(error, { depth: 9, showHidden: true }) + parts.lines.join();
      assert.ok(!seen.includes('canary') && !seen.includes('PRIVATE KEY') && !seen.includes(secret.slice(40)));
      return true;
    });
  }
});
