import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { until } from '../kit/until.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { errorText, plain, say, wireHaving, type Wire } from './wire.ts';

/*
 * What a name means can move without any object being made, dropped or renamed by the statement: by the right to use a schema, and by what was
 * prepared before. In front of the table that is denied or masked stands one of the same name that is not.
 */

const SETUP = `${TABLES}
CREATE SCHEMA a AUTHORIZATION app; CREATE SCHEMA b AUTHORIZATION app; CREATE ROLE other;
CREATE TABLE a.docs(t text); INSERT INTO a.docs VALUES ('from a'); ALTER TABLE a.docs OWNER TO app;
CREATE TABLE b.docs(t text); INSERT INTO b.docs VALUES ('from b'); ALTER TABLE b.docs OWNER TO app;
CREATE TABLE a.customers(id int, ssn text); ALTER TABLE a.customers OWNER TO app;`;

const allow = ['read', 'write', 'schema', 'session'];
const policies = [
  { name: 'masked', identities: ['writer'], connections: ['*'], allow, mask: [{ columns: ['public.customers.ssn'], mode: 'strict', transform: 'redact' }] },
  { name: 'free', identities: ['migrator'], connections: ['*'], allow, rules: [{ name: 'not-b', match: { objects: ['b.docs'] }, effect: 'deny', reason: 'not for jobs' }] },
];

const IN_FRONT = 'in front';
const run = (text: string): Buffer[] => [say.parse('', text), say.bind('', '', [], []), say.execute('')];

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({ postgres: { version, setup: SETUP, config: { max_prepared_transactions: 5 } }, policies });
    });
    after(() => scene[Symbol.asyncDispose]());

    const having = (role: 'writer' | 'migrator', ...statements: readonly string[]): Promise<Wire> => wireHaving(scene, role, ...statements);
    /** What the name is taken for: the row that came, or of refusals which relation they are for. What stands behind counts in any case. */
    const answer = async (wire: Wire, text = 'SELECT t FROM docs'): Promise<string> => {
      const said = await wire.query(text);
      return /can come to mean/.test(errorText(said)) ? IN_FRONT : (plain(said).find((each) => /^[(E]/.test(each)) ?? '');
    };
    const docs = async (...statements: readonly string[]): Promise<Wire> => {
      const wire = await having('migrator', 'SET search_path = a, b');
      assert.equal(await answer(wire), IN_FRONT);
      for (const statement of statements) assert.ok(!plain(await wire.query(statement)).some((text) => text.startsWith('E')), statement);
      return wire;
    };
    const CLOSED = 'REVOKE USAGE ON SCHEMA a FROM app';
    const OPENED = 'GRANT ALL ON SCHEMA a TO app';
    const reopened = (): Promise<unknown> => scene.target.query(OPENED);

    describe('a schema that the role may not use any more is passed over', () => {
      test('inside the transaction that takes the right away', async () => {
        using wire = await docs('BEGIN', CLOSED);
        assert.equal(await answer(wire), 'E42501');
        await wire.query('ROLLBACK');
        assert.equal(await answer(wire), IN_FRONT);
        using customers = await having('writer', 'SET search_path = a, public');
        assert.equal(await answer(customers, "SELECT ssn || '' FROM customers"), IN_FRONT);
        for (const statement of ['BEGIN', CLOSED]) await customers.query(statement);
        assert.equal(await answer(customers, "SELECT ssn || '' FROM customers"), 'E42501');
      });
      for (const [how, text] of [['right behind it', CLOSED], ['with all rights', 'REVOKE ALL ON SCHEMA a FROM app CASCADE']] as const) {
        test(`${how}, for all sessions`, async () => {
          try {
            using beside = await docs();
            using wire = await docs(text);
            assert.equal(await answer(wire), 'E42501');
            assert.equal(await answer(beside), 'E42501');
          } finally {
            await reopened();
          }
        });
      }
      test('in the same message, and in the same series', async () => {
        using wire = await docs();
        assert.equal(await answer(wire, `${CLOSED}; SELECT t FROM docs`), 'E42501');
        assert.equal(await answer(wire), IN_FRONT);
        wire.send(...run(CLOSED), ...run('DROP TABLE docs'), say.sync);
        const said = plain(await wire.until('ReadyForQuery'));
        assert.ok(said.includes('E42501') && !said.includes('DROP TABLE'), said.join(' '));
        assert.equal(await answer(wire), IN_FRONT);
      });
      test('and one that it may use again is not', async () => {
        try {
          await scene.target.query('CREATE SCHEMA shut AUTHORIZATION app; CREATE TABLE shut.docs AS SELECT * FROM b.docs; ALTER TABLE shut.docs OWNER TO app; REVOKE ALL ON SCHEMA shut FROM app');
          using wire = await having('migrator', 'SET search_path = shut, b');
          assert.equal(await answer(wire), 'E42501');
          assert.equal(await answer(wire, 'GRANT USAGE ON SCHEMA shut TO app; SELECT t FROM docs'), 'E42501');
          assert.deepEqual(plain(await wire.query('GRANT USAGE ON SCHEMA shut TO app')), ['GRANT', 'ZI']);
          assert.equal(await answer(wire), IN_FRONT);
        } finally {
          await scene.target.query('DROP SCHEMA shut CASCADE');
        }
      });
      test('other privileges on schemas change nothing for the rest of a script', async () => {
        using wire = await docs();
        const script = 'REVOKE CREATE ON SCHEMA a FROM PUBLIC; GRANT USAGE ON SCHEMA a TO other; CREATE SCHEMA fresh; GRANT ALL ON SCHEMA fresh TO other; SELECT t FROM a.docs; DROP SCHEMA fresh';
        assert.equal(await answer(wire, script), '(from a)');
      });
    });

    describe('what the target has done and not yet told of', () => {
      const AWAY = 'ALTER TABLE a.docs RENAME TO away';
      const back = (): Promise<unknown> => scene.target.query('ALTER TABLE a.away RENAME TO docs');
      /** In the middle of a message: the target tells of it at the end. */
      const doing = async (statement: string, done: string): Promise<Wire> => {
        const wire = await having('migrator', 'SELECT 1');
        wire.send(say.query(`${statement}; COMMIT; SELECT pg_sleep(60)`));
        await until(async () => (await scene.target.query(`SELECT to_regclass('${done}') IS NOT NULL AS done`))[0]?.['done'] === true);
        return wire;
      };
      test('a statement behind it in its message still runs', async () => {
        using wire = await docs();
        try {
          using _ = await doing(AWAY, 'a.away');
          assert.equal(await answer(wire), 'E42501');
        } finally {
          await back();
        }
      });
      test('its session has ended before', async () => {
        using wire = await docs();
        try {
          using beside = await doing(AWAY, 'a.away');
          // No message begins so: the session ends at once.
          beside.send(Buffer.from([0x99, 0, 0, 0, 4]));
          await beside.rest();
          assert.equal(await answer(wire), 'E42501');
        } finally {
          await back();
        }
      });
    });

    describe('what was prepared is done', () => {
      test('names mean something else from there on, in all sessions', async () => {
        using beside = await docs('BEGIN', 'ALTER TABLE a.docs RENAME TO away', "PREPARE TRANSACTION 'renamed'");
        // The table is locked until then.
        using wire = await having('migrator', 'SET search_path = a, b', 'SELECT note FROM public.audit');
        assert.deepEqual(plain(await wire.query("COMMIT PREPARED 'renamed'")), ['COMMIT PREPARED', 'ZI']);
        assert.equal(await answer(wire), 'E42501');
        assert.equal(await answer(beside), 'E42501');
        await scene.target.query('ALTER TABLE a.away RENAME TO docs');
      });
    });
  });
}
