import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { multiplying } from '../../src/sql/postgres/lineage/functions.ts';
import { vettedFunctions } from '../../src/sql/postgres/vetted.ts';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { errorText, gatewayWire, plain, wireHaving } from './wire.ts';

/*
 * Which column a name means is decided by what the server lets a place see. Something harmless of the same name, where the server does not look, must not stand for a
 * protected column.
 */

const SETUP = `${TABLES}
CREATE VIEW v AS SELECT id, name AS n FROM customers; CREATE VIEW vw AS SELECT c FROM customers c; CREATE SEQUENCE sq;
CREATE SCHEMA s; CREATE TABLE s.c(id int, ssn text); INSERT INTO s.c VALUES (1, 'x');
CREATE SCHEMA vw; CREATE TABLE vw.c(id int, ssn text); INSERT INTO vw.c VALUES (1, 'x');
CREATE TABLE jt(a int[], j jsonb, id int PRIMARY KEY); INSERT INTO jt VALUES ('{}', '{}', 1);
CREATE TABLE tn(id int, ssn text); ALTER TABLE tn OWNER TO app; ALTER VIEW v OWNER TO app; ALTER VIEW vw OWNER TO app; ALTER SEQUENCE sq OWNER TO app; ALTER TABLE jt OWNER TO app; ALTER TABLE s.c OWNER TO app; ALTER TABLE vw.c OWNER TO app;
CREATE VIEW shown AS SELECT id, ssn FROM customers; CREATE MATERIALIZED VIEW kept AS SELECT id, ssn FROM shown; CREATE VIEW found AS SELECT id FROM customers WHERE ssn LIKE '123%'; CREATE MATERIALIZED VIEW hits AS SELECT id FROM found;
CREATE VIEW repeated AS SELECT id, regexp_matches(ssn, '^123') AS m FROM customers; CREATE VIEW split AS SELECT c.id FROM customers c, string_to_table(c.ssn, '3') part;
CREATE TABLE kid(ssn text); CREATE TABLE beside(ssn text); CREATE TABLE above(ssn text); ALTER TABLE kid INHERIT beside; ALTER TABLE kid INHERIT above; INSERT INTO kid VALUES ('1');
CREATE VIEW tucked AS SELECT l.id, l.s FROM customers c, LATERAL (SELECT c.ssn AS s, o.id FROM orders o OFFSET 0) l; ALTER VIEW tucked OWNER TO app;
CREATE VIEW made AS SELECT id, concat(name, ssn) AS joined FROM customers; ALTER VIEW made OWNER TO app; ALTER TABLE beside OWNER TO app;
CREATE TABLE elder(id int); CREATE TABLE heir(ssn text) INHERITS (elder); ALTER TABLE elder OWNER TO app; ALTER TABLE heir OWNER TO app;
CREATE VIEW sampled AS SELECT id FROM orders TABLESAMPLE BERNOULLI ((SELECT left(ssn, 2)::real FROM customers WHERE id = 1)); ALTER VIEW sampled OWNER TO app;
CREATE VIEW tidy AS SELECT id, btrim(ssn, '1') AS s FROM customers; ALTER VIEW tidy OWNER TO app;
CREATE EXTENSION hstore; CREATE TABLE tagged(id int, tags hstore); INSERT INTO tagged VALUES (1, 'a=>1,b=>2'); CREATE VIEW keys AS SELECT id, skeys(tags) AS key FROM tagged; CREATE VIEW pairs AS SELECT id, (each(tags)).key AS key, akeys(tags) AS list FROM tagged; CREATE VIEW lists AS SELECT id, akeys(tags) AS list FROM tagged; CREATE VIEW options AS SELECT id, (pg_options_to_table(string_to_array(ssn, '-'))).option_name AS part FROM customers;
ALTER TABLE tagged OWNER TO app; ALTER VIEW keys OWNER TO app; ALTER VIEW pairs OWNER TO app; ALTER VIEW lists OWNER TO app; ALTER VIEW options OWNER TO app;
CREATE TYPE person AS (id int, code text); CREATE TABLE typed OF person; CREATE TABLE spans(id int, span int4range); INSERT INTO spans VALUES (1, '[1,2)'), (2, '[1,)');
ALTER VIEW shown OWNER TO app; ALTER MATERIALIZED VIEW kept OWNER TO app; ALTER VIEW found OWNER TO app; ALTER MATERIALIZED VIEW hits OWNER TO app; ALTER VIEW repeated OWNER TO app; ALTER VIEW split OWNER TO app;
CREATE VIEW numbers AS SELECT id, substr(ssn, 1, 3)::int AS number FROM customers; ALTER VIEW numbers OWNER TO app; CREATE INDEX kept_key ON kept (id); CREATE UNIQUE INDEX ssn_key ON customers (ssn); CREATE UNIQUE INDEX tn_key ON tn (ssn); CREATE EXTENSION postgres_fdw; CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw; GRANT USAGE ON FOREIGN SERVER loop TO app; ALTER TYPE person OWNER TO app; ALTER TABLE typed OWNER TO app; ALTER TABLE spans OWNER TO app;
GRANT USAGE ON SCHEMA s, vw TO app;`;

const allow = ['read', 'write', 'schema', 'session'];
const policies = [
  { name: 'masked', identities: ['writer'], connections: ['*'], allow, mask: [{ columns: ['public.customers.ssn', 'public.typed.code', 'public.spans.span', 'public.tagged.tags', 'public.above.ssn', 'public.heir.ssn'], mode: 'strict', transform: 'redact' }] },
  { name: 'columns', identities: ['migrator'], connections: ['*'], allow, rules: [{ name: 'not-ssn', match: { columns: ['public.customers.ssn'] }, effect: 'deny', reason: 'not for jobs' }] },
];

const OUTER = [
  // Views have no system columns.
  'SELECT (SELECT ctid FROM v LIMIT 1) FROM (SELECT ssn AS ctid FROM customers) q',
  "SELECT (SELECT ctid || '' FROM v LIMIT 1) FROM (SELECT ssn AS ctid FROM customers) q",
  'SELECT (SELECT xmin FROM pg_views LIMIT 1) FROM (SELECT ssn AS xmin FROM customers) q',
  'SELECT (SELECT xmin FROM information_schema.tables LIMIT 1) FROM (SELECT ssn AS xmin FROM customers) q',
  'COPY (SELECT (SELECT ctid FROM v LIMIT 1) FROM (SELECT ssn AS ctid FROM customers) q) TO STDOUT',
  "SELECT id FROM (SELECT id, ssn AS xmax FROM customers) q WHERE (SELECT xmax FROM v LIMIT 1) LIKE '123%'",
  'SELECT (SELECT ctid FROM (SELECT sq.*, ssn AS ctid FROM sq, customers LIMIT 1) q) FROM orders',
  // What a join shows without a qualifier are columns of its two sides, without those of the system.
  'SELECT (SELECT ctid FROM orders CROSS JOIN audit LIMIT 1) FROM (SELECT ssn AS ctid FROM customers) q',
  'SELECT id FROM (SELECT id, ssn AS xmax FROM customers) q WHERE (SELECT xmax FROM orders o JOIN audit a USING (id) LIMIT 1) IS NULL',
  // Rows in an array, and a tsvector, become columns that do not go by the alias.
  "SELECT (SELECT ssn FROM unnest('a'::tsvector) ssn) FROM customers",
  'SELECT (SELECT ssn FROM unnest(ARRAY(SELECT o FROM orders o)) ssn LIMIT 1) FROM customers',
  "SELECT (SELECT ssn FROM unnest(ARRAY['(1,1,x)', ROW(1, 1, 'x')::orders]) AS ssn LIMIT 1) FROM customers",
  // An output can have the name also where not all outputs are known.
  'SELECT count(*) FROM (SELECT DISTINCT ON (id) sq.*, c.ssn AS id FROM sq, customers c) q',
  // Behind columns of unknown number no place is known; nested columns come last; a star in VALUES can be no column at all.
  "SELECT j.ssn || '!' FROM (sq CROSS JOIN customers) AS j(c1, c2, c3, c4)",
  "SELECT (SELECT ssn FROM JSON_TABLE('{}'::jsonb, '$' COLUMNS (NESTED PATH '$' COLUMNS (f text PATH '$'), ssn text PATH '$.z')) AS j(w) LIMIT 1) FROM customers",
  "SELECT (SELECT column2 FROM (SELECT) x, LATERAL (VALUES (x.*, 'd')) v) FROM (SELECT ssn AS column2 FROM customers) q",
  // A subquery names its column, whatever it is cast to, and a star in it does not go by its qualifier.
  'SELECT (SELECT text FROM (SELECT (SELECT 1)::text) x) FROM (SELECT ssn AS text FROM customers) q',
  'SELECT (SELECT x FROM (SELECT (SELECT x.* FROM (SELECT 1 AS one) x)) y) FROM (SELECT ssn AS x FROM customers) q',
  "SELECT j.ssn || '' FROM (sq CROSS JOIN customers) AS j(a, b, c, d)",
  "SELECT j.ssn || '' FROM (pg_am CROSS JOIN customers) AS j(a, b, c, d)",
  "SELECT j.id FROM (sq CROSS JOIN customers) AS j(a, b, c, id) WHERE j.ssn LIKE '123%'",
  // What SEARCH and CYCLE add is no part of a star in a query inside.
  "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 2) SEARCH DEPTH FIRST BY n SET o SELECT b || '!' FROM (SELECT t.*, c.ssn FROM t, customers c) q(a, b)",
  "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 2) CYCLE n SET m USING p SELECT b || '!' FROM (SELECT * FROM t CROSS JOIN (SELECT ssn FROM customers) c) q(a, b)",
  // Of two names the second is a column.
  'SELECT (s.c).ssn FROM s.c, (SELECT customers AS c FROM customers) s',
  "SELECT (s.c).ssn || '!' FROM s.c, (SELECT customers AS c FROM customers) s",
  'SELECT (s.c).* FROM s.c, (SELECT customers AS c FROM customers) s',
  'SELECT (public.vw.c).ssn FROM vw.c, public.vw',
  'SELECT (vw.c).ssn FROM vw.c, public.vw AS vw',
  'SELECT (c).ssn FROM (SELECT sq.*, customers AS c FROM sq, customers) q, s.c',
  // What is assigned to has subscripts.
  "UPDATE jt SET j[(SELECT ssn FROM customers WHERE id = 1)] = '1'",
  "UPDATE jt SET j[c.ssn] = '77' FROM customers c",
  "INSERT INTO jt (j[(SELECT ssn FROM customers WHERE id = 1)], id) VALUES ('1', 2)",
  "INSERT INTO jt (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET j[(SELECT ssn FROM customers WHERE id = 2)] = '5'",
  "MERGE INTO jt USING customers c ON c.id = jt.id WHEN MATCHED THEN UPDATE SET j[c.ssn] = '9'",
  "MERGE INTO jt USING customers c ON false WHEN NOT MATCHED THEN INSERT (j[c.ssn], id) VALUES ('9', c.id + 10)",
];

/** What is made from a column by where rows come from, and definitions after which nothing tells any more where values are from. */
const AROUND = [
  // Beside columns of unknown number no place and no name is sure.
  'SELECT c.id FROM customers c, unnest(array_remove(ARRAY[1, 7], 7)) x',
  'DELETE FROM customers USING pg_am WHERE false',
  // Places, and names in common, are others once somebody changes a table beside it, also while the statement waits for that.
  "SELECT a || '!' FROM (orders CROSS JOIN customers) AS j(w, x, y, z, a)",
  "SELECT n || '!' FROM (SELECT * FROM orders o, customers c) AS q(i, o, n)",
  "SELECT n || '!' FROM (SELECT o.*, c.* FROM orders o, customers c) AS q(i, o, n)",
  "SELECT n || '!' FROM (SELECT (o).*, c.ssn FROM orders o, customers c) AS q(i, o, n)",
  "SELECT n || '!' FROM (SELECT made.*, c.ssn FROM found AS made, customers c) AS q(n)",
  "WITH w(i, o, n) AS (SELECT * FROM orders, customers) SELECT n || '!' FROM w",
  "WITH RECURSIVE w(i, o, n) AS (SELECT * FROM orders, customers) SELECT n || '!' FROM w",
  "SELECT y || '!' FROM ((SELECT * FROM audit UNION ALL SELECT * FROM audit) u CROSS JOIN (SELECT ssn FROM customers) c) AS j(w, x, y, z)",
  "SELECT b || '!' FROM (SELECT v.*, c.ssn FROM audit a, LATERAL (VALUES (a.*)) v, customers c) AS j(w, b)",
  'SELECT id FROM orders NATURAL JOIN customers',
  'SELECT id FROM orders NATURAL JOIN (SELECT id, ssn FROM customers) c',
  "INSERT INTO customers (id, name, ssn, email) SELECT a.*, '***' FROM (SELECT o.* FROM orders o) a",
  // A sample is as large as the argument says.
  'SELECT count(*) FROM sampled',
  // A parent gets a column that its child has already.
  'ALTER TABLE elder ADD COLUMN ssn text',
  // A star stands for as many values as it has columns.
  "MERGE INTO customers t USING (SELECT 9 AS a, '***' AS b) s ON false WHEN NOT MATCHED THEN INSERT (id, ssn) VALUES (s.*)",
  // How many rows a view gives for one tells of what it was made from.
  'SELECT id FROM repeated',
  'SELECT count(*) FROM split',
  'SELECT id FROM keys',
  'SELECT count(*) FROM pairs',
  'SELECT id FROM options',
  // A bound that is not there is NULL.
  'SELECT id, upper(span) FROM spans',
  'SELECT id, lower(span) FROM spans',
  // What was stored by the view as it was.
  "CREATE OR REPLACE VIEW shown AS SELECT id, ''::text AS ssn FROM customers",
  "CREATE OR REPLACE VIEW public.shown AS SELECT id, ''::text AS ssn FROM customers",
  'CREATE OR REPLACE VIEW found AS SELECT id FROM customers',
  // Renames in other words.
  'ALTER INDEX customers RENAME TO clients',
  'ALTER TYPE person RENAME ATTRIBUTE code TO other CASCADE',
  // A column that the client writes can be as large as it takes for the function to fail by what is in the other.
  "SELECT left(concat(replace(c.ssn, '1', o.note), o.note, o.note, o.note), 1) FROM customers c, orders o",
  "WITH w AS MATERIALIZED (SELECT replace(c.ssn, '1', o.note) FROM customers c, orders o) SELECT count(*) FROM w",
  'SELECT q FROM (SELECT replace(ssn, name, email) FROM customers) q',
  // The longest row that is taken, less what the client fills it with, tells how long a value is without some characters.
  "SELECT repeat('x', 16777192), replace(ssn, '123', '') FROM customers WHERE id = 1",
  "SELECT upper(replace(ssn, '1', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')) FROM customers",
  "SELECT replace(ssn, '12', '1') FROM customers",
  "SELECT replace(replace(ssn, '-', '+'), '1', '') FROM customers",
  "SELECT replace(ssn, U&'!0031' UESCAPE '!', '12345') FROM customers",
  "SELECT replace(ssn, E'\\x31', '1234') FROM customers",
  "SELECT replace(ssn, '1', 'é') FROM customers",
  "SELECT replace(ssn, '1'\n'2', '1') FROM customers",
  "SELECT replace(s, '12', '1') FROM (SELECT upper(ssn) AS s FROM customers) q",
  "PREPARE shorter AS SELECT replace(ssn, '123', '') FROM customers",
  "SELECT coalesce(trim(LEADING '1' FROM ssn), '') FROM customers",
  "SELECT md5(s) FROM (SELECT rtrim(ssn, '1') AS s FROM customers) q",
  'SELECT s FROM tidy',
  'SELECT upper(coalesce(ssn, name)) FROM customers',
  'SELECT joined FROM made',
  'EXPLAIN (ANALYZE, SERIALIZE) SELECT ssn FROM customers',
  // What a function makes takes more memory, or disk, where the value is as was guessed.
  "EXPLAIN ANALYZE SELECT replace(ssn, '123-45', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') FROM customers ORDER BY id",
  "EXPLAIN (ANALYZE) WITH w AS MATERIALIZED (SELECT replace(ssn, '123-45', 'aaaaaaaaaaaaaaaaaaaa') AS s FROM customers) SELECT count(*) FROM w",
  'EXPLAIN (ANALYZE 1) DECLARE k CURSOR FOR SELECT lower(ssn) FROM customers',
  'EXPLAIN (ANALYZE) EXECUTE blown',
  'EXPLAIN (ANALYZE, SERIALIZE) DECLARE k CURSOR FOR SELECT ssn FROM customers',
  'SELECT temp_bytes FROM pg_stat_database',
  'SELECT sum(pg_stat_get_db_temp_bytes(oid)) FROM pg_database',
  // A plan works a LATERAL query out once for each value (Memoize), and the scans of the table in it are counted.
  'SELECT l.s FROM customers c, LATERAL (SELECT c.ssn AS s, o.id FROM orders o OFFSET 0) l',
  "SELECT l.s FROM orders o LEFT JOIN (SELECT id, coalesce(left(ssn, 1), '1') AS s FROM customers) c ON c.id = o.id, LATERAL (SELECT c.s, a.id FROM audit a OFFSET 0) l",
  'SELECT l.id FROM customers c LEFT JOIN LATERAL (SELECT (SELECT ssn), o.id FROM orders o OFFSET 0) l ON true',
  'SELECT l.id FROM customers c, LATERAL (SELECT o.id FROM orders o, LATERAL (SELECT (c).ssn OFFSET 0) z OFFSET 0) l',
  'SELECT l.id FROM customers c, LATERAL (SELECT c.*, o.note FROM orders o OFFSET 0) l',
  'WITH w AS (SELECT ssn FROM customers) SELECT l.id FROM w, LATERAL (WITH x AS (SELECT ssn) SELECT o.id, x.ssn FROM orders o, x OFFSET 0) l',
  'UPDATE orders SET note = note FROM customers c, LATERAL (SELECT c.ssn, a.id FROM audit a OFFSET 0) l WHERE l.id = orders.id',
  'SELECT id FROM tucked',
  'SELECT id FROM customers c WHERE c.id IN (SELECT DISTINCT ON (o.id) o.id FROM (SELECT o.id, c.ssn FROM orders o) o)',
  'SELECT a.id FROM audit a JOIN customers c ON a.id = ANY (SELECT o.id FROM (SELECT ssn) z, orders o GROUP BY o.id)',
  // The record of an update leaves out what the row begins and ends with as before.
  "EXPLAIN (ANALYZE, WAL) UPDATE customers SET ssn = '123zzzzzzzz' WHERE id = 1",
  "EXPLAIN (ANALYZE, WAL on) EXECUTE blown",
  'SELECT wal_bytes FROM pg_stat_wal',
  'SELECT * FROM pg_stat_get_wal()',
  'SELECT pg_current_wal_insert_lsn()',
  "SELECT pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')",
  'SELECT slot_name FROM pg_replication_slots',
  // A definition over a view sees what the view sees.
  'CREATE UNIQUE INDEX ON kept (ssn)',
  'CREATE INDEX ON kept ((1 / (length(ssn) - 11)))',
  "CREATE INDEX ON kept (id) WHERE ssn LIKE '123%'",
  'CREATE STATISTICS told ON id, ssn FROM kept',
  'CLUSTER kept USING kept_key',
  'ALTER MATERIALIZED VIEW kept CLUSTER ON kept_key',
  "CREATE RULE told AS ON UPDATE TO shown WHERE old.ssn LIKE '123%' DO INSTEAD NOTHING",
  // An entry of an index is too large, or is not.
  'CREATE INDEX ON customers (id) INCLUDE (name, ssn)',
  // A mask's output as what a view, or a child, gives where nothing is given.
  "ALTER VIEW shown ALTER COLUMN ssn SET DEFAULT '***'",
  "CREATE TABLE young (ssn text DEFAULT '***') INHERITS (customers)",
  // Whether a value is NULL.
  'ALTER TABLE customers DROP CONSTRAINT customers_pkey, ADD PRIMARY KEY USING INDEX ssn_key',
  // What the target reaches elsewhere, or in itself once more.
  "CREATE FOREIGN TABLE again (id int, note text OPTIONS (column_name 'ssn')) SERVER loop OPTIONS (table_name 'customers')",
  // What a view makes of a column fails, or does not, also where nobody sees it.
  'EXPLAIN ANALYZE SELECT number FROM numbers',
  'WITH w AS MATERIALIZED (SELECT number FROM numbers) SELECT count(*) FROM w',
  'WITH w AS MATERIALIZED (SELECT * FROM numbers) SELECT id FROM w',
  'UPDATE orders SET note = note FROM (SELECT * FROM numbers OFFSET 0) n WHERE n.id = orders.id',
  'DELETE FROM orders USING (SELECT * FROM numbers OFFSET 0) n WHERE n.id = orders.id',
  'MERGE INTO orders o USING (SELECT * FROM numbers OFFSET 0) n ON n.id = o.id WHEN MATCHED THEN UPDATE SET note = o.note',
  'SELECT o.id FROM orders o, (SELECT * FROM numbers OFFSET 0) n FOR UPDATE OF o',
  // Through a child of both.
  "SELECT ssn || '' FROM beside",
  // A star in a row that is assigned takes as many places as it has columns.
  'UPDATE orders SET (note) = ROW(z.*, c.ssn) FROM (SELECT) z, customers c',
  'UPDATE orders SET (note) = ROW((z).*, c.ssn) FROM (SELECT) z, customers c',
];

const PREPARED = "PREPARE blown AS WITH w AS MATERIALIZED (SELECT concat(ssn, ssn, ssn, ssn, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') AS s FROM customers) SELECT count(*) FROM w";

/** A subquery gives a column its own name, and one without a name keeps none: what has a name here by mistake would stand before what the server means. */
const TITLES = [
  `SELECT (SELECT "case" FROM (SELECT CASE WHEN true THEN 'a' ELSE (SELECT 'x') END) q) FROM (SELECT ssn AS "case" FROM customers) o`,
  `SELECT (SELECT "text" FROM (SELECT (SELECT 'x')::text) q) FROM (SELECT ssn AS "text" FROM customers) o`,
  'SELECT (SELECT t FROM (SELECT (SELECT t.* FROM (SELECT 1 AS a) t)) q) FROM (SELECT ssn AS t FROM customers) o',
  'SELECT (SELECT "?column?" FROM (SELECT (SELECT * FROM (SELECT 1 AS a) t)) q) FROM (SELECT ssn AS "?column?" FROM customers) o',
  'SELECT (SELECT u FROM unnest(ARRAY[]::s.c[]) u) FROM (SELECT ssn AS u FROM customers) o',
];

/** ON sees its two sides; the arguments of TABLESAMPLE, and queries that are not LATERAL, nothing of FROM; an alias hides what is in its join. */
const FROM = [
  "SELECT id, (SELECT count(*) FROM (SELECT ''::text AS ssn) z, orders o JOIN audit a ON set_config('app.x', ssn, false) IS NOT NULL) FROM customers",
  "SELECT id, (SELECT count(*) FROM (SELECT ''::text AS ssn) z, orders TABLESAMPLE BERNOULLI (length(set_config('app.x', ssn, false)))) FROM customers",
  "SELECT id, (SELECT count(*) FROM orders TABLESAMPLE BERNOULLI (100) REPEATABLE (length(set_config('app.x', ssn, false)))) FROM customers",
  "SELECT id, (SELECT count(*) FROM (SELECT ''::text AS ssn) z, orders o JOIN audit a ON ssn LIKE '123-4%') FROM customers",
  "SELECT id, (SELECT count(*) FROM (SELECT ''::text AS ssn) z, orders o JOIN audit a ON z.ssn LIKE '123-4%') FROM customers z",
  "SELECT id FROM customers z WHERE EXISTS (SELECT FROM (SELECT 'q'::text AS ssn) z, orders JOIN audit ON z.ssn LIKE '123%')",
  "SELECT id, (SELECT count(*) FROM (SELECT ''::text AS ssn) z, (SELECT WHERE ssn LIKE '123%') y) FROM customers",
  "SELECT id, (SELECT count(*) FROM (SELECT ''::text AS ssn) z, (VALUES (ssn || '')) y) FROM customers",
  "SELECT z.id, (SELECT z.ssn FROM ((SELECT ''::text AS ssn) z CROSS JOIN audit) j LIMIT 1) FROM customers z",
  "SELECT id, (SELECT column2 FROM (SELECT) x, LATERAL (VALUES (x.*, 'd')) v) FROM customers AS c(id, name, email, column2)",
  'SELECT id, (SELECT text FROM (SELECT (SELECT 1)::text) x) FROM customers AS c(id, name, email, text)',
  'SELECT id, (SELECT public.customers.ssn FROM tn AS customers LIMIT 1) FROM customers',
  'SELECT id, (SELECT ctid FROM v LIMIT 1) FROM customers AS c(id, name, email, ctid)',
  'SELECT id, (SELECT ctid FROM orders CROSS JOIN audit LIMIT 1) FROM customers AS c(id, name, email, ctid)',
];

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({ postgres: { version, setup: SETUP }, policies });
    });
    after(() => scene[Symbol.asyncDispose]());

    test('a strict mask holds', async () => {
      using wire = await wireHaving(scene, 'writer', PREPARED);
      const stored = (await scene.target.query('SELECT * FROM jt'));
      for (const text of [...OUTER, ...TITLES, ...FROM, ...AROUND]) {
        const said = await wire.query(text);
        assert.match(errorText(said), /C:42501/, `${text}: ${plain(said).join(' ')}`);
      }
      assert.deepEqual(await scene.target.query('SELECT * FROM jt'), stored);
    });

    test('every vetted function that gives rows for what it is given counts as one', async () => {
      const given = await scene.target.query("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proretset AND pronargs > 0");
      assert.deepEqual(given.map(({ proname }) => String(proname)).filter((name) => vettedFunctions.has(name) && !multiplying.has(name)), []);
    });

    test('a rule on a column is met', async () => {
      using wire = await gatewayWire(scene, 'migrator');
      for (const text of [...FROM, 'UPDATE s.c SET id = c.id FROM customers AS old WHERE name IS NULL RETURNING old.ssn', 'DELETE FROM s.c USING customers AS new WHERE name IS NULL RETURNING new.ssn']) {
        const said = await wire.query(text);
        assert.match(errorText(said), /C:42501/, `${text}: ${plain(said).join(' ')}`);
      }
    });

    test('what is written so without protected columns runs', async () => {
      using wire = await wireHaving(scene, 'writer', PREPARED);
      for (const text of [
        'SELECT o.ctid, tableoid FROM orders o LIMIT 1', 'SELECT xmin, oid FROM pg_class LIMIT 1', 'SELECT (o).id FROM orders o', 'SELECT count(*) FROM orders o JOIN audit a ON o.id = a.id JOIN s.c ON c.id = o.id',
        'SELECT (SELECT o.id FROM orders o WHERE o.id = c.id) FROM customers c', 'SELECT c.id, l.* FROM customers c, LATERAL (SELECT ssn FROM customers o WHERE o.id = c.id) l', 'SELECT id FROM customers WHERE EXISTS (SELECT FROM orders WHERE note IS NOT NULL)',
        'SELECT c.id, f.n FROM customers c, (SELECT n FROM unnest(array_remove(ARRAY[1, 7], 7)) AS u(n)) f', 'SELECT id, last_value FROM customers, sq',
        'SELECT (SELECT (SELECT 1)::text), CASE WHEN true THEN 1 ELSE (SELECT 2) END',
        'SELECT count(*) FROM orders o CROSS JOIN LATERAL (SELECT o.id) l JOIN audit a ON l.id = a.id', 'SELECT count(*) FROM orders TABLESAMPLE BERNOULLI (100) REPEATABLE (1)', "UPDATE jt SET j['k'] = '1', a[1] = 2 WHERE id = 1",
        'UPDATE orders SET (id, note) = (c.id, c.name) FROM customers c WHERE false', 'UPDATE orders SET (id, note) = ROW(c.id, c.name) FROM customers c WHERE false', "SELECT upper(ssn), lower(name), concat(ssn, ' '), concat(name, email), coalesce(ssn, name) FROM customers", "SELECT replace(ssn, '-', 'x'), upper(replace(replace(ssn, '1', '2'), E'\\x31', $$a$$)), replace(ssn, '1'\n'2', 'ab') FROM customers", 'SELECT id FROM made', 'SELECT id FROM tidy', 'SELECT l.id, c.ssn FROM customers c, LATERAL (SELECT o.id, c.name, (c).id AS own FROM orders o WHERE o.customer_id = c.id) l', 'SELECT l.ssn FROM customers c, LATERAL (SELECT c.ssn FROM customers c LIMIT 1) l', 'SELECT ssn FROM customers c WHERE c.id IN (SELECT o.customer_id FROM orders o WHERE o.id = c.id)', 'EXPLAIN (ANALYZE, WAL off) SELECT id FROM customers', 'SELECT id FROM lists', 'SELECT grouping(name), count(*) FROM customers GROUP BY ROLLUP (name)', 'EXPLAIN (ANALYZE) SELECT ssn FROM customers', 'EXPLAIN (ANALYZE off) SELECT reverse(ssn) FROM customers', "EXPLAIN ANALYZE SELECT replace(name, 'a', 'b'), id FROM customers", 'EXPLAIN EXECUTE blown', 'EXPLAIN SELECT number FROM numbers', 'EXPLAIN ANALYZE SELECT id FROM numbers', 'SELECT id FROM (SELECT * FROM numbers) n', 'WITH w AS (SELECT id FROM numbers) SELECT count(*) FROM w', 'UPDATE orders SET note = note FROM (SELECT id FROM numbers) n WHERE n.id = orders.id', 'SELECT c.ssn FROM customers c, orders o FOR UPDATE OF c', 'WITH w AS (SELECT * FROM customers) SELECT count(*) FROM w', 'EXPLAIN (ANALYZE) DECLARE k CURSOR FOR SELECT ssn FROM customers', 'CREATE UNIQUE INDEX ON kept (id)', 'ALTER VIEW found SET (security_barrier)', 'ALTER VIEW shown ALTER COLUMN id SET DEFAULT 3', "ALTER VIEW shown ALTER COLUMN ssn SET DEFAULT 'none'", 'ALTER TABLE tn ADD PRIMARY KEY USING INDEX tn_key', "CREATE TABLE young (name text DEFAULT '***', ssn text DEFAULT 'none') INHERITS (customers)", 'DROP TABLE young', 'CREATE INDEX ON customers (id) INCLUDE (name)', ...(version < 17 ? [] : ['EXPLAIN (ANALYZE, SERIALIZE) SELECT id FROM customers']), 'ALTER INDEX jt_pkey RENAME TO jt_key', 'CREATE OR REPLACE VIEW v AS SELECT id, name AS n FROM customers WHERE id > 0',
        'ALTER TABLE elder ADD COLUMN other text', "MERGE INTO orders t USING (SELECT 9 AS a, 'n' AS b) s ON false WHEN NOT MATCHED THEN INSERT (id, note) VALUES (s.*)",
        'SELECT q.i, q.s FROM (SELECT id, ssn FROM customers) AS q(i, s)', "SELECT n || '!' FROM customers AS c(i, n)", "SELECT n || '!' FROM (SELECT c.* FROM orders o, customers c) AS c(i, n)", "WITH w(i, n) AS (SELECT * FROM customers) SELECT n || '!' FROM w", 'SELECT w FROM (orders CROSS JOIN (SELECT id FROM customers) c) AS j(w, x, y, z)', 'SELECT o.*, c.* FROM orders o JOIN customers c ON c.id = o.id', 'SELECT * FROM orders JOIN customers USING (id)',
        'WITH w AS (SELECT * FROM customers) SELECT name, ssn FROM w', 'WITH w(i, s) AS (SELECT id, ssn FROM customers) SELECT s FROM w', 'SELECT x FROM orders AS o(x, y, z)', 'SELECT count(*) FROM orders NATURAL JOIN audit', 'SELECT count(*) FROM orders NATURAL JOIN (SELECT id FROM customers) c', 'SELECT c.name FROM customers AS c',
        // An alias of FROM comes before the names that RETURNING has for rows.
        'UPDATE orders SET note = note FROM customers AS old WHERE old.id = orders.id RETURNING old.ssn', 'DELETE FROM orders USING customers AS new WHERE false RETURNING new.ssn, new.*',
        "SELECT * FROM orders, unnest(ARRAY['a', 'b']) x", "SELECT * FROM orders o, unnest('{1,2}'::int[], ARRAY[o.note, 'y']) AS u(n, t)", 'SELECT x FROM orders o, unnest(array_remove(ARRAY[o.id], 7)) x',
        'SELECT * FROM jt, unnest(jt.a) AS x', 'SELECT v.b FROM orders o, LATERAL (VALUES (o.id, o.note)) v(a, b)', 'SELECT * FROM orders o, LATERAL (VALUES (o.*)) v', 'SELECT last_value FROM (sq CROSS JOIN orders) AS j', 'SELECT j.id, o.tableoid FROM (orders o JOIN audit a USING (id)) JOIN audit j USING (id)',
      ]) assert.equal(errorText(await wire.query(text)), '', text);
    });
  });
}
