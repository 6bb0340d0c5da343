import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Role, type Scene } from './scene.ts';
import { errorText, plain, say, wireHaving, type Wire } from './wire.ts';

/*
 * Temporary tables come and go without the whole catalog being read again. Nothing may hide behind that: what is changed together with
 * them, in their shadow or past the gateway is known before the next decision.
 */

const SETUP = `${TABLES}
CREATE SCHEMA a AUTHORIZATION app; CREATE SCHEMA b AUTHORIZATION app;
CREATE TABLE a.docs(t text); INSERT INTO a.docs VALUES ('from a'); ALTER TABLE a.docs OWNER TO app;
CREATE TABLE b.docs(t text); INSERT INTO b.docs VALUES ('from b'); ALTER TABLE b.docs OWNER TO app;
CREATE FUNCTION a.turn() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ALTER TABLE a.docs RENAME TO turned; RETURN 1; END $$;
CREATE FUNCTION a.back() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ALTER TABLE a.turned RENAME TO docs; RETURN 1; END $$;`;

/** Behind `docs` of a, which may be read, stands `docs` of b, which may not. */
const PATH = 'SET search_path = a, b';
const policies = [
  { name: 'masked', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'schema', 'session'], mask: [{ columns: ['customers.ssn'], mode: 'strict', transform: 'redact' }] },
  {
    name: 'free',
    identities: ['migrator'],
    connections: ['*'],
    allow: ['read', 'write', 'schema', 'session'],
    rules: [{ name: 'not-b', match: { objects: ['b.docs'] }, effect: 'deny', reason: 'not for jobs' }],
  },
];

const MASKED = '(***)';

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({ postgres: { version, setup: SETUP, config: { log_statement: 'all' } }, policies, connection: { functions: ['a.turn()', 'a.back()'] } });
    });
    after(() => scene[Symbol.asyncDispose]());

    const having = (role: Role, ...statements: readonly string[]): Promise<Wire> => wireHaving(scene, role, ...statements);
    const answer = async (wire: Wire, text: string): Promise<string> => plain(await wire.query(text)).find((each) => /^[(E]/.test(each)) ?? '';
    /** How often all functions were read, as one does who reads the whole catalog. */
    const wholeReadings = (): number => scene.target.log().split('FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace').length;

    test('a hundred come and go, and the catalog is not read again', async () => {
      using wire = await having('writer', 'CREATE TEMP TABLE first(id int)', 'SELECT * FROM first');
      using other = await having('writer', 'SELECT 1');
      const before = wholeReadings();
      for (let n = 0; n < 100; n++) {
        assert.deepEqual(plain(await wire.query(`CREATE TEMP TABLE scratch(id int, n${n} text)`)), ['CREATE TABLE', 'ZI']);
        assert.deepEqual(plain(await wire.query(`INSERT INTO scratch(n${n}) VALUES ('x')`)), ['INSERT 0 1', 'ZI']);
        assert.equal(await answer(wire, `SELECT n${n} FROM scratch`), '(x)');
        if (n % 10 === 0) assert.equal(await answer(other, 'SELECT note FROM audit WHERE id = 1'), '(n1)');
        assert.deepEqual(plain(await wire.query('DROP TABLE scratch')), ['DROP TABLE', 'ZI']);
      }
      assert.equal(wholeReadings(), before);
    });

    test('those of another session, made in the middle of a series, are no matter to it', async () => {
      using wire = await having('writer', 'CREATE TEMP TABLE t(id int)', "INSERT INTO t VALUES (7)");
      using other = await having('writer', 'SELECT 1');
      wire.send(say.parse('', 'SELECT id FROM t'), say.flush);
      await wire.until('ParseComplete');
      await other.query('CREATE TEMP TABLE t(id int)');
      wire.send(say.bind('', '', [], []), say.execute(''), say.sync);
      assert.ok(plain(await wire.until('ReadyForQuery')).includes('(7)'));
    });

    test('one of the same name is not masked, and when it is gone the other one is again', async () => {
      using wire = await having('writer', 'CREATE TEMP TABLE customers AS SELECT 1 AS id, \'mine\'::text AS note');
      assert.equal(await answer(wire, 'SELECT note FROM customers'), '(mine)');
      assert.equal(await answer(wire, 'SELECT ssn FROM public.customers'), MASKED);
      await wire.query('DROP TABLE customers');
      assert.equal(await answer(wire, 'SELECT ssn FROM customers'), MASKED);
      assert.equal(await answer(wire, "SELECT ssn || '' FROM customers"), 'E42501');
    });

    /** Which one the name is taken for, by the refusal: what stands behind counts in any case. */
    const meant = async (wire: Wire): Promise<string> => (/can come to mean b\.docs/.test(errorText(await wire.query('SELECT t FROM docs'))) ? 'a' : await answer(wire, 'SELECT t FROM docs'));
    const moved = async (wire: Wire): Promise<void> => assert.equal(await meant(wire), 'E42501');
    const inFront = async (wire: Wire, why = 'SELECT t FROM docs'): Promise<void> => assert.equal(await meant(wire), 'a', why);

    test('a shared table is renamed in the same message', async () => {
      using wire = await having('migrator', PATH);
      await inFront(wire);
      using other = await having('migrator', PATH, 'CREATE TEMP TABLE theirs(id int)');
      await inFront(other);
      await wire.query('CREATE TEMP TABLE t(id int); ALTER TABLE a.docs RENAME TO aside; CREATE TEMP TABLE u(id int)');
      await moved(wire);
      await moved(other);
      await wire.query('CREATE TEMP TABLE v(id int); ALTER TABLE a.aside RENAME TO docs');
      for (const each of [wire, other]) await inFront(each);
    });

    test('a shared table is renamed in the same block, unseen by others', async () => {
      for (const statements of [['CREATE TEMP TABLE t(id int)', 'ALTER TABLE a.docs RENAME TO aside'], ['ALTER TABLE a.docs RENAME TO aside', 'CREATE TEMP TABLE t(id int)']]) {
        using wire = await having('migrator', PATH, 'BEGIN', ...statements, 'SAVEPOINT s');
        using other = await having('migrator', PATH);
        await moved(wire);
        await wire.query('ROLLBACK TO s');
        await wire.query('CREATE TEMP TABLE u(id int)');
        await moved(wire);
        await wire.query('ROLLBACK');
        for (const each of [wire, other]) await inFront(each);
      }
    });

    test('a function that is vouched for renames one while a temporary table is made', async () => {
      for (const make of ['CREATE TEMP TABLE t AS SELECT a.turn()', 'CREATE TEMP TABLE t (n int); INSERT INTO t VALUES (a.turn())', 'PREPARE p AS SELECT a.turn(); CREATE TEMP TABLE t AS EXECUTE p', 'CREATE TEMP TABLE t AS SELECT 1 AS id; CREATE TEMP TABLE u AS SELECT a.turn()']) {
        for (const begin of ['BEGIN', 'SELECT 1']) {
          using wire = await having('migrator', PATH, 'CREATE TEMP TABLE before(id int)', begin, ...make.split('; '));
          await moved(wire);
          await wire.query(begin === 'BEGIN' ? 'ROLLBACK' : 'SELECT a.back()');
          await inFront(wire, make);
        }
      }
    });

    test('a shared table is renamed past the gateway: the next temporary one makes it known at once', async () => {
      using wire = await having('migrator', PATH, 'CREATE TEMP TABLE t(id int)', 'SELECT * FROM t');
      await scene.target.query('ALTER TABLE a.docs RENAME TO aside');
      try {
        await wire.query('CREATE TEMP TABLE u(id int)');
        await moved(wire);
      } finally {
        await scene.target.query('ALTER TABLE a.aside RENAME TO docs');
      }
    });

    test('a temporary view leads where its definition says, and no further', async () => {
      using wire = await having('migrator', PATH, 'CREATE TEMP TABLE t(id int, ssn text)', 'CREATE TEMP VIEW seen AS SELECT id, ssn FROM t', "INSERT INTO t VALUES (1, 'mine')");
      assert.equal(await answer(wire, 'SELECT ssn FROM seen'), '(mine)');
      await wire.query("UPDATE seen SET ssn = 'ours'");
      assert.equal(await answer(wire, 'SELECT ssn FROM t'), '(ours)');
      await wire.query('CREATE TEMP VIEW plain_docs AS SELECT t FROM a.docs');
      assert.equal(await answer(wire, 'SELECT t FROM plain_docs'), '(from a)');
      await wire.query('CREATE TEMP TABLE docs(t text)');
      assert.equal(await answer(wire, 'SELECT t FROM plain_docs'), '(from a)', 'what it stands on has not changed');
      assert.equal(await answer(wire, 'CREATE OR REPLACE TEMP VIEW plain_docs AS SELECT t FROM b.docs'), 'E42501');
      // Of the name of a view of the system: what stands on that is not led astray.
      await wire.query('CREATE VIEW a.settings AS SELECT usename FROM pg_shadow');
      await wire.query('CREATE TEMP TABLE pg_shadow(usename text)');
      assert.equal(await answer(wire, 'SELECT usename FROM a.settings'), 'E42501');
      await wire.query('DROP VIEW a.settings');
    });

    test('masks hold through temporary views', async () => {
      using wire = await having('writer', 'CREATE TEMP TABLE t(id int, ssn text)', 'CREATE TEMP VIEW seen AS SELECT id, ssn FROM t', "INSERT INTO t VALUES (1, 'mine')");
      assert.equal(await answer(wire, 'SELECT ssn FROM seen'), '(mine)');
      assert.equal(await answer(wire, 'CREATE TEMP VIEW theirs AS SELECT id, ssn FROM public.customers'), 'E42501');
      assert.equal(await answer(wire, 'CREATE TEMP TABLE theirs AS SELECT id, ssn FROM public.customers'), 'E42501');
      await wire.query('DROP VIEW seen; DROP TABLE t');
      await wire.query('CREATE TEMP TABLE customers(id int, note text)');
      assert.equal(await answer(wire, 'SELECT ssn FROM public.customers'), MASKED);
    });

    test('nothing moves into a temporary schema or out of it, and names follow the path', async () => {
      using wire = await having('migrator', 'CREATE TEMP TABLE docs(t text)', "INSERT INTO docs VALUES ('mine')", 'SET search_path = b');
      assert.equal(await answer(wire, 'SELECT t FROM docs'), '(mine)');
      assert.equal(await answer(wire, 'ALTER TABLE docs SET SCHEMA a'), 'E0A000');
      assert.equal(await answer(wire, 'ALTER TABLE b.docs SET SCHEMA pg_temp'), 'E42501');
      await wire.query('SET search_path = b, pg_temp');
      assert.equal(await answer(wire, 'SELECT t FROM docs'), 'E42501');
      await wire.query('SET search_path = b');
      await wire.query('DROP TABLE pg_temp.docs');
      assert.equal(await answer(wire, 'SELECT t FROM docs'), 'E42501');
    });

    test('what goes at the end of its transaction is gone', async () => {
      using wire = await having('writer', 'BEGIN', 'CREATE TEMP TABLE customers(note text) ON COMMIT DROP', "INSERT INTO customers VALUES ('mine')");
      assert.equal(await answer(wire, 'SELECT note FROM customers'), '(mine)');
      await wire.query('COMMIT');
      assert.equal(await answer(wire, 'SELECT ssn FROM customers'), MASKED);
      for (const end of ['ROLLBACK TO s', 'ROLLBACK']) {
        await wire.query('BEGIN; SAVEPOINT s');
        await wire.query('CREATE TEMP TABLE customers(id int, note text)');
        await wire.query(end);
        assert.equal(await answer(wire, 'SELECT ssn FROM customers'), MASKED, end);
      }
      await wire.query('ROLLBACK');
      await wire.query('CREATE TEMP TABLE customers(id int, note text)');
      await wire.query('DISCARD TEMP');
      assert.equal(await answer(wire, 'SELECT ssn FROM customers'), MASKED);
    });
  });
}
