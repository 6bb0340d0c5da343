import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeCertificate, makeRevocationList } from '../../../test/kit/client-certificates.ts';
import { campaign } from '../../../test/kit/campaign.ts';
import { BadDer } from '../../wire/der.ts';
import { readCertificate } from './certificate.ts';
import { claimsOf, isSvid, subjectOf } from './claims.ts';
import { permits } from './constraints.ts';
import { readRevocationLists } from './crl.ts';

const made = await makeCertificate({
  subject: 'O=Acme,CN=x', key: 'ed25519', authority: true,
  names: [['uri', 'spiffe://acme.example/x'], ['dns', 'a.example'], ['email', 'a@a.example'], ['ip', '10.0.0.1']],
  constraints: { permitted: [['dns', 'example'], ['uri', '.example'], ['email', 'example'], ['ip', '0a000000ff000000'], ['dn', 'O=Acme']] },
});
const list = Buffer.from((await makeRevocationList(made, [made])).replaceAll(/-----.*-----|\s/g, ''), 'base64');

const altered = (good: Buffer): fc.Arbitrary<Buffer> =>
  fc.tuple(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), fc.nat(4)).map(([changes, cut]) => {
    const bytes = Buffer.from(good.subarray(0, good.length - cut));
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });

test('whatever is shown as a certificate is read or not, and never throws', () =>
  campaign(
    fc.property(fc.oneof(altered(made.der), fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes))), (bytes) => {
      const found = readCertificate(bytes);
      if (found === undefined) return;
      const claims = claimsOf(found);
      assert.ok(subjectOf(found) !== '' && typeof claims['issuer'] === 'string');
      isSvid(found);
      if (found.constraints !== undefined) permits(found.constraints, found.subject, found.names);
    }),
  ));

test('whatever lies in the file of lists is read or refused', () =>
  campaign(
    fc.property(altered(list), (bytes) => {
      try {
        readRevocationLists(bytes);
      } catch (error) {
        assert.ok(error instanceof BadDer, String(error));
      }
    }),
  ));
