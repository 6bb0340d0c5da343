import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { processorTime } from '../../test/kit/processor-time.ts';
import { compileGlob } from './glob.ts';

/** What a glob means, by the engine that we do not use in production. */
const reference = (pattern: string): RegExp =>
  new RegExp(`^${pattern.split('*').map((piece) => piece.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('.*')}$`, 's');

test('globs agree with a reference regular expression', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '\\', '\n'), maxLength: 12 });
  fc.assert(fc.property(text, text, (pattern, subject) => compileGlob(pattern)(subject) === reference(pattern).test(subject)), { numRuns: 20_000 });
  fc.assert(fc.property(fc.string(), fc.string(), (pattern, subject) => compileGlob(pattern)(subject) === reference(pattern).test(subject)));
});

test('a glob made from a text matches that text', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 6 }), fc.array(fc.string(), { minLength: 6, maxLength: 6 }), (pieces, fills) => {
      const pattern = pieces.map((piece) => piece.replaceAll('*', '+'));
      return compileGlob(pattern.join('*'))(pattern.reduce((text, piece, at) => text + (at === 0 ? '' : (fills[at] ?? '')) + piece, ''));
    }),
  );
});

test('hostile patterns take linear time', () => {
  const matches = compileGlob(`${'*a'.repeat(100)}${'a'.repeat(200)}*b*c`);
  const hostile = 'a'.repeat(2_000_000);
  const started = processorTime();
  assert.equal(matches(hostile), false);
  // A backtracking matcher would not come back; a quadratic one takes minutes.
  assert.ok(processorTime() - started < 2_000);
});

test('head and tail do not share characters', () => {
  assert.equal(compileGlob('aba*ba')('aba'), false);
  assert.equal(compileGlob('aba*ba')('ababa'), true);
  assert.equal(compileGlob('a*a')('a'), false);
});
