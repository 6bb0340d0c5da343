import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LONGEST_TARGET, readBehind, readTarget, withQuery } from './path.ts';

const read = (raw: string, slashes = false) => {
  const target = readTarget(raw, () => slashes);
  assert.ok(!('refused' in target), `${raw}: ${'refused' in target ? target.refused : ''}`);
  return target;
};

describe('what a request asks for', () => {
  test('is read once, and written in one way', () => {
    const target = read('/v1/%75sers/a%20b/%e2%82%ac%3d=?q=%7E1+2&q=&flag&a[]=x');
    assert.equal(target.path, '/v1/users/a%20b/%E2%82%AC%3D=');
    assert.deepEqual(target.segments, ['v1', 'users', 'a b', '€==']);
    assert.equal(target.rawQuery, 'q=~1+2&q=&flag&a%5B%5D=x');
    assert.deepEqual([...target.query], [['q', ['~1 2', '']], ['flag', ['']], ['a[]', ['x']]]);
  });

  test('keeps a slash at the end, and drops parameters that are empty', () => {
    assert.deepEqual(read('/a/').segments, ['a', '']);
    assert.deepEqual(read('/').segments, ['']);
    assert.equal(read('/?&&a=1&').rawQuery, 'a=1');
    assert.equal(read('/a?').rawQuery, '');
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ['', /does not begin/], ['*', /does not begin/], ['http://h/', /does not begin/],
    ['/a b', /must be encoded/], ['/\u00e9', /must be encoded/], ['/a\tb', /must be encoded/], ['/a\r\nX: y', /must be encoded/], ['/a#b', /fragment/],
    ['//a', /empty segment/], ['/a//b', /empty segment/], ['/a//', /empty segment/],
    ['/a/./b', /dot segment/], ['/a/..%3B/b', /dot segment/], ['/a/..%3Bx=1/b', /dot segment/], ['/a/..%20/b', /dot segment/], ['/a/../b', /dot segment/], ['/..', /dot segment/], ['/%2e%2E/b', /dot segment/], ['/a/.%2e', /dot segment/],
    ['/a;x=1/b', /semicolon/], ['/..;/b', /semicolon/], ['/a\\b', /backslash/], ['/a%5cb', /backslash/],
    ['/a%2fb', /encoded slash/], ['/a%2F..%2Fb', /dot segment/], ['/a%00', /control/], ['/a%0d%0ab', /control/], ['/a%7f', /control/], ['/a%c2%85', /control/],
    ['/a%2', /encodes nothing/], ['/a%zz', /encodes nothing/], ['/100%', /encodes nothing/], ['/a%252e', /twice/], ['/a%25%32%66', /twice/],
    ['/%ff', /UTF-8/], ['/%c0%af', /UTF-8/], ['/%ed%a0%80', /UTF-8/],
    ['/?a=1;b=2', /semicolon/], ['/?a=%', /encodes nothing/], ['/?a=%ff', /UTF-8/], ['/?a%0a=1', /control/], ['/?a=%00', /control/],
    [`/${'a'.repeat(LONGEST_TARGET)}`, /longer/], [`/${'a/'.repeat(300)}`, /segments/], [`/?${'a&'.repeat(1_001)}`, /parameters/],
  ];
  for (const [raw, why] of refused) {
    test(`refuses ${JSON.stringify(raw.slice(0, 40))}`, () => {
      const target = readTarget(raw);
      assert.ok('refused' in target);
      assert.match(target.refused, why);
    });
  }

  test('an encoded slash stands for itself where a name may hold one, and never hides a dot segment', () => {
    assert.deepEqual(read('/o/a%2fb', true).segments, ['o', 'a/b']);
    assert.equal(read('/o/a%2fb', true).path, '/o/a%2Fb');
    for (const raw of ['/o/a%2f..%2fb', '/o/%2e%2e%2fb', '/o/a%2f%2fb', '/o/%2Fa']) assert.ok('refused' in readTarget(raw, () => true), raw);
  });
});

/** Anything printable, with what is interesting more often. */
const raw = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom('/', '%2F', '%2e', '.', '..', '%', '%25', ';', '?', '&', '=', '+', '%C3%A9', '%c3', '\\', '%5C', '{', '[', '#', '~', '%7e') }, fc.string({ unit: 'grapheme-ascii', maxLength: 4 })), { maxLength: 12 }).map((parts) => `/${parts.join('')}`);

test('what is judged is what is sent: read again, what is sent says the same', () => {
  let accepted = 0;
  fc.assert(
    fc.property(raw, fc.boolean(), (text, slashes) => {
      const first = readTarget(text, () => slashes);
      if ('refused' in first) return;
      accepted += 1;
      const sent = `${first.path}${first.rawQuery === '' ? '' : `?${first.rawQuery}`}`;
      const second = readTarget(sent, () => slashes);
      assert.ok(!('refused' in second), sent);
      assert.deepEqual(second, first);
      // Nothing in it is a separator, a parent or a control character to anybody who decodes it.
      assert.ok(!/[\s\\;#]|\/\.{1,2}(?:\/|$)|\/\//.test(first.path), first.path);
      // A server that splits first and decodes then, and one by the rules of addresses, see these segments.
      assert.deepEqual(first.path.slice(1).split('/').map(decodeURIComponent), first.segments);
      assert.equal(new URL(sent, 'http://h').pathname, first.path.replaceAll("'", "'"));
    }),
    { numRuns: 3_000 },
  );
  assert.ok(accepted > 100, `${accepted} were accepted`);
});

test('from behind a prefix, or behind a bucket, it is what its text is there', () => {
  let accepted = 0;
  fc.assert(
    fc.property(raw, raw, fc.constantFrom('', '/v1', '/a/b%2Fc', '/x/'), fc.constantFrom(undefined, 'data', 'a.b'), fc.boolean(), (text, other, prefix, first, slashes) => {
      const whole = readTarget(`${prefix}${text}`, () => true);
      if ('refused' in whole || (prefix !== '' && whole.path !== prefix && !whole.path.startsWith(`${prefix}/`))) return;
      accepted += 1;
      const place = { prefix, first, mayHoldSlash: () => slashes };
      const behind = (query: string): ReturnType<typeof readTarget> => readTarget(`${first === undefined ? '' : `/${first}`}${whole.path === prefix ? '/' : whole.path.slice(prefix.length)}?${query}`, () => slashes);
      assert.deepEqual(readBehind(whole, place), behind(whole.rawQuery));
    }),
    { numRuns: 3_000 },
  );
  assert.ok(accepted > 100, `${accepted} were accepted`);
});

test('with another query it is what its text is with that', () => {
  fc.assert(
    fc.property(raw, (text) => {
      const query = text.slice(1).replace(/[#\s]/g, '');
      assert.deepEqual(withQuery(read('/a'), query), readTarget(`/a?${query}`));
    }),
    { numRuns: 1_000 },
  );
});

test('is not too long, nor too deep, behind a bucket', () => {
  const place = { prefix: '', first: 'data', mayHoldSlash: () => false };
  for (const [text, why] of [[`/${'a'.repeat(LONGEST_TARGET - 2)}`, /longer/], [`/${'a/'.repeat(255)}`, /segments/]] as const) {
    const behind = readBehind(read(text), place);
    assert.match('refused' in behind ? behind.refused : '', why);
  }
});
