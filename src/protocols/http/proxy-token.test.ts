import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHead, type RequestHead } from './head.ts';
import { proxiedToken } from './proxy-token.ts';

const PROVIDERS = [{ issuer: 'https://ci.example', audience: 'wicketgate' }];
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (claims: Readonly<Record<string, unknown>>, signature = 'c2lnbmF0dXJl'): string => `${part({ alg: 'RS256' })}.${part(claims)}.${signature}`;
const OURS = token({ iss: 'https://ci.example', aud: 'wicketgate', sub: 'a' });
const OTHER = token({ iss: 'https://ci.example', aud: ['wicketgate'], sub: 'b' });

const said = (headers: Readonly<Record<string, string>>, url = '/x'): ReturnType<typeof proxiedToken> => {
  const head = readHead({ method: 'GET', url, version: '1.1', rawHeaders: ['Host', 'api.example', ...Object.entries(headers).flat()] }, { tls: true });
  assert.ok(!('refused' in head));
  return proxiedToken(head satisfies RequestHead, OURS, PROVIDERS);
};
const basic = (password: string): string => `Basic ${Buffer.from(`job:${password}`).toString('base64')}`;

test('the token of the proxy counts, whatever is meant for the target', () => {
  const theirs = token({ iss: 'https://elsewhere.example', aud: 'storage', sub: 'x' });
  for (const value of [`Bearer ${OURS}`, basic(OURS), `Bearer ${theirs}`, 'Bearer opaque', basic('secret'), 'AWS4-HMAC-SHA256 Credential=x', `Bearer ${token({ iss: 'https://ci.example', aud: 'storage' })}`]) {
    assert.deepEqual(said({ Authorization: value }), { kind: 'token', token: OURS }, value);
  }
  assert.deepEqual(said({}), { kind: 'token', token: OURS });
  assert.deepEqual(said({ 'X-Wicketgate-Token': OURS, 'Proxy-Authorization': basic(OURS) }), { kind: 'token', token: OURS });
  // The same content, and another signature.
  assert.equal(said({ Authorization: `Bearer ${OURS.slice(0, OURS.lastIndexOf('.'))}.b3RoZXI` }).kind, 'token');
});

test('another token for this gateway is a contradiction, and so is one that would be passed on', () => {
  for (const headers of [{ Authorization: `Bearer ${OTHER}` }, { Authorization: basic(OTHER) }, { 'X-Wicketgate-Token': OTHER }, { 'X-Wicketgate-Token': 'opaque' }, { 'Proxy-Authorization': `Bearer ${OTHER}` }, { 'Proxy-Authorization': 'Digest x' }, { Cookie: `t=${OURS}` }]) {
    assert.equal(said(headers).kind, 'refused', JSON.stringify(headers));
  }
  assert.equal(said({}, `/x?t=${OURS}`).kind, 'refused');
  for (const name of ['', 'a', 'ab', 'abc', 'job']) {
    const packed = Buffer.from(`${name}:${OURS}`).toString('base64');
    for (const headers of [{ Cookie: `sid=${packed}` }, { 'X-Proxy-Authorization': `Basic ${packed}` }]) assert.equal(said(headers as Record<string, string>).kind, 'refused', JSON.stringify(headers));
    assert.equal(said({ Cookie: Buffer.from(`${name}:${OTHER}`).toString('base64') }).kind, 'token');
  }
});
