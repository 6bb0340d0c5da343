import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RuleConfig } from '../config/resolved.ts';
import type { Effect } from '../model/command.ts';
import { compileMatch } from './match.ts';
import { table } from './testdata/build.ts';

type Match = RuleConfig['match'];

const reach = (match: Match, effect: Partial<Effect>): string => {
  const problems: string[] = [];
  const compiled = compileMatch(match, (problem) => problems.push(problem));
  assert.deepEqual(problems, []);
  return (['no', 'touches', 'covers'] as const)[compiled.reach({ class: 'read', verb: 'select', ...effect })];
};

const on = (object: Effect['object'], more: Partial<Effect> = {}): Partial<Effect> => (object === undefined ? more : { object, ...more });

const cases: readonly [Match, Partial<Effect>, 'no' | 'touches' | 'covers', string][] = [
  [{}, {}, 'covers', 'nothing asked'],
  // verbs
  [{ verbs: ['select'] }, {}, 'covers', 'verb'],
  [{ verbs: ['SELECT'] }, {}, 'covers', 'verbs are compared in lower case'],
  [{ verbs: ['drop', 'delete'] }, {}, 'no', 'other verb'],
  [{ verbs: ['*'] }, { verb: 'anything' }, 'covers', 'any verb'],
  [{ verbs: ['drop'] }, { verb: 'unknown', class: 'unknown' }, 'touches', 'a verb that is not known could be any'],
  // classes
  [{ classes: ['read'] }, {}, 'covers', 'class'],
  [{ classes: ['write'] }, {}, 'no', 'other class'],
  [{ classes: ['write'] }, { class: 'unknown' }, 'touches', 'not understood: could write'],
  [{ classes: ['unknown'] }, { class: 'unknown' }, 'covers', 'unknown named'],
  [{ verbs: ['*'] }, { class: 'unknown' }, 'touches', 'unknown is granted only by name'],
  [{ verbs: ['*'] }, { class: 'admin' }, 'touches', 'admin is not granted by anything'],
  [{}, { class: 'admin' }, 'touches', 'nor by nothing'],
  [{ verbs: ['create'] }, { class: 'admin', verb: 'create' }, 'covers', 'admin by verb'],
  [{ classes: ['admin'] }, { class: 'admin' }, 'covers', 'admin by class'],
  // objects: kinds
  [{ objects: ['function:f'] }, on({ kind: 'routine', schema: 's', name: 'f' }), 'touches', 'a routine can be a function'],
  [{ objects: ['function:g'] }, on({ kind: 'routine', schema: 's', name: 'f' }), 'no', 'of another name'],
  [{ objects: ['routine'] }, on({ kind: 'procedure', schema: 's', name: 'f' }), 'covers', 'a procedure is a routine'],
  [{ objects: ['function'] }, on({ kind: 'procedure', schema: 's', name: 'f' }), 'no', 'and no function'],
  [{ objects: ['domain'] }, on({ kind: 'type', schema: 's', name: 'd' }), 'touches', 'a type can be a domain'],
  [{ objects: ['type'] }, on({ kind: 'domain', schema: 's', name: 'd' }), 'covers', 'a domain is a type'],
  [{ objects: ['database'] }, on({ kind: 'database', name: 'd' }), 'covers', 'kind'],
  [{ objects: ['user'] }, on({ kind: 'role', name: 'r' }), 'covers', 'kind by its other word'],
  [{ objects: ['database'] }, on(table('database')), 'no', 'a kind word is not a name'],
  [{ objects: ['"database"'] }, on(table('database')), 'covers', 'unless quoted'],
  [{ objects: ['table:database'] }, on(table('database')), 'covers', 'or with its kind'],
  [{ objects: ['view:customers'] }, on(table('customers')), 'no', 'kind differs'],
  [{ objects: ['view:customers'] }, on({ kind: 'relation', name: 'customers' }), 'touches', 'a kind that we do not know could be any'],
  [{ objects: ['table'] }, on({ kind: 'schema', name: 'billing' }, { verb: 'drop' }), 'touches', 'dropping a schema drops its tables'],
  [{ objects: ['table'] }, on({ kind: 'schema', name: 'billing' }, { verb: 'drop', alone: true }), 'no', 'without CASCADE only an empty one is dropped'],
  [{ objects: ['billing.*'] }, on({ kind: 'schema', name: 'billing' }, { verb: 'drop', alone: true }), 'no', 'and nothing in it'],
  [{ columns: ['*.ssn'] }, on({ kind: 'schema', name: 'billing' }, { verb: 'drop', alone: true }), 'no', 'nor a column'],
  [{ objects: ['schema:billing'] }, on({ kind: 'schema', name: 'billing' }, { verb: 'drop', alone: true }), 'covers', 'but the schema itself'],
  [{ objects: ['*'] }, on({ kind: 'schema', name: 'billing' }, { verb: 'drop', alone: true }), 'covers', 'by any name'],
  [{ objects: ['billing.*'] }, on({ kind: 'schema', name: 'billing' }, { verb: 'alter' }), 'touches', 'renaming a schema moves what is in it'],
  [{ objects: ['table'] }, on({ kind: 'schema', name: 'billing' }, { verb: 'create' }), 'no', 'creating one does not'],
  [{ objects: ['role'] }, on({ kind: 'schema', name: 'billing' }, { verb: 'drop' }), 'no', 'roles are in no schema'],
  // objects: names
  [{ objects: ['customers'] }, on(table('customers', 'sales')), 'covers', 'name in any schema'],
  [{ objects: ['customers'] }, on(table('customers')), 'covers', 'name without schema'],
  [{ objects: ['billing.invoices'] }, on(table('invoices', 'billing')), 'covers', 'schema.name'],
  [{ objects: ['billing.invoices'] }, on(table('invoices', 'sales')), 'no', 'other schema'],
  [{ objects: ['billing.invoices'] }, on(table('invoices')), 'touches', 'schema not known'],
  [{ objects: ['*.invoices'] }, on(table('invoices')), 'covers', 'any schema covers an unknown one'],
  [{ objects: ['billing.*'] }, on(table('invoices')), 'touches', 'schema not known, any name'],
  [{ objects: ['billing.*'] }, on({ kind: 'role', name: 'r' }), 'no', 'a role stands in no schema'],
  [{ objects: ['billing.invoices'] }, on({ kind: 'schema', name: 'billing' }, { verb: 'drop' }), 'touches', 'its schema dropped'],
  [{ objects: ['billing.invoices'] }, on({ kind: 'schema', name: 'sales' }, { verb: 'drop' }), 'no', 'another schema dropped'],
  [{ objects: ['invoices'] }, on({ kind: 'schema', name: 'billing' }, { verb: 'drop' }), 'touches', 'some schema dropped'],
  [{ objects: ['billing.invoices'] }, on({ kind: 'table', schema: 'billing', name: '*' }), 'touches', 'names not told apart'],
  [{ objects: ['billing.*'] }, on({ kind: 'table', schema: 'billing', name: '*' }), 'covers', 'all of them'],
  [{ objects: ['a', 'customers'] }, on(table('customers')), 'covers', 'one entry is enough'],
  [{ objects: ['customers'] }, {}, 'no', 'select 1 has no object'],
  [{ objects: ['customers'] }, { class: 'unknown', verb: 'do' }, 'touches', 'not understood, no object'],
  [{ objects: ['customers'] }, { class: 'write', verb: 'delete' }, 'touches', 'a write that names nothing'],
  [{ objects: ['customers'] }, { class: 'write', verb: 'call', function: 'billing.f()' }, 'no', 'a call is judged by its function'],
  // columns
  [{ columns: ['customers.ssn'] }, on(table('customers', 'public'), { columns: ['ssn'] }), 'covers', 'column'],
  [{ columns: ['customers.ssn'] }, on(table('customers', 'public'), { columns: ['id', 'ssn'] }), 'touches', 'one of two columns'],
  [{ columns: ['customers.ssn', 'customers.id'] }, on(table('customers'), { columns: ['id', 'ssn'] }), 'covers', 'both, by two entries'],
  [{ columns: ['customers.ssn'] }, on(table('customers'), { columns: ['id'] }), 'no', 'other column'],
  [{ columns: ['customers.ssn'] }, on(table('orders'), { columns: ['ssn'] }), 'no', 'other table'],
  [{ columns: ['customers.ssn'] }, on(table('customers'), { columns: ['*'] }), 'touches', 'not told apart'],
  [{ columns: ['customers.ssn'] }, on(table('customers')), 'touches', 'columns not known'],
  [{ columns: ['customers.ssn'] }, on(table('customers'), { columns: [] }), 'no', 'no column used'],
  [{ columns: ['customers.*'] }, on(table('customers')), 'covers', 'every column'],
  [{ columns: ['customers.*'] }, on(table('customers'), { columns: [] }), 'covers', 'every column covers none'],
  [{ columns: ['customers.id*'] }, on(table('customers'), { columns: ['*'] }), 'touches', 'a column pattern does not cover the unknown'],
  [{ columns: ['*.password'] }, on(table('users', 'app'), { columns: ['password'] }), 'covers', 'any table'],
  [{ columns: ['*.password'] }, on({ kind: 'index', name: 'i', schema: 'app' }, { verb: 'drop', class: 'schema' }), 'no', 'an index has no columns'],
  [{ columns: ['app.users.password'] }, on(table('users'), { columns: ['password'] }), 'touches', 'schema not known'],
  [{ columns: ['app.users.password'] }, on(table('users', 'app'), { columns: ['password'] }), 'covers', 'three parts'],
  [{ columns: ['app.users.password'] }, on({ kind: 'schema', name: 'app' }, { verb: 'drop' }), 'touches', 'schema dropped'],
  [{ columns: ['app.users.password'] }, { class: 'unknown' }, 'touches', 'not understood'],
  [{ columns: ['*.password'] }, {}, 'no', 'select 1'],
  // functions
  [{ functions: ['billing.close_month'] }, { function: 'billing.close_month(integer)' }, 'covers', 'function'],
  [{ functions: ['close_month'] }, { function: 'billing.close_month(integer)' }, 'covers', 'name in any schema'],
  [{ functions: ['billing.*'] }, { function: 'billing.close_month(integer)' }, 'covers', 'pattern'],
  [{ functions: ['billing.close_month(int)'] }, { function: 'billing.close_month(integer)' }, 'covers', 'spelling of types'],
  [{ functions: ['billing.close_month(text)'] }, { function: 'billing.close_month(integer)' }, 'touches', 'other overload'],
  [{ functions: ['billing.close_month(int)'] }, { function: 'billing.close_month' }, 'touches', 'arguments not known'],
  [{ functions: ['billing.close_month'] }, { function: 'close_month(integer)' }, 'touches', 'schema not known'],
  [{ functions: ['billing.*'] }, { function: 'pg_catalog.lower(text)' }, 'no', 'other schema'],
  [{ functions: ['billing.*'] }, { function: 'billing.x.evil(text)' }, 'touches', 'a name with dots cannot be taken apart'],
  [{ functions: ['billing.*'] }, { function: 'billing.f(x(integer)' }, 'touches', 'nor one with parentheses'],
  [{ functions: ['lower'] }, {}, 'no', 'no call'],
  [{ functions: ['lower'] }, { class: 'unknown' }, 'touches', 'not understood'],
  // keys together
  [{ verbs: ['drop'], objects: ['billing.*'] }, on(table('t', 'billing'), { verb: 'drop' }), 'covers', 'both keys'],
  [{ verbs: ['drop'], objects: ['billing.*'] }, on(table('t', 'billing'), { verb: 'alter' }), 'no', 'one key fails'],
  [{ verbs: ['drop'], objects: ['billing.*'] }, on(table('t'), { verb: 'drop' }), 'touches', 'the weaker counts'],
];

for (const [match, effect, expected, name] of cases) {
  test(`match: ${name}: ${JSON.stringify(match)}`, () => assert.equal(reach(match, effect), expected));
}

test('entries that cannot be read are problems', () => {
  const unreadable: readonly [Match, RegExp][] = [
    [{ objects: ['a.b.c'] }, /more than two parts/],
    [{ objects: ['tabel:x'] }, /unknown kind "tabel"/],
    [{ objects: ['table:'] }, /empty part/],
    [{ columns: ['ssn'] }, /write \*\.ssn/],
    [{ columns: ['a.b.c.d'] }, /more than three parts/],
    [{ functions: ['f(int'] }, /parenthesis/],
    [{ functions: ['a.b.c'] }, /more than two parts/],
    [{ classes: ['reed'] }, /is not a class/],
  ];
  for (const [match, expected] of unreadable) {
    const problems: string[] = [];
    compileMatch(match, (problem) => problems.push(problem));
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', expected);
  }
});
