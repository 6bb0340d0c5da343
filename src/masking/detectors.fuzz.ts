import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../test/kit/campaign.ts';
import { hasPlaces, Places } from './detect/places.ts';
import { allDetectors, detect, detectAt, detectEverywhere, detectorKinds, prepare } from './detectors.ts';

const samples = [
  '123-45-6789', '4111 1111 1111 1111', '4111-1111-1111-1111', '4111111111111111', '3782 822463 10005', 'ada@example.com', '+1 555 0100 200', '+4930123456', '(415) 555-0100', '415-555-0100', '1 (415) 555-0100', '1.415.555.0100',
  'DE89370400440532013000', 'GB82 WEST 1234 5698 7654 32', '192.0.2.7', '2001:db8::1', '::1', '2001:db8:1:2:3:4:5:6', '12:34:56', 'AKIAABCDEFGHIJKLMNOP', 'AIzaSyA-1234567890abcdefghijklmnopqrstu', `ghp_${'a1'.repeat(18)}`, `glpat-${'a1-_'.repeat(5)}`,
  'xoxb-1234567890-abc', `sk_live_${'a'.repeat(24)}`, '-----BEGIN RSA PRIVATE KEY-----', '-----END RSA PRIVATE KEY-----', '-----BEGIN PRIVATE KEY-----\nMIIE"', '"private_key": "-----BEGIN PRIVATE KEY-----', 'eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln', '2026-11-22 10:11:12+00',
  'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
];
const letters = '0123456789-. @:+/=_()abcdefXYZIJ"\n'.split('');
const piece = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...samples) },
  { weight: 2, arbitrary: fc.constantFrom(...letters) },
  // A find with one character changed is what a matcher goes wrong at.
  fc.tuple(fc.constantFrom(...samples), fc.nat(), fc.constantFrom(...letters)).map(([sample, at, letter]) => sample.slice(0, at % sample.length) + letter + sample.slice((at % sample.length) + 1)),
  fc.string({ unit: fc.constantFrom(...letters), maxLength: 20 }),
  fc.string({ unit: fc.constantFrom(...'0123456789-. :'.split('')), maxLength: 30 }),
  fc.string({ unit: fc.constantFrom(...':0a1b'.split('')), maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.nat(300).map((length) => 'x'.repeat(length)),
);
const some = fc.oneof({ weight: 3, arbitrary: fc.constant([...detectorKinds]) }, fc.subarray([...detectorKinds], { minLength: 1 }));
const texts = fc.tuple(fc.array(piece, { maxLength: 12 }), fc.constantFrom('', ' ')).map(([pieces, between]) => Buffer.from(pieces.join(between)));

test('vectors are here, so that what follows compares two ways', () => assert.ok(hasPlaces));

test('looking at places finds what looking at every byte finds, with any detectors', () =>
  campaign(
    fc.property(texts, some, fc.nat(20), fc.nat(20), (bytes, kinds, before, behind) => {
      const start = Math.min(before, bytes.length);
      const end = Math.max(start, bytes.length - behind);
      assert.deepEqual(detect(bytes, start, end, prepare(kinds)), detectEverywhere(bytes, start, end, prepare(kinds)));
    }),
  ));

test('cells of one stretch, some of them passed over, give what each gives by itself', () =>
  campaign(
    fc.property(fc.array(fc.tuple(texts, fc.boolean(), fc.nat(255)), { maxLength: 8 }), (cells) => {
      // Between cells stand lengths, the last byte of which may look like text.
      const stretch = Buffer.concat(cells.flatMap(([bytes, , length]) => [Buffer.from([0, 0, 0, length]), bytes]));
      const places = new Places(stretch, 0, stretch.length);
      let at = 0;
      for (const [bytes, passed] of cells) {
        const start = at + 4;
        at = start + bytes.length;
        if (!passed) assert.deepEqual(detectAt(places, stretch, start, at, allDetectors), detectEverywhere(stretch, start, at, allDetectors));
      }
    }),
  ));

test('a find at the seam of two looks is found', () =>
  campaign(
    fc.property(fc.constantFrom(...samples), fc.integer({ min: -200, max: 60 }), fc.constantFrom(' ', 'x', '1', '-'), (sample, shift, filler) => {
      const bytes = Buffer.from(`${filler.repeat(65_536 + shift)} ${sample} ${sample} ${filler.repeat(100)}`);
      assert.deepEqual(detect(bytes, 0, bytes.length, allDetectors), detectEverywhere(bytes, 0, bytes.length, allDetectors));
    }),
  ));

test('hits lie inside the text, in order, without overlap, and do not depend on what stands around the range', () =>
  campaign(
    fc.property(texts, fc.uint8Array({ maxLength: 8 }), (bytes, around) => {
      const hits = detect(bytes, 0, bytes.length, allDetectors) ?? [];
      let end = 0;
      for (const hit of hits) {
        assert.ok(hit.start >= end && hit.end > hit.start && hit.end <= bytes.length);
        end = hit.end;
      }
      const shifted = Buffer.concat([around, bytes, around]);
      const again = detect(shifted, around.length, around.length + bytes.length, allDetectors) ?? [];
      assert.deepEqual(again.map(({ start }) => start - around.length), hits.map(({ start }) => start));
    }),
  ));

test('hostile text costs linear time', () => {
  for (const unit of ['0', '1-', 'a@', 'a.', '-----BEGIN ', 'eyJ.', '0:', '4 ', 'DE89', '+1 ']) {
    const measure = (length: number): number => {
      const bytes = Buffer.from(unit.repeat(Math.ceil(length / unit.length)));
      const begun = performance.now();
      detect(bytes, 0, bytes.length, allDetectors);
      return performance.now() - begun;
    };
    measure(100_000);
    assert.ok(measure(2_000_000) < 2_000, `${unit} repeated`);
  }
});
