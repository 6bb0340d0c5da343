import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { cookieForClient } from './cookie.ts';

const kept = (value: string, prefix = '', basePath = '', proxied = false): string | undefined => cookieForClient(value, { http: { prefix, basePath } as HttpConnectionConfig['http'] }, { proxied });

describe('a cookie of the target is kept by the client for its connection alone', () => {
  test('below the prefix, wherever it is for at the target', () => {
    for (const [said, path] of [['; Path=/', '/billing'], ['', '/billing'], ['; path', '/billing'], ['; Path=here', '/billing'], ['; Path=/v1', '/billing/v1'], ['; PATH = /v1/ ', '/billing/v1/'], ['; Path=/v1; path=/v2', '/billing/v2']] as const) {
      assert.equal(kept(`s=1${said}`, '/billing'), `s=1; Path=${path}`, said);
    }
    assert.equal(kept('s=a=b; Path=/; Secure; HttpOnly; Max-Age=5', '/billing'), 's=a=b; Secure; HttpOnly; Max-Age=5; Path=/billing');
  });

  test('without what stands before all paths at the target', () => {
    for (const [said, path] of [['; Path=/', '/billing'], ['; Path=/api', '/billing'], ['; Path=/api/', '/billing'], ['', '/billing'], ['; Path=/api/v1', '/billing/v1']] as const) assert.equal(kept(`s=1${said}`, '/billing', '/api'), `s=1; Path=${path}`, said);
    assert.equal(kept('s=1; Path=/', '', '/api'), 's=1; Path=/');
    assert.equal(kept('s=1; Path=/api/v1', '', '/api'), 's=1; Path=/v1');
  });

  test('not at all, where the connection does not lead to what it is for', () => {
    for (const path of ['/admin', '/apis', '/ap']) assert.equal(kept(`s=1; Path=${path}`, '/billing', '/api'), undefined, path);
  });

  test('and for no other host', () => {
    assert.equal(kept('s=1; Domain=acme.example; Path=/x'), 's=1; Path=/x');
    assert.equal(kept('s=1; domain = .acme.example'), 's=1');
  });

  test('as it is, where it names neither, and through the forward proxy', () => {
    for (const value of ['s=1', 's=1; Path=/x', 's=1; Secure; SameSite=None', 's="a; b"', '']) assert.equal(kept(value), value);
    assert.equal(kept('s=1; Domain=acme.example; Path=/x', '', '', true), 's=1; Domain=acme.example; Path=/x');
  });
});
