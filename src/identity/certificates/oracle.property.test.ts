import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeyUsageFlags, makeAuthority, makeCertificate, makeRevocationList, type Made, type MakeOptions, type Name } from '../../../test/kit/client-certificates.ts';
import { requireProgram, skipUnless } from '../../../test/kit/present.ts';
import { run } from '../../../test/kit/run.ts';
import { tempFolder } from '../../../test/kit/temp.ts';
import { BadDer } from '../../wire/der.ts';
import { readCertificate, type Certificate } from './certificate.ts';
import { permits } from './constraints.ts';
import { readRevocationList, readRevocationLists } from './crl.ts';
import { dnText } from './names.ts';
import { findPath } from './path.ts';

const SKIP = skipUnless('openssl');
const names: readonly Name[] = [
  ['dns', 'acme.example'], ['dns', 'Job.acme.example'], ['dns', 'evil-acme.example'], ['uri', 'spiffe://acme.example/x'], ['uri', 'https://job.acme.example:443/y'], ['uri', 'https://user@evil.example/acme.example'], ['uri', 'urn:x:y'],
  ['email', 'job@acme.example'], ['email', 'Job@sub.acme.example'], ['ip', '10.1.2.3'], ['ip', '192.0.2.1'], ['ip', '2001:db8::1'],
];
const subtrees: readonly Name[] = [
  ['dns', 'acme.example'], ['dns', 'job.acme.example'], ['uri', 'acme.example'], ['uri', '.acme.example'], ['email', 'acme.example'], ['email', 'job@acme.example'], ['email', '.acme.example'],
  ['ip', '0a000000ff000000'], ['ip', `20010db8${'00'.repeat(12)}ffffffff${'00'.repeat(12)}`], ['dn', 'O=Acme'], ['dn', 'O=Other'],
];
const seldom = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> => fc.oneof({ weight: 14, arbitrary: fc.constant(usual) }, ...others.map((other) => ({ weight: 1, arbitrary: fc.constant(other) })));
const some = (pool: readonly Name[], most: number): fc.Arbitrary<Name[]> => fc.oneof({ weight: 2, arbitrary: fc.constant<Name[]>([]) }, { weight: 1, arbitrary: fc.subarray([...pool], { minLength: 1, maxLength: most }) });
const times = seldom<Partial<MakeOptions>>({}, { notAfter: new Date(Date.now() - 60_000) }, { notBefore: new Date(Date.now() + 1_800_000) });

const authority = (subject: string) =>
  fc.record({
    time: times,
    authority: seldom(true, false),
    pathLength: seldom<number | undefined>(undefined, 0, 1),
    usages: seldom<number | null>(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, null, KeyUsageFlags.cRLSign),
    purposes: seldom<('client' | 'server')[]>([], ['client'], ['server']),
    permitted: some(subtrees, 3),
    excluded: some(subtrees, 2),
    subject: seldom(subject, subject.replace('Acme', 'ACME ')),
  }).map(({ time, pathLength, permitted, excluded, ...rest }): MakeOptions => ({
    ...rest, ...time,
    ...(pathLength === undefined || !rest.authority ? {} : { pathLength }),
    ...(permitted.length + excluded.length === 0 ? {} : { constraints: { permitted, excluded } }),
  }));

const chains = fc.record({
  root: authority('O=Acme,CN=Root').map((root) => ({ ...root, authority: true })),
  between: fc.oneof(fc.constant([]), fc.tuple(authority('O=Acme,CN=One')), fc.tuple(authority('O=Acme,CN=One'), authority('O=Acme,CN=Two'))),
  own: fc.record({
    time: times,
    subject: seldom('O=Acme,CN=x', 'O=Other,CN=x', 'O=aCME,CN=x'),
    names: some(names, 3),
    purposes: seldom<('client' | 'server')[]>(['client'], [], ['server'], ['server', 'client']),
    usages: seldom<number | null>(KeyUsageFlags.digitalSignature, null, KeyUsageFlags.keyEncipherment),
    authority: seldom(false, true),
  }).map(({ time, ...rest }): MakeOptions => ({ ...rest, ...time })),
  left: seldom(false, true),
});

const made = async ({ root, between, own }: { readonly root: MakeOptions; readonly between: readonly MakeOptions[]; readonly own: MakeOptions }): Promise<readonly Made[]> => {
  const found: Made[] = [await makeCertificate(root)];
  for (const one of [...between, own]) found.unshift(await makeCertificate({ ...one, issuer: found[0] as Made }));
  return found;
};

const read = (one: Made): Certificate => {
  const certificate = readCertificate(one.der);
  assert.ok(certificate);
  return certificate;
};

test('what is accepted OpenSSL accepts, and what OpenSSL accepts is refused only for what is asked for beyond it', { skip: SKIP, timeout: 120_000 }, async () => {
  const folder = tempFolder('chains');
  const seen = { accepted: 0, refused: 0 };
  try {
    await fc.assert(
      fc.asyncProperty(chains, async (chain) => {
        const [own, ...others] = await made(chain);
        const between = others.slice(0, -1);
        const root = others.at(-1);
        if (own === undefined || root === undefined) assert.fail('no chain');
        const sent = chain.left ? between.slice(1) : between;
        writeFileSync(folder.file('root.pem'), root.certPem);
        writeFileSync(folder.file('own.pem'), own.certPem);
        writeFileSync(folder.file('sent.pem'), sent.map(({ certPem }) => certPem).join(''));
        const judged = await run(requireProgram('openssl'), ['verify', '-partial_chain', '-purpose', 'sslclient', '-CAfile', folder.file('root.pem'), ...(sent.length === 0 ? [] : ['-untrusted', folder.file('sent.pem')]), folder.file('own.pem')]);
        const now = Date.now();
        const ours = findPath([own, ...sent].map(read), [read(root)], (path) => (path.every(({ notBefore, notAfter }) => notBefore <= now && now < notAfter) ? undefined : 'certificate_expired'));
        const accepted = typeof ours !== 'string';
        if (accepted) assert.equal(judged.code, 0, judged.stderr);
        else if (judged.code === 0) {
          const { purposes, usages, authority: isAuthority } = chain.own;
          const asked = purposes?.includes('client') !== true || usages !== KeyUsageFlags.digitalSignature || isAuthority === true;
          assert.ok(asked, `OpenSSL accepts what is refused as ${ours}`);
        }
        seen[accepted ? 'accepted' : 'refused'] += 1;
      }),
      { numRuns: 200 },
    );
  } finally {
    folder.remove();
  }
  assert.ok(seen.accepted > 10 && seen.refused > 10, JSON.stringify(seen));
});

test('the text of a name is that of OpenSSL', { skip: SKIP }, async () => {
  const folder = tempFolder('names');
  try {
    for (const subject of ['CN=one', 'C=DE,O=Acme,OU=a+CN=b', 'O=Acme\\, Inc.,CN=a\\+b', 'DC=example,DC=acme,CN=job \\"x\\"', 'O=Größe,CN=\\ y\\ ']) {
      const one = await makeCertificate({ subject });
      writeFileSync(folder.file('one.pem'), one.certPem);
      const { stdout } = await run(requireProgram('openssl'), ['x509', '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb,utf8', '-in', folder.file('one.pem')]);
      assert.equal(`subject=${dnText(read(one).subject)}`, stdout.trimEnd());
    }
  } finally {
    folder.remove();
  }
});

/** Bytes with some of them changed, or cut. */
const damaged = (good: Buffer): fc.Arbitrary<Buffer> =>
  fc.tuple(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), seldom(0, 1, 2, 3)).map(([changes, cut]) => {
    const bytes = Buffer.from(good.subarray(0, good.length - cut));
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });

test('whatever the bytes, reading ends with a certificate or with none', async () => {
  const constraints = { permitted: [...subtrees], excluded: [...subtrees] };
  const good = (await makeCertificate({ subject: 'O=Acme,CN=x', names: [...names], key: 'ed25519', constraints })).der;
  assert.ok(readCertificate(good));
  let read = 0;
  fc.assert(fc.property(damaged(good), (bytes) => {
    const found = readCertificate(bytes);
    if (found === undefined) return;
    read += 1;
    if (found.constraints !== undefined) permits(found.constraints, found.subject, found.names);
    assert.equal(found.fingerprint.length, 64);
  }), { numRuns: 3_000 });
  assert.ok(read > 0, 'some of them still are certificates');
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => readCertificate(Buffer.from(bytes)) === undefined), { numRuns: 2_000 });
});

test('whatever the bytes, a list is read whole or not at all, and one that was altered is nobody\'s', async () => {
  const root = await makeAuthority('CN=Root', { key: 'ed25519' });
  const issuer = read(root);
  const pem = Buffer.from(await makeRevocationList(root, [root, await makeCertificate({ subject: 'CN=x', issuer: root })]));
  const [whole] = readRevocationLists(pem);
  assert.ok(whole?.isOf(issuer) && whole.serials.size === 2);
  const good = Buffer.from(pem.toString('latin1').replaceAll(/-----.*-----|\s/g, ''), 'base64');
  fc.assert(fc.property(damaged(good), (bytes) => {
    if (bytes.equals(good)) return;
    try {
      assert.equal(readRevocationList(bytes).isOf(issuer), false);
    } catch (error) {
      assert.ok(error instanceof BadDer, String(error));
    }
  }), { numRuns: 3_000 });
});
