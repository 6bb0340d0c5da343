import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { connect, TLSSocket, type SecureContext } from 'node:tls';
import { tempFolder, type TempFolder } from '../../test/kit/temp.ts';
import { gatewayAuthority, openAuthority } from './certificates-authority.ts';
import { CertificatesUnusable } from './certificates-files.ts';
import { openInterception } from './interception.ts';

const HOUR = 3_600_000;
const HOSTS = ['storage.example', '*.api.example'];
const folders = (folder: TempFolder) => ({ data: folder.file('data'), keys: folder.file('keys') });

/** The certificate that a client accepts which trusts `ca` and asks for the host; or the client's error. */
const accepted = async (context: SecureContext, ca: string, servername: string): Promise<string> => {
  const server = createServer((plain) => {
    const socket = new TLSSocket(plain, { isServer: true, secureContext: context });
    socket.on('error', () => plain.destroy());
    socket.on('secure', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1', ca, servername });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().subjectaltname ?? '';
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  } finally {
    socket.destroy();
    server.close();
  }
};

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
