import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyNotMasked } from './not-masked.ts';
import { bodyMasks, key, maskedBy } from './testdata/bodies.ts';

const form = { mediaType: 'application/x-www-form-urlencoded' };

test('any form is masked as URLSearchParams sees it, however it is cut', () => {
  const name = fc.oneof(fc.constantFrom('password', 'a_token', 'user', 'x'), fc.string({ unit: 'grapheme', maxLength: 5 }));
  const pairs = fc.array(fc.tuple(name, fc.string({ unit: 'grapheme', maxLength: 8 })), { maxLength: 6 });
  const masks = bodyMasks([{ fields: ['password'] }, { fields: ['*_token'], transform: 'hash' }, { fields: ['user'], transform: 'null' }]);
  fc.assert(
    fc.property(pairs, fc.array(fc.nat({ max: 7 }), { maxLength: 60 }), (given, lengths) => {
      const body = new URLSearchParams(given).toString();
      const made = maskedBy(masks, form, body, lengths).text;
      const expected = given.map(([one, value]) => [one, one === 'password' ? '***' : one === 'a_token' ? key.pseudonym(Buffer.from(value)) : one === 'user' ? '' : value]);
      assert.deepEqual([...new URLSearchParams(made)], expected);
    }),
    { numRuns: 1000 },
  );
});

test('names in brackets are paths, as frameworks read them', () => {
  const masks = bodyMasks([{ fields: ['$.user.password', '$.items[*].card', 'pin', '$.codes[*]', '$.whole'] }]);
  const masked = (name: string): boolean => maskedBy(masks, form, `${encodeURIComponent(name)}=1`).text.endsWith('=***');
  for (const name of ['user[password]', 'user.password', 'items[][card]', 'items[0][card]', 'items[0].card', 'deep[er][pin]', 'codes[]', 'codes[3]', 'whole', 'whole[part]', 'whole[part][of]']) assert.ok(masked(name), name);
  for (const name of ['user[name]', 'password', 'user', 'items[card][x]', 'code[]', 'pinned']) assert.ok(!masked(name), name);
  assert.equal(maskedBy(masks, form, 'user[password]=1&b=2').text, 'user[password]=***&b=2');
});

test('names are compared decoded, and what is no form is not masked by guessing', () => {
  const masks = bodyMasks([{ fields: ['password'] }]);
  assert.equal(maskedBy(masks, form, '%70assword=1&pass%77ord=2&&=3&password').text, '%70assword=***&pass%77ord=***&&=3&password');
  for (const body of ['{"password":"x"}', 'a=1;password=2', 'a=%zz', 'a=%4', 'a=b c', 'pässword=1', '<a>']) assert.throws(() => maskedBy(masks, form, body), BodyNotMasked, body);
});

test('detectors look at decoded names and values', () => {
  const masks = bodyMasks([{ detect: ['email', 'phone'] }]);
  assert.equal(maskedBy(masks, form, 'mail=ada%40example.com&ada%40example.com=1&n=%2B4930123456').text, 'mail=***************&***************=1&n=***********');
});
