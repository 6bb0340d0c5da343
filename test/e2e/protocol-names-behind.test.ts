import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { until } from '../kit/until.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { errorText, plain, say, wireHaving, type Wire } from './wire.ts';

/*
 * A statement waits at the target while another session takes away what stands in front of a table that is denied or masked: the target then takes
 * that table. So what stands behind counts before anything is sent.
 */

const SETUP = `${TABLES}
CREATE SCHEMA a AUTHORIZATION app; CREATE SCHEMA b AUTHORIZATION app; CREATE SCHEMA c AUTHORIZATION app;
CREATE TABLE a.docs(t text); INSERT INTO a.docs VALUES ('from a'); ALTER TABLE a.docs OWNER TO app;
CREATE TABLE b.docs(t text); INSERT INTO b.docs VALUES ('from b'); ALTER TABLE b.docs OWNER TO app;
CREATE TABLE c.docs(t text); INSERT INTO c.docs VALUES ('from c'); ALTER TABLE c.docs OWNER TO app;
CREATE VIEW c.sums AS SELECT t AS n FROM c.docs; ALTER VIEW c.sums OWNER TO app;
CREATE VIEW b.sums AS SELECT ssn AS n FROM public.customers; ALTER VIEW b.sums OWNER TO app;
CREATE TABLE a.sums(n text); ALTER TABLE a.sums OWNER TO app;
CREATE TABLE a.customers(id int, ssn text); ALTER TABLE a.customers OWNER TO app;
CREATE TABLE c.customers(id int, ssn text); INSERT INTO c.customers VALUES (1, 'in c'); ALTER TABLE c.customers OWNER TO app;
CREATE TABLE a.people(id int, ssn text); INSERT INTO a.people VALUES (1, 'first of all'); ALTER TABLE a.people OWNER TO app;
CREATE TABLE b.people(id int, ssn text); INSERT INTO b.people VALUES (1, 'second of all'); ALTER TABLE b.people OWNER TO app;`;

const allow = ['read', 'write', 'schema', 'session'];
const policies = [
  { name: 'masked', identities: ['writer'], connections: ['*'], allow, mask: [{ columns: ['public.customers.ssn', '*.people.ssn'], mode: 'strict', transform: 'redact' }] },
  { name: 'free', identities: ['migrator'], connections: ['*'], allow, rules: [{ name: 'not-b', match: { objects: ['b.docs'] }, effect: 'deny', reason: 'not for jobs' }] },
];

const DENIED = 'E42501';

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({ postgres: { version, setup: SETUP }, policies });
    });
    after(() => scene[Symbol.asyncDispose]());

    const having = (role: 'writer' | 'migrator', ...statements: readonly string[]): Promise<Wire> => wireHaving(scene, role, ...statements);
    /** The row that came, or the error. */
    const rowOf = (messages: readonly string[]): string => messages.find((each) => /^[(E]/.test(each)) ?? '';
    const answer = async (wire: Wire, text: string): Promise<string> => rowOf(plain(await wire.query(text)));
    const prepared = async (wire: Wire, text: string): Promise<string> => {
      wire.send(say.parse('', text), say.bind('', '', [], []), say.execute(''), say.sync);
      return rowOf(plain(await wire.until('ReadyForQuery')));
    };

    test('what stands behind is not read when what stands in front goes while a statement waits', async () => {
      for (const [role, table, text, behind] of [['writer', 'customers', "SELECT ssn || '' FROM customers", '123-45-6789'], ['migrator', 'docs', 'SELECT t FROM docs', 'from b']] as const) {
        using reader = await having(role, `SET search_path = a, b, public`);
        using mover = await having(role, 'BEGIN', `ALTER TABLE a.${table} RENAME TO ${table}_gone`);
        const reading = reader.query(text);
        let ended = false;
        void reading.then(() => (ended = true));
        await until(async () => ended || (await scene.target.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'wg:%'")).length > 0);
        await mover.query('COMMIT');
        const said = await reading;
        assert.ok(!plain(said).join().includes(behind), 'the row of the table behind came');
        assert.equal(rowOf(plain(said)), DENIED);
        await scene.target.query(`ALTER TABLE a.${table}_gone RENAME TO ${table}`);
      }
    });

    test('the refusal says which one, why, and what to write', async () => {
      using wire = await having('migrator', 'SET search_path = a, b');
      const said = errorText(await wire.query('SELECT t FROM docs'));
      assert.match(said, /can come to mean b\.docs/);
      assert.match(said, /not-b/);
      assert.match(said, /write the schema/);
      assert.equal(await answer(wire, 'SELECT t FROM a.docs'), '(from a)');
      assert.equal(await answer(wire, 'SET search_path = a'), '');
      assert.equal(await answer(wire, 'SELECT t FROM docs'), '(from a)');
      assert.equal(await answer(wire, 'SELECT t FROM docs'), '(from a)');
      using masked = await having('writer', 'SET search_path = a, public');
      assert.match(errorText(await masked.query("SELECT upper(ssn) FROM customers")), /can come to mean public\.customers/);
    });

    test('in whatever statement, and by whichever protocol', async () => {
      using wire = await having('migrator', 'SET search_path = a, b');
      for (const text of [
        'SELECT t FROM docs', 'TABLE docs', 'SELECT 1 WHERE EXISTS (TABLE docs)', 'WITH x AS (SELECT * FROM docs) SELECT * FROM x', "INSERT INTO docs VALUES ('x')", "UPDATE docs SET t = 'x'", 'DELETE FROM docs',
        'TRUNCATE docs', 'DROP TABLE docs', 'ALTER TABLE docs ADD COLUMN x int', 'COPY docs TO STDOUT', 'COPY docs FROM STDIN', 'LOCK TABLE docs', 'EXPLAIN ANALYZE SELECT * FROM docs', 'DECLARE k CURSOR WITH HOLD FOR TABLE docs',
        'CREATE TABLE a.kept AS TABLE docs', 'CREATE VIEW a.kept AS TABLE docs', 'MERGE INTO docs USING (SELECT 1) AS x ON false WHEN NOT MATCHED THEN INSERT VALUES (NULL)',
        'PREPARE p AS TABLE docs; EXECUTE p', 'SELECT 1; TABLE docs',
      ]) {
        assert.equal(await answer(wire, text), DENIED, text);
        if (!text.includes(';') && !text.startsWith('COPY')) assert.equal(await prepared(wire, text), DENIED, `${text}, bound`);
      }
      assert.deepEqual(await scene.target.query('SELECT t FROM b.docs UNION ALL SELECT t FROM a.docs'), [{ t: 'from b' }, { t: 'from a' }]);
    });

    test('of three the last counts as well', async () => {
      using wire = await having('migrator', 'SET search_path = a, c, b');
      assert.match(errorText(await wire.query('TABLE docs')), /can come to mean b\.docs/);
      using without = await having('migrator', 'SET search_path = a, c');
      assert.equal(await answer(without, 'TABLE docs'), '(from a)');
    });

    test('what is prepared is judged where it is run', async () => {
      using wire = await having('migrator', 'SET search_path = a, c', 'PREPARE p AS TABLE docs');
      assert.equal(await answer(wire, 'EXECUTE p'), '(from a)');
      await wire.query('SET search_path = a, b');
      assert.equal(await answer(wire, 'EXECUTE p'), DENIED);
    });

    test('where all that a name can mean may be touched alike, nothing is refused', async () => {
      using wire = await having('migrator', 'SET search_path = a, c');
      assert.equal(await answer(wire, 'SELECT t FROM docs'), '(from a)');
      assert.equal(await prepared(wire, 'SELECT t FROM docs'), '(from a)');
      using masked = await having('writer', 'SET search_path = a, c, b');
      assert.equal(await answer(masked, "SELECT ssn || '' FROM customers WHERE ssn = 'x' OR true"), '');
      // Masked alike in both.
      assert.match(await answer(masked, 'SELECT id, ssn FROM people'), /^\(1,\*+\)$/);
    });

    test('what is temporary, or of the system, stays in front', async () => {
      using wire = await having('writer', 'SET search_path = a, public', "CREATE TEMP TABLE customers(id int, ssn text)", "INSERT INTO customers VALUES (7, 'mine')");
      assert.equal(await answer(wire, "SELECT ssn || '!' FROM customers"), '(mine!)');
      using beside = await having('writer', 'SET search_path = a, public');
      const [{ schema } = { schema: '' }] = await scene.target.query("SELECT relnamespace::regnamespace::text AS schema FROM pg_class WHERE relname = 'customers' AND relpersistence = 't'");
      for (const text of [`DROP TABLE ${String(schema)}.customers`, `ALTER TABLE ${String(schema)}.customers RENAME TO x`, `DROP SCHEMA ${String(schema)} CASCADE`]) assert.equal(await answer(beside, text), DENIED, text);
      assert.equal(await answer(beside, `SELECT * FROM ${String(schema)}.customers`), 'E42P01');
      assert.equal(await answer(wire, "SELECT ssn || '!' FROM customers"), '(mine!)');
      assert.equal(await answer(wire, `SELECT ssn FROM ${String(schema)}.customers`), '(mine)');
      assert.equal(await answer(wire, 'DROP TABLE pg_temp.customers'), '');
      await having('migrator', 'SET search_path = a, b', 'SELECT relname FROM pg_class LIMIT 1').then((one) => one[Symbol.dispose]());
    });

    test('a view that stands behind counts with what it reads', async () => {
      using wire = await having('writer', 'SET search_path = a, b');
      assert.equal(await answer(wire, "SELECT n || '' FROM sums"), DENIED);
      using fine = await having('writer', 'SET search_path = a, c');
      assert.equal(await answer(fine, 'SELECT count(n) FROM sums'), '(0)');
    });
  });
}
