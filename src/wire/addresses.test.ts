import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressKind } from './addresses.ts';

test('addresses are what they are in every spelling', () => {
  const table: readonly [string, readonly string[]][] = [
    ['forbidden', ['169.254.169.254', '169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'febf::1', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', '64:ff9b::169.254.169.254', '64:ff9b:1::1', '2002:a9fe:a9fe::1', '::169.254.169.254', '::ffff:0:169.254.169.254',
      'fd00:ec2::254', 'fd00:0ec2:0:0:0:0:0:0254', 'fd00:ec2::23', 'fd20:ce::254', '100.100.100.200', '::ffff:100.100.100.200', '168.63.129.16', '192.0.0.192', '0.0.0.0', '0.1.2.3', '::', '224.0.0.1', '255.255.255.255', '240.0.0.1', 'ff02::1', '', 'localhost', '1.2.3', '01.2.3.4', 'g::1']],
    ['loopback', ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '64:ff9b::7f00:1']],
    ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '198.18.0.1', 'fc00::1', 'fd12:3456::1', 'fd00:ec2::253', 'fec0::1', '::ffff:10.0.0.1']],
    ['public', ['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '169.253.0.1', '169.255.0.1', '128.0.0.1', '11.0.0.1', '2001:4860:4860::8888', '2606:4700::1111', '64:ff9b::808:808', '168.63.129.17']],
  ];
  for (const [kind, addresses] of table) for (const address of addresses) assert.equal(addressKind(address), kind, address);
});

test('property: an IPv4 address is the same thing when IPv6 carries it; text never throws', () => {
  fc.assert(fc.property(fc.ipV4(), (address) => {
    assert.equal(addressKind(`::ffff:${address}`), addressKind(address));
    assert.equal(addressKind(`64:ff9b::${address}`), addressKind(address));
  }));
  fc.assert(fc.property(fc.oneof(fc.ipV6(), fc.string(), fc.string({ unit: fc.constantFrom(':', '.', '1', 'f', '%') })), (text) => void addressKind(text)));
});
