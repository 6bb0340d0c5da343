import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { certificateAuthority } from '../../../test/kit/certificates.ts';
import { startIssuer } from '../../../test/kit/issuer.ts';
import { tempFolder } from '../../../test/kit/temp.ts';
import { json, startHostileIssuer, type Answer } from '../../identity/testdata/hostile-issuer.ts';
import { createInjector, type CredentialOf, type Injector } from './injector.ts';
import { startAuthorizationServer } from './testdata/authorization-server.ts';
import { headOf, NEVER, testParts, type Parts } from './testdata/parts.ts';
import { CredentialUnavailable } from './unavailable.ts';

const SECRET = 'canary-client-secret-9f2';
const oauth = (over: Partial<CredentialOf<'oauth'>> & { readonly tokenUrl: string }): CredentialOf<'oauth'> => ({
  type: 'oauth', clientId: 'gateway', clientSecret: { from: 'env', name: 'SECRET' }, scopes: [], auth: 'basic', allowPrivate: false, ...over,
});
const tokenOf = async (injector: Injector, head = headOf()): Promise<string> => {
  await injector.inject(head, NEVER);
  const [first, ...more] = head.headers;
  const [name, value] = first ?? assert.fail('nothing was put on');
  assert.equal(name, 'authorization');
  assert.deepEqual(more, []);
  assert.ok(value.startsWith('Bearer '));
  return value.slice('Bearer '.length);
};
const unavailable = (message: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof CredentialUnavailable, inspect(error));
  assert.match(error.message, message);
  assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes('canary'));
  return true;
};

test('a real server gives a token for the secret in the header and in the form, with the scopes asked for', async () => {
  await using server = await startAuthorizationServer();
  for (const auth of ['basic', 'post'] as const) {
    const { id, secret } = server[auth];
    const parts = testParts({ SECRET: secret });
    const injector = createInjector(oauth({ tokenUrl: server.tokenUrl, clientId: id, auth, scopes: ['read', 'write'] }), parts);
    assert.deepEqual(injector.owns, ['authorization']);
    const token = await tokenOf(injector);
    const said = await server.introspect(token);
    assert.equal(said['active'], true);
    assert.equal(said['client_id'], id);
    assert.equal(said['scope'], 'read write');
    assert.ok(!parts.lines.join().includes(token) && !parts.lines.join().includes(secret));
  }
});

test('a wrong secret and a scope that is not granted are told by their codes', async () => {
  await using server = await startAuthorizationServer();
  const parts = testParts({ SECRET });
  await assert.rejects(tokenOf(createInjector(oauth({ tokenUrl: server.tokenUrl, clientId: server.basic.id }), parts)), unavailable(/^token endpoint 127\.0\.0\.1:\d+ answered 401 \(invalid_client\)$/));
  const right = testParts({ SECRET: server.post.secret });
  await assert.rejects(tokenOf(createInjector(oauth({ tokenUrl: server.tokenUrl, clientId: server.post.id, auth: 'post', scopes: ['admin'] }), right)), unavailable(/answered 400 \(invalid_scope\)$/));
  assert.ok(!parts.lines.join().includes('canary'));
  assert.equal(parts.lines.length, 1);
});

test('many requests at once ask once, and the token serves until it is near its end', async () => {
  await using server = await startAuthorizationServer(300);
  const parts = testParts({ SECRET: server.post.secret });
  const injector = createInjector(oauth({ tokenUrl: server.tokenUrl, clientId: server.post.id, auth: 'post' }), parts);
  const tokens = await Promise.all(Array.from({ length: 50 }, () => tokenOf(injector)));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(server.asked(), 1);
  parts.pass(239_000);
  assert.equal(await tokenOf(injector), tokens[0]);
  assert.equal(server.asked(), 1);
  // In its last minute it still serves, while the next is fetched beside it.
  parts.pass(2_000);
  assert.equal(await tokenOf(injector), tokens[0]);
  const next = await untilOther(injector, tokens[0] ?? '');
  assert.equal(server.asked(), 2);
  // Past its end nothing waits for nothing: the next is awaited.
  parts.pass(400_000);
  const third = await tokenOf(injector);
  assert.ok(third !== next && third !== tokens[0]);
  assert.equal(server.asked(), 3);
});

const untilOther = async (injector: Injector, token: string): Promise<string> => {
  for (;;) {
    const other = await tokenOf(injector);
    if (other !== token) return other;
    await new Promise(setImmediate);
  }
};

test('a token that the target refuses is dropped once, and not the one after it', async () => {
  await using server = await startAuthorizationServer();
  const parts = testParts({ SECRET: server.post.secret });
  const injector = createInjector(oauth({ tokenUrl: server.tokenUrl, clientId: server.post.id, auth: 'post' }), parts);
  const [first, second] = [headOf(), headOf()];
  const token = await tokenOf(injector, first);
  assert.equal(await tokenOf(injector, second), token);
  injector.rejected(first);
  const renewed = await tokenOf(injector);
  assert.notEqual(renewed, token);
  parts.pass(60_000);
  injector.rejected(second);
  assert.equal(await tokenOf(injector), renewed, 'the second request went with the old one');
  injector.rejected();
  const again = await tokenOf(injector);
  assert.notEqual(again, renewed);
  injector.rejected();
  assert.equal(await tokenOf(injector), again, 'a target that refuses everything does not make a token for each request');
  parts.pass(10_000);
  injector.rejected();
  assert.notEqual(await tokenOf(injector), again);
});

test('while the server is out, a token serves to its end, and it is not asked for each request', async () => {
  await using server = await startHostileIssuer();
  let asked = 0;
  server.answer('/token', (response, request) => {
    asked += 1;
    json({ access_token: 'canary-token', token_type: 'Bearer', expires_in: 100 })(response, request);
  });
  const parts = testParts({ SECRET });
  const injector = createInjector(oauth({ tokenUrl: `${server.issuer}/token` }), parts);
  await tokenOf(injector);
  server.answer('/token', (response) => { asked += 1; response.writeHead(503).end('canary'); });
  parts.pass(80_000);
  assert.equal(await tokenOf(injector), 'canary-token');
  while (parts.lines.length < 2) await new Promise(setImmediate);
  for (let count = 0; count < 20; count += 1) await tokenOf(injector);
  assert.equal(asked, 2);
  parts.pass(20_000);
  for (let count = 0; count < 20; count += 1) await assert.rejects(tokenOf(injector), unavailable(/answered 503$/));
  assert.equal(asked, 3);
  parts.pass(1_000);
  await assert.rejects(tokenOf(injector), unavailable(/answered 503$/));
  assert.equal(asked, 4);
  server.answer('/token', json({ access_token: 'another', token_type: 'bearer', expires_in: '60' }));
  parts.pass(1_000);
  assert.equal(await tokenOf(injector), 'another');
  assert.ok(!parts.lines.join().includes('canary'));
});

test('what a hostile server answers is refused, and nothing of it is told', async (t) => {
  await using server = await startHostileIssuer();
  const answers: Readonly<Record<string, readonly [Answer, RegExp]>> = {
    '/redirect': [(response) => void response.writeHead(307, { location: 'http://169.254.169.254/canary' }).end(), /answered 307$/],
    '/large': [(response) => void response.writeHead(200).end(`{"access_token":"${'canary'.repeat(20_000)}"}`), /too large$/],
    '/not-json': [(response) => void response.writeHead(200).end('canary'), /the answer is not JSON$/],
    '/list': [json(['canary']), /not an object$/],
    '/twice': [(response) => void response.writeHead(200).end('{"access_token":"canary","access_token":"canary2"}'), /the answer is/],
    '/none': [json({ token_type: 'Bearer' }), /holds no access token$/],
    '/number': [json({ access_token: 7, token_type: 'Bearer' }), /holds no access token$/],
    '/injects': [json({ access_token: 'canary\r\nx-injected: 1', token_type: 'Bearer' }), /not one that a header can carry$/],
    '/long-token': [json({ access_token: 'canary'.repeat(3_000), token_type: 'Bearer' }), /not one that a header can carry$/],
    '/mac': [json({ access_token: 'canary', token_type: 'mac' }), /not a bearer token$/],
    '/dead': [json({ access_token: 'canary', token_type: 'Bearer', expires_in: 0 }), /no life left/],
    '/words': [json({ access_token: 'canary', token_type: 'Bearer', expires_in: 'canary' }), /no life left/],
    '/error': [(response) => void response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error: SECRET, error_description: SECRET })), /answered 400$/],
    '/encoded': [(response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('canary'), /encoded$/],
    '/cut': [(response) => void (response.writeHead(200, { 'content-length': '100' }).write('canary'), setImmediate(() => response.destroy())), /ECONNRESET$|ended early$/],
  };
  for (const [path, [answer, message]] of Object.entries(answers)) {
    await t.test(path, async () => {
      server.answer(path, answer);
      const parts = testParts({ SECRET });
      const head = headOf();
      await assert.rejects(async () => createInjector(oauth({ tokenUrl: `${server.issuer}${path}` }), parts).inject(head, NEVER), unavailable(message));
      assert.deepEqual(head.headers, []);
      assert.ok(!parts.lines.join().includes('canary'));
    });
  }
});

test('a server that does not answer is given up after five seconds; a client that goes does not wait for that', async () => {
  await using server = await startHostileIssuer();
  const came = Promise.withResolvers<void>();
  server.answer('/token', () => came.resolve());
  const injector = createInjector(oauth({ tokenUrl: `${server.issuer}/token` }), testParts({ SECRET }));
  const leaving = new AbortController();
  const left = assert.rejects(async () => injector.inject(headOf(), () => leaving.signal), /the client went away/);
  const waiting = assert.rejects(tokenOf(injector), unavailable(/no answer within 5 s$/));
  await came.promise;
  leaving.abort(new Error('the client went away'));
  await left;
  await waiting;
  assert.equal(server.asked.length, 1);
});

test('addresses where no token endpoint can be are not connected to', async () => {
  const table: readonly [Partial<CredentialOf<'oauth'>> & { readonly tokenUrl: string }, RegExp][] = [
    [{ tokenUrl: 'https://169.254.169.254/token', allowPrivate: true }, /forbidden address/],
    [{ tokenUrl: 'https://[fd00:ec2::254]/token', allowPrivate: true }, /forbidden address/],
    [{ tokenUrl: 'https://10.0.0.1/token' }, /private address/],
    [{ tokenUrl: 'http://10.0.0.1/token', allowPrivate: true }, /only https/],
    [{ tokenUrl: 'http://login.example/token' }, /only https/],
    [{ tokenUrl: 'https://u:canary@login.example/' }, /must not carry/],
    [{ tokenUrl: 'canary' }, /not a URL/],
  ];
  for (const [over, message] of table) await assert.rejects(tokenOf(createInjector(oauth(over), testParts({ SECRET }))), unavailable(message));
});

test('TLS to the server is verified by the CA of the configuration', async () => {
  using folder = tempFolder('oauth');
  const authority = await certificateAuthority();
  await using issuer = await startIssuer({ tls: await authority.issue(['127.0.0.1']) });
  writeFileSync(folder.file('ca.pem'), authority.certPem);
  const parts = (): Parts => testParts({ SECRET: 'the-job-of-the-kit' });
  const config = oauth({ tokenUrl: `${issuer.issuer}/token`, clientId: 'job' });
  await assert.rejects(tokenOf(createInjector(config, parts())), unavailable(/UNABLE_TO_VERIFY|SELF_SIGNED/));
  await assert.rejects(tokenOf(createInjector({ ...config, ca: folder.file('missing.pem') }, parts())), unavailable(/cannot be asked: ENOENT$/));
  assert.notEqual(await tokenOf(createInjector({ ...config, ca: folder.file('ca.pem') }, parts())), '');
});

test('audience is sent; a closed injector gives nothing any more', async () => {
  await using server = await startHostileIssuer();
  const forms: string[] = [];
  server.answer('/token', (response, request) => {
    request.setEncoding('utf8').on('data', (text: string) => forms.push(text)).on('end', () => json({ access_token: 'x', expires_in: 3600 })(response, request));
  });
  const injector = createInjector(oauth({ tokenUrl: `${server.issuer}/token`, audience: 'https://api.example/', scopes: ['a', 'b'] }), testParts({ SECRET }));
  await tokenOf(injector);
  assert.deepEqual([...new URLSearchParams(forms[0])], [['grant_type', 'client_credentials'], ['scope', 'a b'], ['audience', 'https://api.example/']]);
  injector.close();
  await assert.rejects(tokenOf(injector), unavailable(/^the connection is closed$/));
});
