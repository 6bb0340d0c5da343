import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { makeAuthority, type Made } from '../kit/client-certificates.ts';
import { PYTHON, requireProgram, skipUnless } from '../kit/present.ts';
import { run, type Ran } from '../kit/run.ts';
import { until } from '../kit/until.ts';
import { startCertificateScene, type CertificateScene } from './http-certificates-scene.ts';
import { PLAIN, SECURE, startProxyScene, type ProxyScene } from './http-proxy-scene.ts';
import { TARGET_TOKEN } from './http-scene.ts';
import { readEvidence } from './recorded-evidence.ts';
import { stopAndVerify } from './whole-evidence.ts';

const CURL = skipUnless('curl');

let proxy: ProxyScene;
let mesh: CertificateScene;
before(async () => {
  mesh = await startCertificateScene({
    start: async (options) => {
      proxy = await startProxyScene(options);
      return proxy.scene;
    },
  });
});
after(async () => {
  await proxy?.[Symbol.asyncDispose]();
  mesh?.folder.remove();
});

const through = (own: Made | undefined, ...args: readonly string[]): Promise<Ran> => {
  const shown = own === undefined ? undefined : mesh.files(own);
  return run(requireProgram('curl'), ['-sS', '--proxy-cacert', proxy.scene.gateway.caFile, '--cacert', proxy.interceptionCa, ...(shown ? ['--proxy-cert', shown.cert, '--proxy-key', shown.key] : []), '-x', `https://localhost:${proxy.port}`, ...args], { timeoutMs: 20_000 });
};

/** What a CONNECT is answered by the proxy that TLS was opened to with this certificate. */
const connecting = (own: Made, headers: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = '';
    const socket = connectTls({ host: '127.0.0.1', port: proxy.port, ca: proxy.scene.ca, servername: 'localhost', cert: own.certPem, key: own.keyPem }, () => socket.write(`CONNECT ${SECURE}:443 HTTP/1.1\r\nHost: ${SECURE}:443\r\n${headers}\r\n`));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (answer.startsWith('HTTP/1.1 200 ')) socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });

test('curl --proxy-cert: a tunnel, its requests in both versions, and the absolute form are of the certificate', { skip: CURL }, async () => {
  proxy.secure.clear();
  for (const version of ['--http1.1', '--http2']) {
    const ran = await through(mesh.workload, version, '-H', 'Authorization: Bearer of-the-client', '-w', ' %{http_code} %{http_version}', `https://${SECURE}/things`, `https://${SECURE}/things`);
    assert.equal(ran.stdout, `ok\n 200 ${version === '--http2' ? '2' : '1.1'}`.repeat(2), ran.stderr);
  }
  assert.equal(proxy.secure.requests.length, 4);
  for (const arrived of proxy.secure.requests) assert.equal(proxy.secure.header(arrived, 'authorization'), `Bearer ${TARGET_TOKEN}`);
  const plain = await through(mesh.workload, `http://127.0.0.1:${proxy.plain.port}/plain`);
  assert.equal(plain.stdout, 'ok\n', plain.stderr);
  const refused = await through(mesh.workload, '-X', 'DELETE', `https://${SECURE}/things`);
  assert.equal((JSON.parse(refused.stdout) as { code: unknown }).code, 'denied');
  const { sessions } = await readEvidence(proxy.scene.gateway.dataDir, `${proxy.scene.gateway.folder}/keys`);
  assert.deepEqual([...new Set([...sessions.values()].map(({ open }) => open.principal.certificate?.fingerprint))], [mesh.workload.fingerprint]);
});

test('Python requests with its certificate for the target is asked inside the tunnel for none', { skip: skipUnless('requests') }, async () => {
  const { cert, key } = mesh.files(mesh.workload);
  const python = await run(PYTHON, ['-c', `
import os, requests
s = requests.Session()
s.proxies, s.verify, s.cert = {'https': os.environ['PROXY']}, os.environ['BOTH'], (os.environ['CERT'], os.environ['OWN'])
print(s.get('https://${SECURE}/python').text.strip())`], { env: { PROXY: await proxy.proxy('reader'), BOTH: proxy.bothCas, CERT: cert, OWN: key } });
  assert.equal(python.stdout.trim(), 'ok', python.stderr);
});

test('without a certificate, with one that is not good, and with one that contradicts the token', { skip: CURL }, async () => {
  const code = async (own: Made | undefined, ...args: readonly string[]): Promise<string> => (await through(own, '-o', '/dev/null', '-w', '%{http_connect}', ...args, `https://${SECURE}/things`)).stdout;
  const stranger = await mesh.make({ issuer: await makeAuthority('CN=Other') });
  assert.equal(await code(undefined), '407');
  assert.equal(await code(stranger), '407');
  const reader = await proxy.scene.token('reader');
  assert.equal(await code(stranger, '--proxy-user', `job:${reader}`), '200', 'a token beside one that stands for nobody');
  assert.equal(await code(mesh.workload, '--proxy-user', `job:${reader}`), '400');
  assert.match(await connecting(mesh.workload, `Proxy-Authorization: Bearer ${reader}\r\n`), /^HTTP\/1\.1 400 [^]*different identities/);
  assert.match(await connecting(mesh.workload, ''), /^HTTP\/1\.1 200 /);
});

test('a token for this gateway inside a tunnel of a certificate is a contradiction', { skip: CURL }, async () => {
  const reader = await proxy.scene.token('reader');
  for (const header of [`Authorization: Bearer ${reader}`, `X-Wicketgate-Token: ${reader}`]) {
    const ran = await through(mesh.workload, '-H', header, '-w', ' %{http_code}', `https://${SECURE}/things`);
    assert.match(ran.stdout, / 400$/, ran.stderr);
  }
});

test('where the proxy speaks no TLS a certificate says nothing', { skip: CURL }, async () => {
  const { cert, key } = mesh.files(mesh.workload);
  const ran = await run(requireProgram('curl'), ['-sS', '--cacert', proxy.interceptionCa, '--cert', cert, '--key', key, '-x', `http://localhost:${proxy.loosePort}`, '-o', '/dev/null', '-w', '%{http_connect}', `https://${SECURE}/things`], { timeoutMs: 20_000 });
  assert.equal(ran.stdout, '407');
  const absolute = await run(requireProgram('curl'), ['-sS', '-x', `http://localhost:${proxy.loosePort}`, '-o', '/dev/null', '-w', '%{http_code}', `http://${PLAIN}/x`], { timeoutMs: 20_000 });
  assert.equal(absolute.stdout, '407');
});

test('revoked: the requests of its open tunnel too', async () => {
  const own = await mesh.make();
  assert.match(await connecting(own, ''), /^HTTP\/1\.1 200 /);
  assert.equal((await proxy.scene.gateway.cli('identities', 'revoke', `sha256:${own.fingerprint}`, '--config', proxy.scene.gateway.configFile)).code, 0);
  await until(async () => (await connecting(own, '')).startsWith('HTTP/1.1 407'), 20_000, 'the certificate to be refused');
  assert.match(await connecting(mesh.workload, ''), /^HTTP\/1\.1 200 /);
  await stopAndVerify(proxy.scene);
});
