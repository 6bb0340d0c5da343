import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import * as http2 from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { after, before, test } from 'node:test';
import { makeAuthority, makeCertificate, makeRevocationList, type Made } from '../kit/client-certificates.ts';
import { PYTHON, skipUnless } from '../kit/present.ts';
import { run } from '../kit/run.ts';
import { until } from '../kit/until.ts';
import { HOUR, startCertificateScene, WORKLOAD, type CertificateScene } from './http-certificates-scene.ts';
import { readEvidence } from './recorded-evidence.ts';
import { stopAndVerify } from './whole-evidence.ts';

const CURL = skipUnless('curl');
const NOT_VERIFIED = 'wicketgate: client certificate refused: not verified';

let mesh: CertificateScene;
before(async () => {
  mesh = await startCertificateScene();
});
after(() => mesh?.[Symbol.asyncDispose]());

test('curl --cert in HTTP/1.1 and HTTP/2, by a SPIFFE id and by a plain name; policy holds for it', { skip: CURL }, async () => {
  const named = mesh.files(await mesh.make({ subject: 'O=Acme,CN=job one', names: [['dns', 'job.acme.example']] }));
  const workload = mesh.files(mesh.workload);
  mesh.scene.target.clear();
  for (const version of ['--http1.1', '--http2']) {
    for (const { cert, key } of [named, workload]) {
      const ran = await mesh.curl(version, '--cert', cert, '--key', key, '-w', ' %{http_code} %{http_version}', `${mesh.scene.url}/things`, `${mesh.scene.url}/things`);
      assert.equal(ran.stdout, `ok\n 200 ${version === '--http2' ? '2' : '1.1'}`.repeat(2), ran.stderr);
      const refused = await mesh.curl(version, '--cert', cert, '--key', key, '-X', 'DELETE', `${mesh.scene.url}/things`);
      assert.equal((JSON.parse(refused.stdout) as { code: unknown }).code, 'denied', refused.stderr);
    }
  }
  assert.equal(mesh.scene.target.requests.length, 8);
  for (const arrived of mesh.scene.target.requests) assert.equal(mesh.scene.target.header(arrived, 'authorization'), 'Bearer only-the-gateway-knows-this-token-7c41');
});

test('a chain that needs the certificates between, from curl', { skip: CURL }, async () => {
  const between = await makeCertificate({ subject: 'CN=Between', issuer: mesh.root, authority: true });
  const own = await makeCertificate({ subject: 'O=SPIRE', issuer: between, names: [['uri', WORKLOAD]] });
  const { cert, key } = mesh.files(own, between);
  assert.equal((await mesh.curl('--cert', cert, '--key', key, `${mesh.scene.url}/things`)).stdout, 'ok\n');
  const alone = mesh.files(own);
  assert.match((await mesh.curl('--cert', alone.cert, '--key', alone.key, `${mesh.scene.url}/things`)).stdout, /not verified/);
});

test('Python requests, and Node', { skip: skipUnless('requests') }, async () => {
  const { cert, key } = mesh.files(mesh.workload);
  const python = await run(PYTHON, ['-c', `
import os, requests
s = requests.Session()
s.verify, s.cert = os.environ['CA'], (os.environ['CERT'], os.environ['OWN'])
for _ in range(3):
    assert s.get(os.environ['URL'] + '/things').text == 'ok\\n'
r = s.delete(os.environ['URL'] + '/things')
assert (r.status_code, r.json()['code']) == (403, 'denied'), r.text
print('fine')`], { env: { CA: mesh.scene.gateway.caFile, CERT: cert, OWN: key, URL: mesh.scene.url } });
  assert.equal(python.stdout.trim(), 'fine', python.stderr);
  assert.deepEqual(await mesh.ask([mesh.workload]), [200, 'ok\n']);
});

test('many requests, connections and versions of one certificate are one session', async () => {
  const own = await mesh.make();
  await Promise.all(Array.from({ length: 10 }, () => mesh.ask([own])));
  const client = http2.connect(mesh.scene.url, { ca: mesh.scene.ca, cert: own.certPem, key: own.keyPem });
  const statuses = await Promise.all(Array.from({ length: 10 }, () => new Promise((resolve, reject) => client.request({ ':path': '/things' }).once('response', (head) => resolve(head[':status'])).once('error', reject).resume())));
  client.close();
  assert.deepEqual([...new Set(statuses)], [200]);
  const { leaves } = await readEvidence(mesh.scene.gateway.dataDir, `${mesh.scene.gateway.folder}/keys`);
  const opened = leaves.flatMap(({ record }) => (record.kind === 'session_open' && record.principal.certificate?.fingerprint === own.fingerprint ? [record.principal] : []));
  assert.equal(opened.length, 1);
  const [principal] = opened;
  assert.deepEqual([principal?.identity, principal?.provider, principal?.certificate?.issuer], ['workload', 'mesh', 'CN=Mesh CA,O=Acme']);
  assert.equal(principal?.token, Buffer.from(own.fingerprint, 'hex').toString('base64url'));
});

test('what must not come in is answered alike, and the log says why', async (t) => {
  const ago = (hours: number): Date => new Date(Date.now() - hours * HOUR);
  const other = await makeAuthority('CN=Other');
  const narrow = await makeCertificate({ subject: 'CN=Narrow', issuer: mesh.root, authority: true, constraints: { permitted: [['uri', 'elsewhere.example']] } });
  const table: readonly (readonly [string, readonly Made[], string])[] = [
    ['expired', [await mesh.make({ notBefore: ago(2), notAfter: ago(1) })], 'certificate_expired'],
    ['not yet valid', [await mesh.make({ notBefore: ago(-1), notAfter: ago(-2) })], 'certificate_not_yet_valid'],
    ['living for years', [await mesh.make({ notAfter: ago(-24 * 365) })], 'certificate_lifetime_too_long'],
    ['of another CA, which it brings along', [await mesh.make({ issuer: other }), other], 'certificate_untrusted'],
    ['signed by itself', [await makeCertificate({ subject: 'O=SPIRE', names: [['uri', WORKLOAD]] })], 'certificate_untrusted'],
    ['a CA', [await mesh.make({ authority: true, purposes: ['client'] })], 'certificate_purpose'],
    ['for servers', [await mesh.make({ purposes: ['server'] })], 'certificate_purpose'],
    ['two URIs', [await mesh.make({ names: [['uri', WORKLOAD], ['uri', 'spiffe://acme.example/admin']] })], 'certificate_not_svid'],
    ['a CA between that may not', [await mesh.make({ issuer: narrow }), narrow], 'certificate_constraints'],
  ];
  for (const [name, chain, reason] of table) {
    await t.test(name, async () => {
      assert.deepEqual(await mesh.ask(chain), [401, NOT_VERIFIED]);
      await until(() => mesh.scene.gateway.logLines().some((line) => line['event'] === 'login_refused' && line['reason'] === reason), 20_000, reason);
    });
  }
  assert.deepEqual(await mesh.ask([await mesh.make({ names: [['uri', 'spiffe://acme.example/nobody']] })]), [403, 'wicketgate: no identity for this certificate']);
  const long = Array.from({ length: 300 }, () => narrow);
  await assert.rejects(mesh.ask([mesh.workload, ...long]), 'a chain without an end is refused by TLS');
  assert.deepEqual(await mesh.ask([await mesh.make(), ...long.slice(0, 30)]), [401, NOT_VERIFIED]);
  assert.deepEqual(await mesh.ask([mesh.workload]), [200, 'ok\n']);
});

test('tokens come in as ever; beside a certificate the token names who asks, and the two must not contradict', async () => {
  const token = await mesh.scene.token('writer');
  const headers = { Authorization: `Bearer ${token}` };
  assert.deepEqual(await mesh.ask(undefined, { headers }), [200, 'ok\n']);
  assert.deepEqual(await mesh.ask([mesh.workload], { headers }), [400, 'wicketgate: the token and the client certificate stand for different identities']);
  assert.deepEqual(await mesh.ask([await mesh.make({ issuer: await makeAuthority('CN=Other') })], { headers }), [200, 'ok\n'], 'one that stands for nobody says nothing');
  assert.deepEqual((await mesh.ask([mesh.workload], { headers: { Authorization: 'Bearer nonsense' } }))[0], 401, 'a bad token is not made up for by a certificate');
  assert.deepEqual(await mesh.ask([mesh.workload], { headers: { Cookie: 'a=b' } }), [200, 'ok\n']);
});

test('no session of TLS is resumed: who comes back shows the certificate again, or is nobody', async () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const dial = (session: Buffer | undefined, own: Made | undefined): Promise<{ readonly answer: string; readonly reused: boolean; readonly session: Buffer | undefined }> =>
      new Promise((resolve, reject) => {
        let kept: Buffer | undefined;
        let answer = '';
        let reused = false;
        const socket: TLSSocket = connectTls({ host: '127.0.0.1', port: mesh.scene.gateway.port(), servername: 'localhost', ca: mesh.scene.ca, maxVersion, ...(session ? { session } : {}), ...(own ? { cert: own.certPem, key: own.keyPem } : {}) }, () => {
          reused = socket.isSessionReused();
          socket.write('GET /things HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
        });
        socket.on('session', (given) => (kept = given));
        socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
        socket.once('error', reject);
        socket.once('close', () => resolve({ answer, reused, session: kept }));
      });
    const first = await dial(undefined, mesh.workload);
    assert.match(first.answer, /^HTTP\/1\.1 200 /);
    assert.ok(first.session, 'something to come back with');
    const again = await dial(first.session, mesh.workload);
    assert.deepEqual([again.reused, again.answer.slice(0, 12)], [false, 'HTTP/1.1 200']);
    const bare = await dial(first.session, undefined);
    assert.deepEqual([bare.reused, bare.answer.slice(0, 12)], [false, 'HTTP/1.1 401']);
  }
});

test('the evidence of all that is whole', async () => {
  await stopAndVerify(mesh.scene);
});

/** A request that goes on, and how it ended. */
const goingOn = async (scene: CertificateScene, own: Made): Promise<{ readonly ended: () => boolean; readonly stop: () => void }> => {
  const client = http2.connect(scene.scene.url, { ca: scene.scene.ca, cert: own.certPem, key: own.keyPem });
  client.on('error', () => {});
  let over = false;
  const stream = client.request({ ':path': '/endless' });
  stream.on('error', () => {}).once('close', () => (over = true)).resume();
  const status = await new Promise((resolve) => stream.once('response', (head) => resolve(head[':status'])));
  assert.equal(status, 200);
  return { ended: () => over, stop: () => client.destroy() };
};

test('a session ends when its certificate does, is listed as revoked, when its identity or its CA goes', async (t) => {
  await using live = await startCertificateScene({ target: { handler: (request, response) => void (request.url === '/endless' ? response.write('begun') : response.end('ok\n')) }, crl: (root) => makeRevocationList(root, []) });
  const within = async (what: string, own: Made, act: () => Promise<unknown> | void): Promise<void> => {
    const going = await goingOn(live, own);
    const from = Date.now();
    await act();
    // Twice what is promised: the machine may be busy.
    await until(going.ended, 10_000, what);
    t.diagnostic(`${what}: ended after ${Date.now() - from} ms`);
    going.stop();
    assert.notEqual((await live.ask([own]))[0], 200, what);
  };
  const brief = await live.make({ notAfter: new Date(Date.now() + 8_000) });
  await within('its time is over', brief, () => until(() => Date.now() > brief.certificate.notAfter.getTime(), 20_000, 'its end'));
  const listed = await live.make();
  await within('listed as revoked', listed, async () => writeFileSync(live.folder.file('crl.pem'), await makeRevocationList(live.root, [listed])));
  await within('the identity is revoked', live.workload, async () => assert.equal((await live.scene.gateway.cli('identities', 'revoke', 'workload', '--config', live.scene.gateway.configFile)).code, 0));
  assert.equal((await live.ask([live.workload]))[1], 'wicketgate: this identity has been revoked');
  assert.equal((await live.scene.gateway.cli('identities', 'restore', 'workload', '--config', live.scene.gateway.configFile)).code, 0);
  await until(async () => (await live.ask([live.workload]))[0] === 200, 20_000, 'the identity to be back');
  const one = await live.make();
  await within('the certificate is revoked', one, async () => assert.equal((await live.scene.gateway.cli('identities', 'revoke', `sha256:${one.fingerprint}`, '--config', live.scene.gateway.configFile)).code, 0));
  assert.match((await live.scene.gateway.cli('identities', 'list', '--config', live.scene.gateway.configFile)).stdout, new RegExp(`^sha256:${one.fingerprint}  REVOKED `, 'm'));
  await within('its CA is revoked', live.workload, async () => assert.equal((await live.scene.gateway.cli('identities', 'revoke', `sha256:${live.root.fingerprint}`, '--config', live.scene.gateway.configFile)).code, 0));
  assert.equal((await live.scene.gateway.cli('identities', 'restore', `sha256:${live.root.fingerprint}`, '--config', live.scene.gateway.configFile)).code, 0);
  await until(async () => (await live.ask([live.workload]))[0] === 200, 20_000, 'the CA to be let in again');
  const next = await makeAuthority('CN=Next');
  await within('the CA is taken out of its file', live.workload, () => writeFileSync(live.folder.file('ca.pem'), next.certPem));
  writeFileSync(live.folder.file('ca.pem'), live.root.certPem);
  await until(async () => (await live.ask([live.workload]))[0] === 200, 20_000, 'the CA to be back');
  const { config } = live.scene;
  await within('the provider is taken out of the configuration', live.workload, () => live.scene.gateway.reload({
    ...config,
    identityProviders: (config['identityProviders'] as readonly { readonly name: string }[]).filter(({ name }) => name !== 'mesh'),
    identities: (config['identities'] as readonly { readonly provider: string }[]).filter(({ provider }) => provider !== 'mesh'),
    policies: [{ name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'] }],
  }));
  await stopAndVerify(live.scene);
});
