import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { judgeParameters, parseOptions, PINNED } from './parameters.ts';

const judge = (parameters: Record<string, string>) => judgeParameters(new Map(Object.entries({ user: 'ci', ...parameters })));
const settings = (parameters: Record<string, string>): Record<string, string> => {
  const judged = judge(parameters);
  assert.equal(judged.kind, 'settings', JSON.stringify(judged));
  return judged.kind === 'settings' ? Object.fromEntries(judged.settings) : {};
};
const refusal = (parameters: Record<string, string>) => {
  const judged = judge(parameters);
  assert.equal(judged.kind, 'refused');
  return judged.kind === 'refused' ? judged : assert.fail();
};

describe('startup parameters', () => {
  test('what decisions rest on is always sent', () => {
    assert.deepEqual(settings({}), { client_encoding: 'UTF8', standard_conforming_strings: 'on' });
    assert.deepEqual([...PINNED.keys()], ['client_encoding', 'standard_conforming_strings']);
  });
  test('what libpq, JDBC, npgsql and asyncpg send passes, in the spelling of the manual', () => {
    assert.deepEqual(settings({ client_encoding: 'UTF8', DateStyle: 'ISO', TimeZone: 'Etc/UTC', extra_float_digits: '2', search_path: '"$user",app' }), {
      ...Object.fromEntries(PINNED), DateStyle: 'ISO', TimeZone: 'Etc/UTC', extra_float_digits: '2', search_path: '"$user",app',
    });
    assert.equal(settings({ datestyle: 'ISO, MDY' })['DateStyle'], 'ISO, MDY');
    assert.equal(settings({ options: '-c STATEMENT_TIMEOUT=5s' })['statement_timeout'], '5s');
    assert.equal(settings({ options: '-c default_transaction_read_only=on' })['default_transaction_read_only'], 'on');
  });
  test('names, application name, and our own options', () => {
    const judged = judge({ database: 'd', application_name: 'psql', options: '-c wicketgate.connection=billing -c lock_timeout=1s' });
    assert.ok(judged.kind === 'settings');
    assert.equal(judged.user, 'ci');
    assert.equal(judged.database, 'd');
    assert.equal(judged.applicationName, 'psql');
    assert.equal(judged.connection, 'billing');
    assert.ok(![...judged.settings.keys()].some((name) => name.startsWith('wicketgate') || name === 'application_name'));
    assert.equal(judged.settings.get('lock_timeout'), '1s');
  });
  for (const encoding of ['UTF8', 'utf-8', 'UTF_8', "'utf-8'", 'unicode', 'Unicode']) {
    test(`client_encoding ${encoding} is UTF8`, () => assert.equal(settings({ client_encoding: encoding })['client_encoding'], 'UTF8'));
  }
  for (const [parameters, why, word] of [
    [{ client_encoding: 'LATIN1' }, 'value', /client_encoding/],
    [{ client_encoding: 'SQL_ASCII' }, 'value', /client_encoding/],
    [{ client_encoding: 'auto' }, 'value', /client_encoding/],
    [{ options: '-c client_encoding=SJIS' }, 'value', /client_encoding/],
    [{ standard_conforming_strings: 'off' }, 'value', /standard_conforming_strings/],
    [{ default_transaction_read_only: 'off' }, 'value', /default_transaction_read_only may be on only/],
    [{ options: '-c Default-Transaction-Read-Only=0' }, 'value', /default_transaction_read_only may be on only/],
    [{ options: '-c standard_conforming_strings=off' }, 'value', /standard_conforming_strings/],
    [{ options: '--Standard-Conforming-Strings=0' }, 'value', /standard_conforming_strings/],
    [{ role: 'admin' }, 'parameter', /role/],
    [{ options: '-c role=admin' }, 'parameter', /role/],
    [{ options: '-c session_authorization=admin' }, 'parameter', /session_authorization/],
    [{ session_replication_role: 'replica' }, 'parameter', /session_replication_role/],
    [{ log_statement: 'none' }, 'parameter', /log_statement/],
    [{ options: '-c wicketgate.other=1' }, 'parameter', /wicketgate\.other/],
    [{ options: '-d 5' }, 'parameter', /options/],
    [{ options: '-c' }, 'parameter', /options/],
    [{ options: '-c a' }, 'parameter', /options/],
    [{ options: '-c =b' }, 'parameter', /options/],
    [{ options: '-- a=b' }, 'parameter', /options/],
    [{ options: 'x' }, 'parameter', /options/],
    [{ statement_timeout: '1', options: '-c statement_timeout=2' }, 'value', /twice/],
    [{ options: '-c lock_timeout=1 -c lock_timeout=2' }, 'value', /twice/],
    [{ TimeZone: 'a\nb' }, 'value', /TimeZone/],
    [{ TimeZone: 'x'.repeat(2000) }, 'value', /TimeZone/],
    [{ 'a b\u001b[31m': 'x' }, 'parameter', /unprintable/],
    [{ replication: 'true' }, 'replication', /replication/],
    [{ replication: 'database' }, 'replication', /replication/],
    [{ user: '' }, 'no_user', /user/],
  ] as const) {
    test(`refused: ${JSON.stringify(parameters).slice(0, 70)}`, () => {
      const refused = refusal(parameters);
      assert.equal(refused.why, why);
      assert.match(refused.message, word);
    });
  }
  test('replication that is off is nothing', () => assert.ok(settings({ replication: 'false' })));
  test('the same value twice is no contradiction', () => assert.equal(settings({ lock_timeout: '1', options: '-c lock_timeout=1' })['lock_timeout'], '1'));

  test('nothing but the allow-list ever reaches the target', () => {
    const allowed = new Set(Object.keys(settings({})).concat(Object.keys(settings({ datestyle: '1', intervalstyle: '1', timezone: '1', extra_float_digits: '1', search_path: '1', statement_timeout: '1', lock_timeout: '1' }))));
    const names = fc.constantFrom('role', 'DATESTYLE', 'search_path', 'client_encoding', 'standard_conforming_strings', 'options', 'x', 'wicketgate.connection', 'lock_timeout');
    const values = fc.oneof(fc.string(), fc.constantFrom('UTF8', 'on', 'off', '-c role=x', '-c datestyle=ISO', '--search-path=a'));
    fc.assert(
      fc.property(fc.array(fc.tuple(names, values), { maxLength: 4 }), (pairs) => {
        const judged = judgeParameters(new Map([['user', 'u'], ...pairs]));
        if (judged.kind !== 'settings') return;
        for (const name of judged.settings.keys()) assert.ok(allowed.has(name), name);
        assert.equal(judged.settings.get('client_encoding'), 'UTF8');
        assert.equal(judged.settings.get('standard_conforming_strings'), 'on');
      }),
      { numRuns: 3000 },
    );
  });
});

test('options are split as PostgreSQL splits them', () => {
  assert.deepEqual(parseOptions(''), []);
  assert.deepEqual(parseOptions('  -c a=b\t-cc=d --e-f=g=h \n'), [['a', 'b'], ['c', 'd'], ['e_f', 'g=h']]);
  assert.deepEqual(parseOptions(String.raw`-c search_path=a,\ b\\c`), [['search_path', String.raw`a, b\c`]]);
  assert.deepEqual(parseOptions('-c a='), [['a', '']]);
  assert.equal(parseOptions('-c a=b c'), undefined);
});
