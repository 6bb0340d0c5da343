import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { until } from '../kit/until.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { errorText, gatewayWire, plain, say, type Wire } from './wire.ts';

/*
 * The gateway judges a name by what it means at the target at that moment: whatever moved it, and whoever did. Two tables have the
 * same name, and one of them is denied; the masked table shares its name with temporary ones.
 */

/** As long as a name can be: what is longer is cut to this. */
const LONG = 'n'.repeat(63);

const SETUP = `${TABLES}
CREATE SCHEMA a AUTHORIZATION app; CREATE SCHEMA b AUTHORIZATION app;
CREATE TABLE a.docs(t text); INSERT INTO a.docs VALUES ('from a'); ALTER TABLE a.docs OWNER TO app;
CREATE TABLE b.docs(t text); INSERT INTO b.docs VALUES ('from b'); ALTER TABLE b.docs OWNER TO app;
CREATE SCHEMA ${LONG} AUTHORIZATION app; CREATE TABLE ${LONG}.docs(t text); ALTER TABLE ${LONG}.docs OWNER TO app; CREATE SCHEMA closed; CREATE TABLE closed.docs(t text);`;

const policy = {
  name: 'all',
  identities: ['writer'],
  connections: ['*'],
  allow: ['read', 'write', 'schema', 'session'],
  mask: [{ columns: ['customers.ssn'], mode: 'strict', transform: 'redact' }],
  rules: [
    { name: 'not-b', match: { objects: ['b.docs', 'late.docs', `${LONG}.docs`] }, effect: 'deny', reason: 'not for jobs' },
    { name: 'nothing-new', match: { verbs: ['create'], objects: ['public.*'] }, effect: 'deny', reason: 'public is full' },
  ],
};

const FROM_A = '(from a)';
const MASKED = ['[ssn:25:0]', '(***)', '(***)', 'SELECT 2'];
const run = (text: string): Buffer[] => [say.parse('', text), say.bind('', '', [], []), say.execute('')];

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({ postgres: { version, setup: SETUP }, policies: [policy] });
    });
    after(() => scene[Symbol.asyncDispose]());

    /** A session in which these statements have succeeded. */
    const having = async (...statements: readonly string[]): Promise<Wire> => {
      const wire = await gatewayWire(scene, 'writer');
      for (const statement of statements) {
        const said = await wire.query(statement);
        assert.ok(!plain(said).some((text) => text.startsWith('E')), `${statement}: ${errorText(said)}`);
      }
      return wire;
    };
    /** Without ParameterStatus, by which newer servers tell of search_path. */
    const but = (messages: Awaited<ReturnType<Wire['query']>>): string[] => plain(messages.filter(({ kind }) => kind !== 'ParameterStatus'));
    /** The row that came, or the error. */
    const answer = async (wire: Wire, text = 'SELECT t FROM docs'): Promise<string> => plain(await wire.query(text)).find((each) => /^[(E]/.test(each)) ?? '';
    const MOVED = ['SET search_path = b', 'BEGIN', 'SET search_path = a', 'SELECT t FROM docs'];

    describe('a rollback brings names back', () => {
      test('also for the statement behind it in the same message', async () => {
        using wire = await having(...MOVED);
        assert.deepEqual(but(await wire.query('ROLLBACK; SELECT t FROM docs')), ['E42501', 'ZE']);
      });
      test('also when the next block is chained to it', async () => {
        using wire = await having(...MOVED, 'ROLLBACK AND CHAIN');
        assert.equal(await answer(wire), 'E42501');
      });
      test('also for the statement behind it in the same series', async () => {
        using wire = await having(...MOVED);
        wire.send(...run('ROLLBACK'), ...run('SELECT t FROM docs'), say.sync);
        assert.deepEqual(but(await wire.until('ReadyForQuery')), ['ParseComplete', 'BindComplete', 'ROLLBACK', 'E42501', 'ZI']);
      });
      test('of a temporary table: the masked one shows again, and is masked', async () => {
        const hidden = ['BEGIN', 'CREATE TEMP TABLE customers(id int, ssn text)', 'SELECT ssn FROM customers'];
        using chained = await having(...hidden, 'ROLLBACK AND CHAIN');
        assert.deepEqual(plain(await chained.query('SELECT ssn FROM customers')), [...MASKED, 'ZT']);
        assert.deepEqual(plain(await chained.query("SELECT ssn || '' FROM customers")), ['E42501', 'ZE']);
        using together = await having(...hidden);
        const said = plain(await together.query('ROLLBACK; SELECT ssn FROM customers'));
        assert.ok(said.includes('E42501') || said.filter((each) => each === '(***)').length === 2, said.join(' '));
      });
    });

    describe('search_path as the target reads it', () => {
      test('pg_temp at its end puts temporary tables last', async () => {
        using docs = await having('CREATE TEMP TABLE docs(t text)', 'SET search_path = b, pg_temp');
        assert.equal(await answer(docs), 'E42501');
        using customers = await having('CREATE TEMP TABLE customers(ssn text)', 'SET search_path = public, pg_temp');
        assert.deepEqual(plain(await customers.query('SELECT ssn FROM customers')), [...MASKED, 'ZI']);
      });
      test('a blank beyond ASCII is part of a name', async () => {
        using wire = await gatewayWire(scene, 'writer', { parameters: { search_path: 'a\u00a0, b' } });
        assert.equal(await answer(wire), 'E42501');
      });
      test('names are cut after 63 bytes, as the server cuts them', async () => {
        for (const path of [`${LONG}x, a`, `"${LONG}x", a`]) {
          using wire = await having(`SET search_path = ${path}`);
          assert.equal(await answer(wire), 'E42501', path);
        }
        using wire = await gatewayWire(scene, 'writer');
        assert.equal(await answer(wire, `SELECT t FROM ${LONG}and_more.docs`), 'E42501');
        assert.equal(await answer(wire, `SELECT t FROM "${LONG}and more".docs`), 'E42501');
      });
      test('moved by a function in a portal that is not finished', async () => {
        using wire = await having('SET search_path = a', 'BEGIN');
        wire.send(say.parse('', "SELECT set_config('search_path', 'b', false) FROM generate_series(1, 9)"), say.bind('', '', [], []), say.execute('', 1), say.sync);
        assert.ok(plain(await wire.until('ReadyForQuery')).includes('PortalSuspended'));
        assert.equal(await answer(wire), 'E42501');
      });
      test('a schema that the role may not use is passed over', async () => {
        using wire = await having('SET search_path = closed, b');
        assert.equal(await answer(wire), 'E42501');
      });
      test('a new object is judged in the schema where it will be', async () => {
        using wire = await gatewayWire(scene, 'writer');
        assert.deepEqual(plain(await wire.query('CREATE TABLE brand_new(a int)')), ['E42501', 'ZI']);
        await wire.query('SET search_path = a');
        assert.deepEqual(plain(await wire.query('CREATE TABLE brand_new(a int)')), ['CREATE TABLE', 'ZI']);
        await wire.query('DROP TABLE a.brand_new');
      });
    });

    describe('somebody else', () => {
      test('makes a schema that comes first', async () => {
        using wire = await having('SET search_path = late, a');
        assert.equal(await answer(wire), FROM_A);
        await scene.target.query("CREATE SCHEMA late AUTHORIZATION app; CREATE TABLE late.docs(t text); INSERT INTO late.docs VALUES ('late'); ALTER TABLE late.docs OWNER TO app");
        await until(async () => (await answer(wire)) === 'E42501', 20_000, 'the new schema noticed');
      });
      test('moves the path of the role: the next session has it', async () => {
        try {
          for (const [path, expected] of [['b', 'E42501'], ['a', FROM_A], ['b', 'E42501']] as const) {
            await scene.target.query(`ALTER ROLE app SET search_path = ${path}`);
            using wire = await gatewayWire(scene, 'writer');
            assert.equal(await answer(wire), expected, path);
          }
        } finally {
          await scene.target.query('ALTER ROLE app RESET search_path');
        }
      });
      test('reloads the configuration: open sessions still know names', async () => {
        using wire = await having('SET search_path = a', 'SELECT t FROM docs');
        await scene.gateway.reload({ ...scene.config, policies: [{ ...policy, limits: { commandsPerMinute: 100_000 } }] });
        assert.equal(await answer(wire), FROM_A);
        await scene.target.query('CREATE TABLE a.later(t text); ALTER TABLE a.later OWNER TO app');
        await until(async () => (await answer(wire, 'SELECT count(*) FROM later')) === '(0)');
        assert.equal(await answer(wire, 'SELECT t FROM b.docs'), 'E42501');
      });
    });
  });
}
