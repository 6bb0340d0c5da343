import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startScene, TABLES, type Scene } from './scene.ts';
import { errorText, gatewayWire, plain } from './wire.ts';

/* A rule denies something. The server takes other words for it, does it along with something else, or lets it come about by another name. */

const SETUP = `${TABLES}
SET ROLE app;
CREATE TABLE scratch(id int); CREATE VIEW shown AS SELECT 1 AS a; CREATE DOMAIN email AS text; CREATE TYPE mood AS ENUM ('x');
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE PROCEDURE two() LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER guard BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE POLICY own ON customers USING (true); CREATE RULE kept AS ON DELETE TO audit DO INSTEAD NOTHING;
CREATE SEQUENCE invoice_numbers; CREATE SEQUENCE tickets; CREATE TABLE head(id int primary key); CREATE TABLE part(id int primary key references head); CREATE TABLE leaf(id int references part);
RESET ROLE;`;

const denied = (name: string, match: object): object => ({ name, match, effect: 'deny' });

const RULES = [
  denied('definitions', { classes: ['schema'], objects: ['customers', 'audit'] }),
  denied('notes', { columns: ['orders.note'] }),
  denied('view', { verbs: ['grant', 'alter'], objects: ['view:shown'] }),
  denied('code', { verbs: ['drop', 'grant'], objects: ['function:*', 'procedure:*'] }),
  denied('channel', { objects: ['channel:alerts'] }),
  denied('domain', { objects: ['domain:email'] }),
  denied('numbers', { objects: ['sequence:invoice_numbers'] }),
  denied('names', { verbs: ['create'], objects: ['secret_*'] }),
  denied('leaf', { verbs: ['truncate'], objects: ['leaf'] }),
  denied('locks', { verbs: ['lock'], objects: ['customers'] }),
];

/** Each with the rule that refuses it. */
const REFUSED: readonly (readonly [rule: string, sql: string])[] = [
  ['definitions', 'DROP TRIGGER guard ON customers'],
  ['definitions', 'DROP POLICY own ON customers'],
  ['definitions', 'DROP RULE kept ON public.audit'],
  ['definitions', "COMMENT ON COLUMN customers.name IS 'x'"],
  ['definitions', "COMMENT ON TRIGGER guard ON customers IS 'x'"],
  ['definitions', 'CREATE STATISTICS st ON name, email FROM customers'],
  ['notes', "ALTER TABLE orders ADD q int CHECK (note <> 'ok')"],
  ['notes', "ALTER TABLE orders ADD q int, ADD CHECK (note <> 'ok')"],
  ['notes', 'ALTER TABLE orders ADD q int, ADD UNIQUE (note)'],
  ['notes', 'SELECT count(o) FROM orders o'],
  ['notes', 'SELECT o IS NULL FROM orders o'],
  ['notes', "SELECT count(*) FROM orders o(a, b, c) WHERE c LIKE 'x'"],
  ['notes', 'SELECT count(*) FROM (SELECT DISTINCT * FROM orders) q'],
  ['notes', 'SELECT count(*) FROM orders NATURAL JOIN audit'],
  ['notes', 'SELECT FROM orders JOIN audit USING (note)'],
  ['notes', "SELECT count(*) FROM orders WHERE orders::text LIKE '%x%'"],
  ['notes', 'SELECT count(*) FROM orders ORDER BY count(note)'],
  ['notes', 'SELECT FROM (SELECT * FROM orders) q WHERE q IS NULL'],
  ['notes', 'COPY orders TO STDOUT'],
  ['notes', 'COPY orders (id, note) TO STDOUT'],
  ['notes', 'DELETE FROM orders'],
  ['view', 'GRANT SELECT ON shown TO PUBLIC'],
  ['view', 'GRANT SELECT ON TABLE public.shown TO PUBLIC'],
  ['view', 'ALTER TABLE shown ALTER a SET DEFAULT 1'],
  ['code', 'DROP ROUTINE one()'],
  ['code', 'DROP ROUTINE two()'],
  ['code', 'GRANT EXECUTE ON ROUTINE one() TO PUBLIC'],
  ['channel', "SELECT pg_notify('alerts', 'x')"],
  ['channel', "SELECT pg_notify('al' || 'erts', 'x')"],
  ['numbers', "SELECT nextval('invoice_numbers')"],
  ['numbers', "SELECT nextval('invoice' || '_numbers')"],
  ['numbers', "SELECT nextval(oid::regclass) FROM pg_class WHERE relname = 'invoice_numbers'"],
  ['numbers', "SELECT nextval(n) FROM (VALUES ('invoice_numbers')) v(n)"],
  ['domain', 'DROP TYPE email'],
  ['domain', 'ALTER TYPE public.email RENAME TO mail'],
  ['domain', "COMMENT ON TYPE email IS 'x'"],
  ['names', 'ALTER TABLE scratch RENAME TO secret_x'],
  ['names', 'ALTER TYPE mood RENAME TO secret_x'],
  ['leaf', 'TRUNCATE part CASCADE'],
  ['leaf', 'TRUNCATE head CASCADE'],
  ['locks', 'SELECT c.id FROM customers c FOR UPDATE OF c'],
  ['locks', 'SELECT c.id FROM orders JOIN customers c ON c.id = customer_id FOR UPDATE OF c'],
];

const RUN: readonly string[] = [
  'ALTER TABLE orders ADD q int CHECK (q > 0), ALTER id SET NOT NULL',
  'DROP TYPE mood',
  // They use no column of it.
  'SELECT count(*) FROM orders',
  'SELECT 1 FROM customers WHERE EXISTS (SELECT FROM orders)',
  'SELECT c.id FROM customers c, orders',
  'COPY orders (id) TO STDOUT',
  "SELECT nextval('tickets'), setval('public.tickets', 7)",
  'ALTER TABLE scratch RENAME TO scratched',
  'ALTER TABLE scratch RENAME CONSTRAINT c TO secret_c',
  'CREATE STATISTICS st ON id, customer_id FROM orders',
  'CREATE DOMAIN mail AS text',
  'SELECT a.id FROM audit a JOIN customers c ON c.id = a.id FOR UPDATE OF a',
];

let scene: Scene;
before(async () => {
  scene = await startScene({
    postgres: { setup: SETUP },
    policies: [
      { name: 'defining', identities: ['migrator'], connections: ['*'], allow: ['read', 'write', 'schema', 'session'], rules: RULES },
      { name: 'scratching', identities: ['writer'], connections: ['*'], allow: ['read'], rules: [{ name: 'scratch', match: { classes: ['write'], objects: ['scratch'] }, effect: 'allow' }] },
      { name: 'masked', identities: ['reader'], connections: ['*'], allow: ['read'], mask: [{ name: 'pii', mode: 'display', columns: ['customers.ssn'], transform: 'redact' }] },
    ],
  });
});
after(() => scene?.[Symbol.asyncDispose]());

describe('what a rule denies, in other words', () => {
  for (const [rule, sql] of REFUSED) {
    test(sql, async () => {
      using wire = await gatewayWire(scene, 'migrator');
      await wire.query('BEGIN');
      assert.match(errorText(await wire.query(sql)), new RegExp(`defining/${rule}:`));
    });
  }
});

describe('what the rules do not mean', () => {
  for (const sql of RUN) {
    test(sql, async () => {
      using wire = await gatewayWire(scene, 'migrator');
      await wire.query('BEGIN');
      assert.doesNotMatch(errorText(await wire.query(sql)), /wicketgate/);
    });
  }
});

test('rows are not locked under the name of a table that may be written', async () => {
  using wire = await gatewayWire(scene, 'writer');
  assert.deepEqual(plain(await wire.query('SELECT id FROM scratch FOR UPDATE OF scratch')), ['[id:23:0]', 'SELECT 0', 'ZI']);
  assert.match(errorText(await wire.query('SELECT id FROM customers AS scratch FOR UPDATE OF scratch')), /no policy grants lock/);
});

test('EXPLAIN of DECLARE opens no cursor, so that FETCH gives what was declared before', async () => {
  using wire = await gatewayWire(scene, 'reader');
  await wire.query('BEGIN');
  await wire.query('DECLARE c CURSOR FOR SELECT customers FROM customers');
  const direct = plain(await wire.query('FETCH c'));
  await wire.query("EXPLAIN (ANALYZE) DECLARE c CURSOR FOR SELECT 'x'::text");
  assert.deepEqual(plain(await wire.query('FETCH c')), direct);
  await wire.query("EXPLAIN DECLARE d CURSOR FOR SELECT 'x'::text");
  assert.match(errorText(await wire.query('FETCH d')), /cursor/);
});
