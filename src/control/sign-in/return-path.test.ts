import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { returnPath } from './return-path.ts';

test('paths of this site stay as they are', () => {
  for (const path of ['/', '/sessions', '/sessions/ABC?tab=replay#x', '/identities/a%20b', '/approvals/?state=pending']) assert.equal(returnPath(path), path);
});

test('whatever a browser could take for another site, or for signing in again, is not followed', () => {
  for (const evil of [undefined, 7, '', 'sessions', 'https://evil.example', '//evil.example', '///evil', '/\\evil', '\\/evil', '/a\\b', '/\t/evil', '/ /evil', '/..//evil', '/.//evil', '/a/../..//evil', '/%0a', '/login', '/login/okta', '/oidc/callback?x', '/bootstrap/k', '/api/v1/me', `/${'a'.repeat(2048)}`]) {
    const given = returnPath(evil);
    assert.ok(given === '/' || evil === '/%0a', `${String(evil)} -> ${given}`);
  }
});

test('any text leads to a path of this site', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.string({ unit: fc.constantFrom('/', '\\', '.', ':', '@', '?', '#', 'a', '%', '2', 'f', '\t', '\n') })), (text) => {
      const path = returnPath(text);
      const url = new URL(path, 'https://gateway.example');
      return url.origin === 'https://gateway.example' && path.startsWith('/') && !path.startsWith('//') && !path.includes('\\');
    }),
  );
});
