import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { errorText, gatewayWire, plain, type Wire } from './wire.ts';

/*
 * A rule denies a table. Whoever may define things must not get at it by leaving code behind that runs later, nor by a definition
 * that reaches it in another way.
 */

const SETUP = `${TABLES}
CREATE SCHEMA b AUTHORIZATION app; CREATE TABLE b.docs(id int, t text); INSERT INTO b.docs VALUES (1, 'SECRET'); ALTER TABLE b.docs OWNER TO app;
SET ROLE app;
CREATE TABLE sink(t text); CREATE TABLE trig(a int, t text); CREATE TABLE parted(a text) PARTITION BY LIST (a);
CREATE FUNCTION theirs() RETURNS text LANGUAGE sql AS 'SELECT t FROM b.docs';
CREATE FUNCTION their_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO sink SELECT t FROM b.docs; RETURN NEW; END $$;
CREATE FUNCTION vouched() RETURNS text LANGUAGE sql AS $$ SELECT 'fine' $$;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.t := 'stamped'; RETURN NEW; END $$;
RESET ROLE;`;

/** Each is refused, and so is everything behind it that it would have made possible. */
const REFUSED: readonly string[] = [
  "CREATE FUNCTION mine() RETURNS text LANGUAGE sql AS $$ SELECT t FROM b.docs $$",
  "CREATE FUNCTION mine() RETURNS text LANGUAGE sql AS $$ SELECT theirs() $$",
  "CREATE FUNCTION mine() RETURNS text LANGUAGE plpgsql AS $$ DECLARE r text; BEGIN EXECUTE 'SELECT t FROM ' || 'b.do' || 'cs' INTO r; RETURN r; END $$",
  "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN NEW.t := (SELECT t FROM b.docs); RETURN NEW; END $$",
  'ALTER FUNCTION theirs() RENAME TO vouched2',
  'ALTER FUNCTION theirs() SET search_path = b',
  'CREATE TRIGGER x BEFORE INSERT ON trig FOR EACH ROW EXECUTE FUNCTION their_trigger()',
  "CREATE TRIGGER x BEFORE INSERT ON trig FOR EACH ROW WHEN (theirs() <> '') EXECUTE FUNCTION stamp()",
  'CREATE RULE x AS ON INSERT TO trig DO ALSO INSERT INTO sink SELECT t FROM b.docs',
  'CREATE RULE x AS ON DELETE TO trig DO INSTEAD SELECT theirs()',
  'ALTER TABLE trig ALTER COLUMN t SET DEFAULT theirs()',
  'ALTER TABLE trig ADD COLUMN z text DEFAULT theirs()',
  'ALTER TABLE trig ADD CHECK (theirs() IS NOT NULL)',
  'CREATE TABLE mine(a int, t text DEFAULT theirs())',
  'CREATE TABLE mine(a int, CHECK (theirs() IS NOT NULL))',
  'CREATE TABLE mine PARTITION OF parted FOR VALUES IN (theirs())',
  'CREATE DOMAIN mine AS text CHECK (theirs() <> VALUE)',
  'CREATE DOMAIN mine AS text DEFAULT theirs()',
  'CREATE INDEX ON trig ((theirs()))',
  'CREATE STATISTICS mine ON (theirs()), a FROM trig',
  'CREATE POLICY mine ON trig USING (theirs() IS NOT NULL)',
  "CREATE POLICY mine ON trig USING (EXISTS (SELECT FROM b.docs WHERE docs.t LIKE 'S%'))",
  'CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION their_trigger()',
  'SELECT theirs()',
  // In other ways.
  'CREATE VIEW mine AS SELECT t FROM b.docs',
  'CREATE MATERIALIZED VIEW mine AS SELECT t FROM b.docs',
  'CREATE TABLE mine AS TABLE b.docs',
  'CREATE TABLE mine () INHERITS (b.docs)',
  'CREATE TABLE mine (LIKE b.docs INCLUDING ALL)',
  'CREATE TABLE mine (id int REFERENCES b.docs)',
  'ALTER TABLE trig INHERIT b.docs',
  "ALTER TABLE parted ATTACH PARTITION b.docs FOR VALUES IN ('x')",
  'ALTER TABLE b.docs SET SCHEMA public',
  'ALTER TABLE b.docs RENAME TO open',
  'ALTER SCHEMA b RENAME TO open',
  'CREATE INDEX ON b.docs (t)',
  'CREATE POLICY mine ON b.docs USING (true)',
  'CREATE TRIGGER x AFTER INSERT ON b.docs EXECUTE FUNCTION stamp()',
  'GRANT SELECT ON b.docs TO PUBLIC',
  'LOCK TABLE b.docs',
  'COPY (DELETE FROM b.docs RETURNING t) TO STDOUT',
];

/** What migrations say every day. */
const ALLOWED: readonly string[] = [
  "CREATE TABLE fine(id serial PRIMARY KEY, u uuid DEFAULT gen_random_uuid(), at timestamptz NOT NULL DEFAULT now(), who text DEFAULT current_user, j jsonb DEFAULT '[]' CHECK (jsonb_typeof(j) = 'array'), up text GENERATED ALWAYS AS (upper(who)) STORED)",
  "ALTER TABLE fine ADD COLUMN n int DEFAULT 1 + 1, ADD CONSTRAINT positive CHECK (n > 0)",
  "ALTER TABLE fine ALTER COLUMN n SET DEFAULT nextval('fine_id_seq')",
  "CREATE DOMAIN code AS text CHECK (VALUE ~ '^[A-Z]+$')",
  'CREATE INDEX ON fine (lower(who)) WHERE n > 1',
  'ALTER TABLE fine ENABLE ROW LEVEL SECURITY',
  "CREATE POLICY own ON fine USING (who = current_user) WITH CHECK (n > 0)",
  'CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n * 2 $$',
  'CREATE TRIGGER same BEFORE UPDATE ON fine FOR EACH ROW WHEN (OLD.n > 1) EXECUTE FUNCTION suppress_redundant_updates_trigger()',
  'CREATE RULE no_delete AS ON DELETE TO sink DO INSTEAD NOTHING',
  // The connection vouches for these two.
  'CREATE TRIGGER stamped BEFORE INSERT ON trig FOR EACH ROW EXECUTE FUNCTION stamp()',
  'ALTER TABLE fine ADD COLUMN v text DEFAULT vouched()',
];

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      const rules = [{ name: 'not-b', match: { objects: ['b.*'] }, effect: 'deny', reason: 'not for jobs' }];
      const allow = ['read', 'write', 'schema', 'session'];
      const code = { name: 'code', match: { classes: ['unknown'], verbs: ['create'], objects: ['function', 'trigger', 'rule'] }, effect: 'allow' };
      scene = await startScene({
        postgres: { version, setup: SETUP },
        connectionsAt: (port) => [{
          name: 'shop', protocol: 'postgres', target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' }, credential: { username: 'app', password: 'env:TARGET_PASSWORD' },
          functions: ['public.stamp()', 'public.vouched()'],
        }],
        policies: [
          { name: 'defining', identities: ['migrator'], connections: ['*'], allow, rules },
          { name: 'trusted', identities: ['writer'], connections: ['*'], allow, rules: [...rules, code] },
        ],
      });
    });
    after(() => scene[Symbol.asyncDispose]());

    const definitions = async (): Promise<unknown> =>
      scene.target.query(`SELECT (SELECT count(*) FROM pg_class) AS relations, (SELECT count(*) FROM pg_proc) AS functions, (SELECT count(*) FROM pg_trigger) AS triggers, (SELECT count(*) FROM pg_rewrite) AS rules,
        (SELECT count(*) FROM pg_policy) AS policies, (SELECT count(*) FROM pg_attrdef) AS defaults, (SELECT count(*) FROM pg_constraint) AS constraints, (SELECT md5(string_agg(prosrc || coalesce(proconfig::text, '') || proname, '' ORDER BY oid)) FROM pg_proc WHERE oid > 16384) AS bodies,
        (SELECT count(*) FROM sink) AS sunk, (SELECT string_agg(relacl::text, '') FROM pg_class WHERE relname = 'docs') AS rights`);
    const refused = async (wire: Wire, text: string): Promise<void> => assert.match(errorText(await wire.query(text)), /C:42501\nM:wicketgate: /, text);

    test('nothing that reaches a denied table can be left behind', async () => {
      using wire = await gatewayWire(scene, 'migrator');
      const before = await definitions();
      for (const text of REFUSED) {
        await refused(wire, text);
        // Together with what it might rest on, and inside a block.
        assert.deepEqual(plain(await wire.query(`SELECT 1; ${text}`)).slice(-2), ['E42501', 'ZI'], text);
      }
      assert.deepEqual(await definitions(), before);
      assert.ok(!plain(await wire.query('INSERT INTO trig(a) VALUES (1) RETURNING t')).some((said) => said.includes('SECRET')));
      assert.deepEqual(plain(await wire.query('SELECT count(*) FROM sink')).slice(1, 2), ['(0)']);
    });

    test('what only computes is defined as before, and so is what the connection vouches for', async () => {
      using wire = await gatewayWire(scene, 'migrator');
      for (const text of ALLOWED) {
        const said = await wire.query(text);
        assert.equal(errorText(said), '', text);
      }
      assert.deepEqual(plain(await wire.query('INSERT INTO trig(a) VALUES (2) RETURNING t')).slice(1, 3), ['(stamped)', 'INSERT 0 1']);
      assert.deepEqual(plain(await wire.query('INSERT INTO fine(n) VALUES (3) RETURNING v')).slice(1, 3), ['(fine)', 'INSERT 0 1']);
    });

    test('a rule grants code, and what can be seen in it is denied all the same', async () => {
      using wire = await gatewayWire(scene, 'writer');
      for (const text of ['CREATE FUNCTION granted() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM orders $$', 'CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$', 'CREATE TRIGGER touched BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION touched()', 'CREATE RULE copied AS ON INSERT TO audit DO ALSO INSERT INTO orders(note) VALUES (new.note)']) {
        assert.equal(errorText(await wire.query(text)), '', text);
      }
      for (const text of ['CREATE FUNCTION mine() RETURNS text LANGUAGE sql AS $$ SELECT t FROM b.docs $$', 'CREATE RULE x AS ON INSERT TO trig DO ALSO INSERT INTO sink SELECT t FROM b.docs']) {
        assert.match(errorText(await wire.query(text)), /C:42501[^]*refused by trusted\/not-b/, text);
      }
    });
  });
}
