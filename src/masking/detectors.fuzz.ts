import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../test/kit/campaign.ts';
import { allDetectors, detect } from './detectors.ts';

const piece = fc.oneof(
  fc.constantFrom('123-45-6789', '4111 1111 1111 1111', 'ada@example.com', '+1 555 0100 200', 'DE89370400440532013000', '192.0.2.7', '2001:db8::1', 'AKIAABCDEFGHIJKLMNOP', '-----BEGIN RSA PRIVATE KEY-----', 'eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln'),
  fc.string({ unit: fc.constantFrom(...'0123456789-. @:+/=_abcXYZ\n'.split('')) }),
  fc.string({ unit: 'grapheme' }),
);

test('hits lie inside the text, in order, without overlap, and do not depend on what stands around the range', () =>
  campaign(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.uint8Array({ maxLength: 8 }), (pieces, around) => {
      const bytes = Buffer.from(pieces.join(' '));
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
