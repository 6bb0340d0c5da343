import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type pg from 'pg';
import { postgresVersions, startPostgres } from '../../../test/kit/postgres.ts';
import type { Catalog, Relation } from '../../sql/catalog.ts';
import { catalogVersionQuery } from './catalog-queries.ts';
import { loadCatalog, withTemporary } from './catalog.ts';
import type { RunQuery } from './catalog.ts';

const schema = readFileSync(new URL('../../sql/postgres/testdata/schema.sql', import.meta.url), 'utf8');

const EXTRA = `
  CREATE FUNCTION public.later(integer, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT ''x''';
  CREATE FUNCTION public.fine(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
  CREATE DOMAIN public.checked AS text CHECK (public.fine(VALUE));
  CREATE TABLE public.defaulting (id int DEFAULT 1, note text DEFAULT public.later(1, 'a'), c public.checked, lower text DEFAULT lower('A'));
  CREATE OPERATOR public.=== (leftarg = text, rightarg = text, function = texteq);
  CREATE FUNCTION public.mood_number(public.mood) RETURNS integer LANGUAGE sql AS 'SELECT 1';
  CREATE CAST (public.mood AS integer) WITH FUNCTION public.mood_number;
  CREATE FUNCTION public.takes(public.pair, public.mood[], character varying, timestamp with time zone) RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE TABLE public.child () INHERITS (billing.invoices);
  CREATE FUNCTION public.wipe() RETURNS boolean LANGUAGE sql AS 'SELECT true';
  CREATE FUNCTION public.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
  CREATE OPERATOR public.=~= (leftarg = text, rightarg = text, function = public.same);
  CREATE VIEW public.allowed AS SELECT 1 AS id WHERE public.wipe();
  CREATE TABLE public.secured (id int, note text);
  ALTER TABLE public.secured ENABLE ROW LEVEL SECURITY;
  CREATE POLICY a ON public.secured USING (public.wipe());
  CREATE POLICY b ON public.secured FOR INSERT WITH CHECK (note OPERATOR(public.=~=) note);
  CREATE TABLE public.through (id int, note text);
  CREATE POLICY a ON public.through USING (id IN (SELECT id FROM public.allowed) AND note::public.checked IS NOT NULL);
  CREATE TABLE public.harmless (id int, note text);
  CREATE POLICY a ON public.harmless USING (note = current_user AND id = current_setting('app.x')::int AND note = ANY (SELECT lower(name) FROM public.customers));
  GRANT USAGE, CREATE ON SCHEMA public TO plain;`;

const runner = (client: pg.Client): RunQuery => async (text) =>
  (await client.query({ text, rowMode: 'array', types: { getTypeParser: () => (value: string) => value } })).rows as (string | null)[][];

for (const version of postgresVersions()) {
  test(`the catalog of PostgreSQL ${version}, read by a plain role`, async () => {
    await using server = await startPostgres({ version, users: [{ name: 'plain' }], setup: schema + EXTRA });
    const client = await server.client({ user: 'plain', database: 'postgres' });
    const owner = await server.client();
    try {
      const run = runner(client);
      await run('SET search_path = billing, public');
      const catalog = await loadCatalog(run);
      const relation = (name: string): Relation => {
        const found = catalog.relations.find((each) => each.name === name);
        assert.ok(found, name);
        return found;
      };

      assert.equal(Math.floor(catalog.serverVersion / 10_000), version);
      assert.equal(catalog.database, 'postgres');
      assert.deepEqual(new Set(catalog.relations.map((each) => each.schema)), new Set(['public', 'billing']));
      const customers = relation('customers');
      assert.deepEqual(customers.columns.map((each) => each.name), ['id', 'name', 'email', 'mood', 'amount', 'born', 'data', 'p', 'full_name']);
      assert.equal(customers.rowSecurity, true);
      assert.deepEqual(customers.cascades, [{ relation: relation('orders').oid, on: 'truncate', verb: 'truncate' }, { relation: relation('orders').oid, on: 'delete', verb: 'delete' }]);
      const calls = (name: string): unknown => relation(name).policyCalls?.map((oid) => catalog.functions.find((each) => each.oid === oid)?.name).toSorted();
      assert.deepEqual(calls('secured'), ['same', 'wipe']);
      assert.deepEqual(calls('through'), ['fine', 'wipe']);
      assert.equal(calls('harmless'), undefined);
      assert.equal(calls('customers'), undefined);
      assert.equal(relation('orders').triggers, true);
      assert.equal(customers.triggers, undefined);
      assert.equal(relation('events_2024').rules, true);
      assert.equal(relation('big_orders').rules, undefined);
      assert.deepEqual(relation('events_2024').parents, [relation('events').oid]);
      assert.deepEqual(relation('child').parents, [relation('invoices').oid]);
      // Printed with schemas, though the search path would have made them visible.
      assert.match(relation('big_orders').definition ?? '', /FROM \(?public\.orders/);
      assert.match(relation('order_counts').definition ?? '', /FROM public\.orders/);
      assert.deepEqual(relation('defaulting').columns.map((each) => each.foreignDefault === true), [false, true, false, false]);
      assert.deepEqual(catalog.types.find((each) => each.name === 'checked')?.foreignCheck, true);
      assert.deepEqual(catalog.types.find((each) => each.name === 'positive')?.foreignCheck, undefined);
      assert.deepEqual(catalog.types.map((each) => `${each.name} ${each.kind}`).toSorted(), ['checked d', 'mood e', 'pair c', 'positive d']);
      assert.deepEqual(catalog.operators.map((each) => `${each.schema} ${each.name}`).toSorted(), ['public ===', 'public =~=']);
      assert.deepEqual(catalog.casts, [{ source: 'public.mood', target: 'integer' }]);
      const signature = (name: string): string | undefined => catalog.functions.find((each) => each.name === name)?.arguments;
      assert.equal(signature('later'), 'integer, VARIADIC text[]');
      assert.equal(signature('takes'), 'public.pair, public.mood[], character varying, timestamp with time zone');
      assert.equal(catalog.functions.find((each) => each.name === 'refresh_all')?.kind, 'p');

      // Reading leaves the session as it was, in a block too, and equal content has an equal id.
      assert.deepEqual(await run('SHOW search_path'), [['billing, public']]);
      await run('BEGIN READ ONLY');
      await run('SET LOCAL search_path = public');
      assert.equal((await loadCatalog(run)).id, catalog.id);
      assert.deepEqual(await run('SHOW search_path'), [['public']]);
      await run('COMMIT');
      assert.deepEqual(await run('SHOW search_path'), [['billing, public']]);

      // Every kind of definition made elsewhere moves the version; reading and writing rows do not.
      let before = await run(catalogVersionQuery);
      const moves = async (sql: string, expected: boolean): Promise<void> => {
        await owner.query(sql);
        const now = await run(catalogVersionQuery);
        assert.equal(JSON.stringify(now) !== JSON.stringify(before), expected, sql);
        before = now;
      };
      await moves("INSERT INTO billing.invoices VALUES (1, 2); UPDATE billing.invoices SET total = 3; SELECT nextval('spare')", false);
      await moves('CREATE TEMP TABLE temporary (id int primary key, x text default lower(\'A\'))', false);
      await moves('ANALYZE billing.invoices', false);
      for (const sql of [
        'CREATE TABLE made (id int)', 'ALTER TABLE made RENAME COLUMN id TO other', "ALTER TABLE made ALTER COLUMN other SET DEFAULT length(public.later(1, 'a'))", 'ALTER TABLE made ALTER COLUMN other DROP DEFAULT', 'ALTER TABLE made RENAME TO renamed',
        'CREATE VIEW seen AS SELECT 1 AS x', 'CREATE OR REPLACE VIEW seen AS SELECT 2 AS x', "CREATE FUNCTION fresh() RETURNS int LANGUAGE sql AS 'SELECT 1'", 'DROP FUNCTION fresh()', 'CREATE TRIGGER t BEFORE INSERT ON renamed FOR EACH ROW EXECUTE FUNCTION touch()',
        'CREATE RULE r AS ON DELETE TO renamed DO INSTEAD NOTHING', 'ALTER TABLE renamed ADD FOREIGN KEY (other) REFERENCES customers', "CREATE TYPE other_mood AS ENUM ('a')", 'CREATE DOMAIN another AS text', 'ALTER DOMAIN another ADD CHECK (public.fine(VALUE))', 'CREATE OPERATOR public.==== (leftarg = text, rightarg = text, function = texteq)', 'DROP CAST (public.mood AS integer)', 'ALTER TABLE renamed SET SCHEMA billing', 'ALTER SCHEMA billing RENAME TO bills', 'CREATE TABLE kid () INHERITS (orders)', 'ALTER TABLE kid NO INHERIT orders', 'DROP VIEW seen',
        'CREATE POLICY c ON harmless USING (true)', 'ALTER POLICY c ON harmless USING (public.wipe())', 'DROP POLICY c ON harmless',
      ]) await moves(sql, true);
      assert.notEqual((await loadCatalog(run)).id, catalog.id);

      // A session's own temporary objects are in its view, others' are not.
      await run('CREATE TEMP TABLE mine (id int)');
      assert.ok((await loadCatalog(run)).relations.some(({ name, schema: of }) => name === 'mine' && of.startsWith('pg_temp_')));
      assert.ok(!(await loadCatalog(runner(owner))).relations.some(({ name }) => name === 'mine'));
    } finally {
      await client.end();
      await owner.end();
    }
  });
}

for (const version of postgresVersions()) {
  test(`PostgreSQL ${version}: the shared snapshot with a session's temporary relations is what the session itself sees`, async () => {
    await using server = await startPostgres({ version, users: [{ name: 'plain' }], setup: schema + EXTRA });
    const shared = await server.client();
    const client = await server.client();
    const other = await server.client();
    const run = runner(client);
    const inSession = async (statements: readonly string[]): Promise<(string | null)[][][]> => {
      const answers: (string | null)[][][] = [];
      for (const sql of statements) answers.push(await run(sql));
      return answers;
    };
    const laid = async (): Promise<Catalog | undefined> => withTemporary(await loadCatalog(runner(shared)), inSession);
    const content = (of: Catalog): unknown => ({ ...of, id: '', private: undefined, relations: of.relations.toSorted((a, b) => a.oid - b.oid) });
    const same = async (): Promise<Catalog> => {
      const found = await laid();
      assert.ok(found);
      assert.deepEqual(content(found), content(await loadCatalog(run)));
      return found;
    };
    try {
      await other.query('CREATE TEMP TABLE customers (theirs int)');
      assert.equal((await same()).id, (await loadCatalog(runner(shared))).id, 'without temporary objects it is the snapshot itself');
      const seen = new Set<string>();
      for (const sql of [
        'CREATE TEMP TABLE customers (id int PRIMARY KEY, secret text DEFAULT lower(\'A\'), n serial)',
        "CREATE TEMP TABLE kept (id int REFERENCES customers ON DELETE CASCADE DEFERRABLE, g int GENERATED ALWAYS AS (id + 1) STORED, d text DEFAULT public.later(1, 'a'))",
        'CREATE INDEX ON kept (id)', 'CREATE TEMP SEQUENCE counter', 'CREATE TEMP TABLE kid () INHERITS (orders)', 'CREATE TEMP VIEW looking AS SELECT * FROM orders',
        'CREATE RULE r AS ON DELETE TO kept DO INSTEAD NOTHING', 'CREATE TRIGGER t BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION touch()', 'ALTER TABLE kept ENABLE ROW LEVEL SECURITY',
        'CREATE TEMP TABLE parted (id int) PARTITION BY RANGE (id)', 'CREATE TEMP TABLE part PARTITION OF parted DEFAULT', 'ALTER TABLE customers RENAME TO renamed', 'ALTER TABLE kept DROP COLUMN d',
      ]) {
        await client.query(sql);
        const { id } = await same();
        assert.ok(!seen.has(id), sql);
        seen.add(id);
      }
      // What is temporary and not a relation, or rests on the row type of one, is beyond it.
      for (const [made, gone] of [
        ["CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", 'DROP FUNCTION pg_temp.f()'],
        ['CREATE DOMAIN pg_temp.d AS text', 'DROP DOMAIN pg_temp.d'],
        ["CREATE TYPE pg_temp.e AS ENUM ('a')", 'DROP TYPE pg_temp.e'],
        ['CREATE TYPE pg_temp.c AS (x int)', 'DROP TYPE pg_temp.c'],
        ['CREATE OPERATOR pg_temp.=== (leftarg = text, rightarg = text, function = texteq)', 'DROP OPERATOR pg_temp.=== (text, text)'],
        ['CREATE POLICY p ON kept USING (public.wipe())', 'DROP POLICY p ON kept'],
        ["CREATE FUNCTION public.taking(kid) RETURNS int LANGUAGE sql AS 'SELECT 1'", 'DROP FUNCTION public.taking(kid)'],
        ["CREATE FUNCTION public.many(kid[]) RETURNS int LANGUAGE sql AS 'SELECT 1'", 'DROP FUNCTION public.many(kid[])'],
      ] as const) {
        await client.query(made);
        assert.equal(await laid(), undefined, made);
        await client.query(gone);
        await same();
      }
      await client.query('DISCARD TEMP');
      assert.equal((await same()).id, (await loadCatalog(runner(shared))).id);
    } finally {
      await Promise.all([client.end(), shared.end(), other.end()]);
    }
  });
}

test('an object of a user cannot stand in for one of the system', async () => {
  await using server = await startPostgres({ version: 18, setup: schema });
  const client = await server.client();
  try {
    const run = runner(client);
    const before = await loadCatalog(run);
    await client.query(`
      CREATE SCHEMA evil;
      CREATE TABLE evil.pg_class (oid oid); CREATE TABLE evil.pg_proc (oid oid);
      CREATE FUNCTION evil.current_database() RETURNS name LANGUAGE sql AS 'SELECT ''fooled''::name';
      CREATE FUNCTION evil.eq(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT false';
      CREATE OPERATOR evil.= (leftarg = oid, rightarg = oid, function = evil.eq);
      SET search_path = evil, pg_catalog`);
    const after = await loadCatalog(run);
    assert.equal(after.database, before.database);
    assert.equal(after.relations.length, before.relations.length + 2);
    assert.deepEqual(after.relations.filter(({ schema: of }) => of !== 'evil'), before.relations);
    assert.notEqual((await run(catalogVersionQuery))[0]?.[0], '0.');
  } finally {
    await client.end();
  }
});
