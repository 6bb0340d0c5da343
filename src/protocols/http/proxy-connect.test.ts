import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readAuthority, readConnect } from './proxy-connect.ts';

const head = (url: string, rawHeaders: readonly string[] = [], version = '1.1') => readConnect({ method: 'CONNECT', url, version, rawHeaders });
const refused = (found: ReturnType<typeof head>): boolean => 'refused' in found;

test('host and port, a token as Basic password or as Bearer, and HTTP/1.0 without Host', () => {
  assert.deepEqual(head('API.example.:443', ['Host', 'api.EXAMPLE.:443', 'Proxy-Authorization', 'Bearer t']), { host: 'api.example', port: 443, shown: { kind: 'token', token: 't' } });
  assert.deepEqual(head('[::1]:8443', ['proxy-authorization', `basic ${Buffer.from('job:a:b').toString('base64')}`], '1.0'), { host: '::1', port: 8443, shown: { kind: 'token', token: 'a:b' } });
  assert.deepEqual(head('a:1', ['Host', 'a']), { host: 'a', port: 1, shown: { kind: 'none' } });
  for (const empty of ['Bearer', 'Bearer ', `Basic ${Buffer.from('job:').toString('base64')}`]) assert.deepEqual(head('a:1', ['Proxy-Authorization', empty]), { host: 'a', port: 1, shown: { kind: 'none' } }, empty);
});

test('what can be read in two ways is refused', () => {
  for (const url of ['', 'a', 'a:', ':1', 'a:0', 'a:65536', 'a:1:2', 'u@a:1', 'https://a:1', '[a]:1', '[1.2.3.4]:1', '.a:1', 'a..b:1', 'a:1/', 'a b:1', '/']) assert.ok(refused(head(url)), url);
  assert.ok(refused(head('a:1', ['Host', 'b:1'])));
  assert.ok(refused(head('a:1', ['Host', 'a:2'])));
  assert.ok(refused(head('a:1', ['Host', 'a:1', 'host', 'a:1'])));
  assert.ok(refused(head('a:1', ['Proxy-Authorization', 'Bearer x', 'Proxy-Authorization', 'Bearer x'])));
  assert.ok(refused(head('a:1', ['Content-Length', '1'])));
  assert.ok(refused(head('a:1', ['Transfer-Encoding', 'chunked'])));
  assert.ok(refused(head('a:1', [], '2.0')));
  assert.ok(refused(head('a:1', Array.from({ length: 1_002 }, () => 'x'))));
});

test('an authority is read as it is written, or not at all', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), (text) => {
      const found = readAuthority(text);
      if (!found) return;
      assert.match(found.host, /^[0-9a-z:._-]+$/);
      assert.ok(found.port > 0 && found.port < 65_536);
      const again = `${found.host.includes(':') ? `[${found.host}]` : found.host}:${found.port}`;
      assert.deepEqual(readAuthority(again), found);
    }),
  );
});
