import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseConnection, withoutPrefix } from './choose.ts';
import { shownToken } from './credentials.ts';
import { fieldsForClient, fieldsForTarget, judgedFields } from './fields.ts';
import { readHead, type RequestHead } from './head.ts';
import { leadsPast, linkForClient, placeForClient } from './location.ts';
import { connectionOf } from './testdata/connection.ts';

const head = (fields: readonly string[], more: { readonly url?: string; readonly sni?: string; readonly method?: string } = {}): RequestHead => {
  const read = readHead({ method: more.method ?? 'GET', url: more.url ?? '/', version: '1.1', rawHeaders: ['Host', 'api.test', ...fields] }, { tls: true, ...(more.sni === undefined ? {} : { sni: more.sni }) });
  if ('refused' in read) assert.fail(read.refused);
  return read;
};

describe('head', () => {
  test('a host that is not that of TLS is misdirected', () => {
    const read = readHead({ method: 'GET', url: '/', version: '1.1', rawHeaders: ['Host', 'other.test'] }, { tls: true, sni: 'api.test' });
    assert.ok('refused' in read && read.status === 421);
    assert.equal(head([], { sni: 'API.test' }).host, 'api.test');
  });
  test('an absolute target of the same host is its path', () => {
    assert.equal(head([], { url: 'https://API.test/x?y' }).target, '/x?y');
    assert.equal(head([], { url: 'http://api.test' }).target, '/');
  });
});

describe('credentials', () => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlLXNpZ25hdHVyZQ';
  const basic = `Basic ${Buffer.from(`me:${token}`).toString('base64')}`;
  test('are found in each place', () => {
    for (const fields of [['Authorization', `Bearer ${token}`], ['authorization', `bearer  ${token}`], ['Authorization', basic], ['X-Wicketgate-Token', token], ['X-Wicketgate-Token', token, 'Authorization', 'AWS4-HMAC-SHA256 Credential=x']]) {
      assert.deepEqual(shownToken(head(fields)), { kind: 'token', token });
    }
    assert.deepEqual(shownToken(head([])), { kind: 'none' });
  });
  test('in two ways, of another scheme, or in what is passed on, are refused', () => {
    assert.equal(shownToken(head(['X-Wicketgate-Token', token, 'Authorization', 'Bearer other'])).kind, 'refused');
    assert.equal(shownToken(head(['Authorization', 'Digest x'])).kind, 'refused');
    assert.equal(shownToken(head(['Authorization', `Bearer ${token}`], { url: `/?access_token=${token}` })).kind, 'refused');
    assert.equal(shownToken(head(['Authorization', `Bearer ${token}`, 'Cookie', `a=${token}`])).kind, 'refused');
    // What goes to the target is decoded as far as it can be.
    for (const written of [token.replaceAll('.', '%2E'), `%${token.charCodeAt(0).toString(16)}${token.slice(1)}`]) {
      assert.equal(shownToken(head(['Authorization', `Bearer ${token}`], { url: `/?access_token=${written}` })).kind, 'refused', written);
      assert.equal(shownToken(head(['Authorization', `Bearer ${token}`], { url: `/v1/${written}` })).kind, 'refused', written);
    }
    assert.equal(shownToken(head(['Authorization', basic, 'X-Copy', basic])).kind, 'refused');
    assert.equal(shownToken(head(['Authorization', basic, 'X-Copy', 'Basic bm90OnRoYXQtb25lLWJ1dC1hLWxvbmctdGV4dC1hbnlob3c='])).kind, 'token');
  });
});

describe('fields', () => {
  test('of the hop, of the client\'s word about itself, and of the credential do not reach the target', () => {
    const sent = fieldsForTarget(
      head(['Authorization', 'Bearer x', 'Connection', 'x-private', 'X-Private', '1', 'Keep-Alive', 'timeout=5', 'X-Forwarded-For', '1.2.3.4', 'x_api_key', 'mine', 'X-Api-Key', 'mine', 'Cookie', 'a=b', 'X-Wicketgate-Session', 'forged', 'Content-Length', '3'], { method: 'POST' }),
      { owns: ['authorization', 'x-api-key'], host: 'target.test', session: 'abc', body: { kind: 'length', length: 3 }, without: new Set() },
    );
    assert.deepEqual(sent, [['Host', 'target.test'], ['Cookie', 'a=b'], ['Content-Length', '3'], ['Via', '1.1 wicketgate'], ['X-Wicketgate-Session', 'abc']]);
  });
  test('that rules see hold no credential', () => {
    assert.deepEqual([...judgedFields(head(['Authorization', 'Bearer x', 'X-Wicketgate-Token', 'y', 'Proxy-Authorization', 'z', 'Accept', 'text/plain'])).keys()], ['host', 'accept']);
  });
  test('of an answer lose what belongs to the hop and what leads past the gateway', () => {
    assert.deepEqual(fieldsForClient([['Connection', 'X-Hop'], ['X-Hop', '1'], ['Transfer-Encoding', 'chunked'], ['Alt-Svc', 'h3'], ['Set-Cookie', 'a'], ['Set-Cookie', 'b']]), [['Set-Cookie', 'a'], ['Set-Cookie', 'b']]);
  });
});

describe('which connection', () => {
  const any = connectionOf({ name: 'any' });
  const named = connectionOf({ name: 'named', http: { hosts: ['api.test'] } });
  const wild = connectionOf({ name: 'wild', http: { hosts: ['*.test'] } });
  const deep = connectionOf({ name: 'deep', http: { hosts: ['api.test'], prefix: '/v1' } });
  const chosen = (host: string, path: string): string | number => {
    const choice = chooseConnection([any, wild, named, deep], host, path);
    return 'connection' in choice ? choice.connection.name : choice.status;
  };
  test('by the narrowest host, then by the longest prefix', () => {
    assert.equal(chosen('api.test', '/x'), 'named');
    assert.equal(chosen('api.test', '/v1/x'), 'deep');
    assert.equal(chosen('api.test', '/v1'), 'deep');
    assert.equal(chosen('api.test', '/v10'), 'named');
    assert.equal(chosen('other.test', '/v1'), 'wild');
    assert.equal(chosen('test', '/'), 'any');
    assert.equal(withoutPrefix('/v1', '/v1/x'), '/x');
    assert.equal(withoutPrefix('/v1', '/v1'), '/');
  });
  test('none, or two alike, is an answer', () => {
    assert.deepEqual([deep].map((one) => chooseConnection([one], 'api.test', '/x')).map((choice) => ('status' in choice ? choice.status : 0)), [404]);
    assert.deepEqual([named].map((one) => chooseConnection([one], 'x.test', '/x')).map((choice) => ('status' in choice ? choice.status : 0)), [421]);
    assert.ok('status' in chooseConnection([named, connectionOf({ name: 'twin', http: { hosts: ['api.test'] } })], 'api.test', '/'));
  });
});

describe('places', () => {
  const connection = connectionOf({ http: { prefix: '/p', basePath: '/b', host: 'told.test' }, target: { host: 'target.test', port: 443, tls: 'verify-full' } });
  const outside = { scheme: 'https', authority: 'gw.test:8443', proxied: false } as const;
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['https://target.test/b/x?y#z', 'https://gw.test:8443/p/x?y#z'],
    ['https://told.test/b/x', 'https://gw.test:8443/p/x'],
    ['https://TARGET.test:443/b', 'https://gw.test:8443/p'],
    ['//target.test/b/x', 'https://gw.test:8443/p/x'],
    ['\\\\target.test/b/x', 'https://gw.test:8443/p/x'],
    ['/b/x', '/p/x'],
    ['/c/x', undefined],
    ['https://target.test/bx', undefined],
    ['https://target.test/b/../c', undefined],
    ['x/y', 'x/y'],
    ['https://other.test/b/x', 'https://other.test/b/x'],
    ['mailto:a@b.test', 'mailto:a@b.test'],
  ];
  test('each address of Link is one', () => {
    assert.equal(linkForClient('<https://target.test/b/x?page=2>; rel="next", </b/x?page=9>; rel="last"', connection, outside), '<https://gw.test:8443/p/x?page=2>; rel="next", </p/x?page=9>; rel="last"');
    assert.equal(linkForClient('<https://elsewhere.test/x>; rel=license', connection, outside), '<https://elsewhere.test/x>; rel=license');
    assert.equal(linkForClient('<https://target.test/b/x>; rel=next, <https://target.test/c>; rel=up', connection, outside), undefined);
    assert.equal(linkForClient('none', connection, outside), 'none');
  });
  test('addresses of other hosts that are leave by themselves lead past the gateway', () => {
    for (const [field, said, past] of [
      ['x-goog-upload-url', 'https://elsewhere.test/b/x', true],
      ['x-goog-upload-control-url', '//elsewhere.test/b/x', true],
      ['x-goog-upload-url', 'https://target.test/b/x', false],
      ['location', 'https://elsewhere.test/upload?upload_id=a', true],
      ['location', 'https://elsewhere.test/b/x?X-Amz-Date=20261122T000000Z&X-Amz-Signature=0a', true],
      ['location', 'https://elsewhere.test/b/x?x-amz-%73ignature=0a', true],
      ['location', 'https://elsewhere.test/b/x?GoogleAccessId=a&Expires=1&Signature=b', true],
      ['location', 'https://account.blob.test/c/x?sv=2024-11-04&sp=r&sig=a%3D', true],
      ['content-location', 'https://elsewhere.test/b/x?X-Goog-Signature=0a', true],
      ['link', '<https://target.test/b/x>; rel=next, <https://elsewhere.test/x?sig=a>; rel=up', true],
      ['link', '<https://target.test/b/x?sig=a>; rel=next', false],
      ['location', 'https://target.test/b/x?X-Amz-Signature=0a', false],
      ['location', '/b/x?X-Amz-Signature=0a', false],
      ['location', 'https://elsewhere.test/b/x?signed=no', false],
    ] as const) {
      assert.equal(leadsPast(said, connection, outside, field), past, `${field}: ${said}`);
      assert.equal(leadsPast(said, connection, { proxied: true }, field), false);
    }
  });
  test('Cloud Storage is one under both of its names', () => {
    const google = connectionOf({ http: { apis: ['gcs'] }, target: { host: 'storage.googleapis.com', port: 443, tls: 'verify-full' } });
    const upload = '/upload/storage/v1/b/x/o?uploadType=resumable&upload_id=a';
    for (const host of ['storage', 'www']) assert.equal(placeForClient(`https://${host}.googleapis.com${upload}`, google, outside), `https://gw.test:8443${upload}`);
  });
  for (const [said, told] of cases) test(said, () => assert.equal(placeForClient(said, connection, outside), told));
});
