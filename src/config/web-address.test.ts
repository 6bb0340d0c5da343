import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webAddressProblem } from './web-address.ts';

const problem = (host: string, allowPrivate: boolean): string | undefined => webAddressProblem(`https://${host}/keys`, { fetched: true, allowPrivate })?.message;

test('addresses of clouds and of nobody are refused, in any spelling, whatever is allowed', () => {
  for (const host of ['169.254.169.254', '2852039166', '[::ffff:169.254.169.254]', '[64:ff9b::a9fe:a9fe]', '[fe80::1]', '[fd00:ec2::254]', '[fd20:ce::254]', '100.100.100.200', '168.63.129.16', 'metadata.google.internal', 'METADATA.goog.', 'instance-data', '0.0.0.0', '[::]', '224.0.0.1']) {
    assert.match(problem(host, true) ?? '', /is a link-local or metadata address, or one of nobody/, host);
  }
});

test('private addresses are refused unless they are allowed', () => {
  for (const host of ['127.0.0.1', '[::1]', 'localhost', '10.0.0.1', '172.16.0.1', '192.168.0.1', '100.64.0.1', '198.18.0.1', '[fd12::1]', '[::ffff:10.0.0.1]', '[64:ff9b::a00:1]']) {
    assert.match(problem(host, false) ?? '', /private or loopback/, host);
    assert.equal(problem(host, true), undefined, host);
  }
  for (const host of ['ci.example', '203.0.113.1', '[2001:4860::1]', '172.32.0.1']) assert.equal(problem(host, false), undefined, host);
});

test('what is only compared may be any address', () => {
  assert.equal(webAddressProblem('https://10.0.0.1/', { fetched: false, allowPrivate: false }), undefined);
});
