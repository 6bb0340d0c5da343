import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../../test/kit/campaign.ts';
import { detectorKinds } from '../detectors.ts';
import { BodyNotMasked } from './not-masked.ts';
import { bodyMasks, comesBack, maskedBy, recordedBody } from './testdata/bodies.ts';

const samples = [
  '123-45-6789', '4111 1111 1111 1111', '4111-1111-1111-1111', 'ada@example.com', '+1 555 0100 200', '(415) 555-0100', 'DE89 3704 0044 0532 0130 00', '192.0.2.7', '2001:db8::1', 'AKIAABCDEFGHIJKLMNOP', `ghp_${'a1'.repeat(18)}`, 'eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln',
  '-----BEGIN RSA PRIVATE KEY-----', '-----END RSA PRIVATE KEY-----', '-----BEGIN PRIVATE KEY-----', '"private_key": "', '"private_key":\n"', 'private_key', '-----BEGIN ', 'PRIVATE KEY',
];
const letters = '0123456789-. @:+/=_()abcdXYZIJ"\n\r,;é{}\\'.split('');
const piece = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...samples) }, { weight: 3, arbitrary: fc.constantFrom(...letters) }, fc.string({ unit: fc.constantFrom(...letters), maxLength: 20 }), fc.constantFrom('\0', '\ufeff', '%40', '&', '=', 'data: ', '\n\n', '"a":'));
const texts = fc.array(piece, { maxLength: 14 }).map((pieces) => Buffer.from(pieces.join('')));
const cuts = fc.array(fc.nat({ max: 12 }), { maxLength: 300 });
const kinds = fc.oneof({ weight: 3, arbitrary: fc.constant([...detectorKinds]) }, fc.subarray([...detectorKinds], { minLength: 1 }));

const outcome = (run: () => string): string => {
  try {
    return run();
  } catch (error) {
    assert.ok(error instanceof BodyNotMasked, String(error));
    return 'not masked';
  }
};

test('text is masked the same wherever it is cut', () =>
  campaign(
    fc.property(texts, kinds, cuts, (body, detect, lengths) => {
      const masks = bodyMasks([{ detect }]);
      assert.equal(outcome(() => maskedBy(masks, { mediaType: 'text/plain' }, body, lengths).text), outcome(() => maskedBy(masks, { mediaType: 'text/plain' }, body).text));
    }),
  ));

for (const mediaType of ['text/csv', 'text/tab-separated-values', 'application/x-www-form-urlencoded', 'text/event-stream', 'application/x-ndjson', 'application/json-seq']) {
  test(`${mediaType}: any bytes are masked or told to be none of it, the same wherever they are cut`, () =>
    campaign(
      fc.property(fc.oneof(texts, fc.uint8Array({ maxLength: 60 })), cuts, (body, lengths) => {
        const masks = bodyMasks([{ fields: ['a', '$.b'] }, { detect: [...detectorKinds] }]);
        assert.equal(outcome(() => maskedBy(masks, { mediaType }, body, lengths).text), outcome(() => maskedBy(masks, { mediaType }, body).text));
      }),
    ));
}

test('records and the guard take any bytes under any type', () =>
  campaign(
    fc.property(fc.oneof(texts, fc.uint8Array({ maxLength: 60 })), fc.constantFrom('application/json', 'text/plain', '', 'text/csv', 'application/x-www-form-urlencoded', 'application/json-patch+json', 'image/png'), (body, mediaType) => {
      const masks = bodyMasks([{ fields: ['a', '$.b'] }]);
      assert.equal(typeof recordedBody(masks, { mediaType }, body), 'string');
      const name = comesBack(masks, { mediaType }, body)?.mask;
      assert.ok(name === undefined || name === 'test/1');
    }),
  ));
