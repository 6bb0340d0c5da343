import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutAt, hiddenIn, oneLine, piecesOf, visible } from './visible-text.ts';

test('what would not be seen is written out', () => {
  assert.equal(visible('a\u202eb\u200bc\u0000d\u001b[2Je'), 'a\\u{202e}b\\u{200b}c\\u{0}d\\u{1b}[2Je');
  assert.equal(visible('line\nnext\ttab'), 'line\nnext\ttab');
  assert.equal(visible('\r\n'), '\\u{d}\n');
  assert.equal(visible('a\u{e0041}b\ud800c\ufeff\u00a0\u3000'), 'a\\u{e0041}b\\u{d800}c\\u{feff}\\u{a0}\\u{3000}');
  assert.equal(visible('<b>Grüße 日本 😀</b> שלום'), '<b>Grüße 日本 😀</b> שלום');
});

test('values that the gateway hides are pieces of their own', () => {
  const text = 'INSERT INTO t VALUES (<literal:text>, <literal:number>, <value:int4>)';
  assert.equal(hiddenIn(text), 3);
  assert.deepEqual(piecesOf('a <literal:text>'), [{ kind: 'text', text: 'a ' }, { kind: 'hidden', text: '<literal:text>' }]);
  assert.equal(hiddenIn('<literal> <script:text> <literal:TEXT>'), 0);
});

test('one line', () => {
  assert.equal(oneLine('select 1\n  from t'), 'select 1 from t');
  assert.equal(oneLine('x'.repeat(300), 10), `${'x'.repeat(10)}…`);
});

test('no text brings a character through that is not seen', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
    assert.doesNotMatch(visible(text).replaceAll(/[\n\t]/g, ''), /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u, JSON.stringify(text));
  }), { numRuns: 2000 });
});

test('a long text is cut where nothing is torn', () => {
  fc.assert(fc.property(fc.array(fc.constantFrom('a', '😀', '\n', '<literal:text>', ' '), { maxLength: 400 }), fc.integer({ min: 100, max: 600 }), (parts, at) => {
    const text = parts.join('');
    const cut = cutAt(text, at);
    assert.ok(cut > 0 || text === '');
    assert.ok(cut <= Math.max(at, 1));
    const [head, tail] = [text.slice(0, cut), text.slice(cut)];
    assert.ok(head.isWellFormed() && tail.isWellFormed());
    assert.equal(hiddenIn(head) + hiddenIn(tail), hiddenIn(text));
  }));
});
