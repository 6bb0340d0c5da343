import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { until } from '../kit/until.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { errorText, gatewayWire, plain, say, type Wire } from './wire.ts';

/* Settings on which decisions rest are pinned, or read back before the next statement is decided. */

const SETUP = `${TABLES}
CREATE ROLE dept; GRANT dept TO app; CREATE SCHEMA dept AUTHORIZATION dept; CREATE SCHEMA a AUTHORIZATION app; CREATE SCHEMA b AUTHORIZATION app;
CREATE TABLE a.things(v text); INSERT INTO a.things VALUES ('from a'); ALTER TABLE a.things OWNER TO app;
CREATE TABLE b.things(v text); INSERT INTO b.things VALUES ('from b'); ALTER TABLE b.things OWNER TO app;
CREATE TABLE dept.things(v text); INSERT INTO dept.things VALUES ('from dept'); ALTER TABLE dept.things OWNER TO dept; GRANT USAGE ON SCHEMA dept TO app; GRANT SELECT ON dept.things TO app; GRANT USAGE ON SCHEMA a TO dept; GRANT SELECT ON a.things TO dept;
ALTER ROLE app SET search_path = "$user", a;`;

const denied = (objects: readonly string[]): Record<string, unknown> => ({ name: 'not-these', match: { verbs: ['select', 'insert', 'update', 'delete'], objects }, effect: 'deny', reason: 'not for jobs' });

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({
        postgres: { version, setup: SETUP, config: { log_statement: 'all', log_line_prefix: '%a|' } },
        policies: [
          { name: 'all', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'schema', 'session'], rules: [denied(['b.things', 'dept.things'])] },
          { name: 'roles', identities: ['migrator'], connections: ['*'], allow: ['read', 'session'], rules: [{ name: 'other-roles', match: { verbs: ['set'], objects: ['setting:role'] }, effect: 'allow' }, denied(['b.things', 'dept.things'])] },
        ],
      });
    });
    after(() => scene[Symbol.asyncDispose]());

    const A = '(from a)';
    /** What `SELECT v FROM things` comes to: a row, or a refusal. */
    const things = async (wire: Wire): Promise<string> => plain(await wire.query('SELECT v FROM things')).find((text) => /^[(E]/.test(text)) ?? '';

    describe('search_path', () => {
      const told = async (...statements: readonly string[]): Promise<string> => {
        using wire = await gatewayWire(scene, 'writer');
        for (const statement of statements) assert.ok(!plain(await wire.query(statement)).some((text) => text.startsWith('E')), statement);
        return await things(wire);
      };
      test('is that of the role at first', async () => assert.equal(await told(), A));
      test('is followed after SET', async () => assert.equal(await told('SET search_path = b'), 'E42501'));
      test('is followed after SET SESSION in a block that commits', async () => assert.equal(await told('BEGIN', 'SET search_path = b', 'COMMIT'), 'E42501'));
      test('is what it was after ROLLBACK', async () => assert.equal(await told('BEGIN', 'SET search_path = b', 'ROLLBACK'), A));
      test('is followed inside the block', async () => assert.equal(await told('BEGIN', 'SET LOCAL search_path = b'), 'E42501'));
      test('is what it was after the block of SET LOCAL', async () => assert.equal(await told('BEGIN', 'SET LOCAL search_path = b', 'COMMIT'), A));
      test('comes back with ROLLBACK TO', async () => assert.equal(await told('BEGIN', 'SET search_path = b', 'SAVEPOINT s', 'SET search_path = a', 'ROLLBACK TO s'), 'E42501'));
      test('is followed after RESET', async () => assert.equal(await told('SET search_path = b', 'RESET search_path'), A));
      test('is followed after RESET ALL and DISCARD ALL', async () => {
        assert.equal(await told('SET search_path = b', 'RESET ALL'), A);
        assert.equal(await told('SET search_path = b', 'DISCARD ALL'), A);
      });
      test('by another spelling', async () => assert.equal(await told(`SET "search_path" TO 'b', 'a'`), 'E42501'));
      test('as a schema is made in front', async () => assert.equal(await told('SET search_path = front, a', 'CREATE SCHEMA front', 'CREATE TABLE front.things AS SELECT 1 AS v', 'DROP SCHEMA front CASCADE'), A));
      test('relied on in the message that changes it', async () => {
        using wire = await gatewayWire(scene, 'writer');
        assert.deepEqual(plain(await wire.query('SET search_path = b; SELECT v FROM things')), ['E42501', 'ZI']);
        assert.equal(await things(wire), A);
      });
      test('relied on in the series that changes it', async () => {
        using wire = await gatewayWire(scene, 'writer');
        const run = (text: string): Buffer[] => [say.parse('', text), say.bind('', '', [], []), say.execute('')];
        wire.send(...run('SET search_path = b'), ...run('SELECT v FROM things'), say.sync);
        const said = plain(await wire.until('ReadyForQuery'));
        assert.deepEqual(said.slice(-2), ['E42501', 'ZI']);
        assert.equal(await things(wire), A);
      });
      test('a statement prepared before is judged again', async () => {
        using wire = await gatewayWire(scene, 'writer');
        wire.send(say.parse('p', 'SELECT v FROM things'), say.sync);
        await wire.until('ReadyForQuery');
        await wire.query('PREPARE q AS SELECT v FROM things');
        await wire.query('SET search_path = b');
        wire.send(say.bind('', 'p', [], []), say.execute(''), say.sync);
        assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['E42501', 'ZI']);
        assert.deepEqual(plain(await wire.query('EXECUTE q')), ['E42501', 'ZI']);
        await wire.query('SET search_path = a');
        assert.ok(plain(await wire.query('EXECUTE q')).includes(A));
      });
      test('given at login', async () => {
        using wire = await gatewayWire(scene, 'writer', { parameters: { options: '-c search_path=b' } });
        assert.equal(await things(wire), 'E42501');
      });
      test('changed by a function, where one that does is allowed', async () => {
        using wire = await gatewayWire(scene, 'writer');
        const said = plain(await wire.query("SELECT set_config('search_path', 'b', false)"));
        assert.equal(await things(wire), said.includes('E42501') ? A : 'E42501');
      });
    });

    test('the role decides what "$user" means', async () => {
      using wire = await gatewayWire(scene, 'migrator');
      assert.equal(await things(wire), A);
      assert.deepEqual(plain(await wire.query('SET ROLE dept')), ['SET', 'ZI']);
      assert.equal(await things(wire), 'E42501');
      await wire.query('RESET ROLE');
      assert.equal(await things(wire), A);
      await wire.query('BEGIN');
      await wire.query('SET LOCAL ROLE dept');
      assert.equal(await things(wire), 'E42501');
      await wire.query('ROLLBACK');
      assert.equal(await things(wire), A);
    });

    test('going back to the role that logged in is no other role, by whatever name', async () => {
      using wire = await gatewayWire(scene, 'writer');
      for (const back of ['SET ROLE app', "SET ROLE 'app'", 'SET ROLE NONE', 'RESET ROLE']) assert.deepEqual(plain(await wire.query(back)), [back.split(' ')[0], 'ZI'], back);
      for (const other of ['SET ROLE dept', "SET ROLE 'dept'", "SELECT set_config('role', 'dept', false)", 'SET ROLE "App"']) assert.match(errorText(await wire.query(other)), /C:42501[^]*set is of class admin/, other);
      using free = await gatewayWire(scene, 'migrator');
      await free.query('SET ROLE dept');
      assert.equal(await things(free), 'E42501');
      assert.deepEqual(plain(await free.query("SET ROLE 'app'")), ['SET', 'ZI']);
      assert.equal(await things(free), A);
    });

    test('what statements are read by cannot be changed', async () => {
      using wire = await gatewayWire(scene, 'writer');
      for (const text of ['SET client_encoding = LATIN1', "SET NAMES 'LATIN1'", 'SET standard_conforming_strings = off', "SET client_encoding TO 'SJIS'"]) {
        assert.match(errorText(await wire.query(text)), /C:42501[^]*pinned/, text);
      }
      assert.deepEqual(plain(await wire.query("SET client_encoding = 'UTF8'")), ['SET', 'ZI']);
      for (const text of ['SET session_replication_role = replica', "SET local_preload_libraries = 'x'", 'SET wicketgate.anything = 1']) assert.match(plain(await wire.query(text)).join(), /E42501/, text);
    });

    describe('application_name', () => {
      const WG = /^wg:[0-9a-z]{12}:writer/;
      const at = async (wire: Wire): Promise<string> => {
        await wire.query('SELECT 1');
        // Those of the tests before may take a moment to end.
        const row = await until(async () => {
          const rows = await scene.target.query("SELECT application_name AS a FROM pg_stat_activity WHERE application_name LIKE 'wg:%'");
          return rows.length === 1 ? rows[0] : undefined;
        }, 20_000, 'one session at the target');
        return String(row['a']);
      };
      const REST = / (.*)$/;
      const own = async (wire: Wire): Promise<string> => {
        const name = await at(wire);
        assert.match(name, WG);
        return REST.exec(name)?.[1] ?? '';
      };
      test('names the actor, with the client\'s own text behind it, whatever the client does', async () => {
        using wire = await gatewayWire(scene, 'writer', { parameters: { application_name: 'nightly' } });
        assert.equal(wire.parameters.get('application_name'), 'nightly');
        assert.equal(await own(wire), 'nightly');
        assert.ok(plain(await wire.query("SET application_name = 'second'")).includes('Sapplication_name=second'));
        assert.equal(await own(wire), 'second');
        await wire.query('BEGIN');
        await wire.query("SET LOCAL application_name = 'third'");
        assert.equal(await own(wire), 'third');
        await wire.query('COMMIT');
        assert.equal(await own(wire), 'second');
        await wire.query('BEGIN');
        await wire.query("SET application_name = 'fourth'");
        await wire.query('ROLLBACK');
        assert.equal(await own(wire), 'second');
        await wire.query("SET application_name = ''");
        assert.equal(await own(wire), '');
        await wire.query("SET application_name = 'wg:000000000000:somebody'");
        assert.match(await own(wire), /wg:000000000000:somebody/);
        await wire.query('RESET application_name');
        assert.match(await at(wire), WG);
        await wire.query("SET application_name = 'fifth'");
        await wire.query('DISCARD ALL');
        assert.match(await at(wire), WG);
        await wire.query(`SET application_name = '${'long '.repeat(30)}'`);
        assert.match(await own(wire), /^long long/);
        assert.ok((await at(wire)).length <= 63);
      });
      test('stays in the statements of a failed block too', async () => {
        using wire = await gatewayWire(scene, 'writer');
        await wire.query('BEGIN');
        await wire.query("SET application_name = 'inside'");
        await wire.query('SELECT 1/0');
        await wire.query('SELECT 4712');
        await wire.query('ROLLBACK');
        assert.match(await at(wire), WG);
      });
    });

    test('LISTEN and NOTIFY: across sessions, while idle, in a block', async () => {
      using ears = await gatewayWire(scene, 'writer');
      using mouth = await gatewayWire(scene, 'writer');
      await ears.query('LISTEN news');
      await mouth.query('BEGIN');
      assert.ok(!plain(await mouth.query("NOTIFY news, 'later'")).some((text) => text.startsWith('E')));
      await mouth.query('COMMIT');
      assert.deepEqual(plain(await ears.until('NotificationResponse')), ['Anews=later']);
      await ears.query('BEGIN');
      await mouth.query("NOTIFY news, 'after the block'");
      assert.deepEqual(plain(await ears.query('COMMIT')), ['COMMIT', 'Anews=after the block', 'ZI'].sort((x, y) => Number(x.startsWith('Z')) - Number(y.startsWith('Z'))));
    });
  });
}
