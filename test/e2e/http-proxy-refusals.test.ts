import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { after, before, test } from 'node:test';
import type { ApprovalView } from '../../src/approvals/approvals.ts';
import { askLocal } from '../../src/control/local.ts';
import { answerOk } from '../kit/http-target.ts';
import { requireProgram, skipUnless } from '../kit/present.ts';
import { run, type Ran } from '../kit/run.ts';
import { staticIssuer, type StaticIssuer } from '../kit/static-issuer.ts';
import { SOON_MS, until } from '../kit/until.ts';
import { CLIENT_ID, PATIENT } from './approvals-scene.ts';
import { SECURE, startProxyScene, type ProxyScene } from './http-proxy-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

const CURL = skipUnless('curl');

let people: StaticIssuer;
let proxy: ProxyScene;
before(async () => {
  people = await staticIssuer({ issuer: 'https://login.test' });
  proxy = await startProxyScene({
    provider: { clockSkew: '0s' },
    policies: [
      { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'] },
      { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'], rules: [{ name: 'deletes', match: { verbs: ['delete'] }, effect: 'require_approval', reason: 'what is deleted is gone', approval: PATIENT }] },
    ],
    control: { url: 'https://wicketgate.test', login: [{ name: 'okta', issuer: people.issuer, clientId: CLIENT_ID, jwksFile: people.jwksFile }] },
  });
});
after(async () => {
  await proxy?.[Symbol.asyncDispose]();
  people?.stop();
});

const curl = (...args: readonly string[]): Promise<Ran> => run(requireProgram('curl'), ['-sS', '--proxy-cacert', proxy.scene.gateway.caFile, '--cacert', proxy.interceptionCa, ...args], { timeoutMs: 30_000 });
const bearer = async (role: 'reader' | 'writer'): Promise<Record<string, string>> => ({ 'Proxy-Authorization': `Bearer ${await proxy.scene.token(role)}` });
const refusedConnect = async (authority: string, headers: Readonly<Record<string, string>>): Promise<{ status: number; code: unknown; answer: string }> => {
  const { answer, socket } = await proxy.connect(authority, headers);
  socket.destroy();
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.slice(9, 12)), code: body === '' ? undefined : (JSON.parse(body) as Record<string, unknown>)['code'], answer };
};
/** Says bytes inside a tunnel and gives what came back until its end, or until `enough`. */
const say = (socket: TLSSocket, bytes: string, enough: (text: string) => boolean = () => false): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    const late = setTimeout(() => reject(new Error(`no whole answer to ${bytes.slice(0, 40)}: ${text}`)), 20_000);
    const done = (): void => {
      clearTimeout(late);
      socket.off('data', onData);
      resolve(text);
    };
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (enough(text)) done();
    };
    socket.on('data', onData).on('error', () => {}).once('close', done);
    if (socket.destroyed) done();
    else socket.write(bytes);
  });
const whole = (text: string): boolean => {
  const [head = '', body] = text.split('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  return body !== undefined && length !== undefined && body.length >= Number(length);
};
const statusOf = (text: string): number => Number(text.slice(9, 12));
const get = (path: string, host: string, ...more: readonly string[]): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more.map((line) => `${line}\r\n`).join('')}\r\n`;
const logged = (part: string): readonly Record<string, unknown>[] => proxy.scene.gateway.logLines().filter(({ msg }) => String(msg).includes(part));

test('CONNECT without a good token is 407, and to where no connection leads 403: nothing passes', async () => {
  proxy.secure.clear();
  const none = await refusedConnect(`${SECURE}:443`, {});
  assert.deepEqual([none.status, none.code], [407, 'unauthenticated']);
  assert.match(none.answer, /\r\nProxy-Authenticate: Basic realm="wicketgate", charset="UTF-8"\r\nProxy-Authenticate: Bearer realm="wicketgate"\r\n/);
  const token = await proxy.scene.token('reader');
  assert.equal((await refusedConnect(`${SECURE}:443`, { 'Proxy-Authorization': `Bearer ${token.slice(0, -8)}AAAAAAAA` })).status, 407);
  assert.equal((await refusedConnect(`${SECURE}:443`, { 'Proxy-Authorization': 'Digest x' })).status, 400);
  assert.equal((await refusedConnect(`${SECURE}:443`, { 'Proxy-Authorization': `Bearer ${await proxy.scene.token('stranger')}` })).status, 403);
  for (const where of ['elsewhere.example:443', `${SECURE}:444`, `${SECURE}:22`, '169.254.169.254:80', '[fd00:ec2::254]:80', 'metadata.google.internal:80', '[::ffff:169.254.169.254]:80', 'storage.example:443', '127.0.0.1:22', `xapi.example:443`]) {
    assert.deepEqual(await refusedConnect(where, await bearer('reader')).then(({ status, code }) => [status, code]), [403, 'unknown_connection'], where);
  }
  for (const where of [SECURE, ':443', `${SECURE}:0`, `${SECURE}:99999`, `https://${SECURE}:443`, `user@${SECURE}:443`]) assert.equal((await refusedConnect(where, await bearer('reader'))).status, 400, where);
  assert.equal((await refusedConnect(`${SECURE}:443`, { ...(await bearer('reader')), 'Content-Length': '5' })).status, 400);
  assert.equal(proxy.secure.connections, 0);
});

test('one name for CONNECT and another for TLS is not served; nor is another Host inside, nor TLS without a name, nor no TLS', async () => {
  proxy.secure.clear();
  await assert.rejects(proxy.inside('reader', 'data.storage.example').then((socket) => say(socket, get('/fronted', 'data.storage.example')).then((text) => assert.ok(text === '' , text)).then(() => { throw new Error('closed without an answer'); })));
  const nameless = await proxy.connect(`${SECURE}:443`, await bearer('reader'));
  const inner = connectTls({ socket: nameless.socket, ca: readFileSync(proxy.interceptionCa, 'utf8'), checkServerIdentity: () => undefined });
  assert.equal(await say(inner, get('/nameless', SECURE)), '');
  const fronted = await proxy.inside('reader');
  assert.equal(statusOf(await say(fronted, get('/fronted', 'data.storage.example'), whole)), 421);
  const otherPort = await proxy.inside('reader');
  assert.equal(statusOf(await say(otherPort, get('/fronted', `${SECURE}:444`), whole)), 421);
  const absolute = await proxy.inside('reader');
  assert.equal(statusOf(await say(absolute, get(`http://${SECURE}/fronted`, SECURE), whole)), 421);
  const clear = await proxy.connect(`${SECURE}:443`, await bearer('reader'));
  let text = '';
  clear.socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const closed = new Promise((resolve) => clear.socket.once('close', resolve));
  clear.socket.write(get('/clear', SECURE));
  await closed;
  assert.match(text, /^HTTP\/1\.1 400 /);
  const again = await proxy.inside('reader');
  assert.equal(await say(again, `CONNECT ${SECURE}:443 HTTP/1.1\r\nHost: ${SECURE}:443\r\n\r\n`), '');
  assert.equal(proxy.secure.requests.length, 0);
  // Whose tunnel it was is known, so the evidence says who.
  assert.ok((await until(async () => { const found = await refusals(); return found.length >= 4 ? found : undefined; }, 20_000, 'the refusals in the evidence')).every((reason) => reason === 'protocol'));
});

test('a client of TLS 1.2 that resumes its session is served, in tunnels for the same host alone; so is one that ends the name with a dot', async () => {
  proxy.secure.clear();
  const open = async (host: string, options: ConnectionOptions): Promise<TLSSocket> => {
    const { socket } = await proxy.connect(`${host}:443`, await bearer('reader'));
    return new Promise((resolve, reject) => {
      const inner: TLSSocket = connectTls({ socket, ca: readFileSync(proxy.interceptionCa, 'utf8'), servername: host, maxVersion: 'TLSv1.2', ...options }, () => resolve(inner));
      inner.once('error', reject);
    });
  };
  const first = await open(SECURE, {});
  assert.equal(statusOf(await say(first, get('/first', SECURE), whole)), 200);
  const session = first.getSession();
  assert.ok(session);
  const again = await open(SECURE, { session });
  assert.equal(again.isSessionReused(), true);
  assert.equal(statusOf(await say(again, get('/again', SECURE), whole)), 200);
  const elsewhere = await open('data.storage.example', { session });
  assert.equal(elsewhere.isSessionReused(), false);
  assert.equal(statusOf(await say(elsewhere, get('/fronted', SECURE), whole)), 421);
  const resumed = await open(SECURE, { session });
  assert.equal(statusOf(await say(resumed, get('/fronted', 'data.storage.example'), whole)), 421);
  const dotted = await open(SECURE, { servername: `${SECURE}.`, checkServerIdentity: () => undefined });
  assert.equal(statusOf(await say(dotted, get('/dotted', `${SECURE}.`), whole)), 200);
  assert.deepEqual(proxy.secure.requests.map(({ url }) => url), ['/first', '/again', '/dotted']);
});

const refusals = async (): Promise<readonly string[]> => {
  const { readEvidence } = await import('./recorded-evidence.ts');
  const { leaves } = await readEvidence(proxy.scene.gateway.dataDir, `${proxy.scene.gateway.folder}/keys`);
  return leaves.flatMap(({ record }) => (record.kind === 'refusal' && record.session !== undefined && record.code === 'protocol' ? [record.code] : []));
};

test('the token of the tunnel is the one: another for this gateway inside is refused, any other credential is dropped', async () => {
  proxy.secure.clear();
  const [reader, writer] = [await proxy.scene.token('reader'), await proxy.scene.token('writer')];
  const ask = async (path: string, ...more: readonly string[]): Promise<number> => {
    const socket = await proxy.inside('reader');
    const status = statusOf(await say(socket, get(path, SECURE, ...more), whole));
    socket.destroy();
    return status;
  };
  assert.equal(await ask('/x', `Authorization: Bearer ${writer}`), 400);
  assert.equal(await ask('/x', `Authorization: Basic ${Buffer.from(`a:${writer}`).toString('base64')}`), 400);
  assert.equal(await ask('/x', `X-Wicketgate-Token: ${writer}`), 400);
  assert.equal(await ask('/x', `Proxy-Authorization: Bearer ${writer}`), 400);
  assert.equal(await ask(`/x?access_token=${reader}`), 400);
  assert.equal(await ask('/x', `Cookie: t=${reader}`), 400);
  assert.equal(proxy.secure.requests.length, 0);
  assert.equal(await ask('/x', `Authorization: Bearer ${reader}`), 200);
  assert.equal(await ask('/x', 'Authorization: AWS4-HMAC-SHA256 Credential=theirs'), 200);
  assert.ok(!proxy.secure.raw().includes(reader) && !proxy.secure.raw().includes('theirs'));
});

test('a client that does not trust the CA is told of in the log, once a minute, without secrets', { skip: CURL }, async () => {
  const distrusting = ['--proxy-cacert', proxy.scene.gateway.caFile, '--cacert', proxy.scene.gateway.caFile, '-x', await proxy.proxy('reader'), `https://${SECURE}/untrusted`];
  for (let count = 0; count < 3; count += 1) {
    const ran = await run(requireProgram('curl'), ['-sS', ...distrusting], { timeoutMs: 20_000 });
    // Inside TLS to the proxy, curl takes its own alert for the end of the connection.
    assert.ok(ran.code === 60 || ran.code === 35, `${ran.code}: ${ran.stderr}`);
  }
  const lines = await until(() => (logged('does not trust the interception CA:').length > 0 ? logged('does not trust the interception CA:') : undefined), 20_000, 'the line in the log');
  assert.equal(lines.length, 1);
  assert.deepEqual([lines[0]?.['connection'], lines[0]?.['host'], lines[0]?.['alert'], lines[0]?.['ca']], ['secure', SECURE, 'unknown_ca', proxy.interceptionCa]);
  assert.ok(!proxy.scene.gateway.log().includes(await proxy.scene.token('reader')));
});

test('a token that expires takes the tunnel with it', async () => {
  const token = await proxy.scene.issuer.token({ claims: { job: 'reader' }, expiresIn: 6 });
  const { socket } = await proxy.connect(`${SECURE}:443`, { 'Proxy-Authorization': `Bearer ${token}` });
  const inner = connectTls({ socket, ca: readFileSync(proxy.interceptionCa, 'utf8'), servername: SECURE });
  assert.equal(statusOf(await say(inner, get('/early', SECURE), whole)), 200);
  const expires = (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number }).exp * 1000;
  await until(() => Date.now() > expires, 20_000, 'the end of the token');
  const text = await say(inner, get('/late', SECURE));
  assert.equal(statusOf(text), 401);
  assert.ok(inner.destroyed);
  assert.ok(!proxy.secure.requests.some(({ url }) => url === '/late'));
});

test('a request is held for people through the proxy as well', { skip: CURL }, async () => {
  proxy.secure.clear();
  const asked = curl('-x', await proxy.proxy('writer'), '-X', 'DELETE', `https://${SECURE}/things/1`);
  const local = async <Result>(request: Parameters<typeof askLocal>[1]): Promise<Result> => {
    const answer = await askLocal(proxy.scene.gateway.dataDir, request);
    if (!answer.ok) throw new Error(answer.error);
    return answer.result as Result;
  };
  const { id } = await until(async () => (await local<{ requests: ApprovalView[] }>({ do: 'approvals', act: 'list', limit: 100, state: 'pending' })).requests[0], 20_000, 'a request for approval');
  const { request } = await local<{ request: ApprovalView }>({ do: 'approvals', act: 'show', id, by: 'tests' });
  assert.match(request.text ?? '', /^DELETE \/things\/1/);
  assert.equal(proxy.secure.requests.length, 0);
  const idToken = await people.token({ sub: 'alice', aud: CLIENT_ID, claims: { name: 'alice', groups: ['dba'], nonce: 'n' } });
  await local({ do: 'approvals', act: 'answer', id, verdict: 'approve', reason: 'agreed in the ticket', digest: request.digest, idToken });
  const ran = await asked;
  assert.deepEqual([ran.code, ran.stdout], [0, 'ok\n'], ran.stderr);
  assert.deepEqual(proxy.secure.requests.map(({ method, url }) => [method, url]), [['DELETE', '/things/1']]);
});

test('an identity that is revoked loses what runs in its tunnels at once, and gets no other', async () => {
  proxy.secure.handler = (request, response) => {
    request.resume();
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: 1\n\n');
  };
  const streaming = await proxy.inside('reader');
  const idle = await proxy.inside('reader');
  let seen = '';
  streaming.on('error', () => {}).on('data', (chunk: Buffer) => (seen += chunk.toString('latin1')));
  const closed = new Promise<void>((resolve) => streaming.once('close', () => resolve()));
  streaming.write(get('/events', SECURE));
  await until(() => seen.includes('data: 1'));
  const revoking = proxy.scene.gateway.cli('identities', 'revoke', 'reader', '--config', proxy.scene.gateway.configFile);
  assert.equal((await revoking).code, 0);
  const from = performance.now();
  await closed;
  assert.ok(performance.now() - from < SOON_MS);
  assert.ok(!seen.includes('0\r\n\r\n'), 'the stream looks whole');
  const text = await say(idle, get('/after', SECURE));
  assert.equal(statusOf(text), 403);
  assert.match(text, /"code":"revoked"/);
  assert.ok([403, 407].includes((await refusedConnect(`${SECURE}:443`, await bearer('reader'))).status));
  assert.equal((await proxy.scene.gateway.cli('identities', 'restore', 'reader', '--config', proxy.scene.gateway.configFile)).code, 0);
  await until(async () => (await refusedConnect(`${SECURE}:443`, await bearer('reader'))).status === 200, 20_000, 'the identity is back');
  assert.equal(await until(async () => (await recorded(proxy.scene, '/events')).at(-1)?.end), 'aborted');
  proxy.secure.handler = answerOk;
});

test('a reload that the CA cannot vouch for is refused with what to do; one that takes the connection away ends its tunnels', async () => {
  const { gateway, config } = proxy.scene;
  const connections = config['connections'] as readonly Record<string, unknown>[];
  const tunnel = await proxy.inside('reader');
  assert.equal(statusOf(await say(tunnel, get('/before', SECURE), whole)), 200);
  const with_ = (hosts: readonly string[]) => ({ ...config, connections: connections.map((one) => (one['name'] === 'secure' ? { ...one, http: { proxy: true, hosts } } : one)) });
  await gateway.reload(with_([SECURE, 'new.elsewhere.test']));
  const refused = await until(() => logged('the new configuration is refused')[0], 20_000, 'the refusal of the reload');
  assert.match(String(refused['reason']), /interception-ca\.pem may not vouch for new\.elsewhere\.test, which connections\[\]\.http\.proxy has now: take it out again; or move/);
  await gateway.reload(with_(['*.storage.example']));
  await until(() => logged('configuration in force').length > 0, 20_000, 'the reload');
  assert.equal(statusOf(await say(tunnel, get('/after-reload', SECURE), whole)), 403);
  assert.equal((await refusedConnect(`${SECURE}:443`, await bearer('reader'))).status, 403);
  tunnel.destroy();
});

test('the log is whole', () => stopAndVerify(proxy.scene));
