import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createPublicKey, webcrypto, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { encodeScope, NAME_CONSTRAINTS, scopeOf } from './certificates-constraints.ts';
import { extensionValue, isKeyOf, issueAuthority, issueLeaf, newKey } from './certificates-issue.ts';

const DAY = 86_400_000;
const second = (milliseconds: number): number => Math.floor(milliseconds / 1000) * 1000;
// The other reader knows no IPv4 at the end of IPv6.
const name = fc.oneof(fc.domain({ size: 'small' }), fc.domain({ size: 'small' }).map((domain) => `*.${domain}`), fc.ipV4(), fc.ipV6().filter((address) => !address.includes('.')));
/** From before the year in which the form of times changes to after it. */
const moment = fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2070, 0) });

test('another reader of certificates reads what was to be written, and what was signed holds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(name, { minLength: 1, maxLength: 40 }), moment, async (names, now) => {
      const key = await newKey();
      const certificate = await issueAuthority(key, names, now, 'CA');
      const ca = new x509.X509Certificate(certificate);
      assert.ok(isKeyOf(key, certificate));
      assert.ok(await ca.verify({ signatureOnly: true }, webcrypto));
      assert.match(ca.subject, /^O=Wicketgate, CN=Wicketgate CA [0-9a-f]{8}$/);
      assert.equal(ca.issuer, ca.subject);
      assert.equal(ca.notBefore.getTime(), second(now - 3_600_000));
      assert.equal(ca.notAfter.getTime(), second(now + 5 * 365 * DAY));
      assert.deepEqual(Buffer.from(extensionValue(certificate, NAME_CONSTRAINTS) ?? []), Buffer.from(encodeScope(scopeOf(names))));
      assert.equal(extensionValue(certificate, '1.2.3.4'), undefined);
      const basic = ca.getExtension(x509.BasicConstraintsExtension);
      assert.deepEqual([basic?.ca, basic?.pathLength, basic?.critical], [true, 0, true]);
      assert.equal(ca.getExtension(x509.KeyUsagesExtension)?.usages, x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign);

      const issued = await issueLeaf({ certificate, key }, names, now, 90 * DAY);
      const leaf = new x509.X509Certificate(issued.certificate);
      assert.ok(isKeyOf(issued.key, issued.certificate));
      assert.ok(new X509Certificate(issued.certificate).checkIssued(new X509Certificate(certificate)));
      assert.ok(new X509Certificate(issued.certificate).verify(createPublicKey(key)));
      assert.match(leaf.serialNumber, /^[4-7][0-9a-f]{31}$/);
      assert.equal(leaf.notAfter.getTime(), second(now + 90 * DAY));
      const alternatives = leaf.getExtension(x509.SubjectAlternativeNameExtension)?.names.items.map(({ type, value }) => `${type} ${value}`);
      const expected = new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: /^[0-9.]+$|:/.test(value) ? 'ip' : 'dns', value }))).names.items.map(({ type, value }) => `${type} ${value}`);
      assert.deepEqual(alternatives, expected);
      assert.equal(leaf.getExtension(x509.ExtendedKeyUsageExtension)?.usages.join(), x509.ExtendedKeyUsage.serverAuth);
      assert.equal(leaf.getExtension(x509.KeyUsagesExtension)?.usages, x509.KeyUsageFlags.digitalSignature);
      assert.equal(leaf.getExtension(x509.BasicConstraintsExtension)?.ca, false);
      assert.equal(leaf.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId, ca.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId);
      const id = (await x509.SubjectKeyIdentifierExtension.create(leaf.publicKey, false, webcrypto)).keyId;
      assert.equal(leaf.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId, id);
    }),
    { numRuns: 40 },
  );
});

test('a CA that another program made goes on, and its name is in the certificate byte for byte', async () => {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: [{ O: ['Wicketgate'] }, { CN: ['Wicketgate Übergang'] }],
      notAfter: new Date(Date.now() + DAY),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      keys,
      extensions: [new x509.BasicConstraintsExtension(true, 0, true), await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto)],
    },
    webcrypto,
  );
  const key = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')}\n-----END PRIVATE KEY-----\n`;
  const issued = new X509Certificate((await issueLeaf({ certificate: made.toString('pem'), key }, ['gw.internal'], Date.now(), 90 * DAY)).certificate);
  const authority = new X509Certificate(made.toString('pem'));
  assert.ok(issued.checkIssued(authority));
  assert.ok(issued.verify(authority.publicKey));
  assert.equal(issued.issuer, authority.subject);
  assert.equal(issued.validTo, authority.validTo, 'it does not outlive its CA');
});
