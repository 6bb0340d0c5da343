import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import type { Catalog } from '../catalog.ts';
import type { StatementFacts } from '../facts.ts';
import { analyse } from './analyse.ts';
import { Granted } from './granted.ts';
import { CatalogIndex } from './names.ts';
import { loadParser, parseDefinition, parseText } from './parse.ts';

before(loadParser);

const captured = JSON.parse(readFileSync(new URL('testdata/catalog.json', import.meta.url), 'utf8')) as Catalog;
const catalog: Catalog = {
  ...captured,
  functions: [
    ...captured.functions,
    { oid: 90001, schema: 'public', name: 'purge', arguments: 'customers', kind: 'f', volatility: 'i' },
    { oid: 90002, schema: 'billing', name: 'close_month', arguments: 'integer', kind: 'f', volatility: 'v' },
    { oid: 90003, schema: 'billing', name: 'close_month', arguments: 'integer, text', kind: 'f', volatility: 'v' },
    { oid: 90004, schema: 'public', name: 'lower', arguments: 'integer', kind: 'f', volatility: 'i' },
    { oid: 90005, schema: 'public', name: 'similarity', arguments: 'text, text', kind: 'f', volatility: 'i', extension: 'pg_trgm' },
    { oid: 90006, schema: 'public', name: 'dblink', arguments: 'text', kind: 'f', volatility: 'v', extension: 'dblink' },
    { oid: 90007, schema: 'elsewhere', name: 'upper', arguments: 'integer', kind: 'f', volatility: 'i' },
  ],
  operators: [
    { schema: 'public', name: '===' },
    { schema: 'elsewhere', name: '=' },
    { schema: 'public', name: '<%', extension: 'pg_trgm' },
  ],
  types: [...captured.types, { oid: 90010, schema: 'public', name: 'evil', kind: 'd', base: 25, foreignCheck: true }, { oid: 90011, schema: 'public', name: 'worse', kind: 'd', base: 90010 }, { oid: 90012, schema: 'public', name: 'odd', kind: 'e' }],
  relations: [
    ...captured.relations,
    { oid: 90020, schema: 'public', name: 'checked', kind: 'r', columns: [{ name: 'e', number: 1, type: 90011, typmod: -1 }] },
    { oid: 90021, schema: 'public', name: 'oddly', kind: 'r', columns: [{ name: 'o', number: 1, type: 90012, typmod: -1 }] },
    { oid: 90022, schema: 'public', name: 'remote', kind: 'f', columns: [{ name: 'id', number: 1, type: 23, typmod: -1 }] },
    { oid: 90023, schema: 'public', name: 'calling', kind: 'v', columns: [{ name: 'x', number: 1, type: 23, typmod: -1 }], definition: ' SELECT public.purge(customers.*) AS x FROM public.customers;' },
    { oid: 90024, schema: 'public', name: 'over', kind: 'v', columns: [{ name: 'x', number: 1, type: 23, typmod: -1 }], definition: ' SELECT calling.x FROM public.calling;' },
    { oid: 90025, schema: 'public', name: 'broken', kind: 'v', columns: [], definition: ' SELECT FROM WHERE' },
    { oid: 90026, schema: 'public', name: 'ruled', kind: 'r', columns: [{ name: 'id', number: 1, type: 23, typmod: -1 }], rules: true },
    { oid: 90030, schema: 'public', name: 'watched', kind: 'r', columns: [{ name: 'id', number: 1, type: 23, typmod: -1 }], rowSecurity: true, policyCalls: [90001, 90005] },
    { oid: 90031, schema: 'public', name: 'over_watched', kind: 'v', columns: [{ name: 'id', number: 1, type: 23, typmod: -1 }], definition: ' SELECT watched.id FROM public.watched;' },
    { oid: 90032, schema: 'public', name: 'gone_policy', kind: 'r', columns: [{ name: 'id', number: 1, type: 23, typmod: -1 }], rowSecurity: true, policyCalls: [99999] },
    { oid: 90033, schema: 'public', name: 'unwatched', kind: 'r', columns: [{ name: 'id', number: 1, type: 23, typmod: -1 }], policyCalls: [90001] },
    { oid: 90040, schema: 'public', name: 'kept', kind: 'r', columns: [], cascades: [{ relation: 90041, on: 'truncate', verb: 'truncate' }] },
    { oid: 90041, schema: 'public', name: 'keeping', kind: 'r', columns: [], cascades: [{ relation: 90040, on: 'truncate', verb: 'truncate' }] },
    { oid: 90027, schema: 'public', name: 'defaulting', kind: 'r', columns: [{ name: 'id', number: 1, type: 23, typmod: -1, foreignDefault: true }] },
  ],
  casts: [{ source: 'public.odd', target: 'integer' }],
};
const index = new CatalogIndex(catalog);

function facts(sql: string, signatures: readonly string[] = [], searchPath: readonly string[] = ['public']): readonly StatementFacts[] {
  const statements = parseText(sql);
  assert.ok(statements, sql);
  return analyse(Buffer.from(sql), statements, { index, granted: new Granted({ id: '', signatures }), parse: parseDefinition }, { searchPath, login: 'app' }).facts;
}

/** Effects in one line each: `class verb kind:schema.name(columns)`. */
const effects = (all: readonly StatementFacts[]): readonly string[] =>
  all.flatMap((each) =>
    each.effects.map(({ class: granted, verb, object, columns, alone }) => {
      const of = object ? ` ${object.kind}:${object.schema === undefined ? '' : `${object.schema}.`}${object.name}` : '';
      return `${granted} ${verb}${of}${columns ? `(${columns.join(',')})` : ''}${alone ? ' alone' : ''}`;
    }),
  );

/** Statement, then its timing, then its effects. */
const table: readonly (readonly [sql: string, timing: string, ...effects: string[]])[] = [
  ['SELECT 1', 'read', 'read select'],
  ["SELECT count(*), max(amount) FROM customers WHERE name LIKE 'a%'", 'read', 'read select table:public.customers(amount,name)'],
  ['SELECT c FROM customers c', 'read', 'read select table:public.customers(id,name,email,mood,amount,born,data,p,full_name)'],
  ['SELECT x.b FROM customers AS x(a, b)', 'read', 'read select table:public.customers(name)'],
  ['SELECT o.id FROM orders o JOIN customers c USING (id)', 'read', 'read select table:public.orders(id)', 'read select table:public.customers(id)'],
  ['SELECT (SELECT max(born) FROM customers WHERE id = customer_id) FROM orders', 'read', 'read select table:public.orders(customer_id)', 'read select table:public.customers(born,id)'],
  ['SELECT * FROM big_orders', 'read', 'read select view:public.big_orders(id,name)', 'read select table:public.orders(customer_id,id)', 'read select table:public.customers(id,name)'],
  ['WITH customers AS (SELECT 1 AS id) SELECT * FROM customers', 'read', 'read select'],
  ['WITH customers AS (SELECT 1 AS id) DELETE FROM orders WHERE id IN (SELECT id FROM customers)', 'transactional', 'write delete table:public.orders', 'write trigger table:public.orders', 'read select table:public.orders(id)'],
  ['WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t) SELECT * FROM t', 'read', 'read select'],
  ['INSERT INTO billing.invoices VALUES (1, 2)', 'transactional', 'write insert table:billing.invoices(id,total)'],
  ["INSERT INTO customers (name) VALUES ('x') ON CONFLICT (email) DO UPDATE SET name = excluded.name WHERE customers.id > 1 RETURNING email", 'transactional', 'write insert table:public.customers(name)', 'write update table:public.customers(name)', 'read select table:public.customers(id,email)'],
  ["UPDATE orders SET note = c.name FROM customers c WHERE c.id = orders.customer_id", 'transactional', 'write update table:public.orders(note)', 'write trigger table:public.orders', 'read select table:public.customers(name,id)', 'read select table:public.orders(customer_id)'],
  ['DELETE FROM customers', 'transactional', 'write delete table:public.customers', 'write delete table:public.orders(id,customer_id,note,at)', 'write trigger table:public.orders'],
  ['DELETE FROM big_orders', 'transactional', 'write delete view:public.big_orders', 'read select table:public.orders(customer_id,id)', 'read select table:public.customers(id,name)'],
  ['MERGE INTO billing.invoices i USING orders o ON o.id = i.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (o.id)', 'transactional', 'read select table:public.orders(id)', 'read select table:billing.invoices(id)', 'write delete table:billing.invoices', 'write insert table:billing.invoices(id)'],
  ['TRUNCATE billing.invoices CASCADE', 'transactional', 'write truncate table:billing.invoices', 'write cascade table:billing.invoices'],
  ['TRUNCATE kept', 'transactional', 'write truncate table:public.kept'],
  ['TRUNCATE kept CASCADE', 'transactional', 'write truncate table:public.kept', 'write cascade table:public.kept', 'write truncate table:public.keeping'],
  ['INSERT INTO defaulting VALUES (1)', 'transactional', 'write insert table:public.defaulting(id)', 'write trigger table:public.defaulting'],
  ['INSERT INTO checked VALUES ($1)', 'transactional', 'write insert table:public.checked(e)', 'write trigger table:public.checked'],
  ['DELETE FROM ruled', 'immediate', 'write delete table:public.ruled', 'unknown rule table:public.ruled'],
  ['SELECT * FROM remote', 'immediate', 'read select foreign_table:public.remote(id)'],
  ['SELECT id FROM orders FOR UPDATE', 'transactional', 'read select table:public.orders(id)', 'write lock'],
  ['SELECT c.id FROM orders o JOIN customers AS c USING (id) FOR UPDATE OF c', 'transactional', 'read select table:public.orders(id)', 'read select table:public.customers(id)', 'write lock table:public.customers'],
  ['SELECT customers.id FROM (SELECT id FROM orders) customers FOR SHARE OF customers', 'transactional', 'read select table:public.orders(id)', 'write lock'],
  ['SELECT o.id FROM big_orders o FOR UPDATE OF o', 'transactional', 'read select view:public.big_orders(id)', 'read select table:public.orders(customer_id,id)', 'read select table:public.customers(id,name)', 'write lock'],
  ['LOCK TABLE big_orders', 'transactional', 'session lock view:public.big_orders', 'read select table:public.orders(customer_id,id)', 'read select table:public.customers(id,name)', 'session lock table:public.orders', 'session lock table:public.customers'],
  ["WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n FROM t) CYCLE n SET c TO evil 'x' DEFAULT evil 'y' USING p SELECT 1 FROM t", 'immediate', 'unknown cast type:public.evil'],
  ['SELECT id INTO leak FROM orders', 'transactional', 'read select table:public.orders(id)', 'schema create table:public.leak'],
  ['TABLE orders', 'read', 'read select table:public.orders(id,customer_id,note,at)'],

  ['SELECT * FROM nope', 'immediate', 'unknown select table:nope', 'read select table:nope(*)'],
  ['SELECT * FROM over', 'immediate', 'read select view:public.over(x)', 'read select view:public.calling(x)', 'read select table:public.customers(id,name,email,mood,amount,born,data,p,full_name)', 'unknown call function:public.purge'],
  ['SELECT * FROM broken', 'immediate', 'read select view:public.broken(*)', 'unknown select view:public.broken'],
  ['SELECT c.purge FROM customers c', 'immediate', 'read select table:public.customers(purge)', 'unknown call function:public.purge'],
  // What nothing known has may have come to be, or be a function, since the snapshot.
  ['SELECT c.purge_c FROM customers c', 'immediate', 'read select table:public.customers(purge_c)', 'unknown select column:purge_c'],
  ['SELECT (c).purge_c FROM customers c', 'immediate', 'read select table:public.customers(id,name,email,mood,amount,born,data,p,full_name)', 'unknown select column:purge_c'],
  ['SELECT nope FROM orders', 'immediate', 'read select table:public.orders(nope)', 'unknown select column:nope'],
  ['SELECT c.relnope, (c.id).pwn FROM pg_class c', 'immediate', 'read select table:pg_catalog.pg_class(relnope,id)', 'unknown select column:relnope', 'unknown select column:pwn'],
  ['SELECT x.pwn, (now()).pwn FROM generate_series(1, 2) x', 'immediate', 'unknown select column:pwn'],
  ['UPDATE billing.invoices i SET total = 1 WHERE i.nope RETURNING new.gone', 'immediate', 'write update table:billing.invoices(total)', 'read select table:billing.invoices(nope,gone)', 'unknown select column:nope', 'unknown select column:gone'],
  ['SELECT c.xmin, c.ctid, tableoid, c FROM customers c WHERE (c).p = (c.p) AND (c.p).a = 1', 'read', 'read select table:public.customers(xmin,ctid,tableoid,id,name,email,mood,amount,born,data,p,full_name)'],
  ['SELECT x.column1, y.n, z.key FROM (VALUES (1)) x, generate_series(1, 2) y(n), json_each(NULL) z ORDER BY n, column1', 'read', 'read select'],
  ['SELECT coalesce(note), id AS k, count(*) FROM orders GROUP BY k, "coalesce" ORDER BY count, k', 'read', 'read select table:public.orders(note,id)'],
  ['SELECT j.at, j.total, id FROM (orders JOIN billing.invoices USING (id)) j ORDER BY j.note', 'read', 'read select table:public.orders(id,at,note)', 'read select table:billing.invoices(id,total)'],
  ['SELECT s.x, s.customer_id FROM (SELECT * FROM billing.invoices i JOIN orders o USING (id)) AS s(x, y)', 'read', 'read select table:billing.invoices(id,total)', 'read select table:public.orders(id,customer_id,note,at)'],
  ['WITH d AS (DELETE FROM billing.invoices RETURNING old.*) SELECT d.id, total FROM d', 'transactional', 'write delete table:billing.invoices', 'read select table:billing.invoices(id,total)'],
  ['ALTER TABLE orders ADD COLUMN a int, ADD COLUMN b int CHECK (a < b)', 'transactional', 'schema alter table:public.orders(a,b)'],
  ['ALTER DOMAIN positive ADD CHECK (VALUE < 5)', 'transactional', 'schema alter domain:positive'],
  ['SELECT id FROM watched', 'immediate', 'read select table:public.watched(id)', 'unknown call function:public.purge'],
  ['DELETE FROM watched', 'immediate', 'write delete table:public.watched', 'unknown call function:public.purge'],
  ['SELECT * FROM over_watched', 'immediate', 'read select view:public.over_watched(id)', 'read select table:public.watched(id)', 'unknown call function:public.purge'],
  ['SELECT id FROM gone_policy', 'immediate', 'read select table:public.gone_policy(id)', 'unknown select table:public.gone_policy'],
  ['TRUNCATE watched', 'transactional', 'write truncate table:public.watched'],
  ['SELECT id FROM unwatched', 'read', 'read select table:public.unwatched(id)'],
  ['SELECT (c).purge FROM customers c', 'immediate', 'read select table:public.customers(id,name,email,mood,amount,born,data,p,full_name)', 'unknown call function:public.purge'],
  ['SELECT purge(c) FROM customers c', 'immediate', 'read select table:public.customers(id,name,email,mood,amount,born,data,p,full_name)', 'unknown call function:public.purge'],
  ['SELECT nofunc()', 'immediate', 'unknown call function:nofunc'],
  // Its argument decides which of the two is meant, and types are not followed.
  ['SELECT lower(1)', 'immediate', 'unknown call function:public.lower'],
  ['SELECT pg_catalog.lower(1), upper(name) FROM customers', 'read', 'read select table:public.customers(name)'],
  ["SELECT similarity('a', 'b'), 'a' <% 'b'", 'read', 'read select'],
  ["SELECT dblink('x')", 'immediate', 'unknown call function:public.dblink'],
  ['SELECT 1 === 2', 'immediate', 'unknown operator operator:==='],
  ['SELECT 1 OPERATOR(elsewhere.=) 2', 'immediate', 'unknown operator operator:elsewhere.='],
  ["SELECT 'x'::evil", 'immediate', 'unknown cast type:public.evil'],
  ["SELECT CAST(ARRAY['x'] AS worse[])", 'immediate', 'unknown cast type:public.worse'],
  ['SELECT NULL::checked', 'immediate', 'unknown cast type:public.checked'],
  ["SELECT * FROM json_to_record('{}') AS t(a worse)", 'immediate', 'unknown cast type:public.worse'],
  ['SELECT o FROM oddly', 'immediate', 'read select table:public.oddly(o)', 'unknown select table:public.oddly'],
  ["SELECT query_to_xml('DELETE FROM customers', true, false, '')", 'immediate', 'unknown call function:pg_catalog.query_to_xml'],
  ["SELECT ts_rewrite('a'::tsquery, 'SELECT 1'), ts_rewrite('a'::tsquery, 'b', 'c')", 'immediate', 'unknown call function:pg_catalog.ts_rewrite'],
  ['SELECT id FROM orders TABLESAMPLE own_method(1)', 'immediate', 'unknown sample', 'read select table:public.orders(id)'],
  ['DO $$ BEGIN END $$', 'immediate', 'unknown do'],
  ['CALL refresh_all()', 'immediate', 'unknown call function:public.refresh_all'],

  ["SELECT nextval('spare'), setval('public.spare', 2), currval('spare')", 'immediate', 'write nextval sequence:public.spare', 'schema setval sequence:public.spare'],
  ["SELECT nextval('spa' || 're')", 'immediate', 'write nextval function:pg_catalog.nextval', 'write nextval sequence:*'],
  ["SELECT setval('16399', 7)", 'immediate', 'schema setval function:pg_catalog.setval', 'schema setval sequence:*'],
  ['SELECT pg_advisory_lock(1)', 'immediate', 'session lock function:pg_catalog.pg_advisory_lock'],
  ['SELECT pg_sleep(1)', 'read', 'session sleep function:pg_catalog.pg_sleep'],
  ['SELECT pg_terminate_backend(1)', 'immediate', 'admin signal function:pg_catalog.pg_terminate_backend'],
  ["SELECT x.pg_read_file FROM (SELECT '/etc/passwd'::text) x", 'immediate', 'admin file function:pg_catalog.pg_read_file'],
  ["SELECT pg_notify('a', 'b')", 'transactional', 'write notify function:pg_catalog.pg_notify', 'write notify channel:*'],
  ["SELECT pg_notify('a', name) FROM customers", 'transactional', 'read select table:public.customers(name)', 'session notify function:pg_catalog.pg_notify', 'session notify channel:*'],
  ['SELECT * FROM pg_stats', 'read', 'admin select table:pg_catalog.pg_stats(*)'],
  ['SELECT rolname FROM pg_authid', 'read', 'read select table:pg_catalog.pg_authid(rolname)'],
  ['SELECT a.x5 FROM pg_authid AS a(x1,x2,x3,x4,x5)', 'read', 'read select table:pg_catalog.pg_authid(*)', 'admin select table:pg_catalog.pg_authid(rolpassword)'],
  ['SELECT 1 AS pg_authid FROM pg_authid WHERE (pg_authid).rolpassword IS NOT NULL', 'read', 'read select table:pg_catalog.pg_authid(*)', 'admin select table:pg_catalog.pg_authid(rolpassword)'],
  ['SELECT pid, state FROM pg_stat_activity', 'read', 'read select table:pg_catalog.pg_stat_activity(pid,state)'],
  ['SELECT * FROM pg_stat_activity', 'read', 'read select table:pg_catalog.pg_stat_activity(*)', 'admin select table:pg_catalog.pg_stat_activity(query)'],
  ["UPDATE pg_settings SET setting = 'x'", 'immediate', 'admin update table:pg_catalog.pg_settings(setting)'],

  ['BEGIN', 'read', 'read begin'],
  ['BEGIN READ WRITE', 'read', 'read begin', 'write set setting:transaction_read_only'],
  ['COMMIT', 'commits', 'read commit'],
  ['ROLLBACK TO x', 'read', 'read rollback_to'],
  ["COMMIT PREPARED 'x'", 'commits', 'session commit_prepared'],
  ["SET application_name = 'x'", 'read', 'read set setting:application_name'],
  ['SET search_path = a, b', 'read', 'session set setting:search_path'],
  ['SET default_transaction_read_only = off', 'read', 'write set setting:default_transaction_read_only'],
  ['SET LOCAL ROLE x', 'read', 'admin set setting:role'],
  ['SET ROLE NONE', 'read', 'session set setting:role'],
  ['SET ROLE app', 'read', 'session set setting:role'],
  ["SET LOCAL ROLE 'app'", 'read', 'session set setting:role'],
  ['SET ROLE "App"', 'read', 'admin set setting:role'],
  ["SELECT set_config('role', 'app', false)", 'read', 'admin set setting:role'],
  ['SET SESSION AUTHORIZATION bob; SET ROLE app', 'read', 'admin set setting:session_authorization', 'admin set setting:role'],
  ['SET my.tenant = 5', 'read', 'session set setting:my.tenant'],
  ['RESET ALL', 'read', 'session reset setting:*'],
  ["SELECT set_config(name, 'x', false) FROM customers", 'immediate', 'read select table:public.customers(name)', 'admin set setting:*'],
  ["SELECT set_config(name, 'view', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'", 'read', 'read select table:pg_catalog.pg_settings(name)', 'read set setting:restrict_nonsystem_relation_kind'],
  ['SHOW ALL', 'read', 'read show setting:*'],
  ['LISTEN x', 'transactional', 'session listen channel:x'],
  ['DISCARD ALL', 'read', 'session discard'],
  ['LOCK TABLE orders IN ACCESS SHARE MODE', 'transactional', 'read lock table:public.orders'],
  ['LOCK TABLE orders', 'transactional', 'session lock table:public.orders'],
  ['PREPARE p AS DELETE FROM billing.invoices', 'read', 'read prepare', 'write delete table:billing.invoices'],
  ['PREPARE p (evil) AS SELECT $1', 'immediate', 'read prepare', 'unknown cast type:public.evil'],
  ['DECLARE k CURSOR FOR SELECT id FROM orders', 'read', 'read declare', 'read select table:public.orders(id)'],
  ['EXPLAIN ANALYZE DELETE FROM billing.invoices', 'transactional', 'write delete table:billing.invoices', 'read explain'],
  ['EXPLAIN (ANALYZE, ANALYZE off) DELETE FROM billing.invoices', 'read', 'read explain table:billing.invoices', 'read explain'],
  // Planning runs a function that calls itself immutable.
  ['EXPLAIN SELECT purge(c) FROM customers c', 'immediate', 'read select table:public.customers(id,name,email,mood,amount,born,data,p,full_name)', 'unknown call function:public.purge', 'read explain'],
  ['COPY orders (id, note) TO STDOUT', 'read', 'read select table:public.orders(id,note)', 'read copy table:public.orders(id,note)'],
  ['COPY billing.invoices FROM STDIN', 'transactional', 'write insert table:billing.invoices(id,total)', 'write copy table:billing.invoices'],
  ['COPY (DELETE FROM billing.invoices RETURNING id) TO STDOUT', 'transactional', 'write delete table:billing.invoices', 'read select table:billing.invoices(id)', 'read copy'],
  ["COPY orders (id) TO '/tmp/x'", 'immediate', 'read select table:public.orders(id)', 'admin copy file:*'],
  ["COPY billing.invoices FROM PROGRAM 'x'", 'immediate', 'write insert table:billing.invoices(id,total)', 'admin copy program:*'],

  ['CREATE TABLE t (id int REFERENCES orders)', 'transactional', 'schema references table:public.orders', 'schema create table:public.t'],
  ['CREATE TEMP TABLE t (id int)', 'transactional', 'schema create table:pg_temp.t'],
  ['CREATE TEMP TABLE orders (id int)', 'transactional', 'schema create table:pg_temp.orders', 'session shadow table:public.orders'],
  ['CREATE TABLE t AS SELECT id FROM orders', 'transactional', 'read select table:public.orders(id)', 'schema create table:public.t'],
  ['CREATE VIEW v AS SELECT purge(c), id FROM customers c', 'transactional', 'read select table:public.customers(id,name,email,mood,amount,born,data,p,full_name)', 'schema create view:public.v'],
  ['CREATE INDEX CONCURRENTLY i ON orders (id)', 'commits', 'schema create index:public.i', 'schema alter table:public.orders'],
  ['CREATE INDEX i ON customers (purge(customers))', 'immediate', 'schema create index:public.i', 'schema alter table:public.customers', 'unknown call function:public.purge'],
  ['ALTER TABLE orders DROP COLUMN note CASCADE', 'transactional', 'schema alter table:public.orders(note)', 'schema drop column:public.orders(note)', 'schema cascade table:public.orders'],
  ['ALTER TABLE orders ALTER COLUMN note TYPE int USING 0', 'transactional', 'schema alter table:public.orders(note)', 'write update table:public.orders(note)', 'read select table:public.orders'],
  ['ALTER TABLE orders ADD COLUMN z int DEFAULT nofunc()', 'immediate', 'schema alter table:public.orders(z)', 'unknown call function:nofunc'],
  ['ALTER TABLE orders ADD COLUMN z text GENERATED ALWAYS AS (note) STORED', 'transactional', 'schema alter table:public.orders(z)', 'read select table:public.orders(note)'],
  ['ALTER TABLE orders ALTER COLUMN note TYPE text USING id::text', 'transactional', 'schema alter table:public.orders(note)', 'write update table:public.orders(note)', 'read select table:public.orders(id)'],
  ['ALTER TABLE orders RENAME COLUMN note TO n', 'transactional', 'schema alter table:public.orders(note,n)'],
  ['ALTER TABLE orders RENAME TO o2', 'transactional', 'schema alter table:public.orders', 'schema create table:public.o2'],
  ['ALTER TABLE big_orders RENAME TO b2', 'transactional', 'schema alter view:public.big_orders', 'schema create view:public.b2'],
  ['ALTER TYPE mood RENAME TO m2', 'transactional', 'schema alter type:mood', 'schema create type:m2'],
  ['ALTER SCHEMA billing RENAME TO b2', 'transactional', 'schema alter schema:billing', 'schema create schema:b2', 'unknown alter schema:billing'],
  ['ALTER TABLE orders RENAME CONSTRAINT a TO b', 'transactional', 'schema alter table:public.orders'],
  ['ALTER TRIGGER a ON orders RENAME TO b', 'transactional', 'schema alter table:public.orders'],
  ['ALTER TABLE big_orders ALTER id SET DEFAULT 1', 'transactional', 'schema alter view:public.big_orders(id)'],
  ['ALTER TABLE orders ADD q int CHECK (length(note) > q)', 'transactional', 'schema alter table:public.orders(q,note)'],
  ['ALTER TABLE orders ADD q int, ADD UNIQUE (note)', 'transactional', 'schema alter table:public.orders(*)'],
  ['ALTER TABLE orders ADD q int, DISABLE ROW LEVEL SECURITY', 'transactional', 'schema alter table:public.orders(*)'],
  ['ALTER TABLE orders ADD q int, ALTER note SET NOT NULL', 'transactional', 'schema alter table:public.orders(q,note)'],
  ['DROP TRIGGER t ON orders', 'transactional', 'schema drop trigger:orders.t', 'schema alter table:public.orders'],
  ['DROP POLICY p ON billing.invoices', 'transactional', 'schema drop policy:billing.invoices.p', 'schema alter table:billing.invoices'],
  ['DROP RULE r ON big_orders', 'transactional', 'schema drop rule:big_orders.r', 'schema alter view:public.big_orders'],
  ["COMMENT ON COLUMN orders.note IS 'x'", 'transactional', 'schema comment column:orders.note', 'schema comment table:public.orders(note)'],
  ["COMMENT ON TRIGGER t ON orders IS 'x'", 'transactional', 'schema comment trigger:orders.t', 'schema comment table:public.orders'],
  ["COMMENT ON CONSTRAINT c ON DOMAIN positive IS 'x'", 'transactional', 'schema comment constraint:c'],
  ['CREATE STATISTICS s ON id, note FROM orders', 'transactional', 'schema alter table:public.orders(id,note)', 'schema create statistics:public.s'],
  ['CREATE SCHEMA AUTHORIZATION CURRENT_USER CREATE TABLE t (a int)', 'transactional', 'schema create schema:*', 'schema create table:t'],
  ['CREATE DOMAIN d AS text', 'transactional', 'schema create domain:public.d'],
  ['DROP TABLE orders, nope CASCADE', 'transactional', 'schema drop table:public.orders', 'schema cascade table:public.orders', 'schema drop table:nope', 'schema cascade table:nope'],
  ['DROP SCHEMA billing', 'transactional', 'schema drop schema:billing alone'],
  ['DROP SCHEMA IF EXISTS billing, nope RESTRICT', 'transactional', 'schema drop schema:billing alone', 'schema drop schema:nope alone'],
  ['DROP SCHEMA billing CASCADE', 'transactional', 'schema drop schema:billing', 'schema cascade schema:billing'],
  ['DROP DATABASE shop', 'commits', 'schema drop database:shop'],
  ['DROP EXTENSION hstore', 'transactional', 'admin drop extension:hstore'],
  ['DROP ROLE bob', 'immediate', 'admin drop role:bob'],
  ['CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT a FROM t', 'transactional', 'schema create schema:s', 'schema create table:s.t', 'read select table:s.t(a)', 'schema create view:s.v'],
  ['GRANT SELECT ON big_orders TO bob', 'transactional', 'schema grant view:public.big_orders'],
  ['GRANT SELECT ON orders TO bob', 'transactional', 'schema grant table:public.orders'],
  ['GRANT admins TO bob', 'immediate', 'admin grant role:admins'],
  ["CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'pg_read_file'", 'transactional', 'admin create function:public.f'],
  ["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", 'transactional', 'schema create function:public.f'],
  ['CREATE TRIGGER t BEFORE INSERT ON orders EXECUTE FUNCTION touch()', 'transactional', 'schema create trigger:public.orders.t', 'schema alter table:public.orders', 'unknown create trigger:public.orders.t'],
  ['CREATE TRIGGER t BEFORE INSERT ON orders EXECUTE FUNCTION nofunc()', 'transactional', 'schema create trigger:public.orders.t', 'schema alter table:public.orders', 'unknown create function:nofunc'],
  ['CREATE PUBLICATION p FOR ALL TABLES', 'immediate', 'admin create publication:p'],
  ["ALTER SYSTEM SET archive_command = 'x'", 'immediate', 'admin alter system:*'],
  ['VACUUM orders', 'commits', 'write vacuum table:public.orders'],
  ['VACUUM (FULL) orders', 'commits', 'schema vacuum table:public.orders'],
  ['REFRESH MATERIALIZED VIEW order_counts', 'transactional', 'write refresh materialized_view:public.order_counts', 'read select table:public.orders(customer_id)'],
];

for (const [sql, timing, ...expected] of table) {
  test(sql, () => {
    const found = facts(sql);
    assert.deepEqual(effects(found), expected);
    assert.equal(found[0]?.timing, timing);
  });
}

test('functions that were vouched for are known, and write', () => {
  const call = 'SELECT billing.close_month(1)';
  assert.deepEqual(effects(facts(call)), ['unknown call function:billing.close_month', 'unknown call function:billing.close_month']);
  // The second has a default, for all we know.
  assert.deepEqual(effects(facts(call, ['billing.close_month(int)'])), ['write call function:billing.close_month', 'unknown call function:billing.close_month']);
  assert.deepEqual(effects(facts(call, ['billing.close_month(int)', 'billing.close_month(integer, text)'])), ['write call function:billing.close_month', 'write call function:billing.close_month']);
  assert.deepEqual(effects(facts("SELECT billing.close_month(1, 'x')", ['billing.close_month(int4,text)'])), ['write call function:billing.close_month']);
  const [vouched] = facts("SELECT billing.close_month(1, 'x')", ['billing.close_month(int4,text)']);
  assert.equal(vouched?.timing, 'immediate');
  assert.equal(vouched?.changesCatalog, true);
  assert.equal(vouched?.effects[0]?.function, 'billing.close_month(integer, text)');
});

test('code that a definition leaves behind is judged when it is attached', () => {
  const known = (sql: string, signatures: readonly string[] = []): void => assert.deepEqual(effects(facts(sql, signatures)).filter((each) => each.startsWith('unknown')), [], sql);
  const unknown = (sql: string, signatures: readonly string[] = []): void => assert.ok(effects(facts(sql, signatures)).some((each) => each.startsWith('unknown')), sql);
  // What migrations say.
  for (const sql of [
    "CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int DEFAULT nextval('orders_id_seq'), at timestamptz NOT NULL DEFAULT now(), who text DEFAULT current_user, j jsonb DEFAULT '[]'::jsonb CHECK (jsonb_typeof(j) = 'array'), up text GENERATED ALWAYS AS (pg_catalog.upper(who)) STORED)",
    'CREATE TABLE t (a int, b int, CHECK (a < b), EXCLUDE USING gist (int4range(a, b) WITH &&) WHERE (a > 0)) PARTITION BY RANGE ((a + b))',
    'CREATE TABLE t PARTITION OF orders FOR VALUES FROM (MINVALUE) TO (now())',
    'ALTER TABLE orders ALTER COLUMN note SET DEFAULT now()::text',
    'ALTER TABLE orders ALTER COLUMN note DROP DEFAULT',
    'ALTER TABLE orders ADD CONSTRAINT c CHECK (length(note) > 1) NOT VALID',
    "CREATE DOMAIN d AS text DEFAULT 'x' CHECK (VALUE ~ '^a')",
    'ALTER DOMAIN positive SET DEFAULT 4 + 1',
    "CREATE POLICY p ON orders USING (id = current_setting('app.tenant')::int) WITH CHECK (note IS NOT NULL)",
    'CREATE STATISTICS s ON (length(note)), id FROM orders',
    'CREATE AGGREGATE glue (text) (SFUNC = textcat, STYPE = text)',
    'CREATE CAST (text AS int) WITH INOUT',
    'CREATE RULE r AS ON DELETE TO orders DO INSTEAD NOTHING',
    'CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    "CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(t, 'pg_catalog.english', note)",
    "CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2 + $1'",
    'CREATE FUNCTION twice(n int, m int DEFAULT 1 + 1) RETURNS int RETURN abs(n) + m',
    'CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT n; SELECT n + 1; END',
    'CREATE OR REPLACE FUNCTION twice(n int) RETURNS int RETURN n * 2',
    'ALTER FUNCTION touch() COST 5',
  ]) known(sql);
  // What runs past the rules of policy, for whoever sets it off.
  for (const sql of [
    'CREATE TABLE t (a int DEFAULT purge(NULL))',
    'CREATE TABLE t (a int CHECK (nofunc(a)))',
    'CREATE TABLE t (a int, CHECK (purge(NULL) > a))',
    'CREATE TABLE t (a int, b int GENERATED ALWAYS AS (purge(NULL)) STORED)',
    'CREATE TABLE t (a int, EXCLUDE USING gist (a WITH ===))',
    'CREATE TABLE t (a int, EXCLUDE USING gist (a WITH =) WHERE (nofunc(a)))',
    'CREATE TABLE t (a int) PARTITION BY RANGE (purge(NULL))',
    'CREATE TABLE t PARTITION OF orders FOR VALUES IN (purge(NULL))',
    'ALTER TABLE orders ATTACH PARTITION customers FOR VALUES FROM (purge(NULL)) TO (MAXVALUE)',
    'ALTER TABLE orders ALTER COLUMN note SET DEFAULT purge(NULL)',
    'ALTER VIEW big_orders ALTER COLUMN id SET DEFAULT purge(NULL)',
    'ALTER TABLE orders ADD CHECK (note === note)',
    'CREATE DOMAIN d AS text CHECK (nofunc(VALUE))',
    'CREATE DOMAIN d AS text DEFAULT nofunc()',
    'ALTER DOMAIN positive ADD CHECK (nofunc(VALUE))',
    'ALTER DOMAIN positive SET DEFAULT nofunc()',
    'CREATE POLICY p ON orders USING (purge(NULL) > 0)',
    'CREATE STATISTICS s ON (purge(customers)) FROM customers',
    'CREATE AGGREGATE g (customers) (SFUNC = purge, STYPE = int)',
    'CREATE OPERATOR |+| (FUNCTION = public.purge, RIGHTARG = customers)',
    'CREATE TYPE r AS RANGE (subtype = int, subtype_diff = nofunc)',
    'CREATE CAST (customers AS int) WITH FUNCTION purge(customers)',
    'CREATE RULE r AS ON INSERT TO orders DO ALSO NOTIFY x',
    'CREATE RULE r AS ON INSERT TO orders DO INSTEAD INSERT INTO customers (name) VALUES (new.note)',
    'CREATE TRIGGER t BEFORE INSERT ON orders EXECUTE FUNCTION touch()',
    'CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW WHEN (purge(NULL) > 0) EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT id FROM orders'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT purge(NULL)'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT pg_sleep(1)'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'CREATE TABLE x (a int)'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELEC'",
    'CREATE FUNCTION f(a int DEFAULT purge(NULL)) RETURNS int RETURN a',
    'CREATE OR REPLACE FUNCTION billing.close_month(n int) RETURNS int RETURN n',
    "CREATE PROCEDURE f() LANGUAGE sql AS 'DELETE FROM orders'",
    'ALTER FUNCTION touch() SET search_path = elsewhere',
    'ALTER FUNCTION touch() SECURITY DEFINER',
    'ALTER FUNCTION touch() RENAME TO close_month',
    'ALTER FUNCTION touch() SET SCHEMA billing',
    'ALTER SCHEMA elsewhere RENAME TO billing',
  ]) unknown(sql);
  // What the connection vouches for.
  known('CREATE TRIGGER t BEFORE INSERT ON orders EXECUTE FUNCTION touch()', ['public.touch()']);
  // That is leave to run it, not to say what it does.
  unknown("CREATE OR REPLACE FUNCTION billing.close_month(month integer) RETURNS int LANGUAGE plpgsql AS ''", ['billing.close_month(int)']);
  unknown('ALTER FUNCTION billing.close_month(int) SECURITY DEFINER', ['billing.close_month(int)']);
  known('CREATE TABLE t (a int DEFAULT purge(NULL))', ['public.purge(customers)']);
});

test('what attached code names is there for rules to see', () => {
  // A dump makes functions before the tables that they read.
  assert.deepEqual(effects(facts("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT later.x(a) FROM later.t'")), ['schema create function:public.f', 'unknown create function:public.f', 'read select table:later.t(a)', 'unknown create function:later.x']);
  assert.deepEqual(effects(facts("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DELETE FROM billing.invoices'")), ['schema create function:public.f', 'unknown create function:public.f', 'write delete table:billing.invoices']);
  assert.deepEqual(effects(facts('CREATE RULE r AS ON INSERT TO orders DO ALSO INSERT INTO billing.invoices (id) SELECT id FROM checked')).filter((each) => /invoices|checked/.test(each)), ['write insert table:billing.invoices(id)', 'read select table:public.checked()']);
  assert.deepEqual(effects(facts('CREATE POLICY p ON orders USING (id IN (SELECT id FROM billing.invoices))')), ['schema alter table:public.orders', 'read select table:billing.invoices(id)']);
  const [trigger] = facts('CREATE TRIGGER t BEFORE INSERT ON orders EXECUTE FUNCTION touch()', ['public.touch()']);
  assert.ok(trigger?.effects.some((effect) => effect.class === 'schema' && effect.object?.kind === 'trigger' && effect.function === 'public.touch()'));
  // Nothing of it happens yet: a default may move a sequence later, and that is not waited for.
  assert.equal(facts("ALTER TABLE orders ALTER COLUMN note SET DEFAULT nextval('orders_id_seq')::text")[0]?.timing, 'transactional');
});

test('row security that comes with the message counts from the next statement on', () => {
  const reads = (sql: string, signatures: readonly string[] = []): boolean => facts(`${sql}; SELECT id FROM unwatched`, signatures).at(-1)?.effects.some((effect) => effect.class === 'unknown') === true;
  assert.ok(reads('CREATE POLICY p ON unwatched USING (purge(NULL) > 0)'));
  assert.ok(reads('ALTER POLICY p ON unwatched WITH CHECK (nofunc())'));
  assert.ok(reads('ALTER TABLE unwatched ENABLE ROW LEVEL SECURITY'));
  assert.ok(!reads("CREATE POLICY p ON unwatched USING (current_user = 'app' AND id = current_setting('app.x')::int)"));
  assert.ok(!reads('ALTER TABLE unwatched ALTER COLUMN id SET NOT NULL'));
  assert.deepEqual(effects(facts('SELECT id FROM watched', ['public.purge(customers)'])), ['read select table:public.watched(id)', 'write call function:public.purge']);
});

test('of columns that are not known each is an effect, up to a number', () => {
  const many = facts(`SELECT ${Array.from({ length: 5000 }, (_, at) => `c${at}`).join(', ')} FROM orders`);
  assert.equal(many[0]?.effects.filter((effect) => effect.class === 'unknown').length, 101);
});

test('the search path decides what a name means', () => {
  assert.deepEqual(effects(facts('SELECT id FROM invoices', [], ['billing'])), ['read select table:billing.invoices(id)']);
  assert.deepEqual(effects(facts('SELECT id = 1, upper(1) FROM orders')), ['read select table:public.orders(id)']);
  assert.deepEqual(effects(facts('SELECT id = 1, upper(1) FROM orders', [], ['public', 'elsewhere'])), ['unknown operator operator:=', 'unknown call function:elsewhere.upper', 'read select table:public.orders(id)'].toSorted((a) => (a.startsWith('read') ? -1 : 1)));
});

test('statements of one message see what those before them made', () => {
  assert.deepEqual(effects(facts('CREATE TABLE t (id int); INSERT INTO t VALUES (1); SELECT id FROM t')), ['schema create table:public.t', 'write insert table:public.t(id)', 'read select table:public.t(id)']);
  assert.deepEqual(effects(facts('DROP TABLE orders; SELECT 1 FROM orders')), ['schema drop table:public.orders', 'unknown select table:orders', 'read select table:orders']);
  assert.deepEqual(effects(facts('ALTER TABLE orders RENAME TO o2; SELECT id FROM o2')), ['schema alter table:public.orders', 'schema create table:public.o2', 'read select table:public.o2(id)']);
  assert.deepEqual(effects(facts('CREATE VIEW v AS SELECT nofunc(); SELECT 1 FROM v')), ['schema create view:public.v', 'read select view:public.v()', 'unknown call function:nofunc']);
  assert.deepEqual(effects(facts("CREATE FUNCTION upper(x int) RETURNS int LANGUAGE sql AS 'SELECT 1'; SELECT upper(1)")), ['schema create function:public.upper', 'unknown call function:upper']);
  assert.deepEqual(effects(facts("CREATE FUNCTION pure(x int) RETURNS int LANGUAGE sql AS 'SELECT x + 1'; SELECT pure(1)")), ['schema create function:public.pure', 'unknown call function:pure']);
  assert.deepEqual(effects(facts("CREATE OPERATOR + (leftarg = int, rightarg = int, function = int4pl); SELECT 1 + 1")), ['schema create operator:public.+', 'unknown operator operator:+']);
  assert.deepEqual(effects(facts('CREATE DOMAIN text AS int; SELECT 1::text')), ['schema create domain:public.text', 'unknown cast type:text']);
  assert.deepEqual(effects(facts('SET search_path = billing; SELECT 1 FROM orders')), ['session set setting:search_path', 'unknown select table:orders', 'read select table:orders']);
  assert.deepEqual(effects(facts('CREATE TEMP TABLE big_orders (x int); SELECT x FROM big_orders')), ['schema create table:pg_temp.big_orders', 'session shadow view:public.big_orders', 'read select table:pg_temp.big_orders(x)']);
});

test('what was not made in the end does not count as made', () => {
  // The view calls a function; a table of its name must not stand in for it.
  const reads = 'SELECT x FROM calling';
  const calls = (sql: string): boolean => facts(`${sql}; ${reads}`).at(-1)?.effects.some((effect) => effect.class === 'unknown') === true;
  assert.ok(calls('EXPLAIN CREATE TABLE calling AS SELECT 1 AS x'));
  assert.ok(calls('CREATE TABLE IF NOT EXISTS calling (x int)'));
  assert.ok(calls('CREATE TABLE IF NOT EXISTS calling AS SELECT 1 AS x'));
  assert.ok(calls('BEGIN; SAVEPOINT a; CREATE TEMP TABLE calling (x int); ROLLBACK TO a'));
  assert.ok(calls('BEGIN; CREATE TEMP TABLE calling (x int); ROLLBACK'));
  assert.ok(calls('BEGIN; CREATE TEMP TABLE calling (x int) ON COMMIT DROP; COMMIT'));
  assert.ok(calls('CREATE TEMP TABLE calling (x int); SET search_path = public'));
  assert.ok(!calls('BEGIN; CREATE TEMP TABLE calling (x int); COMMIT'));
  assert.deepEqual(effects(facts('CREATE RULE r AS ON INSERT TO billing.invoices DO ALSO DELETE FROM customers; INSERT INTO billing.invoices (id) VALUES (1)').slice(1)), ['write insert table:billing.invoices(id)', 'unknown rule table:billing.invoices']);
  assert.deepEqual(effects(facts('CREATE TRIGGER r BEFORE INSERT ON billing.invoices EXECUTE FUNCTION touch(); INSERT INTO billing.invoices (id) VALUES (1)').slice(1)), ['write insert table:billing.invoices(id)', 'write trigger table:billing.invoices']);
});

test('settings are named with the literal or word that they are set to', () => {
  const settings = (sql: string): unknown => facts(sql)[0]?.settings;
  assert.deepEqual(settings("SET application_name = 'x'"), [{ name: 'application_name', action: 'set', local: false, literal: 0 }]);
  assert.deepEqual(settings('SET LOCAL row_security TO off'), [{ name: 'row_security', action: 'set', local: true, word: 'off' }]);
  assert.deepEqual(settings('SET search_path = a, b'), [{ name: 'search_path', action: 'set', local: false }]);
  assert.deepEqual(settings('RESET client_encoding'), [{ name: 'client_encoding', action: 'reset', local: false }]);
  assert.deepEqual(settings("SELECT set_config('search_path', '', true)"), [{ name: 'search_path', action: 'set', local: true, literal: 1 }]);
  assert.deepEqual(settings("SELECT set_config('search_path', $1, false)"), [{ name: 'search_path', action: 'set', local: false }]);
  assert.deepEqual(settings('BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY'), [{ name: 'transaction_isolation', action: 'set', local: true, word: 'serializable' }, { name: 'transaction_read_only', action: 'set', local: true, word: 'on' }]);
  assert.deepEqual(settings('DISCARD ALL'), [{ name: '*', action: 'reset', local: false }]);
});

test('named statements carry what is inside', () => {
  const [prepared] = facts('PREPARE p AS SELECT name FROM customers');
  assert.equal(prepared?.named?.kind, 'prepare');
  assert.equal(prepared.named.name, 'p');
  assert.deepEqual(prepared.named.inner?.lineage.outputs?.map(({ name }) => name), ['name']);
  assert.deepEqual(facts('EXPLAIN ANALYZE EXECUTE p')[0]?.named, { kind: 'execute', name: 'p' });
  assert.deepEqual(facts('CREATE TABLE t AS EXECUTE p')[0]?.named, { kind: 'execute', name: 'p' });
  assert.deepEqual(facts('FETCH ALL FROM k')[0]?.named, { kind: 'fetch', name: 'k' });
  assert.deepEqual(facts('CLOSE ALL')[0]?.named, { kind: 'close' });
});

test('COPY says in which form its fields come', () => {
  const [copied] = facts("COPY orders (note, id) FROM STDIN WITH (FORMAT csv, DELIMITER ';', NULL 'x', HEADER, QUOTE '\"')");
  assert.deepEqual({ ...copied?.copy, columns: copied?.copy?.columns.map(({ column }) => column) }, { direction: 'in', format: 'csv', columns: ['note', 'id'], delimiter: ';', nullString: 'x', header: true, quote: '"' });
  assert.equal(facts('COPY orders TO STDOUT BINARY')[0]?.copy?.format, 'binary');
});

test('no literal is in the facts', () => {
  const secret = 's3cr3t';
  const texts = [`SELECT '${secret}', nextval('${secret}') FROM orders WHERE note = '${secret}' LIMIT 5`, `SET search_path = '${secret}'`, `NOTIFY x, '${secret}'`, `COMMENT ON TABLE orders IS '${secret}'`, `CREATE ROLE x PASSWORD '${secret}'`, `COPY orders TO '/${secret}'`, `SELECT set_config('${secret}.x', 'y', false)`, `SELECT ts_stat('${secret}')`, `LOAD '${secret}'`];
  for (const text of texts) {
    const found = facts(text);
    // The name of a setting is a name, wherever it is written.
    if (!text.includes('set_config')) assert.ok(!JSON.stringify(found).includes(secret), text);
  }
});
