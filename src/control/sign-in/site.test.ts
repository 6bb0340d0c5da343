import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attemptCookie, cookieIn, sessionCookie, setCookie } from './cookies.ts';
import { siteOf } from './site.ts';

test('over TLS the cookie is one that no other host, path or plain page can set', () => {
  const site = siteOf({ url: 'https://gateway.example', listen: { host: '127.0.0.1', port: 7080 } });
  assert.ok(site);
  assert.equal(setCookie(site, sessionCookie(site), 'v', 60), '__Host-wicketgate=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure');
  assert.equal(attemptCookie(site), '__Host-wicketgate-login');
});

test('without TLS only a browser on this machine signs in', () => {
  for (const url of ['http://localhost:7080', 'http://127.0.0.1', 'http://[::1]:7080']) assert.equal(siteOf({ url })?.secure, false, url);
  for (const url of ['http://gateway.example', 'http://10.0.0.1', 'http://localhost.evil.example', 'ftp://localhost', 'nonsense', 'http://128.0.0.1']) assert.equal(siteOf({ url }), undefined, url);
  assert.equal(siteOf({ listen: { host: '127.0.0.1', port: 7080 } })?.origin, 'http://127.0.0.1:7080');
  assert.equal(siteOf({ listen: { host: '0.0.0.0', port: 7080 } }), undefined);
  assert.equal(siteOf({ url: 'https://gateway.example/wicketgate/', listen: { host: '0.0.0.0', port: 1 } })?.base, '/wicketgate');
});

test('a cookie that is there twice is nobody\'s', () => {
  assert.equal(cookieIn('a=1; wicketgate=x; b=2', 'wicketgate'), 'x');
  assert.equal(cookieIn('wicketgate=x; wicketgate=y', 'wicketgate'), undefined);
  assert.equal(cookieIn('xwicketgate=x', 'wicketgate'), undefined);
  assert.equal(cookieIn(`wicketgate=${'x'.repeat(9000)}`, 'wicketgate'), undefined);
});
