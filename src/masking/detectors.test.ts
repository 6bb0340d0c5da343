import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { processorTime } from '../../test/kit/processor-time.ts';
import { hasPlaces } from './detect/places.ts';
import { allDetectors, detect, detectEverywhere, detectorKinds, prepare } from './detectors.ts';
import type { DetectorKind } from './detectors.ts';

/** `kind:found text` for each hit. */
function hits(text: string, kinds: Iterable<DetectorKind> = detectorKinds): string[] {
  const bytes = Buffer.from(text);
  return (detect(bytes, 0, bytes.length, prepare(kinds)) ?? []).map(({ kind, start, end }) => `${kind}:${bytes.toString('utf8', start, end)}`);
}

const jwt = `${Buffer.from('{"alg":"RS256","typ":"JWT"}').toString('base64url')}.${Buffer.from('{"sub":"1"}').toString('base64url')}.c2ln`;
const pem = '-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nabc+/=\n-----END RSA PRIVATE KEY-----';

suite('found', () => {
  const cases: readonly (readonly [text: string, expected: readonly string[]])[] = [
    ['ssn 123-45-6789.', ['us_ssn:123-45-6789']],
    ['ssn:123-45-6789', ['us_ssn:123-45-6789']],
    ['é123-45-6789é', ['us_ssn:123-45-6789']],
    ['4111111111111111', ['credit_card:4111111111111111']],
    ['card 4111 1111 1111 1111 exp 12/30', ['credit_card:4111 1111 1111 1111']],
    ['4111-1111-1111-1111 123', ['credit_card:4111-1111-1111-1111']],
    ['3782 822463 10005', ['credit_card:3782 822463 10005']],
    ['mail ada.b+c@mail.example.co.uk, and', ['email:ada.b+c@mail.example.co.uk']],
    ['<bob@example.com>', ['email:bob@example.com']],
    ['bob@example.com.', ['email:bob@example.com']],
    ['call +49 30 1234567 now', ['phone:+49 30 1234567']],
    ['(415) 555-0100', ['phone:(415) 555-0100']],
    ['415.555.0100', ['phone:415.555.0100']],
    ['1-415-555-0100', ['phone:1-415-555-0100']],
    ['GB82WEST12345698765432', ['iban:GB82WEST12345698765432']],
    ['DE89 3704 0044 0532 0130 00 ok', ['iban:DE89 3704 0044 0532 0130 00']],
    ['from 10.0.0.1:22', ['ip:10.0.0.1']],
    ['2001:db8::8a2e:370:7334', ['ip:2001:db8::8a2e:370:7334']],
    ['[::1]', ['ip:::1']],
    [`Bearer ${jwt};`, [`jwt:${jwt}`]],
    ['key AKIAIOSFODNN7EXAMPLE', ['cloud_key:AKIAIOSFODNN7EXAMPLE']],
    ['AIzaSyA-1234567890abcdefghijklmnopqrstu', ['cloud_key:AIzaSyA-1234567890abcdefghijklmnopqrstu']],
    [`ghp_${'a1'.repeat(18)}`, [`cloud_key:ghp_${'a1'.repeat(18)}`]],
    [`github_pat_${'a1_'.repeat(10)}`, [`cloud_key:github_pat_${'a1_'.repeat(10)}`]],
    [`glpat-${'a1-_'.repeat(5)}`, [`cloud_key:glpat-${'a1-_'.repeat(5)}`]],
    ['xoxb-1234567890-abc', ['cloud_key:xoxb-1234567890-abc']],
    [`sk_live_${'a'.repeat(24)}`, [`cloud_key:sk_live_${'a'.repeat(24)}`]],
    [`x ${pem} y`, [`private_key:${pem}`]],
    ['-----BEGIN PRIVATE KEY-----\nMIIE"cut', ['private_key:-----BEGIN PRIVATE KEY-----\nMIIE']],
    ['a 123-45-6789 b bob@example.com', ['us_ssn:123-45-6789', 'email:bob@example.com']],
  ];
  for (const [text, expected] of cases) test(text, () => assert.deepEqual(hits(text), expected));

  test("a service account's key counts as a cloud key", () => {
    const json = '{"type":"service_account","private_key": "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n"}';
    assert.equal(hits(json, ['cloud_key']).length, 1);
    assert.equal(hits(pem, ['cloud_key']).length, 0);
  });
});

suite('not taken for one', () => {
  for (const text of [
    '123456789', '000-12-3456', '666-12-3456', '900-12-3456', '123-00-6789', '123-45-0000', '1123-45-6789', '123-45-67890', '2-123-45-6789',
    '4111111111111112', '1234567812345670', '41111111111111110000000', 'x4111111111111111', 'ada@localhost', '@example.com', 'a@b.c', 'a@b.1c', '4155550100',
    'GB82WEST12345698765433', 'GB82WEST123456987654321', '1.2.3', '1.2.3.4.5', '256.1.1.1', '12:34:56', 'std::string', '2026-11-22 12:00:00', 'eyJhbGci.x', 'eyJub3QiOiJqd3QifQ.eyJ4Ijoi.x',
    'AKIAIOSFODNN7EXAMPL', 'AKIAIOSFODNN7EXAMPLEX', 'ghp_short', '-----BEGIN CERTIFICATE-----', 'XAKIAIOSFODNN7EXAMPLE', 'a1b2c3d4-e5f6-7890-abcd-ef1234567890', 'id::text',
  ]) {
    test(text, () => assert.deepEqual(hits(text), []));
  }
});

suite('oracles', () => {
  /** ISO/IEC 7812's check, as a text book has it. */
  const luhn = (digits: string): boolean => Array.from(digits).reverse().reduce((sum, digit, at) => sum + (at % 2 === 0 ? Number(digit) : [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][Number(digit)]!), 0) % 10 === 0;
  /** ISO 13616's check over the whole number at once. */
  const isIban = (iban: string): boolean => BigInt(Array.from(iban.slice(4) + iban.slice(0, 4), (character) => String(parseInt(character, 36))).join('')) % 97n === 1n;

  test('a number of an issuer is a card exactly when its check digit is right', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^4[0-9]{15}$/), (digits) => {
        assert.equal(hits(digits, ['credit_card']).length === 1, luhn(digits));
      }),
    );
  });

  test('an IBAN is found exactly when its remainder is one', () => {
    const complete = (body: string): string => {
      for (let check = 2; check <= 98; check++) {
        const iban = `DE${String(check).padStart(2, '0')}${body}`;
        if (isIban(iban)) return iban;
      }
      return '';
    };
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{18}$/), fc.nat(97), (body, wrong) => {
        const iban = complete(body);
        assert.deepEqual(hits(iban, ['iban']), [`iban:${iban}`]);
        const other = `DE${String(wrong).padStart(2, '0')}${body}`;
        assert.equal(hits(other, ['iban']).length === 1, isIban(other));
      }),
    );
  });

  test('looking at places finds what looking at every byte finds', () => {
    assert.ok(hasPlaces, 'no vectors here: both ways are one');
    const piece = fc.oneof(
      fc.constantFrom('123-45-6789', '4111 1111 1111 1111', '4111-1111-1111-1111', 'ada@example.com', '+4930123456', '1 (415) 555-0100', 'GB82 WEST 1234 5698 7654 32', '192.0.2.7', '2001:db8:1:2:3:4:5:6', '::1', 'AKIAIOSFODNN7EXAMPLE', `ghp_${'a1'.repeat(18)}`, 'xoxb-1234567890-abc', '-----BEGIN PRIVATE KEY-----', jwt, 'x'.repeat(60)),
      fc.string({ unit: fc.constantFrom(...'0123456789-. @:+()abcdefXYZIJ_"'.split('')), maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.constantFrom('', ' '), fc.subarray([...detectorKinds], { minLength: 1 }), fc.nat(8), (pieces, between, kinds, before) => {
        const bytes = Buffer.from(pieces.join(between));
        const start = Math.min(before, bytes.length);
        assert.deepEqual(detect(bytes, start, bytes.length, prepare(kinds)), detectEverywhere(bytes, start, bytes.length, prepare(kinds)));
      }),
      { numRuns: 3000 },
    );
  });

  test('hits lie in order, apart and within bounds, whatever the bytes', () => {
    const piece = fc.oneof(fc.constantFrom('123-45-6789', '4111 1111 1111 1111', 'a@b.co', '+4930123456', '::', ':', '-----BEGIN PRIVATE KEY-----', 'eyJ', '.', '-', '@', ' ', '1', 'AKIA', 'ghp_', 'é'), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.nat(10), (pieces, before) => {
        const bytes = Buffer.from(pieces.join(''));
        const start = Math.min(before, bytes.length);
        let last = start;
        for (const hit of detect(bytes, start, bytes.length, allDetectors) ?? []) {
          assert.ok(hit.start >= last && hit.end > hit.start && hit.end <= bytes.length);
          last = hit.end;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

suite('time', () => {
  const hostile: Readonly<Record<string, string>> = {
    digits: '1', ats: '@', 'local parts': 'a@', domains: `${'a'.repeat(63)}.@`, colons: ':', hex: 'abcd:', jwt: 'eyJ.', 'jwt parts': `eyJ${'a'.repeat(50)}.`, dashes: '-', 'cut keys': '-----BEGIN PRIVATE KEY-----',
    'field keys': '"private_key": "-----BEGIN PRIVATE KEY-----', phones: '+1 2 3 ', cards: '4111 ', ibans: 'GB82 ', dots: '1.1.', github: 'ghp_', keys: 'AKIA', spaces: ' ',
  };
  for (const [name, unit] of Object.entries(hostile)) {
    for (const kinds of [detectorKinds, new Set<DetectorKind>(['cloud_key'])]) {
      test(`linear over ${name}, ${kinds.size} kinds`, () => {
        const time = (length: number): number => {
          const bytes = Buffer.from(unit.repeat(Math.ceil(length / unit.length)));
          const began = processorTime();
          detect(bytes, 0, bytes.length, prepare(kinds));
          return processorTime() - began;
        };
        time(50_000);
        const large = time(2_000_000);
        // At 5 MB/s it would take 400 ms; anything that is not linear takes minutes.
        assert.ok(large < 1500, `${large} ms for 2 MB`);
      });
    }
  }
});
