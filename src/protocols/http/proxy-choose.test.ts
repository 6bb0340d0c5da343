import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { chooseConnection } from './choose.ts';
import { chooseProxied } from './proxy-choose.ts';

const connection = (name: string, host: string, port: number, hosts: readonly string[] = [], more: { readonly proxy?: boolean; readonly tls?: 'disable' | 'verify-full' } = {}): HttpConnectionConfig => ({
  name, protocol: 'http', listen: { host: '127.0.0.1', port: 1 }, plaintext: false, evidence: { mode: 'effect', recordAnswers: 0 }, origin: { file: 'f', line: 1 },
  target: { host, port, tls: more.tls ?? 'verify-full' }, credential: { type: 'none' },
  http: { hosts, proxy: more.proxy ?? true, prefix: '', basePath: '', apis: ['rest'], sessionIdle: 1, wholeBody: 1, answerWithin: 1 },
});
const OFFERED = [
  connection('api', 'api.internal', 8443, ['api.example', '*.example']),
  connection('other', 'Other.internal.', 443, ['one.example']),
  connection('plain', '10.0.0.1', 8080, ['plain.test'], { tls: 'disable' }),
  connection('direct', 'direct.internal', 443, [], { proxy: false }),
  connection('six', '[fd00::1]', 443),
];
const chosen = (host: string, port: number, by: 'connect' | 'plain' = 'connect'): string | undefined => chooseProxied(OFFERED, { host, port }, by)?.name;

test('by the host of the target at its port, by another name of it at that port or the usual one', () => {
  assert.equal(chosen('api.internal', 8443), 'api');
  assert.equal(chosen('api.internal', 443), undefined);
  assert.deepEqual([443, 8443, 80].map((port) => chosen('api.example', port)), ['api', 'api', undefined]);
  assert.equal(chosen('other.internal', 443), 'other');
  assert.equal(chosen('fd00::1', 443), 'six');
});

test('a name before a wildcard, and a wildcard for what is below it only', () => {
  assert.equal(chosen('one.example', 443), 'other');
  assert.equal(chosen('two.example', 443), 'api');
  for (const host of ['example', 'xexample', '.example', 'api.example.attacker.test', 'direct.internal', '169.254.169.254']) assert.equal(chosen(host, 443), undefined, host);
});

test('in the absolute form only what has no TLS', () => {
  assert.deepEqual([chosen('plain.test', 80, 'plain'), chosen('10.0.0.1', 8080, 'plain'), chosen('plain.test', 443, 'plain')], ['plain', 'plain', undefined]);
  assert.equal(chosen('api.example', 80, 'plain'), undefined);
  assert.equal(chosen('plain.test', 443), 'plain');
});

test('two that fit as well are none', () => {
  const twice = [connection('a', 'a', 443), connection('b', 'a', 443)];
  assert.equal(chooseProxied(twice, { host: 'a', port: 443 }, 'connect'), undefined);
});

test('directly, one without hosts of its own is not reached', () => {
  assert.deepEqual(chooseConnection([connection('six', 'fd00::1', 443)], 'fd00::1', '/'), { status: 421, refused: 'no connection of this address is reached by this host' });
  assert.deepEqual(chooseConnection(OFFERED, 'one.example', '/'), { connection: OFFERED[1] });
});
