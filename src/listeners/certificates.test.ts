import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, copyFileSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { SecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { certificateAuthority } from '../../test/kit/certificates.ts';
import { tempFolder, type TempFolder } from '../../test/kit/temp.ts';
import { authorityFiles, readAuthority } from './certificates-authority.ts';
import { decodeScope, encodeScope, isInScope, scopeOf } from './certificates-constraints.ts';
import { CertificatesUnusable } from './certificates-files.ts';
import { issueAuthority, issueLeaf, newKey } from './certificates-issue.ts';
import { createCertificates, type CertificatePorts } from './certificates.ts';
import { shakeHands } from './testdata/shake-hands.ts';

const DAY = 86_400_000;
const run = promisify(execFile);
const openssl = async (...args: string[]): Promise<string> => (await run('openssl', args)).stdout;
const NAMES = ['gw.internal', '*.pg.gw.internal', 'localhost', '127.0.0.1', '::1'];

const auto = (folder: TempFolder, names: readonly string[] = NAMES) => ({ data: folder.file('data'), keys: folder.file('keys'), names, tls: 'auto' as const });
const openFor = async (folder: TempFolder, ports: CertificatePorts = {}, names: readonly string[] = NAMES) => {
  const opened = await createCertificates(auto(folder, names), ports);
  opened.close();
  return opened;
};
const unusable = (message: RegExp) => (error: unknown) => error instanceof CertificatesUnusable && message.test(error.message);

/** The version of TLS that a client gets which trusts `ca` and asks for `servername`; or its error. */
const protocolFor = (context: SecureContext, ca: string, servername: string): Promise<string> => shakeHands(context, ca, servername, (socket) => socket.getProtocol());

test('the first start makes a CA and a certificate that openssl and a real client accept', async () => {
  using folder = tempFolder('tls');
  const opened = await openFor(folder);
  const { authority, certificate } = opened;
  assert.ok(authority !== undefined);
  const leaf = folder.file('leaf.pem');
  writeFileSync(leaf, certificate.toString());
  assert.equal(await openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'gw.internal', '-CAfile', authority.path, leaf), `${leaf}: OK\n`);
  await openssl('verify', '-verify_ip', '127.0.0.1', '-CAfile', authority.path, leaf);
  await openssl('verify', '-verify_hostname', 'billing.pg.gw.internal', '-CAfile', authority.path, leaf);
  await assert.rejects(openssl('verify', '-verify_hostname', 'other.internal', '-CAfile', authority.path, leaf));

  const text = await openssl('x509', '-in', leaf, '-noout', '-text');
  assert.match(text, /Signature Algorithm: ecdsa-with-SHA256/);
  assert.match(text, /ASN1 OID: prime256v1/);
  assert.match(text, /DNS:gw\.internal, DNS:\*\.pg\.gw\.internal, DNS:localhost, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1/);
  assert.match(text, /X509v3 Extended Key Usage:\s+TLS Web Server Authentication\n/);
  assert.match(text, /CA:FALSE/);
  const ca = await openssl('x509', '-in', authority.path, '-noout', '-text');
  assert.match(ca, /CA:TRUE, pathlen:0/);
  assert.match(ca, /X509v3 Name Constraints: critical\s+Permitted:\s+DNS:gw\.internal\s+DNS:pg\.gw\.internal\s+DNS:localhost\s+IP:127\.0\.0\.1\/255\.255\.255\.255\s+IP:0:0:0:0:0:0:0:1\/FFFF/);
  assert.ok((await openssl('x509', '-in', authority.path, '-noout', '-fingerprint', '-sha256')).includes(authority.fingerprint));
  assert.equal(Math.round((certificate.validToDate.getTime() - Date.now()) / DAY), 90);
  assert.equal(Math.round((authority.expiresAt - Date.now()) / DAY), 1825);

  const context = opened.secureContext();
  assert.equal(await protocolFor(context, authority.pem, 'gw.internal'), 'TLSv1.3');
  assert.equal(await protocolFor(context, authority.pem, 'a.pg.gw.internal'), 'TLSv1.3');
  assert.equal(await protocolFor(context, authority.pem, 'evil.example'), 'ERR_TLS_CERT_ALTNAME_INVALID');
  const stranger = await certificateAuthority();
  assert.equal(await protocolFor(context, stranger.certPem, 'gw.internal'), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

test('a certificate by the CA for any other name is worth nothing, so neither is a stolen CA key', async () => {
  using folder = tempFolder('tls');
  const { authority } = await openFor(folder, {}, ['gw.internal', '10.0.0.1']);
  const key = readFileSync(folder.file('keys', 'ca.key'), 'utf8');
  const certificate = authority?.pem ?? '';
  for (const name of ['bank.example', 'internal', '10.0.0.2', 'xgw.internal']) {
    const forged = folder.file('forged.pem');
    writeFileSync(forged, (await issueLeaf({ certificate, key }, [name], Date.now(), 86_400_000)).certificate);
    await assert.rejects(openssl('verify', '-CAfile', authority?.path ?? '', forged), /permitted subtree violation/, name);
  }
});

test('a CA for addresses alone vouches for no host, and one for hosts alone for no address', async () => {
  using folder = tempFolder('tls');
  for (const [names, good, bad] of [[['127.0.0.1'], '127.0.0.1', 'bank.example'], [['gw.internal'], 'gw.internal', '127.0.0.1'], [['gw.internal'], 'gw.internal', '::1']] as const) {
    const key = await newKey();
    const certificate = await issueAuthority(key, names, Date.now(), 'CA');
    const ca = folder.file('only.pem');
    writeFileSync(ca, certificate);
    const leaf = folder.file('leaf.pem');
    writeFileSync(leaf, (await issueLeaf({ certificate, key }, [good], Date.now(), 86_400_000)).certificate);
    await openssl('verify', '-CAfile', ca, leaf);
    writeFileSync(leaf, (await issueLeaf({ certificate, key }, [bad], Date.now(), 86_400_000)).certificate);
    await assert.rejects(openssl('verify', '-CAfile', ca, leaf), /subtree violation/);
  }
});

test('the scope is read back as it was written', () => {
  const many = Array.from({ length: 60 }, (_, index) => `host-${index}.gw.internal`);
  for (const names of [NAMES, many, ['127.0.0.1']]) {
    const scope = decodeScope(encodeScope(scopeOf(names)));
    for (const name of names) assert.ok(isInScope(scope, name), name);
    for (const name of ['example.org', '127.0.0.2', 'gw.internal.example.org', '']) assert.ok(!isInScope(scope, name), name);
  }
  assert.ok(isInScope(scopeOf(['GW.Internal']), 'gw.internal'));
  for (const cut of [1, 3, 10]) assert.throws(() => decodeScope(encodeScope(scopeOf(NAMES)).subarray(0, -cut)));
});

test('the CA stays the same over restarts, its key is private, the key of the leaf is not on the disk', async () => {
  using folder = tempFolder('tls');
  const first = await openFor(folder);
  const second = await openFor(folder);
  assert.equal(first.authority?.fingerprint, second.authority?.fingerprint);
  assert.notEqual(first.certificate.fingerprint256, second.certificate.fingerprint256);
  assert.equal(statSync(folder.file('keys')).mode & 0o777, 0o700);
  assert.equal(statSync(folder.file('keys', 'ca.key')).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder.file('keys')), ['ca.key']);
  assert.deepEqual(readdirSync(folder.file('data')), ['ca.pem']);
});

test('processes that start at once agree on one CA', async () => {
  using folder = tempFolder('tls');
  const all = await Promise.all(Array.from({ length: 6 }, () => openFor(folder)));
  assert.equal(new Set(all.map(({ authority }) => authority?.fingerprint)).size, 1);
  for (const opened of all) assert.equal(await protocolFor(opened.secureContext(), all[0]?.authority?.pem ?? '', 'gw.internal'), 'TLSv1.3');
  assert.deepEqual(readdirSync(folder.file('keys')), ['ca.key']);
});

test('a start that ended between key and certificate is completed', async () => {
  using folder = tempFolder('tls');
  await openFor(folder);
  rmSync(folder.file('data', 'ca.pem'));
  const opened = await openFor(folder);
  assert.equal(await protocolFor(opened.secureContext(), opened.authority?.pem ?? '', 'gw.internal'), 'TLSv1.3');
});

test('what stands in the way of the CA is refused with what to do, and nothing is replaced', async () => {
  using folder = tempFolder('tls');
  const { authority } = await openFor(folder);
  const key = folder.file('keys', 'ca.key');
  const saved = folder.file('saved');
  copyFileSync(key, saved);

  chmodSync(folder.file('keys'), 0o750);
  await assert.rejects(openFor(folder), unusable(/chmod 700/));
  chmodSync(folder.file('keys'), 0o700);
  for (const mode of [0o640, 0o604]) {
    chmodSync(key, mode);
    await assert.rejects(openFor(folder), unusable(/chmod 600/));
  }
  chmodSync(key, 0o600);
  await assert.rejects(openFor(folder, {}, [...NAMES, 'new.example']), unusable(/may not vouch for new\.example/));
  await openFor(folder, {}, [...NAMES, 'below.gw.internal']);
  await assert.rejects(openFor(folder, { clock: () => Date.now() + 6 * 365 * DAY }), unusable(/has expired/));
  rmSync(key);
  await assert.rejects(openFor(folder), unusable(/restore the key/));
  writeFileSync(key, await newKey(), { mode: 0o600 });
  await assert.rejects(openFor(folder), unusable(/is not the key of/));
  renameSync(saved, key);
  chmodSync(key, 0o600);
  assert.equal((await openFor(folder)).authority?.fingerprint, authority?.fingerprint);
  writeFileSync(folder.file('data', 'ca.pem'), 'garbage');
  await assert.rejects(readAuthority(authorityFiles(auto(folder))), unusable(/not a PEM certificate/));
});

test('the certificate is renewed in time, under the same CA, until the CA itself ends', async () => {
  using folder = tempFolder('tls');
  let now = Date.now();
  const warned: object[] = [];
  const opened = await createCertificates(auto(folder), { clock: () => now, log: { info: () => {}, warn: (fields) => warned.push(fields) } });
  let renewed = 0;
  opened.onRenew(() => (renewed += 1));
  const [first, context] = [opened.certificate, opened.secureContext()];
  now += 59 * DAY;
  await opened.refresh();
  assert.equal(opened.certificate.fingerprint256, first.fingerprint256);
  now += 2 * DAY;
  await Promise.all([opened.refresh(), opened.refresh()]);
  assert.equal(renewed, 1);
  assert.notEqual(opened.certificate.fingerprint256, first.fingerprint256);
  assert.notEqual(opened.secureContext(), context);
  assert.ok(opened.certificate.verify(new X509Certificate(opened.authority?.pem ?? '').publicKey));

  // When the keys folder cannot be used, the certificate in use goes on serving.
  chmodSync(folder.file('keys'), 0o755);
  now += 61 * DAY;
  const kept = opened.certificate.fingerprint256;
  await opened.refresh();
  await opened.refresh();
  assert.equal(opened.certificate.fingerprint256, kept);
  assert.equal(warned.length, 1);
  chmodSync(folder.file('keys'), 0o700);
  await opened.refresh();
  assert.notEqual(opened.certificate.fingerprint256, kept);

  now = (opened.authority?.expiresAt ?? 0) - 10 * DAY;
  await opened.refresh();
  assert.equal(opened.certificate.validToDate.getTime(), opened.authority?.expiresAt);
  const last = renewed;
  await opened.refresh();
  assert.equal(renewed, last, 'no longer one can be had');
  assert.ok(warned.some((fields) => 'event' in fields && fields.event === 'ca_expires'));
  opened.close();
});

test('certificates of the operator are used, and read again when they change as a pair', async () => {
  using folder = tempFolder('tls');
  const authority = await certificateAuthority();
  const [cert, key] = [folder.file('cert.pem'), folder.file('key.pem')];
  const put = async (names: readonly string[], which: 'both' | 'cert' = 'both'): Promise<void> => {
    const issued = await authority.issue(names);
    writeFileSync(cert, issued.certPem);
    if (which === 'both') writeFileSync(key, issued.keyPem, { mode: 0o600 });
  };
  await put(['one.example']);
  const warned: object[] = [];
  const gateway = { data: folder.file('data'), keys: folder.file('keys'), names: NAMES, tls: { cert, key } };
  const opened = await createCertificates(gateway, { log: { info: () => {}, warn: (fields) => warned.push(fields) } });
  assert.equal(opened.authority, undefined);
  assert.equal(await protocolFor(opened.secureContext(), authority.certPem, 'one.example'), 'TLSv1.3');
  let renewed = 0;
  opened.onRenew(() => (renewed += 1));
  await opened.refresh();
  assert.equal(renewed, 0);
  // Half of a pair: the old one serves on.
  await put(['two.example'], 'cert');
  await opened.refresh();
  assert.equal(await protocolFor(opened.secureContext(), authority.certPem, 'one.example'), 'TLSv1.3');
  assert.equal(warned.length, 1);
  await put(['two.example']);
  await opened.refresh();
  assert.equal(renewed, 1);
  assert.equal(await protocolFor(opened.secureContext(), authority.certPem, 'two.example'), 'TLSv1.3');
  opened.close();

  chmodSync(key, 0o644);
  await assert.rejects(createCertificates(gateway), unusable(/can be read by other users/));
  chmodSync(key, 0o600);
  writeFileSync(cert, 'garbage');
  await assert.rejects(createCertificates(gateway), unusable(/cannot be used together/));
  rmSync(cert);
  await assert.rejects(createCertificates(gateway), unusable(/cannot be read/));
});
