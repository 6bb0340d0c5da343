import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonical, NotCanonical } from './canonical.ts';
import { readLeaf } from './verify/leaf.ts';

const values = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()), fc.maxSafeInteger(), fc.boolean(), fc.constant(null), tie('list'), tie('object')),
  list: fc.array(tie('value'), { maxLength: 4 }),
  object: fc.dictionary(fc.string({ unit: 'binary', maxLength: 8 }).filter((text) => text.isWellFormed()), tie('value'), { maxKeys: 6, noNullPrototype: true }),
}));

test('the order of members is that of RFC 8785, section 3.2.3', () => {
  const text = canonical({ '\u20ac': 'Euro Sign', '\r': 'Carriage Return', '\ufb33': 'Hebrew Letter Dalet With Dagesh', '1': 'One', '\u{1f600}': 'Emoji: Grinning Face', '\u0080': 'Control', '\u00f6': 'Latin Small Letter O With Diaeresis' });
  assert.deepEqual([...text.matchAll(/:"([^"]*)"/g)].map(([, word]) => word), ['Carriage Return', 'One', 'Control', 'Latin Small Letter O With Diaeresis', 'Euro Sign', 'Emoji: Grinning Face', 'Hebrew Letter Dalet With Dagesh']);
});

test('any value: it reads back as it was, and the verifier, with code of its own, calls it canonical', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ maxLength: 6 }).filter((name) => name.isWellFormed() && name !== 'kind' && name !== '__proto__'), values.value, { maxKeys: 5 }), (members) => {
      const record = { ...members, kind: 'outcome' };
      const leaf = canonical({ v: 1, log: 'l', seq: 0, prev: 'p', time: '2026-11-22T00:00:00.000Z', mono: 1, record });
      const read = readLeaf(Buffer.from(leaf));
      assert.equal(typeof read, 'object', JSON.stringify(read));
      assert.deepEqual(JSON.parse(canonical(record)), JSON.parse(JSON.stringify(record)));
      const spaced = readLeaf(Buffer.from(leaf.replace(':', ': ')));
      assert.equal(spaced, 'the record is not canonical JSON');
    }),
  );
});

test('what a leaf may not hold', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  for (const value of [1.5, Number.NaN, Infinity, 2 ** 53, '\ud800', { a: '\udfff' }, undefined, () => 1, 1n, nested(40)]) assert.throws(() => canonical(value), NotCanonical);
  assert.equal(canonical({ b: undefined, a: -0 }), '{"a":0}');
});
