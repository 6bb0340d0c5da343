import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { test } from 'node:test';
import fc from 'fast-check';
import { HashKey, isPseudonym } from './hash-key.ts';

test('a pseudonym is the first 128 bits of the HMAC in base32, the same for equal values', () => {
  const secret = Buffer.alloc(32, 5);
  const key = new HashKey(secret);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (value) => {
      const digest = createHmac('sha256', secret).update(value).digest().subarray(0, 16);
      // Base32 by way of one large number: 26 digits of five bits, the last two bits zero.
      const digits = (BigInt(`0x${digest.toString('hex')}`) << 2n).toString(32).padStart(26, '0');
      const expected = Array.from(digits, (digit) => 'abcdefghijklmnopqrstuvwxyz234567'[parseInt(digit, 32)]).join('');
      assert.equal(key.pseudonym(value), expected);
      assert.equal(key.pseudonym(value), expected);
      assert.ok(isPseudonym(expected));
    }),
  );
});

test('the key does not show, and a short one is refused', () => {
  const key = new HashKey(Buffer.from('0123456789abcdef0123456789abcdef'));
  assert.ok(!`${JSON.stringify({ key })}${inspect(key, { showHidden: true, depth: 5 })}`.includes('0123'));
  assert.throws(() => new HashKey(Buffer.alloc(8)));
});
