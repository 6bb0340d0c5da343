import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { amzDate, canonicalPath, canonicalQuery, canonicalRequest, EMPTY_SHA256, scopeText, signatureOf, signingKey, UNSIGNED_PAYLOAD, type CanonicalParts } from './sigv4.ts';

/** As AWS publishes them: `aws-sig-v4-test-suite`. */
const SUITE_SECRET = Buffer.from('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
const SUITE_SCOPE = { day: '20150830', region: 'us-east-1', service: 'service' };
const SUITE_TIME = '20150830T123600Z';

type Vector = Partial<Pick<CanonicalParts, 'method' | 'path' | 'query'>> & { readonly headers?: [string, string][]; readonly body?: string; readonly signature: string };
const SUITE: Readonly<Record<string, Vector>> = {
  'get-vanilla': { signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31' },
  'get-relative-relative': { path: '/example1/example2/../..', signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31' },
  'get-slash': { path: '//', signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31' },
  'get-slash-pointless-dot': { path: '/./example', signature: 'ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5' },
  'get-slashes': { path: '//example//', signature: '9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84' },
  'get-unreserved': { path: '/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', signature: '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f' },
  'get-vanilla-query-order-key-case': { query: 'Param2=value2&Param1=value1', signature: 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500' },
  'get-vanilla-utf8-query': { query: '%E1%88%B4=bar', signature: '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04' },
  'get-header-key-duplicate': { headers: [['My-Header1', 'value2'], ['My-Header1', 'value2'], ['My-Header1', 'value1']], signature: 'c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea' },
  'get-header-value-trim': { headers: [['My-Header1', ' value1'], ['My-Header2', ' "a   b   c"']], signature: 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736' },
  'post-vanilla': { method: 'POST', signature: '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b' },
  'post-header-key-sort': { method: 'POST', headers: [['My-Header1', 'value1']], signature: 'c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c' },
  'post-x-www-form-urlencoded': { method: 'POST', headers: [['Content-Type', 'application/x-www-form-urlencoded']], body: 'Param1=value1', signature: 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a' },
};

test('the signatures of the published suite', async (t) => {
  const key = signingKey(SUITE_SECRET, SUITE_SCOPE);
  for (const [name, { signature, method = 'GET', path = '/', query = '', headers = [], body = '' }] of Object.entries(SUITE)) {
    await t.test(name, () => {
      const all: [string, string][] = [...headers, ['Host', 'example.amazonaws.com'], ['X-Amz-Date', SUITE_TIME]];
      const signed = [...new Set(all.map(([one]) => one.toLowerCase()))].toSorted();
      assert.equal(signatureOf(key, SUITE_TIME, scopeText(SUITE_SCOPE), { method, path, query, headers: all, signed, payload: hash('sha256', body, 'hex'), service: 'service' }), signature);
    });
  }
});

test('the signatures of the examples for S3', async (t) => {
  const scope = { day: '20130524', region: 'us-east-1', service: 's3' };
  const time = '20130524T000000Z';
  const key = signingKey(Buffer.from('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'), scope);
  const host: [string, string] = ['Host', 'examplebucket.s3.amazonaws.com'];
  const text = hash('sha256', 'Welcome to Amazon S3.', 'hex');
  const dated = (payload: string): [string, string][] => [host, ['x-amz-date', time], ['x-amz-content-sha256', payload]];
  const presigned = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=${time}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host`;
  const examples: readonly [string, Omit<CanonicalParts, 'service' | 'signed'>, string][] = [
    ['GET with a range', { method: 'GET', path: '/test.txt', query: '', headers: [...dated(EMPTY_SHA256), ['Range', 'bytes=0-9']], payload: EMPTY_SHA256 }, 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'],
    ['PUT, its path not encoded', { method: 'PUT', path: '/test$file.text', query: '', headers: [...dated(text), ['Date', 'Fri, 24 May 2013 00:00:00 GMT'], ['x-amz-storage-class', 'REDUCED_REDUNDANCY']], payload: text }, '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd'],
    ['PUT, its path encoded', { method: 'PUT', path: '/test%24file.text', query: '', headers: [...dated(text), ['Date', 'Fri, 24 May 2013 00:00:00 GMT'], ['x-amz-storage-class', 'REDUCED_REDUNDANCY']], payload: text }, '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd'],
    ['GET lifecycle', { method: 'GET', path: '/', query: 'lifecycle', headers: dated(EMPTY_SHA256), payload: EMPTY_SHA256 }, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['GET objects', { method: 'GET', path: '', query: 'prefix=J&max-keys=2', headers: dated(EMPTY_SHA256), payload: EMPTY_SHA256 }, '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
    ['presigned GET', { method: 'GET', path: '/test.txt', query: presigned, headers: [host], payload: UNSIGNED_PAYLOAD }, 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404'],
  ];
  for (const [name, parts, signature] of examples) {
    await t.test(name, () => {
      const signed = parts.headers.map(([one]) => one.toLowerCase()).toSorted();
      assert.equal(signatureOf(key, time, scopeText(scope), { ...parts, signed, service: 's3' }), signature);
    });
  }
});

test('dates are written as AWS wants them', () => {
  assert.equal(amzDate(Date.UTC(2026, 0, 2, 3, 4, 5, 678)), '20260102T030405Z');
});

const name = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text.isWellFormed());
/** One way of many to write a text: any character may be encoded, in either case. */
const spelled = (text: string, choices: readonly boolean[], keep: RegExp): string =>
  [...Buffer.from(text, 'utf8')]
    .map((byte, index) => {
      const one = String.fromCharCode(byte);
      const hex = `%${byte.toString(16).padStart(2, '0')}`;
      if (!keep.test(one)) return choices[index % choices.length] === true ? hex.toUpperCase() : hex;
      return choices[index % choices.length] === true ? one : hex;
    })
    .join('');
const choice = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });

test('however a path of S3 is encoded, it is canonically the same, and its segments stay where they are', () => {
  fc.assert(fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), choice, choice, (segments, one, other) => {
    const write = (choices: readonly boolean[]): string => `/${segments.map((segment) => spelled(segment, choices, /[A-Za-z0-9!$&'()*+,;=:@._~-]/)).join('/')}`;
    const canonical = canonicalPath(write(one), 's3');
    assert.equal(canonical, canonicalPath(write(other), 's3'));
    assert.equal(canonicalPath(canonical, 's3'), canonical);
    assert.match(canonical, /^(?:[A-Za-z0-9\-._~/]|%[0-9A-F]{2})*$/);
    assert.deepEqual(canonical.slice(1).split('/').map((segment) => decodeURIComponent(segment)), segments);
  }));
});

test('a query is canonically the same in any order and encoding', () => {
  fc.assert(fc.property(fc.array(fc.tuple(name, name), { maxLength: 6 }), choice, choice, fc.array(fc.nat(), { minLength: 6, maxLength: 6 }), (pairs, one, other, order) => {
    const write = (list: readonly (readonly [string, string])[], choices: readonly boolean[]): string =>
      list.map((pair) => pair.map((text) => spelled(text, choices, /[A-Za-z0-9!$'()*,;:@/?._~-]/)).join('=')).join('&');
    const shuffled = pairs.map((pair, index) => ({ pair, key: order[index] ?? 0 })).toSorted((left, right) => left.key - right.key).map(({ pair }) => pair);
    const canonical = canonicalQuery(write(pairs, one));
    assert.equal(canonical, canonicalQuery(write(shuffled, other)));
    assert.equal(canonicalQuery(canonical), canonical);
    const read = canonical === '' ? [] : canonical.split('&').map((pair) => pair.split('=').map((text) => decodeURIComponent(text)));
    const key = (list: readonly (readonly string[])[]): readonly string[] => list.map((pair) => JSON.stringify(pair)).toSorted();
    assert.deepEqual(key(read), key(pairs));
  }));
});

test('names sort before values, and a plus is a space', () => {
  assert.equal(canonicalQuery('a-b=1&a=2&a=10&&b'), 'a=10&a=2&a-b=1&b=');
  assert.equal(canonicalQuery('q=a+b%2Bc%20d'), 'q=a%20b%2Bc%20d');
  assert.equal(canonicalQuery('%'), '%25=');
});

test('other services than S3 encode twice', () => {
  assert.equal(canonicalPath('/a%20b/c:d', 'sqs'), '/a%2520b/c%3Ad');
  assert.equal(canonicalPath('/a%20b/c:d', 's3'), '/a%20b/c%3Ad');
  assert.equal(canonicalPath('/a%2fb', 's3-outposts'), '/a%2Fb');
});

test('bytes above ASCII are signed as they are sent', () => {
  // "à" is C3 A0 in UTF-8, and A0 alone would be white space.
  const value = Buffer.from('  à   b\t', 'utf8').toString('latin1');
  const request = canonicalRequest({ method: 'GET', path: '/', query: '', headers: [['x-amz-meta-name', value]], signed: ['x-amz-meta-name'], payload: EMPTY_SHA256, service: 's3' });
  assert.equal(Buffer.from(request, 'latin1').toString('utf8').split('\n')[3], 'x-amz-meta-name:à b');
});
