import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { SecureContext } from 'node:tls';
import { tempFolder, type TempFolder } from '../../test/kit/temp.ts';
import { gatewayAuthority, openAuthority } from './certificates-authority.ts';
import { CertificatesUnusable } from './certificates-files.ts';
import { interceptionFor, openInterception } from './interception.ts';
import { shakeHands } from './testdata/shake-hands.ts';

const HOUR = 3_600_000;
const HOSTS = ['storage.example', '*.api.example'];
const folders = (folder: TempFolder) => ({ data: folder.file('data'), keys: folder.file('keys') });

/** The names in the certificate that a client accepts which trusts `ca` and asks for the host; or the client's error. */
const accepted = (context: SecureContext, ca: string, servername: string): Promise<string> => shakeHands(context, ca, servername, (socket) => socket.getPeerCertificate().subjectaltname);

test('a host of a connection gets a certificate for itself, and keeps it', async () => {
  using folder = tempFolder('interception');
  const { authority, contextFor } = await openInterception(folders(folder), HOSTS);
  const context = await contextFor('storage.example');
  assert.equal(await accepted(context, authority.pem, 'storage.example'), 'DNS:storage.example');
  assert.equal(await contextFor('storage.example'), context);
  const [one, two] = await Promise.all([contextFor('eu.api.example'), contextFor('eu.api.example')]);
  assert.equal(one, two);
  assert.equal(await accepted(one, authority.pem, 'eu.api.example'), 'DNS:eu.api.example');
  assert.equal(statSync(folder.file('keys/interception-ca.key')).mode & 0o777, 0o600);
});

test('the CA can vouch for nothing else, also when it is asked to', async () => {
  using folder = tempFolder('interception');
  const { authority, contextFor } = await openInterception(folders(folder), HOSTS);
  for (const host of ['elsewhere.example', 'storage.example.attacker.test']) assert.notEqual(await accepted(await contextFor(host), authority.pem, host), `DNS:${host}`);
});

test('it is another CA than the one that vouches for the gateway', async () => {
  using folder = tempFolder('interception');
  const own = await openAuthority(gatewayAuthority({ ...folders(folder), names: ['storage.example'] }), Date.now());
  const { authority, contextFor } = await openInterception(folders(folder), HOSTS);
  assert.notEqual(own.certificate, authority.pem);
  assert.notEqual(await accepted(await contextFor('storage.example'), own.certificate, 'storage.example'), 'DNS:storage.example');
});

test('a leaf is replaced before it ends, and the CA stays over a restart', async () => {
  using folder = tempFolder('interception');
  let now = Date.now();
  const first = await openInterception(folders(folder), HOSTS, () => now);
  const context = await first.contextFor('storage.example');
  now += 17 * HOUR;
  assert.equal(await first.contextFor('storage.example'), context);
  now += 2 * HOUR;
  assert.notEqual(await first.contextFor('storage.example'), context);
  assert.equal((await openInterception(folders(folder), HOSTS)).authority.fingerprint, first.authority.fingerprint);
});

test('what cannot be used is refused with what to do', async () => {
  using folder = tempFolder('interception');
  await openInterception(folders(folder), HOSTS);
  const refused = (message: RegExp) => (error: unknown) => error instanceof CertificatesUnusable && message.test(error.message);
  await assert.rejects(openInterception(folders(folder), [...HOSTS, 'new.example']), refused(/may not vouch for new\.example, which connections\[\]\.http\.proxy has now: take it out again; or move/));
  writeFileSync(folder.file('data/interception-ca.pem'), 'nothing');
  await assert.rejects(openInterception(folders(folder), HOSTS), refused(/not a PEM certificate/));
});

test('it is there where a connection is reached by the forward proxy, and stays the same as long as it is for the same hosts', async () => {
  using folder = tempFolder('interception');
  const config = (hosts: readonly string[], proxy = true): Parameters<typeof interceptionFor>[0] => ({
    gateway: { ...folders(folder), names: ['gw.internal'], tls: { cert: 'of-the-operator', key: 'of-the-operator' }, limits: { message: 1, statement: 1, connections: 1, preAuth: { seconds: 1, bytes: 1 } }, reload: 'signal' },
    connections: [
      {
        name: 'api', protocol: 'http', listen: { host: '127.0.0.1', port: 1 }, plaintext: false, evidence: { mode: 'effect', recordAnswers: 0 }, origin: { file: 'f', line: 1 }, target: { host: 'api.internal', port: 443, tls: 'verify-full' },
        credential: { type: 'none' }, http: { hosts, proxy, prefix: '', basePath: '', apis: ['rest'], sessionIdle: 1, wholeBody: 1, answerWithin: 1 },
      },
    ],
  });
  assert.equal(await interceptionFor(config(HOSTS, false)), undefined);
  const first = await interceptionFor(config(HOSTS));
  assert.ok(first);
  assert.deepEqual(first.hosts, ['*.api.example', 'api.internal', 'storage.example']);
  assert.equal(await interceptionFor(config(HOSTS), first), first);
  // Fewer hosts are within what it may vouch for.
  const fewer = await interceptionFor(config([]), first);
  assert.deepEqual([fewer?.hosts, fewer?.authority.fingerprint], [['api.internal'], first.authority.fingerprint]);
  await assert.rejects(interceptionFor(config(['elsewhere.example']), first), CertificatesUnusable);
});
