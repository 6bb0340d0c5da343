import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';

import { WireError, type WireFault } from '../../wire/errors.ts';
import { toServer } from './encode.ts';
import { type ConnectionRequest, type Offered, chooseConnection, decodeStartup, startupLength } from './startup.ts';

const packet = (code: number, rest: Buffer | string = ''): Buffer => {
  const body = Buffer.from(rest);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(code, 4);
  return Buffer.concat([head, body]);
};
const V3 = 0x30000;
const faulty = (fault: WireFault) => (error: unknown) => error instanceof WireError && error.fault === fault;

describe('startup packets', () => {
  test('requests for encryption', () => {
    assert.deepEqual(decodeStartup(toServer.sslRequest), { kind: 'SSLRequest' });
    assert.deepEqual(decodeStartup(packet(80877104)), { kind: 'GSSENCRequest' });
    assert.throws(() => decodeStartup(packet(80877103, 'x')), faulty('trailing'));
    assert.throws(() => decodeStartup(packet(80877104, 'x')), faulty('trailing'));
  });
  test('cancel requests, with keys of 4 to 256 bytes', () => {
    for (const length of [4, 32, 256]) {
      const key = Buffer.alloc(length, 7);
      assert.deepEqual(decodeStartup(toServer.cancelRequest(-5, key)), { kind: 'CancelRequest', processId: -5, key });
    }
    for (const length of [0, 3, 257]) assert.throws(() => decodeStartup(toServer.cancelRequest(1, Buffer.alloc(length))), faulty('malformed'));
    assert.throws(() => decodeStartup(packet(80877102, 'abc')), faulty('truncated'));
  });
  test('startup messages', () => {
    const parameters: [string, string][] = [['user', 'ü'], ['database', ''], ['options', '-c a=b']];
    assert.deepEqual(decodeStartup(toServer.startup(parameters)), { kind: 'StartupMessage', minor: 0, parameters: new Map(parameters), protocolOptions: [] });
    assert.deepEqual(decodeStartup(packet(V3 + 2, 'user\0a\0_pq_.x\0y\0\0')), { kind: 'StartupMessage', minor: 2, parameters: new Map([['user', 'a']]), protocolOptions: ['_pq_.x'] });
    assert.deepEqual(decodeStartup(packet(V3, 'user\0a\0user\0a\0\0')), { kind: 'StartupMessage', minor: 0, parameters: new Map([['user', 'a']]), protocolOptions: [] });
  });
  test('other versions', () => {
    assert.deepEqual(decodeStartup(packet(0x20000, 'anything')), { kind: 'unsupported', major: 2, minor: 0 });
    assert.deepEqual(decodeStartup(packet(0x40001)), { kind: 'unsupported', major: 4, minor: 1 });
    assert.deepEqual(decodeStartup(packet(80877105)), { kind: 'unsupported', major: 1234, minor: 5681 });
    assert.deepEqual(decodeStartup(packet(-1)), { kind: 'unsupported', major: 65535, minor: 65535 });
  });
  for (const [what, bytes, fault] of [
    ['no terminator', packet(V3, 'user\0a\0'), 'truncated'],
    ['a name without a value', packet(V3, 'user\0'), 'truncated'],
    ['an unfinished name', packet(V3, 'user'), 'truncated'],
    ['nothing', packet(V3), 'truncated'],
    ['bytes behind the terminator', packet(V3, 'user\0a\0\0x'), 'trailing'],
    ['the same parameter with two values', packet(V3, 'user\0a\0user\0b\0\0'), 'malformed'],
    ['text that is not UTF-8', packet(V3, Buffer.from([0x61, 0, 0xff, 0, 0])), 'encoding'],
    ['a lying length', Buffer.concat([packet(V3, 'user\0a\0\0'), Buffer.from('x')]), 'malformed'],
  ] as const) {
    test(`refused: ${what}`, () => assert.throws(() => decodeStartup(bytes), faulty(fault)));
  }
  test('lengths', () => {
    const length = (value: number): number => {
      const head = Buffer.alloc(4);
      head.writeInt32BE(value, 0);
      return startupLength(head);
    };
    assert.equal(length(8), 8);
    assert.equal(length(10_000), 10_000);
    for (const short of [0, 4, 7]) assert.throws(() => length(short), faulty('malformed'));
    for (const large of [10_001, 0x7fffffff, -1, -2147483648]) assert.throws(() => length(large), faulty('too_large'));
  });
  test('random bytes end in WireError only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(V3, V3 + 2, 80877102, 80877103, 80877104, 0), (bytes, code) => {
        try {
          decodeStartup(packet(code, Buffer.from(bytes)));
        } catch (error) {
          assert.ok(error instanceof WireError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('which connection a client means', () => {
  const billing: Offered = { name: 'billing', target: { database: 'billing_db' } };
  const orders: Offered = { name: 'Orders', target: { database: 'orders_db' } };
  /** Its database is called like another connection. */
  const tricky: Offered = { name: 'tricky', target: { database: 'billing' } };
  const one = [billing];
  const both = [billing, orders];
  const three = [billing, orders, tricky];
  const elsewhere = ['payroll'];

  for (const [what, request, expected] of [
    ['the only one of the port, nothing said', { offered: one }, 'billing'],
    ['the only one, database is the user (libpq default)', { offered: one, user: 'ci', database: 'ci' }, 'billing'],
    ['the only one, by its name', { offered: one, user: 'ci', database: 'billing' }, 'billing'],
    ['the only one, by its database', { offered: one, user: 'ci', database: 'billing_db' }, 'billing'],
    ['the only one, by name and database', { offered: one, user: 'ci', database: 'billing/billing_db' }, 'billing'],
    ['the only one, another database', { offered: one, user: 'ci', database: 'postgres' }, 'unknown'],
    ['the only one, another of its databases', { offered: one, user: 'ci', database: 'billing/postgres' }, 'contradictory'],
    ['the only one, no database behind the slash', { offered: one, user: 'ci', database: 'billing/' }, 'contradictory'],
    ['the only one, a connection elsewhere as database', { offered: one, elsewhere, user: 'ci', database: 'payroll' }, 'contradictory'],
    ['the only one, a connection elsewhere before the slash', { offered: one, elsewhere, user: 'ci', database: 'payroll/x' }, 'contradictory'],
    ['the only one, something before the slash', { offered: one, user: 'ci', database: 'x/billing_db' }, 'unknown'],
    ['the only one, any host name', { offered: one, sni: 'gw.internal' }, 'billing'],
    ['the only one, a connection elsewhere as host name', { offered: one, elsewhere, sni: 'payroll.gw.internal' }, 'contradictory'],
    ['the only one, a connection elsewhere as option', { offered: one, elsewhere, option: 'payroll' }, 'contradictory'],
    ['the only one, an unknown option', { offered: one, option: 'nothing' }, 'unknown'],
    ['two, nothing said', { offered: both }, 'none'],
    ['two, database is the user', { offered: both, user: 'ci', database: 'ci' }, 'none'],
    ['two, database is the user, who is called like one', { offered: both, user: 'billing', database: 'billing' }, 'billing'],
    ['two, by name', { offered: both, user: 'ci', database: 'Orders' }, 'Orders'],
    ['two, names of databases are compared exactly', { offered: both, user: 'ci', database: 'orders' }, 'none'],
    ['two, the database of one says nothing', { offered: both, user: 'ci', database: 'orders_db' }, 'none'],
    ['two, by name and database', { offered: both, user: 'ci', database: 'Orders/orders_db' }, 'Orders'],
    ['two, by server name, in any case', { offered: both, sni: 'ORDERS.gw.internal', user: 'ci', database: 'ci' }, 'Orders'],
    ['two, by server name, with its database', { offered: both, sni: 'orders.gw', user: 'ci', database: 'orders_db' }, 'Orders'],
    ['two, by server name, with the database of the other', { offered: both, sni: 'orders.gw', user: 'ci', database: 'billing_db' }, 'unknown'],
    ['two, by option', { offered: both, option: 'Orders', user: 'ci', database: 'ci' }, 'Orders'],
    ['two, all three agree', { offered: both, sni: 'billing.gw', option: 'billing', database: 'billing/billing_db' }, 'billing'],
    ['two, server name against option', { offered: both, sni: 'billing.gw', option: 'Orders' }, 'contradictory'],
    ['two, server name against database', { offered: both, sni: 'billing.gw', database: 'Orders' }, 'contradictory'],
    ['two, option against database', { offered: both, option: 'billing', database: 'Orders/orders_db' }, 'contradictory'],
    ['two, option and database, against the host name', { offered: both, sni: 'orders', option: 'billing', database: 'billing' }, 'contradictory'],
    ['a database called like a connection means the connection', { offered: three, user: 'ci', database: 'billing' }, 'billing'],
    ['unless the connection is known and its database is called so', { offered: three, option: 'tricky', user: 'ci', database: 'billing' }, 'tricky'],
    ['the same, by slash', { offered: three, user: 'ci', database: 'tricky/billing' }, 'tricky'],
    ['names that differ in case only cannot be told apart by server name', { offered: [billing, { ...orders, name: 'Billing' }], sni: 'billing.gw' }, 'unknown'],
    ['an empty server name says nothing', { offered: both, sni: '', database: 'billing' }, 'billing'],
    ['a server name that starts with a dot says nothing', { offered: both, sni: '.billing', database: 'Orders' }, 'Orders'],
  ] as const satisfies readonly (readonly [string, ConnectionRequest<Offered>, string])[]) {
    test(`${what}: ${expected}`, () => {
      const choice = chooseConnection<Offered>(request);
      assert.equal('connection' in choice ? choice.connection.name : choice.refused, expected);
    });
  }

  test('whatever is said, the answer is a connection of the listener, and none that was contradicted', () => {
    const names = fc.constantFrom('billing', 'Orders', 'tricky', 'payroll', 'billing_db', 'orders_db', 'ci', '', 'x');
    fc.assert(
      fc.property(
        fc.record({ sni: fc.option(names, { nil: undefined }), option: fc.option(names, { nil: undefined }), user: names, database: fc.oneof(names, fc.tuple(names, names).map((pair) => pair.join('/'))) }),
        fc.subarray(three, { minLength: 1 }),
        (said, offered) => {
          const choice = chooseConnection<Offered>({ ...said, offered, elsewhere });
          if (!('connection' in choice)) return;
          const { connection } = choice;
          assert.ok(offered.includes(connection));
          assert.ok(said.option === undefined || said.option === connection.name);
          const named = offered.find(({ name }) => name.toLowerCase() === said.sni?.toLowerCase());
          assert.ok(named === undefined || named === connection);
          const [before, behind] = said.database.split('/');
          if (behind !== undefined) assert.deepEqual([before, behind], [connection.name, connection.target.database]);
          else assert.ok(['', said.user, connection.name, connection.target.database].includes(said.database));
        },
      ),
      { numRuns: 5000 },
    );
  });
});
