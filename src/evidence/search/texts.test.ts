import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { BlockSeal, bitsOf, folded, mayHold } from './texts.ts';

const seal = new BlockSeal(randomBytes(32), 'billing/2026-11-22/00000000');
const text = fc.string({ unit: 'grapheme', minLength: 0, maxLength: 60 }).map(folded);

test('the filter of a block never denies a text that is in it, whatever its length', () => {
  fc.assert(fc.property(fc.array(text, { minLength: 1, maxLength: 8 }), fc.nat(), fc.nat(), (texts, from, length) => {
    const { filter, texts: sealed } = seal.seal({ sequences: texts.map((_, i) => i), texts });
    const whole = Buffer.from(texts[from % texts.length] as string, 'utf8');
    const at = whole.length === 0 ? 0 : from % whole.length;
    const needle = whole.subarray(at, at + 3 + (length % 12));
    if (needle.length < 3) return;
    assert.ok(mayHold(seal.openFilter(filter), bitsOf(needle)));
    assert.ok(seal.find(sealed, needle).includes(from % texts.length));
  }));
});

test('it denies most of what is not in it, from three letters on', () => {
  const texts = Array.from({ length: 1024 }, (_, i) => `select id, total from orders where id = ${i * 7919} and region = 'r${i % 97}'`);
  const { filter } = seal.seal({ sequences: texts.map((_, i) => i), texts });
  for (const absent of ['zqx', 'drop', 'update', 'batch 777', 'total from invoices']) assert.equal(mayHold(seal.openFilter(filter), bitsOf(Buffer.from(absent))), false, absent);
});
