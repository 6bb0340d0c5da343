import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';
import { Extension, KeyUsageFlags, makeAuthority, makeCertificate, makeRevocationList, type Made, type MakeOptions } from '../../../test/kit/client-certificates.ts';
import { tempFolder } from '../../../test/kit/temp.ts';
import { until } from '../../../test/kit/until.ts';
import type { CertificateProviderConfig, IdentityConfig } from '../../config/resolved.ts';
import { isRefusal } from '../../model/decision.ts';
import type { CertificateCredential, Principal } from '../../model/principal.ts';
import { createIdentities, type Identities } from '../identities.ts';
import { identityConfig, PEER } from '../testdata/settings.ts';

const HOUR = 3_600_000;
const ORIGIN = { file: 'test.yaml', line: 1 };
const ID = 'spiffe://acme.example/billing';

interface Stage extends Disposable {
  readonly identities: Identities;
  readonly clock: { now: number };
  readonly write: (file: string, text: string) => string;
  replace(providers: readonly CertificateProviderConfig[], rules?: readonly IdentityConfig[]): void;
  login(...chain: readonly Made[]): Promise<string>;
  principal(...chain: readonly Made[]): Promise<Principal>;
}

const provider = (more: Partial<CertificateProviderConfig> & Pick<CertificateProviderConfig, 'ca'>): CertificateProviderConfig => ({ name: 'mesh', maxLifetime: 25 * HOUR, origin: ORIGIN, ...more });
const rule = (more: Partial<IdentityConfig> = {}): IdentityConfig => identityConfig({ name: 'billing', provider: 'mesh', claims: { uri: ID }, ...more });
const shown = (chain: readonly Made[], fault?: string): CertificateCredential => ({ kind: 'certificate', chain: chain.map(({ der }) => der), ...(fault === undefined ? {} : { fault }) });

const open = (files: Readonly<Record<string, string>>, providers: (file: (name: string) => string) => readonly CertificateProviderConfig[], rules: readonly IdentityConfig[] = [rule()]): Stage => {
  const folder = tempFolder('certificates');
  // By a rename: two files of one size that are written within a tick of the file system's clock are told apart by their inodes.
  const write = (file: string, text: string): string => {
    writeFileSync(folder.file(`${file}.new`), text);
    renameSync(folder.file(`${file}.new`), folder.file(file));
    return folder.file(file);
  };
  for (const [file, text] of Object.entries(files)) write(file, text);
  const clock = { now: Date.now() };
  const identities = createIdentities({ identityProviders: [], certificateProviders: providers((file) => folder.file(file)), identities: rules }, { clock: () => clock.now });
  const authenticate = (chain: readonly Made[]) => identities.authenticate(shown(chain), PEER);
  return {
    identities, clock, write,
    replace: (next, nextRules = rules) => identities.replace({ identityProviders: [], certificateProviders: next, identities: nextRules }),
    login: async (...chain) => {
      const found = await authenticate(chain);
      return isRefusal(found) ? found.reason : found.identity;
    },
    principal: async (...chain) => {
      const found = await authenticate(chain);
      assert.ok(!isRefusal(found), JSON.stringify(found));
      return found;
    },
    [Symbol.dispose]: () => {
      identities.close();
      folder.remove();
    },
  };
};

const svid = (issuer: Made, more: Partial<MakeOptions> = {}): Promise<Made> => makeCertificate({ subject: 'O=SPIRE', issuer, names: [['uri', ID]], ...more });

test('a certificate of the bundle becomes a named principal, with what it says as claims', async () => {
  const later = { notAfter: new Date(Date.now() + 9 * HOUR) };
  const root = await makeAuthority('O=Acme,CN=Mesh CA', later);
  const between = await makeCertificate({ subject: 'CN=Issuing', issuer: root, authority: true, pathLength: 0, ...later });
  using stage = open({ 'ca.pem': root.certPem }, (file) => [provider({ ca: file('ca.pem') })]);
  const own = await svid(between, { subject: 'O=Acme,OU=b,OU=a,CN=one' });
  const found = await stage.principal(own, between);
  assert.deepEqual([found.identity, found.provider, found.subject, found.groups], ['billing', 'mesh', ID, ['jobs']]);
  assert.deepEqual(found.claims, {
    uri: ID, uris: [ID], dnsNames: [], emails: [],
    subject: { cn: 'one', o: 'Acme', dn: 'CN=one,OU=a,OU=b,O=Acme' },
    issuer: 'CN=Issuing', serial: own.certificate.serialNumber.toLowerCase(), fingerprint: own.fingerprint,
  });
  assert.deepEqual(found.certificate, { fingerprint: own.fingerprint, serial: own.certificate.serialNumber.toLowerCase(), issuer: 'CN=Issuing' });
  assert.equal(found.tokenExpiresAt, own.certificate.notAfter.getTime());
  assert.throws(() => Object.assign(found.claims, { uri: 'x' }), TypeError);
  assert.equal(await stage.login(own), 'certificate_untrusted', 'without the certificate between');
  assert.equal(await stage.login(own, await makeAuthority('CN=Junk'), between, root), 'billing', 'with more than is needed, in another order');
  assert.deepEqual(stage.identities.status(), [{ provider: 'mesh', keys: 1, usable: true }]);
});

test('identities match by URI, DNS name, mail, subject, serial, fingerprint and issuer; several of one kind only by a condition', async () => {
  const root = await makeAuthority('CN=CA');
  const cases: readonly (readonly [Partial<MakeOptions>, Partial<IdentityConfig>])[] = [
    [{ names: [['dns', 'job.acme.example']] }, { claims: { dns: 'job.acme.example' } }],
    [{ names: [['email', 'job@acme.example']] }, { claims: { email: 'job@acme.example' } }],
    [{ subject: 'CN=job,O=Acme' }, { claims: { 'subject.cn': 'job', 'subject.o': 'Acme' } }],
    [{ subject: 'O=Acme,CN=job\\, or not' }, { claims: { 'subject.dn': 'CN=job\\, or not,O=Acme' } }],
    [{ serial: '00aa11' }, { claims: { serial: 'aa11' } }],
    [{}, { claims: { issuer: 'CN=CA' } }],
    [{ names: [['dns', 'a.example'], ['dns', 'b.example']] }, { claims: { issuer: 'CN=CA' }, when: '"b.example" in claims.dnsNames && !("dns" in claims)' }],
  ];
  for (const [more, less] of cases) {
    using stage = open({ 'ca.pem': root.certPem }, (file) => [provider({ ca: file('ca.pem') })], [rule(less)]);
    assert.equal(await stage.login(await makeCertificate({ subject: 'CN=x', issuer: root, ...more })), 'billing', JSON.stringify(less));
    assert.equal(await stage.login(await makeCertificate({ subject: 'CN=x', issuer: root, names: [['dns', 'other.example']], serial: '01' })), Object.keys(less.claims ?? {}).join() === 'issuer' && less.when === undefined ? 'billing' : 'identity_none');
  }
  const own = await svid(root);
  using stage = open({ 'ca.pem': root.certPem }, (file) => [provider({ ca: file('ca.pem') })], [rule({ claims: { fingerprint: own.fingerprint } }), rule({ name: 'other', claims: { uri: 'spiffe://acme.example/other' } })]);
  assert.equal(await stage.login(own), 'billing');
  stage.replace([provider({ ca: stage.write('ca.pem', root.certPem) })], [rule(), rule({ name: 'twin', claims: { issuer: 'CN=CA' } })]);
  assert.equal(await stage.login(own), 'identity_ambiguous');
});

test('what must not be accepted is refused, each with its reason, and with one wording for the client', async (t) => {
  const root = await makeAuthority('CN=Root');
  const other = await makeAuthority('CN=Other');
  const twin = await makeAuthority('CN=Root');
  const between = await makeCertificate({ subject: 'CN=Between', issuer: root, authority: true });
  const narrow = await makeCertificate({ subject: 'CN=Narrow', issuer: root, authority: true, constraints: { permitted: [['uri', 'acme.example']] } });
  const flat = await makeCertificate({ subject: 'CN=Flat', issuer: root, authority: true, pathLength: 0 });
  const below = await makeCertificate({ subject: 'CN=Below', issuer: flat, authority: true });
  const forServers = await makeCertificate({ subject: 'CN=Servers', issuer: root, authority: true, purposes: ['server'] });
  const noSigner = await makeCertificate({ subject: 'CN=No signer', issuer: root, authority: true, usages: KeyUsageFlags.cRLSign });
  const leaf = await svid(root);
  using stage = open({ 'ca.pem': root.certPem }, (file) => [provider({ ca: file('ca.pem') })]);
  const ago = (hours: number): Date => new Date(Date.now() - hours * HOUR);
  const critical = new Extension('1.2.3.4.5', true, new Uint8Array([5, 0]));
  const table: readonly (readonly [string, string, readonly Made[]])[] = [
    ['good', 'billing', [leaf]],
    ['good, by way of another', 'billing', [await svid(between), between]],
    ['good, within constraints', 'billing', [await svid(narrow), narrow]],
    ['of another CA', 'certificate_untrusted', [await svid(other)]],
    ['of another CA that it brings along', 'certificate_untrusted', [await svid(other), other]],
    ['of a CA with the name of ours', 'certificate_untrusted', [await svid(twin), twin]],
    ['signed by itself', 'certificate_untrusted', [await makeCertificate({ subject: 'CN=self', names: [['uri', ID]] })]],
    ['signed by a client', 'certificate_untrusted', [await svid(leaf), leaf]],
    ['the CA itself', 'certificate_untrusted', [root]],
    ['a CA of the CA', 'certificate_purpose', [await makeCertificate({ subject: 'CN=x', issuer: root, authority: true, purposes: ['client'], names: [['uri', ID]] })]],
    ['for servers', 'certificate_purpose', [await svid(root, { purposes: ['server'] })]],
    ['for no purpose', 'certificate_purpose', [await svid(root, { purposes: [] })]],
    ['without keyUsage', 'certificate_purpose', [await svid(root, { usages: null })]],
    ['that signs certificates', 'certificate_purpose', [await svid(root, { usages: KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign })]],
    ['by a CA for servers', 'certificate_purpose', [await svid(forServers), forServers]],
    ['by a CA that signs no certificates', 'certificate_untrusted', [await svid(noSigner), noSigner]],
    ['deeper than its CA may', 'certificate_untrusted', [await svid(below), below, flat]],
    ['something critical that is unknown', 'certificate_critical', [await svid(root, { more: [critical] })]],
    ['a weak key', 'certificate_weak', [await svid(root, { key: 'rsa1024' })]],
    ['expired', 'certificate_expired', [await svid(root, { notBefore: ago(2), notAfter: ago(1) })]],
    ['not yet valid', 'certificate_not_yet_valid', [await svid(root, { notBefore: ago(-1), notAfter: ago(-2) })]],
    ['living too long', 'certificate_lifetime_too_long', [await svid(root, { notBefore: ago(1), notAfter: ago(-25) })]],
    ['outside the constraints', 'certificate_constraints', [await svid(narrow, { names: [['uri', 'spiffe://elsewhere.example/billing']] }), narrow]],
    ['two URIs, one of SPIFFE', 'certificate_not_svid', [await svid(root, { names: [['uri', ID], ['uri', 'spiffe://acme.example/admin']] })]],
    ['two URIs, one in capitals', 'certificate_not_svid', [await svid(root, { names: [['uri', 'https://acme.example/'], ['uri', 'SPIFFE://acme.example/billing']] })]],
    ['a trust domain without a path', 'certificate_not_svid', [await svid(root, { names: [['uri', 'spiffe://acme.example']] })]],
    ['a path that climbs', 'certificate_not_svid', [await svid(root, { names: [['uri', 'spiffe://acme.example/x/../billing']] })]],
    ['nobody\'s', 'identity_none', [await svid(root, { names: [['uri', `${ID}/x`]] })]],
    ['too many', 'certificate_malformed', [leaf, ...Array.from({ length: 16 }, () => between)]],
    ['none', 'certificate_malformed', []],
  ];
  for (const [name, expected, chain] of table) {
    await t.test(name, async () => {
      assert.equal(await stage.login(...chain), expected);
      const found = await stage.identities.authenticate(shown(chain), PEER);
      if (isRefusal(found)) assert.equal(found.message, found.reason === 'identity_none' ? 'no identity for this certificate' : 'client certificate refused: not verified');
    });
  }
  const found = await stage.identities.authenticate(shown([leaf], 'CERT_CHAIN_TOO_LONG'), PEER);
  assert.ok(isRefusal(found));
  assert.equal(found.reason, 'certificate_distrusted', 'TLS has the last word');
});

test('the provider is the one that the chain leads to; its trust domain and lifetime count', async () => {
  const [one, two] = [await makeAuthority('CN=One'), await makeAuthority('CN=Two')];
  const both = (file: (name: string) => string): readonly CertificateProviderConfig[] => [provider({ ca: file('one.pem'), trustDomain: 'acme.example' }), provider({ name: 'other', ca: file('two.pem'), trustDomain: 'other.example' })];
  const there = rule({ name: 'there', provider: 'other', claims: { uri: 'spiffe://other.example/x' } });
  const rules = [rule(), rule({ name: 'foreign', provider: 'other' }), there];
  using stage = open({ 'one.pem': one.certPem, 'two.pem': two.certPem }, both, rules);
  assert.equal(await stage.login(await svid(one)), 'billing');
  assert.equal(await stage.login(await svid(two)), 'certificate_not_svid', 'the other CA may not speak for the first trust domain');
  assert.equal(await stage.login(await svid(two, { names: [['uri', 'spiffe://other.example/x']] })), 'there');
  assert.equal(await stage.login(await makeCertificate({ subject: 'CN=x', issuer: one })), 'certificate_not_svid');
  const same = [provider({ ca: stage.write('one.pem', one.certPem) }), provider({ name: 'other', ca: stage.write('two.pem', one.certPem) })];
  stage.replace(same, [rule(), there]);
  await stage.identities.ready();
  assert.equal(await stage.login(await svid(one)), 'billing', 'two providers, one of which has an identity for it');
  stage.replace(same, rules);
  assert.equal(await stage.login(await svid(one)), 'identity_ambiguous', 'two providers, both of which have one');
});

test('lists of revoked certificates: revoked, unknown, stale, of others, partial', async () => {
  const root = await makeAuthority('CN=Root', { notAfter: new Date(Date.now() + 9 * HOUR) });
  const between = await makeCertificate({ subject: 'CN=Between', issuer: root, authority: true });
  const twin = await makeAuthority('CN=Root');
  const [good, bad, deep] = [await svid(root), await svid(root), await svid(between)];
  const none = await makeRevocationList(root, []);
  using stage = open({ 'ca.pem': root.certPem, 'crl.pem': await makeRevocationList(root, [bad]) }, (file) => [provider({ ca: file('ca.pem'), crl: file('crl.pem') })]);
  const lists = async (...texts: readonly string[]): Promise<void> => {
    stage.write('crl.pem', texts.join(''));
    await stage.identities.ready();
  };
  assert.deepEqual([await stage.login(good), await stage.login(bad)], ['billing', 'certificate_revoked']);
  assert.equal(await stage.login(deep, between), 'revocation_unknown', 'no list of the CA between');
  await lists(none, await makeRevocationList(between, []));
  assert.deepEqual([await stage.login(bad), await stage.login(deep, between)], ['billing', 'billing']);
  await lists(await makeRevocationList(root, [between]), await makeRevocationList(between, []));
  assert.equal(await stage.login(deep, between), 'certificate_revoked', 'the CA between was revoked');
  await lists(await makeRevocationList(root, [], { nextUpdate: new Date(stage.clock.now - 60_000) }));
  assert.equal(await stage.login(good), 'revocation_unknown', 'stale');
  await lists(await makeRevocationList(root, [], { thisUpdate: new Date(Date.now() + HOUR) }));
  assert.equal(await stage.login(good), 'revocation_unknown', 'of the future');
  await lists(await makeRevocationList(root, [], { signer: twin }));
  assert.equal(await stage.login(good), 'revocation_unknown', 'forged');
  await lists(none);
  for (const [broken, message] of [
    ['', /crl: no list in it/],
    ['-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n', /^crl: /],
    [await makeRevocationList(root, [], { nextUpdate: null }), /until when/],
    [await makeRevocationList(root, [], { more: [new Extension('2.5.29.28', true, new Uint8Array([0x30, 0]))] }), /not a whole list/],
    [await makeRevocationList(root, [], { more: [new Extension('2.5.29.27', true, new Uint8Array([2, 1, 1]))] }), /not a whole list/],
    [await makeRevocationList(root, [], { more: [new Extension('1.2.3', true, new Uint8Array([5, 0]))] }), /not understood/],
  ] as const) {
    await lists(broken);
    assert.match(stage.identities.status()[0]?.lastError ?? '', message);
    assert.equal(await stage.login(good), 'billing', 'what was read last stays, until it is over');
  }
  const principal = await stage.principal(good);
  assert.equal(stage.identities.lapsed(principal), undefined);
  await lists(await makeRevocationList(root, [good]));
  assert.equal(stage.identities.lapsed(principal)?.reason, 'certificate_revoked');
  stage.clock.now += 2 * HOUR;
  assert.equal(await stage.login(await svid(root, { notAfter: new Date(Date.now() + 3 * HOUR) })), 'revocation_unknown', 'the list has become stale');
});

test('what was written before the files are read again is seen, also when they are being read at that moment', async () => {
  const root = await makeAuthority('CN=Root');
  const good = await svid(root);
  const [none, revoked] = [await makeRevocationList(root, []), await makeRevocationList(root, [good])];
  using stage = open({ 'ca.pem': root.certPem, 'crl.pem': none }, (file) => [provider({ ca: file('ca.pem'), crl: file('crl.pem') })]);
  const ca = stage.write('ca.pem', root.certPem);
  for (let round = 0; round < 30; round += 1) {
    const underWay = stage.identities.ready();
    await stat(ca);
    // The second of the two files is looked at by another thread, and what it found is not told before this thread waits again.
    for (const end = performance.now() + 2; performance.now() < end; );
    stage.write('crl.pem', round % 2 === 0 ? revoked : none);
    await stage.identities.ready();
    assert.equal(await stage.login(good), round % 2 === 0 ? 'certificate_revoked' : 'billing', `round ${round}`);
    await underWay;
  }
});

test('a live session rests on its certificate: it lapses with its time, its CA, its provider, its identity', async () => {
  const [root, next] = [await makeAuthority('CN=Root', { notAfter: new Date(Date.now() + 9 * HOUR) }), await makeAuthority('CN=Next')];
  using stage = open({ 'ca.pem': root.certPem + next.certPem }, (file) => [provider({ ca: file('ca.pem') })]);
  const ca = stage.write('ca.pem', root.certPem + next.certPem);
  const own = await svid(root);
  const principal = await stage.principal(own);
  const again = (): string => {
    const found = stage.identities.rematch(principal);
    return isRefusal(found) ? found.reason : found.identity;
  };
  assert.equal(again(), 'billing');
  assert.match(stage.identities.clientAuthorities ?? '', /BEGIN CERTIFICATE[^]*BEGIN CERTIFICATE/);
  stage.replace([provider({ ca })], [rule({ claims: { uri: 'spiffe://acme.example/other' } })]);
  assert.equal(again(), 'identity_none');
  stage.replace([provider({ ca, maxLifetime: HOUR })]);
  assert.equal(again(), 'certificate_lifetime_too_long');
  stage.replace([provider({ ca, name: 'renamed' })]);
  assert.equal(again(), 'certificate_untrusted');
  stage.replace([]);
  assert.deepEqual([again(), stage.identities.clientAuthorities], ['certificate_untrusted', undefined]);
  stage.replace([provider({ ca })]);
  assert.equal(again(), 'billing');
  stage.write('ca.pem', next.certPem);
  await until(() => stage.identities.lapsed(principal)?.reason === 'certificate_untrusted', 5_000, 'the CA to be gone');
  stage.write('ca.pem', root.certPem);
  await until(() => stage.identities.lapsed(principal) === undefined, 5_000, 'the CA to be back');
  stage.clock.now = principal.tokenExpiresAt;
  assert.deepEqual([stage.identities.lapsed(principal)?.reason, again()], ['certificate_expired', 'certificate_expired']);
});

test('files that are no trust anchors start nothing, and change nothing', async () => {
  const root = await makeAuthority('CN=Root');
  const leaf = await svid(root);
  for (const [text, message] of [['', /no PEM certificate/], [leaf.certPem, /not that of a CA/], [`${root.certPem}${leaf.certPem}`, /not that of a CA/], [(await makeAuthority('CN=Weak', { key: 'rsa1024' })).certPem, /too weak/], ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', /cannot be read/]] as const) {
    assert.throws(() => open({ 'ca.pem': text }, (file) => [provider({ ca: file('ca.pem') })]), message);
  }
  assert.throws(() => open({}, (file) => [provider({ ca: file('none.pem') })]), /identity provider mesh: ca: ENOENT/);
  assert.throws(() => open({ 'ca.pem': root.certPem, 'crl.pem': 'x' }, (file) => [provider({ ca: file('ca.pem'), crl: file('crl.pem') })]), /crl: no list/);
  using stage = open({ 'ca.pem': root.certPem }, (file) => [provider({ ca: file('ca.pem') })]);
  assert.throws(() => stage.replace([provider({ ca: '/nonexistent/ca.pem' })]), /ENOENT/);
  assert.equal(await stage.login(leaf), 'billing');
});

test('beside a token: the identity of the certificate, and nothing for one that stands for nobody', async () => {
  const root = await makeAuthority('CN=Root');
  using stage = open({ 'ca.pem': root.certPem }, (file) => [provider({ ca: file('ca.pem') })]);
  const good = shown([await svid(root)]);
  const stranger = shown([await svid(await makeAuthority('CN=Other'))]);
  assert.deepEqual([stage.identities.identityOf(good, PEER), stage.identities.identityOf(good, PEER), stage.identities.identityOf(stranger, PEER)], ['billing', 'billing', undefined]);
  stage.replace([provider({ ca: stage.write('ca.pem', root.certPem) })], [rule({ name: 'renamed' })]);
  assert.equal(stage.identities.identityOf(good, PEER), 'renamed');
  stage.clock.now += 2 * HOUR;
  assert.equal(stage.identities.identityOf(good, PEER), undefined);
});
