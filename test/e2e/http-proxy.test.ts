import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PYTHON, requireProgram, skipUnless } from '../kit/present.ts';
import { run, type Ran } from '../kit/run.ts';
import { PLAIN, SECURE, startProxyScene, type ProxyScene } from './http-proxy-scene.ts';
import { TARGET_TOKEN } from './http-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

const CURL = skipUnless('curl');
const REQUESTS = skipUnless('requests');

let proxy: ProxyScene;
before(async () => {
  proxy = await startProxyScene();
});
after(() => proxy?.[Symbol.asyncDispose]());

const curl = (...args: readonly string[]): Promise<Ran> => run(requireProgram('curl'), ['-sS', '--proxy-cacert', proxy.scene.gateway.caFile, '--cacert', proxy.interceptionCa, ...args], { timeoutMs: 20_000 });

test('curl through the proxy over TLS, to a target with TLS: token as password, as bearer; nothing of it reaches the target', { skip: CURL }, async () => {
  const token = await proxy.scene.token('reader');
  proxy.secure.clear();
  for (const args of [['-x', await proxy.proxy('reader')], ['-x', await proxy.proxy(undefined), '--proxy-user', `job:${token}`], ['-x', await proxy.proxy(undefined), '--proxy-header', `Proxy-Authorization: Bearer ${token}`]]) {
    const ran = await curl(...args, '-H', 'Authorization: Bearer of-the-client', `https://${SECURE}/things?x=1`);
    assert.deepEqual([ran.code, ran.stdout], [0, 'ok\n'], ran.stderr);
  }
  assert.equal(proxy.secure.requests.length, 3);
  for (const arrived of proxy.secure.requests) {
    assert.equal(arrived.url, '/things?x=1');
    assert.equal(proxy.secure.header(arrived, 'authorization'), `Bearer ${TARGET_TOKEN}`);
    assert.equal(proxy.secure.header(arrived, 'proxy-authorization'), undefined);
  }
  assert.ok(!proxy.secure.raw().includes(token) && !proxy.secure.raw().includes('of-the-client'));
});

test('a name below a wildcard, the target by its own name and port, and an address', { skip: CURL }, async () => {
  for (const url of ['https://data.storage.example/o', `https://localhost:${proxy.secure.port}/o`, `https://127.0.0.1:${proxy.plain.port}/o`]) {
    const ran = await curl('-x', await proxy.proxy('reader'), url);
    assert.deepEqual([ran.code, ran.stdout], [0, 'ok\n'], `${url}: ${ran.stderr}`);
  }
});

test('a target without TLS, by requests in the absolute form', { skip: CURL }, async () => {
  proxy.plain.clear();
  for (const kind of ['https', 'http'] as const) {
    const url = kind === 'https' ? `http://127.0.0.1:${proxy.plain.port}/plain?y=2` : `http://${PLAIN}/plain?y=2`;
    const ran = await curl('-x', await proxy.proxy('reader', kind), url);
    assert.deepEqual([ran.code, ran.stdout], [0, 'ok\n'], ran.stderr);
    const none = await curl('-o', '/dev/null', '-w', '%{http_code} %header{proxy-authenticate}', '-x', await proxy.proxy(undefined, kind), url);
    assert.equal(none.stdout, '407 Basic realm="wicketgate", charset="UTF-8"');
    const elsewhere = await curl('-w', ' %{http_code}', '-x', await proxy.proxy('reader', kind), `http://${PLAIN}:81/plain`);
    assert.match(elsewhere.stdout, /no connection of the forward proxy is for this host and port without TLS","code":"unknown_connection"[^]* 403$/);
  }
  assert.deepEqual(proxy.plain.requests.map(({ url }) => url), ['/plain?y=2', '/plain?y=2']);
  assert.equal(proxy.plain.header(proxy.plain.requests[0]!, 'authorization'), `Bearer ${TARGET_TOKEN}`);
});

test('several requests in one tunnel, a body up, and a refusal in the words of the reverse mode', { skip: CURL }, async () => {
  proxy.secure.clear();
  const ran = await curl('--http1.1', '-x', await proxy.proxy('writer'), '-w', '%{http_code} %{num_connects}\n', '--data-binary', 'some bytes', `https://${SECURE}/a`, `https://${SECURE}/b`, '-H', 'Content-Type: text/plain');
  assert.equal(ran.stdout, 'ok\n200 1\nok\n200 0\n', ran.stderr);
  assert.deepEqual(proxy.secure.requests.map(({ method, url, body }) => [method, url, body.toString()]), [['POST', '/a', 'some bytes'], ['POST', '/b', 'some bytes']]);
  const refused = await curl('-x', await proxy.proxy('reader'), '-X', 'DELETE', `https://${SECURE}/a`);
  const problem = JSON.parse(refused.stdout) as Record<string, unknown>;
  assert.deepEqual([problem['status'], problem['code']], [403, 'denied']);
  assert.match(String(problem['session']), /^[0-9a-z]{26}$/);
  assert.equal(proxy.secure.requests.length, 2);
});

test('Python: requests over both proxies, and urllib, all by their environment', { skip: REQUESTS }, async () => {
  const requests = `import json, requests
print(json.dumps([requests.get("https://${SECURE}/requests").text, requests.post("https://${SECURE}/requests", json={"a": 1}).status_code]))`;
  for (const kind of ['https', 'http'] as const) {
    const ran = await run(PYTHON, ['-c', requests], { env: { HTTPS_PROXY: await proxy.proxy('writer', kind), REQUESTS_CA_BUNDLE: proxy.bothCas } });
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(JSON.parse(ran.stdout), ['ok\n', 200]);
  }
  const urllib = `import json, urllib.request
print(json.dumps([urllib.request.urlopen(address).read().decode() for address in ("https://${SECURE}/urllib", "http://${PLAIN}/urllib")]))`;
  const loose = await proxy.proxy('writer', 'http');
  const ran = await run(PYTHON, ['-c', urllib], { env: { HTTPS_PROXY: loose, HTTP_PROXY: loose, SSL_CERT_FILE: proxy.bothCas } });
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(JSON.parse(ran.stdout), ['ok\n', 'ok\n']);
});

test('Node fetch with NODE_USE_ENV_PROXY, and one that does not trust the CA', async () => {
  const fetching = `console.log(await (await fetch('https://${SECURE}/node')).text())`;
  for (const kind of ['https', 'http'] as const) {
    const env = { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: await proxy.proxy('reader', kind), NODE_EXTRA_CA_CERTS: proxy.bothCas };
    const ran = await run(process.execPath, ['--input-type=module', '-e', fetching], { env });
    assert.deepEqual([ran.code, ran.stdout], [0, 'ok\n\n'], ran.stderr);
  }
  const distrusting = await run(process.execPath, ['--input-type=module', '-e', fetching], { env: { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: await proxy.proxy('reader'), NODE_EXTRA_CA_CERTS: proxy.scene.gateway.caFile } });
  assert.notEqual(distrusting.code, 0);
  assert.match(distrusting.stderr, /SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/);
});

test('every request is recorded as in the reverse mode, and the log is whole', async () => {
  const [command] = await recorded(proxy.scene, '/things');
  assert.equal(command?.end, 'ok');
  await stopAndVerify(proxy.scene);
});
