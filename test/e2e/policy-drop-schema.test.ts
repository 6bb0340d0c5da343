import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { errorText, gatewayWire, plain } from './wire.ts';

/*
 * A rule denies the drop of a table, wherever it is. A schema goes with what is in it by CASCADE only: without that the server drops an empty one, which no
 * such rule is about. What the server does is the reason for it, so it is asked, with a user that may do everything there.
 */

/** Kinds of things that stand in a schema, each in one of its own. */
const INSIDE: readonly (readonly [schema: string, make: string])[] = [
  ['tables', 'CREATE TABLE tables.customers(id int)'],
  ['views', 'CREATE VIEW views.v AS SELECT 1 AS one'],
  ['materialized', 'CREATE MATERIALIZED VIEW materialized.m AS SELECT 1 AS one'],
  ['sequences', 'CREATE SEQUENCE sequences.s'],
  ['owned', 'CREATE TABLE owned.t(id serial PRIMARY KEY)'],
  ['parted', 'CREATE TABLE parted.p(a int) PARTITION BY LIST (a); CREATE TABLE parts.one PARTITION OF parted.p FOR VALUES IN (1)'],
  ['functions', "CREATE FUNCTION functions.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
  ['types', "CREATE TYPE types.t AS ENUM ('a')"],
  ['domains', 'CREATE DOMAIN domains.d AS int'],
  ['operators', 'CREATE OPERATOR operators.=== (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)'],
  ['collations', 'CREATE COLLATION collations.c FROM "C"'],
  ['searches', 'CREATE TEXT SEARCH CONFIGURATION searches.c (COPY = simple)'],
  ['statistics', 'CREATE STATISTICS statistics.s ON id, name FROM public.customers'],
  ['extended', 'CREATE EXTENSION hstore SCHEMA extended'],
];
const SETUP = `${TABLES}
${[...INSIDE.map(([schema]) => schema), 'parts', 'empty', 'kept', 'spare'].map((schema) => `CREATE SCHEMA ${schema};`).join(' ')}
${INSIDE.map(([, make]) => `${make};`).join('\n')}
ALTER DEFAULT PRIVILEGES IN SCHEMA empty GRANT SELECT ON TABLES TO PUBLIC;
ALTER USER app SUPERUSER;`;

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      const rules = [
        { name: 'never-drop-customers', match: { verbs: ['drop'], objects: ['customers'] }, effect: 'deny', reason: 'customers are kept' },
        { name: 'never-drop-kept', match: { objects: ['schema:kept'] }, effect: 'deny', reason: 'kept' },
      ];
      scene = await startScene({ postgres: { version, users: [{ name: 'app', password: 'only-the-gateway-knows-this-9f2' }], setup: SETUP }, policies: [{ name: 'migrating', identities: ['migrator'], connections: ['*'], allow: ['read', 'write', 'schema', 'session'], rules }] });
    });
    after(() => scene?.[Symbol.asyncDispose]());

    const objects = (): Promise<unknown> => scene.target.query(`SELECT (SELECT count(*) FROM pg_class) AS relations, (SELECT count(*) FROM pg_proc) AS functions, (SELECT count(*) FROM pg_type) AS types, (SELECT count(*) FROM pg_operator) AS operators,
      (SELECT count(*) FROM pg_collation) AS collations, (SELECT count(*) FROM pg_ts_config) AS searches, (SELECT count(*) FROM pg_statistic_ext) AS statistics, (SELECT count(*) FROM pg_extension) AS extensions, (SELECT count(*) FROM pg_namespace) AS schemas`);

    test('an empty schema is dropped, and one that has anything in it is not', async () => {
      using wire = await gatewayWire(scene, 'migrator');
      const before = await objects();
      for (const [schema] of [...INSIDE, ['public'], ['parts'], ['information_schema'], ['pg_catalog'], ['pg_toast']] as const) {
        // The server's own word, and not the gateway's.
        const said = plain(await wire.query(`DROP SCHEMA ${schema}`));
        assert.match(said[0] ?? '', /^E2BP01$/, `${schema}: ${said.join(' ')}`);
        assert.match(plain(await wire.query(`DROP SCHEMA IF EXISTS spare, ${schema} RESTRICT`))[0] ?? '', /^E2BP01$/, schema);
      }
      assert.deepEqual(await objects(), before);
      assert.equal(errorText(await wire.query('DROP SCHEMA empty')), '');
      assert.deepEqual((await scene.target.query("SELECT count(*)::int AS left FROM pg_namespace WHERE nspname = 'empty'")), [{ left: 0 }]);
    });

    test('with CASCADE, by the name of the schema, and of what the message has made before, denies hold', async () => {
      using wire = await gatewayWire(scene, 'migrator');
      const before = await objects();
      for (const text of ['DROP SCHEMA tables CASCADE', 'DROP SCHEMA spare CASCADE', 'DROP SCHEMA spare; DROP SCHEMA tables CASCADE', 'DROP SCHEMA spare, tables CASCADE', 'DROP TABLE tables.customers; DROP SCHEMA tables']) {
        assert.match(errorText(await wire.query(text)), /C:42501\nM:wicketgate: drop on .* refused by migrating\/never-drop-customers: customers are kept/, text);
      }
      assert.match(errorText(await wire.query('DROP SCHEMA kept')), /C:42501\nM:wicketgate: drop on schema kept refused by migrating\/never-drop-kept: kept/);
      // In one message: what was made stays where the drop fails, which undoes all of it.
      assert.match(errorText(await wire.query('CREATE TABLE spare.customers(id int); DROP SCHEMA spare')), /C:2BP01/);
      assert.deepEqual(await objects(), before);
    });

    test('a temporary table does not go with its schema', async () => {
      using wire = await gatewayWire(scene, 'migrator');
      assert.equal(errorText(await wire.query('CREATE TEMP TABLE customers(id int)')), '');
      const [own] = plain(await wire.query('SELECT nspname FROM pg_catalog.pg_namespace WHERE oid = pg_catalog.pg_my_temp_schema()')).slice(1);
      assert.match(plain(await wire.query(`DROP SCHEMA ${(own ?? '').slice(1, -1)}`))[0] ?? '', /^E(?:2BP01|42501)$/);
      assert.deepEqual(plain(await wire.query('SELECT count(*) FROM pg_temp.customers')).slice(1, 2), ['(0)']);
    });
  });
}
