import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type pg from 'pg';
import { postgresVersions } from '../kit/postgres.ts';
import { until } from '../kit/until.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { errorText, gatewayWire, plain, type Wire } from './wire.ts';

/*
 * A session that has changed definitions in its open transaction is asked for its own view of the catalog. That must not show in what others can
 * do, and what others have locked must not hold it up: neither would be so without the gateway.
 */

const SETUP = `${TABLES}
CREATE VIEW of_orders AS SELECT id, note FROM orders; ALTER VIEW of_orders OWNER TO app;
CREATE VIEW of_audit AS SELECT id, note FROM audit; ALTER VIEW of_audit OWNER TO app;`;

/** A session that waits longer than this waits for somebody's lock. */
const LIMIT = "SET statement_timeout = '4s'";
const REFUSED = 'E42501';

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    let other: pg.Client;
    before(async () => {
      scene = await startScene({ postgres: { version, setup: SETUP } });
      other = await scene.target.client();
      await other.query(LIMIT);
    });
    after(async () => {
      await other.end();
      await scene[Symbol.asyncDispose]();
    });
    beforeEach(() => other.query('ROLLBACK'));

    const having = async (...statements: readonly string[]): Promise<Wire> => {
      const wire = await gatewayWire(scene, 'migrator');
      for (const statement of statements) await does(wire, statement);
      return wire;
    };
    const does = async (wire: Wire, statement: string): Promise<void> => {
      const said = await wire.query(statement);
      assert.ok(!plain(said).some((text) => text.startsWith('E')), `${statement}: ${errorText(said)}`);
    };
    const answer = async (wire: Wire, text: string): Promise<string> => plain(await wire.query(text)).find((each) => /^[(E]/.test(each)) ?? '';
    const waiting = (): Promise<boolean> => until(async () => (await scene.target.query("SELECT FROM pg_locks WHERE NOT granted AND locktype = 'relation'")).length > 0);

    /** Refused in the transaction, which goes on behind a savepoint. */
    const refused = async (wire: Wire, text: string): Promise<void> => {
      await does(wire, 'SAVEPOINT s');
      const said = await wire.query(text);
      assert.ok(plain(said).includes(REFUSED), `${text}: ${plain(said).join()}`);
      assert.match(errorText(said), /a view whose definition is not in the catalog snapshot/);
      await does(wire, 'ROLLBACK TO s');
    };

    test('a view whose table others have locked is not understood until they are done; all else goes on', async () => {
      await other.query('BEGIN; ALTER TABLE audit ADD COLUMN more int');
      using wire = await having(LIMIT, 'BEGIN', 'CREATE TABLE mine(id int)', 'INSERT INTO mine VALUES (7)');
      assert.equal(await answer(wire, 'SELECT id FROM mine'), '(7)');
      assert.equal(await answer(wire, 'SELECT note FROM of_orders WHERE id = 2'), '(ok)');
      await refused(wire, 'SELECT note FROM of_audit WHERE id = 1');
      await other.query('COMMIT');
      await until(async () => {
        await does(wire, 'SAVEPOINT again');
        if (await answer(wire, 'SELECT note FROM of_audit WHERE id = 1') === '(n1)') return true;
        await does(wire, 'ROLLBACK TO again');
        return false;
      });
      await does(wire, 'ROLLBACK');
    });

    test('a lock that others only wait for is no less in the way', async () => {
      const reading = await scene.target.client();
      try {
        await reading.query('BEGIN; SELECT FROM audit');
        const altering = other.query('ALTER TABLE audit ADD COLUMN later int');
        await waiting();
        using wire = await having(LIMIT, 'BEGIN', 'CREATE TABLE mine(id int)', 'INSERT INTO mine VALUES (7)');
        assert.equal(await answer(wire, 'SELECT id FROM mine'), '(7)');
        await does(wire, 'ROLLBACK');
        // Also for who has changed nothing: what others see of the catalog is read while the lock is waited for.
        await does(wire, 'CREATE TABLE theirs(id int)');
        assert.equal(await answer(wire, 'SELECT count(*) FROM theirs'), '(0)');
        await does(wire, 'DROP TABLE theirs');
        await reading.query('COMMIT');
        await altering;
      } finally {
        await reading.end();
      }
    });

    test('rows that others wait for are no locks on their table', async () => {
      const waiter = await scene.target.client();
      const second = await scene.target.client();
      try {
        await other.query('BEGIN; SELECT FROM audit WHERE id = 1 FOR UPDATE');
        const wait = [waiter, second].map((each) => each.query('SELECT FROM audit WHERE id = 1 FOR UPDATE'));
        await until(async () => (await scene.target.query("SELECT FROM pg_locks WHERE locktype = 'tuple' AND mode = 'AccessExclusiveLock' AND granted")).length > 0);
        using wire = await having(LIMIT, 'BEGIN', 'CREATE TABLE mine(id int)');
        assert.equal(await answer(wire, 'SELECT note FROM of_audit WHERE id = 2'), '(n2)');
        await other.query('COMMIT');
        await Promise.all(wait);
      } finally {
        await waiter.end();
        await second.end();
      }
    });

    test('whoever waits for it is not waited for', async () => {
      await other.query('BEGIN; LOCK TABLE audit IN ACCESS EXCLUSIVE MODE');
      using wire = await having(LIMIT, 'BEGIN', 'ALTER TABLE orders ADD COLUMN more int');
      const waits = other.query('SELECT id, more FROM orders WHERE id = 1');
      await waiting();
      assert.equal(await answer(wire, 'SELECT note FROM of_orders WHERE id = 2'), '(ok)', 'its own lock is no hindrance');
      await refused(wire, 'SELECT note FROM of_audit WHERE id = 1');
      await does(wire, 'COMMIT');
      assert.deepEqual((await waits).rows, [{ id: 1, more: null }]);
      await other.query('COMMIT');
      await does(wire, 'ALTER TABLE orders DROP COLUMN more');
    });

    test('having been asked it holds no lock that it has not taken itself', async () => {
      using wire = await having('BEGIN', 'CREATE TABLE mine(id int)');
      assert.equal(await answer(wire, 'SELECT count(*) FROM mine'), '(0)');
      await other.query('ALTER TABLE audit ADD COLUMN free int');
      await does(wire, 'ROLLBACK');
    });

    test('a failure of the client is none of its transaction that it has not made itself', async () => {
      using wire = await having('BEGIN ISOLATION LEVEL SERIALIZABLE', 'SAVEPOINT a', 'CREATE TABLE mine(id int)', 'INSERT INTO mine VALUES (1)');
      assert.equal(await answer(wire, 'SELECT id FROM mine'), '(1)');
      assert.equal(await answer(wire, "SELECT current_setting('lock_timeout')"), '(0)');
      assert.equal(await answer(wire, 'SELECT 1 / (id - 1) FROM mine'), 'E22012');
      for (const statement of ['ROLLBACK TO a', 'CREATE TABLE mine(n text)', "INSERT INTO mine VALUES ('x')", 'RELEASE a']) await does(wire, statement);
      assert.equal(await answer(wire, 'SELECT n FROM mine'), '(x)');
      await does(wire, 'COMMIT');
      await does(wire, 'DROP TABLE mine');
    });

    test('so it is with temporary views, outside of a transaction as well', async () => {
      for (const begin of ['BEGIN', 'SELECT 1']) {
        using wire = await having(LIMIT, 'CREATE TEMP VIEW seen AS SELECT id, note FROM audit', 'SELECT FROM seen', begin);
        await other.query('BEGIN; LOCK TABLE audit IN ACCESS EXCLUSIVE MODE');
        await does(wire, 'CREATE TEMP TABLE t(id int)');
        assert.equal(await answer(wire, 'SELECT count(*) FROM t'), '(0)');
        assert.equal(await answer(wire, 'SELECT note FROM seen WHERE id = 1'), REFUSED);
        await other.query('COMMIT');
        if (begin === 'BEGIN') await does(wire, 'ROLLBACK');
        await until(async () => await answer(wire, 'SELECT note FROM seen WHERE id = 1') === '(n1)');
      }
    });
  });
}
