import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { startNginx, type Nginx } from '../kit/nginx.ts';
import { PYTHON, requireProgram, skipUnless } from '../kit/present.ts';
import { run } from '../kit/run.ts';
import { until } from '../kit/until.ts';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

const SIZE = 1024 * 1024 * 1024;
const SKIP = skipUnless('nginx', 'curl');
const THINGS = JSON.stringify({ things: Array.from({ length: 500 }, (_, id) => ({ id, name: `thing ${id}` })) });

let nginx: Nginx;
let scene: HttpScene;
before(async () => {
  if (SKIP !== false) return;
  nginx = await startNginx({
    tls: true,
    files: { 'things.json': THINGS },
    server: `
      location / { if ($http_authorization != "Bearer ${TARGET_TOKEN}") { return 401; } }`,
  });
  scene = await startHttpScene({
    connectionsAt: (port) => [
      { name: 'api', protocol: 'http', target: { host: '127.0.0.1', port: nginx.port, tls: 'verify-full', ca: nginx.caFile }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' } },
      { name: 'own', protocol: 'http', target: { host: '127.0.0.1', port, tls: 'disable' }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' } },
    ],
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await nginx?.stop();
});

test('curl, against nginx over TLS: bearer, Basic, HEAD, a range, compressed', { skip: SKIP }, async () => {
  const token = await scene.token('reader');
  const curl = async (...args: readonly string[]): Promise<string> => {
    const ran = await run(requireProgram('curl'), ['-sS', '--http1.1', '--cacert', scene.gateway.caFile, ...args]);
    assert.equal(ran.code, 0, ran.stderr);
    return ran.stdout;
  };
  assert.equal(await curl('-H', `Authorization: Bearer ${token}`, `${scene.url}/things.json`), THINGS);
  assert.equal(await curl('-u', `anybody:${token}`, '--compressed', `${scene.url}/things.json`), THINGS);
  assert.match(await curl('-I', '-H', `Authorization: Bearer ${token}`, `${scene.url}/things.json`), /^HTTP\/1\.1 200 OK\r\n[^]*Content-Length: \d+/i);
  assert.equal(await curl('-r', '0-9', '-H', `Authorization: Bearer ${token}`, `${scene.url}/things.json`), THINGS.slice(0, 10));
  assert.match(await curl(`${scene.url}/things.json`), /"code":"unauthenticated"/);
});

test('clients that do not trust the gateway are told of in the log, once a minute, and send nothing', { skip: SKIP || skipUnless('requests') }, async () => {
  const curl = await run(requireProgram('curl'), ['-sS', `${scene.url}/things.json`]);
  assert.equal(curl.code, 60, curl.stderr);
  const python = await run(PYTHON, ['-c', 'import os, requests; requests.get(os.environ["URL"])'], { env: { URL: scene.url } });
  assert.match(python.stderr, /CERTIFICATE_VERIFY_FAILED/);
  const said = (): Record<string, unknown>[] => scene.gateway.logLines().filter(({ msg }) => String(msg).startsWith('a client does not trust the certificate of the gateway: '));
  const [line] = await until(() => (said().length > 0 ? said() : undefined), 20_000, 'the line in the log');
  assert.deepEqual([line?.['listen'], line?.['peer'], line?.['alert']], [`127.0.0.1:${scene.gateway.port()}`, '127.0.0.1', 'unknown_ca']);
  assert.equal(said().length, 1);
});

test('Python requests: a session, and JSON refused by policy; and urllib', { skip: SKIP || skipUnless('requests') }, async () => {
  const program = `
import json, os, requests
s = requests.Session()
s.headers['Authorization'] = 'Bearer ' + os.environ['TOKEN']
for _ in range(3):
    r = s.get(os.environ['URL'] + '/things.json')
    r.raise_for_status()
    assert len(r.json()['things']) == 500
from urllib.request import Request, urlopen
assert len(json.load(urlopen(Request(os.environ['URL'] + '/things.json', headers={'Authorization': s.headers['Authorization']})))['things']) == 500
r = s.post(os.environ['URL'] + '/things.json', json={'a': 1})
assert r.status_code == 403, r.status_code
assert r.json()['code'] == 'denied', r.text
print('fine')
`;
  const ran = await run(PYTHON, ['-c', program], { env: { REQUESTS_CA_BUNDLE: scene.gateway.caFile, SSL_CERT_FILE: scene.gateway.caFile, TOKEN: await scene.token('reader'), URL: scene.url } });
  assert.equal(ran.stdout.trim(), 'fine', ran.stderr);
});

test('Node fetch: concurrent requests of one identity share a session', { skip: SKIP }, async () => {
  const program = `
const all = await Promise.all(Array.from({ length: 20 }, () => fetch(process.env.URL + '/things.json', { headers: { authorization: 'Bearer ' + process.env.TOKEN } }).then((r) => r.json())));
if (all.every(({ things }) => things.length === 500)) console.log('fine');
`;
  const before = scene.gateway.logLines().filter(({ msg }) => msg === 'session opened').length;
  const ran = await run(process.execPath, ['--input-type=module', '-e', program], { env: { NODE_EXTRA_CA_CERTS: scene.gateway.caFile, TOKEN: await scene.issuer.token({ claims: { job: 'reader' } }), URL: scene.url } });
  assert.equal(ran.stdout.trim(), 'fine', ran.stderr);
  assert.equal(scene.gateway.logLines().filter(({ msg }) => msg === 'session opened').length, before + 1);
});

test('1 GiB passes in both directions without being kept', { skip: SKIP }, async () => {
  const port = scene.gateway.port('own');
  const chunk = Buffer.alloc(65_536, 'x');
  scene.target.handler = (request, response) => {
    let bytes = 0;
    request.on('data', (piece: Buffer) => (bytes += piece.length));
    request.once('end', () => {
      if (request.method !== 'GET') {
        response.end(String(bytes));
        return;
      }
      let left = SIZE / chunk.length;
      response.writeHead(200, request.url === '/length' ? { 'Content-Length': SIZE } : {});
      const go = (): void => {
        while (left > 0) {
          left -= 1;
          if (!response.write(chunk)) {
            response.once('drain', go);
            return;
          }
        }
        response.end();
      };
      go();
    });
  };
  const rss = (field: string): number => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${scene.gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
  assert.equal((await scene.ask('writer', '/warm', { method: 'POST', body: 'x', port })).status, 200);
  const from = rss('VmRSS');
  const curl = ['-sS', '--http1.1', '--cacert', scene.gateway.caFile, '-H', `Authorization: Bearer ${await scene.token('writer')}`];
  for (const path of ['length', 'chunks']) {
    const ran = await run(requireProgram('curl'), [...curl, '-o', '/dev/null', '-w', '%{size_download}', `https://localhost:${port}/${path}`], { timeoutMs: 300_000 });
    assert.equal(ran.stdout, String(SIZE), ran.stderr);
  }
  const up = await run('/bin/sh', ['-c', `head -c ${SIZE} /dev/zero | "$@"`, 'sh', requireProgram('curl'), ...curl, '-T', '-', `https://localhost:${port}/up`], { timeoutMs: 300_000 });
  assert.equal(up.stdout, String(SIZE), up.stderr);
  const grown = rss('VmHWM') - from;
  assert.ok(grown < 64, `grew by ${grown.toFixed(1)} MiB`);
});

test('the log of all that verifies', { skip: SKIP }, async () => {
  await stopAndVerify(scene);
  await scene.gateway.start();
});
