import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { inspectCondition } from './conditions.ts';
import { patternCovers, readPattern } from './patterns.ts';
import { didYouMean, nearest } from './suggest.ts';
import { formatDuration, formatHostPort, formatSize, parseDuration, parseHostPort, parseSize } from './units.ts';

describe('units', () => {
  test('durations', () => {
    assert.deepEqual(['500ms', '30s', '10m', '12h', '1d', '7y', '0s'].map(parseDuration), [500, 30_000, 600_000, 43_200_000, 86_400_000, 220_752_000_000, 0]);
    assert.deepEqual(['', '10', 's', '-1s', '1.5h', '1 h', '1H', '99999999999999999y', '10m '].map(parseDuration), Array(9).fill(undefined));
  });
  test('sizes', () => {
    assert.deepEqual(['512B', '64KiB', '16MiB', '1GiB'].map(parseSize), [512, 65_536, 16_777_216, 1_073_741_824]);
    assert.deepEqual(['1', '1KB', '1kib', '-1B', '9999999999999GiB'].map(parseSize), Array(5).fill(undefined));
  });
  test('what is printed reads back', () => {
    fc.assert(fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (value) => parseDuration(formatDuration(value)) === value && parseSize(formatSize(value)) === value));
    assert.deepEqual([formatDuration(600_000), formatDuration(90_000), formatDuration(0), formatSize(65_536), formatSize(1025)], ['10m', '90s', '0ms', '64KiB', '1025B']);
  });
  test('addresses', () => {
    assert.deepEqual(parseHostPort('127.0.0.1:6432'), { host: '127.0.0.1', port: 6432 });
    assert.deepEqual(parseHostPort('[::1]:6432'), { host: '::1', port: 6432 });
    assert.deepEqual(parseHostPort('GW.Internal:0'), { host: 'gw.internal', port: 0 });
    for (const bad of ['', ':1', '6432', 'x:', 'x:65536', '::1:6432', '[::1]', '[x]:1', '[127.0.0.1]:1', '127.1:1', '300.0.0.1:1', 'a b:1', 'x:1 ', 'http://x:1', 'x:-1']) assert.equal(parseHostPort(bad), undefined, bad);
    for (const good of ['127.0.0.1:6432', '[fe80::1]:1', 'gw.internal:0']) assert.equal(formatHostPort(parseHostPort(good) ?? { host: '', port: 0 }), good);
  });
});

describe('suggestions', () => {
  test('near words, swapped letters, other case', () => {
    const known = ['plaintext', 'protocol', 'target', 'credential'];
    assert.deepEqual(['plantext', 'portocol', 'Target', 'credentails', 'x', 'whatever'].map((word) => nearest(word, known)), ['plaintext', 'protocol', 'target', 'credential', undefined, undefined]);
    assert.equal(didYouMean('xyz', known), 'known: plaintext, protocol, target, credential');
    assert.equal(didYouMean('xyz', Array.from({ length: 40 }, (_, i) => `candidate${i}`)), undefined);
  });
  test('long words cost nothing', () => assert.equal(nearest('x'.repeat(1_000_000), ['y'.repeat(1_000_000)]), undefined));
});

describe('patterns', () => {
  test('are read part by part', () => {
    assert.deepEqual(readPattern('billing.*'), ['billing', '*']);
    assert.deepEqual(readPattern('"A.""b".c'), ['"A.""b"', 'c']);
    assert.deepEqual(['', 'a..b', '"a', '""', 'a"b', '"a"b', 'a b', 'x'.repeat(600)].map(readPattern), [
      'has an empty part', 'has an empty part', 'has a quote that is not closed', 'has an empty part', 'has a quote inside a part; quote the whole part', 'has text after a closing quote',
      'has a space in a part; quote the part if the name has one', 'is longer than 512 characters',
    ]);
  });
  test('cover only what they surely cover', () => {
    assert(patternCovers('*.password', 'users.password') && patternCovers('*', 'x') && patternCovers('a.b', 'a.b'));
    assert(!patternCovers('*.password', 'a.b.password') && !patternCovers('a*.x', 'ab.x') && !patternCovers('a.b', '*.b') && !patternCovers('"', '*'));
  });
});

describe('conditions', () => {
  test('whatever the text, something is said and nothing is thrown', () => {
    const token = fc.constantFrom('claims', '.ref', '==', '"x"', '(', ')', '1', '&&', '||', 'now', '.getHours()', '[', ']', '?', ':', '.all(x, ', 'matches', '!', '-', ' ', 'has(', '{', '}');
    fc.assert(fc.property(fc.oneof(fc.array(token, { maxLength: 20 }).map((parts) => parts.join(' ')), fc.string({ unit: 'binary', maxLength: 60 })), (expression) => {
      const found = inspectCondition(expression, 'rule');
      assert(found.error === undefined || found.error.length > 0);
    }), { numRuns: 500 });
  });
  test('matches in any form, nested walks and endless texts are refused', () => {
    assert.match(inspectCondition('claims.a.exists(x, x.matches("(a+)+$"))', 'identity').error ?? '', /^matches\(\) is not available/);
    assert.match(inspectCondition('claims.a.all(x, claims.b.all(y, x == y))', 'identity').error ?? '', /inside another walk over a list/);
    assert.match(inspectCondition(`"${'x'.repeat(5000)}" == "x"`, 'rule').error ?? '', /longer than 4096/);
    assert.match(inspectCondition('('.repeat(2000), 'rule').error ?? '', /not a CEL condition/);
    assert.deepEqual(inspectCondition('"main" in claims.refs && now < timestamp("2027-01-01T00:00:00Z")', 'rule'), {});
  });
});
