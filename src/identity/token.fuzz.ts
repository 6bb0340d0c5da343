import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../test/kit/campaign.ts';
import { parseToken } from './token.ts';

const segment = fc.oneof(
  fc.json().map((text) => Buffer.from(text).toString('base64url')),
  fc.base64String().map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  fc.string({ unit: 'binary' }),
);

test('whatever is sent as a token is parsed or refused with a reason, and never throws', () =>
  campaign(
    fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
      const parsed = parseToken(segments.join('.'));
      assert.ok(typeof parsed === 'string' || typeof parsed === 'object');
    }),
  ));
