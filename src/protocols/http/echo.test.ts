import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { credentialValues, Echo, EchoValues } from './echo.ts';

const TOKEN = 'eyJhb.canary-aabaabaac';
const texts = (values: readonly Buffer[]): string[] => values.map((value) => value.toString('latin1')).toSorted();
const stars = (text: string): string => '*'.repeat(text.length);

/** What comes out of these pieces. `release`: nothing follows at once, after each of them. */
const through = (echo: Echo, pieces: readonly Buffer[], release = false): Buffer => {
  const out: Buffer[] = [];
  for (const piece of pieces) {
    out.push(echo.push(piece));
    if (release && echo.waiting) out.push(echo.release());
  }
  out.push(echo.end());
  return Buffer.concat(out);
};
const of = (...values: string[]): Echo => new Echo(new EchoValues(values.map((value) => Buffer.from(value, 'latin1'))));

describe('what may not come back', () => {
  const cases: Readonly<Record<string, readonly [readonly [string, string][], readonly string[]]>> = {
    'of Bearer the token, which stands in the whole too': [[['Authorization', `Bearer ${TOKEN}`]], [TOKEN]],
    'of Basic its base64 and the password': [[['Authorization', `Basic ${btoa('svc:long-password')}`]], [btoa('svc:long-password'), 'long-password']],
    'of Basic with colons in the password all of that': [[['Authorization', `Basic ${btoa('svc:one:two:three')}`]], [btoa('svc:one:two:three'), 'one:two:three']],
    'of Basic with a short password its base64': [[['Authorization', `Basic ${btoa('svc:short')}`]], [btoa('svc:short')]],
    'of another scheme what stands behind it': [[['X-Key', 'Token abcdefgh']], ['abcdefgh']],
    'of a parameter its value': [[['Authorization', 'Token token="abcdefgh"']], ['abcdefgh']],
    'of several all of them together': [[['Authorization', 'Custom realm=everybody, api_key=abcdefgh']], ['realm=everybody, api_key=abcdefgh']],
    'of a key with a sign in it the whole': [[['X-Api-Key', 'live=abcdefgh']], ['live=abcdefgh']],
    'of Bearer with a sign in it the token': [[['Authorization', 'Bearer live=abcdefgh']], ['live=abcdefgh']],
    'of a cookie its value': [[['Cookie', 'sid=abcdefgh==']], ['abcdefgh==']],
    'of several cookies all of them together': [[['Cookie', 'one=everybody; two=everywhere']], ['one=everybody; two=everywhere']],
    'of a header its value': [[['X-Api-Key', ' abcdefgh ']], ['abcdefgh']],
    'of a short token the whole': [[['Authorization', 'Bearer short']], ['Bearer short']],
    'of less than eight characters nothing': [[['X-Api-Key', 'abcdefg']], []],
    'of a signature the access key and the session token': [
      [['x-amz-date', '20260102T030405Z'], ['x-amz-security-token', 'session-token'], ['authorization', 'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00']],
      ['AKIAIOSFODNN7EXAMPLE', 'session-token'],
    ],
    'once of what stands there twice': [[['X-A', 'abcdefgh'], ['X-B', 'abcdefgh']], ['abcdefgh']],
  };
  for (const [name, [added, values]] of Object.entries(cases)) test(name, () => assert.deepEqual(texts(credentialValues(added)), values.toSorted()));
});

describe('the credential as targets write it', () => {
  const token = 'ab+cd/ef&gh"ij\\kl==';
  const known: Readonly<Record<string, string>> = {
    JSON: JSON.stringify(token).slice(1, -1),
    'JSON of PHP': 'ab+cd\\/ef&gh\\"ij\\\\kl==',
    'JSON of Gson': 'ab+cd/ef\\u0026gh\\"ij\\\\kl\\u003d\\u003d',
    'JSON of .NET': 'ab\\u002Bcd/ef\\u0026gh\\u0022ij\\\\kl==',
    'JSON of Go': 'ab+cd/ef\\u0026gh\\"ij\\\\kl==',
    'an address': encodeURIComponent(token),
    'an address in small letters': encodeURIComponent(token).toLowerCase(),
    HTML: 'ab+cd/ef&amp;gh&quot;ij\\kl==',
    'HTML of Go': 'ab&#43;cd/ef&amp;gh&#34;ij\\kl==',
    'HTML of Mustache': 'ab+cd&#x2F;ef&amp;gh&quot;ij\\kl&#x3D;&#x3D;',
  };
  for (const [form, written] of Object.entries(known)) {
    test(`${form}, in bodies and header fields`, () => {
      const text = `<${written}>`;
      for (const cut of [1, 3, text.length]) {
        const pieces = Array.from({ length: Math.ceil(text.length / cut) }, (_, index) => Buffer.from(text.slice(index * cut, (index + 1) * cut)));
        assert.equal(through(of(token), pieces).toString(), `<${stars(written)}>`);
      }
      assert.deepEqual(of(token).fields([['X-Shown', text]]), [['X-Shown', `<${stars(written)}>`]]);
    });
  }

  test('a token that nobody escapes has one form', () => {
    assert.deepEqual(new EchoValues([Buffer.from(TOKEN)]).texts, [TOKEN]);
  });
});

describe('an answer with the credential in it', () => {
  const body = Buffer.from(`{"a":"Bearer ${TOKEN}","b":"${TOKEN}${TOKEN}","c":"${TOKEN.slice(0, -1)}","d":"canary","e":"other-value"}${TOKEN.slice(0, 12)}`);
  const clean = Buffer.from(body.toString().replaceAll(TOKEN, stars(TOKEN)).replaceAll('other-value', stars('other-value')));

  test('has stars in its place, wherever its body is cut in three', () => {
    for (let first = 0; first <= body.length; first += 1) {
      for (let second = first; second <= body.length; second += 1) {
        const echo = of(TOKEN, 'other-value');
        assert.deepEqual(through(echo, [body.subarray(0, first), body.subarray(first, second), body.subarray(second)]), clean);
        assert.equal(echo.found, 4);
      }
    }
  });
  test('byte by byte', () => {
    assert.deepEqual(through(of(TOKEN, 'other-value'), [...body].map((byte) => Buffer.from([byte]))), clean);
  });
  test('comes as it came where nothing is found, without a copy, and is not held back', () => {
    const echo = of(TOKEN);
    const chunk = Buffer.from('nothing of it here.');
    assert.equal(echo.push(chunk).buffer, chunk.buffer);
    assert.equal(echo.waiting, false);
    assert.equal(echo.end().length, 0);
    assert.equal(echo.found, 0);
  });
  test('what came is left as it was', () => {
    const chunk = Buffer.from(`x${TOKEN}x`);
    assert.equal(of(TOKEN).push(chunk).toString(), `x${stars(TOKEN)}x`);
    assert.equal(chunk.toString(), `x${TOKEN}x`);
  });
  test('what is short and may be its beginning can be given early; the rest is still found', () => {
    const echo = of(TOKEN);
    assert.equal(echo.push(Buffer.from('an e')).toString(), 'an ');
    assert.equal(echo.waiting, true);
    assert.equal(echo.release().toString(), 'e');
    assert.equal(echo.waiting, false);
    assert.equal(echo.push(Buffer.from(`${TOKEN.slice(1, 10)}`)).length, 0);
    assert.equal(echo.waiting, false, 'as much as a value is not given before it is known');
    assert.equal(echo.release().length, 0);
    assert.equal(echo.push(Buffer.from(`${TOKEN.slice(10)}.`)).toString(), `${stars(TOKEN).slice(1)}.`);
  });
  test('of one that comes slowly, byte by byte, less than eight bytes are seen', () => {
    const out = through(of(TOKEN), [...Buffer.from(TOKEN)].map((byte) => Buffer.from([byte])), true).toString();
    assert.equal(out, TOKEN.slice(0, 7) + stars(TOKEN).slice(7));
  });
  test('has stars in its header fields', () => {
    const echo = of(TOKEN);
    assert.deepEqual(echo.fields([['X-Echo', `Bearer ${TOKEN}, ${TOKEN}`], ['ETag', '"a"']]), [['X-Echo', `Bearer ${stars(TOKEN)}, ${stars(TOKEN)}`], ['ETag', '"a"']]);
    assert.equal(echo.found, 2);
  });
  test('whatever the values, the bodies and the cuts: as long as it was, no value in it, the same for all cuts', () => {
    const letters = fc.constantFrom('a', 'b', 'c');
    const value = fc.string({ unit: letters, minLength: 8, maxLength: 12 });
    fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 3 }), fc.array(fc.oneof(letters, fc.nat(2)), { maxLength: 30 }), fc.array(fc.nat(80), { maxLength: 12 }), fc.boolean(), (given, parts, cuts, release) => {
      const values = credentialValues(given.map((one) => ['X-Key', one]));
      const text = Buffer.from(parts.map((part) => (typeof part === 'number' ? (given[part % given.length] as string) : part)).join(''));
      const at = [0, ...cuts.map((cut) => Math.min(cut, text.length)), text.length].toSorted((a, b) => a - b);
      const pieces = at.slice(1).map((end, index) => text.subarray(at[index], end));
      const out = through(new Echo(new EchoValues(values)), pieces, release);
      assert.equal(out.length, text.length);
      for (const one of values) assert.equal(out.indexOf(one), -1);
      if (!release) assert.deepEqual(out, through(new Echo(new EchoValues(values)), [text]));
    }), { numRuns: 2_000 });
  });
});
