import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Catalog } from '../../sql/catalog.ts';
import { createPostgresUnderstander } from '../../sql/postgres/understand.ts';
import type { Understander } from '../../sql/understand.ts';
import { changesTemporaryOnly } from './temporary.ts';

const shared = JSON.parse(readFileSync(new URL('../../sql/postgres/testdata/catalog.json', import.meta.url), 'utf8')) as Catalog;
const column = { name: 'id', number: 1, type: 23, typmod: -1 };
const catalog: Catalog = { ...shared, id: 'with temporary', relations: [...shared.relations, { oid: 900_001, schema: 'pg_temp_3', name: 'tmp', kind: 'r', columns: [column] }] };
const names = { searchPath: ['pg_temp_3', 'pg_catalog', 'public'] };
const granted = { id: 'some', signatures: ['public.touch()'] };
let understander: Understander;

before(() => {
  understander = createPostgresUnderstander({ timeout: 60_000 });
});
after(() => understander.close());

const ofEach = async (text: string): Promise<readonly boolean[]> =>
  (await understander.understand(Buffer.from(text), catalog, names, granted)).statements.map(({ facts }) => changesTemporaryOnly(facts));

const TEMPORARY_ONLY = [
  'CREATE TEMP TABLE t (id int PRIMARY KEY, n serial, r int REFERENCES tmp)', 'CREATE TABLE pg_temp.t (id int)', 'CREATE TEMP TABLE t (LIKE orders INCLUDING ALL)',
  'CREATE TEMP TABLE orders AS SELECT * FROM orders', 'SELECT id INTO TEMP t FROM orders', 'ALTER TABLE tmp ADD COLUMN x int', 'ALTER TABLE tmp RENAME TO other', 'ALTER TABLE tmp RENAME COLUMN id TO other',
  'CREATE INDEX ON tmp (id)', 'CREATE TEMP SEQUENCE s', 'DROP TABLE tmp', 'DROP TABLE IF EXISTS tmp',
];
const MORE = [
  'CREATE TABLE t (id int)', 'ALTER TABLE orders RENAME TO other', 'DROP TABLE tmp, orders', 'DROP TABLE tmp CASCADE', 'ALTER TABLE tmp DROP COLUMN id CASCADE', 'ALTER TABLE tmp SET SCHEMA public',
  'ALTER TABLE orders SET SCHEMA pg_temp', 'ALTER TABLE tmp INHERIT orders', 'ALTER TABLE orders INHERIT tmp', 'CREATE TEMP TABLE t () INHERITS (orders)', 'ALTER TABLE tmp ADD FOREIGN KEY (id) REFERENCES orders (id)',
  'CREATE TEMP VIEW v AS SELECT * FROM orders', 'CREATE TRIGGER g BEFORE INSERT ON tmp FOR EACH ROW EXECUTE FUNCTION touch()', 'CREATE RULE r AS ON INSERT TO tmp DO INSTEAD DELETE FROM orders',
  "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", 'CREATE DOMAIN pg_temp.d AS text', 'CREATE TYPE pg_temp.c AS (x int)', 'CREATE TEMP TABLE t AS SELECT touch()', 'CREATE TEMP TABLE t (id int DEFAULT nosuch())',
  'CREATE TEMP TABLE t AS SELECT nosuch()', 'ALTER TABLE tmp ALTER id TYPE text USING nosuch(id)', 'CREATE INDEX ON tmp (nosuch(id))', 'EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT nosuch()', 'DISCARD TEMP', 'DISCARD ALL',
  'DO $$ BEGIN END $$', 'CREATE STATISTICS public.s ON id FROM tmp', 'ALTER TABLE nosuch RENAME TO other', 'DROP TABLE nosuch', 'ALTER EXTENSION pgcrypto ADD TABLE tmp', 'SELEC',
];

test('what can only have changed temporary tables, indexes and sequences', async () => {
  for (const text of TEMPORARY_ONLY) assert.deepEqual(await ofEach(text), [true], text);
  for (const text of MORE) assert.ok((await ofEach(text)).includes(false), text);
});

test('each statement of a message is told apart', async () => {
  assert.deepEqual(await ofEach('CREATE TEMP TABLE t (id int); ALTER TABLE orders RENAME TO other; DROP TABLE t'), [true, false, true]);
  assert.equal((await ofEach('BEGIN; CREATE TEMP TABLE orders (id int); ROLLBACK; DROP TABLE orders')).at(-1), false, 'what the name means is not known');
});
