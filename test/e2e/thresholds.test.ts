import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { until } from '../kit/until.ts';
import { refusedWith, startThresholdScene, type ThresholdScene } from './thresholds-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';
import { gatewayWire, openSocket, plain, say } from './wire.ts';

for (const version of postgresVersions()) {
  suite(`rows that a Query changes, PostgreSQL ${version}`, () => {
    let scene: ThresholdScene;
    before(async () => { scene = await startThresholdScene(version); });
    after(async () => {
      await stopAndVerify(scene);
      await scene[Symbol.asyncDispose]();
    });

    test('up to the threshold it runs, and one more waits for people, who see how many it is', async () => {
      await scene.table('exact', 40);
      const few = await scene.psql('migrator', '-c', 'DELETE FROM exact WHERE id <= 10 RETURNING id');
      assert.equal(few.code, 0, few.stderr);
      assert.match(few.stdout, /DELETE 10/);
      await scene.table('exact_more', 40);
      const job = scene.psql('migrator', '-c', 'DELETE FROM exact_more WHERE id <= 11 RETURNING id');
      const request = await scene.request();
      const shown = await scene.show(request.id);
      assert.equal(shown.rows, 11);
      assert.equal(await scene.target.count('exact_more'), 40, 'nothing has changed while people think');
      assert.ok((await scene.answer(request.id, 'approve')).ok);
      const ran = await job;
      assert.equal(ran.code, 0, ran.stderr);
      assert.match(ran.stdout, /DELETE 11/);
      assert.equal(await scene.target.count('exact_more'), 29);
    });

    test('what people see and approve is the whole number, far above the threshold', async () => {
      await scene.table('whole', 3000);
      const job = scene.psql('migrator', '-c', "UPDATE whole SET v = 'x' WHERE id > 500");
      const request = await scene.request();
      assert.equal((await scene.show(request.id)).rows, 2500);
      assert.ok((await scene.answer(request.id, 'approve')).ok);
      assert.match((await job).stdout, /UPDATE 2500/);
    });

    test('slices below the threshold add up within the hour', async () => {
      await scene.table('sliced', 40);
      using client = await gatewayWire(scene, 'migrator');
      assert.ok(plain(await client.query('DELETE FROM sliced WHERE id <= 6')).includes('DELETE 6'));
      assert.ok(plain(await client.query('DELETE FROM sliced WHERE id <= 10')).includes('DELETE 4'));
      await client.query('BEGIN');
      assert.match(refusedWith(await client.query('DELETE FROM sliced WHERE id <= 11')), /^42501 .*approval/);
      await client.query('ROLLBACK');
      await scene.denyAll();
    });

    test('inside a block: a savepoint, RETURNING, and the client\'s own savepoints around it', async () => {
      await scene.table('in_block', 40);
      using client = await gatewayWire(scene, 'migrator');
      await client.query('BEGIN');
      await client.query('SAVEPOINT mine');
      assert.deepEqual(plain(await client.query('DELETE FROM in_block WHERE id <= 3 RETURNING id')), ['[id:23:0]', '(1)', '(2)', '(3)', 'DELETE 3', 'ZT']);
      await client.query('ROLLBACK TO SAVEPOINT mine');
      assert.deepEqual(plain(await client.query('SELECT count(*) FROM in_block')).at(1), '(40)');
      assert.ok(plain(await client.query('DELETE FROM in_block WHERE id = 4')).includes('DELETE 1'));
      assert.deepEqual(plain(await client.query('RELEASE SAVEPOINT mine')), ['RELEASE', 'ZT']);
      assert.deepEqual(plain(await client.query('SHOW transaction_read_only')).at(1), '(off)');
      assert.match(refusedWith(await client.query('DELETE FROM in_block WHERE id <= 20')), /^42501 .*approval/);
      assert.deepEqual(plain(await client.query('SELECT 1')), ['E25P02', 'ZE'], 'the transaction has failed');
      assert.deepEqual(plain(await client.query('COMMIT')), ['ROLLBACK', 'ZI']);
      assert.equal(await scene.target.count('in_block'), 40);
      await scene.denyAll();
    });

    for (const [what, inside] of [['outside', false], ['inside', true]] as const) {
      test(`more rows come between the count and the statement, ${what} a block: undone, refused, and nothing of RETURNING is told`, async () => {
        const name = `raced_${what}`;
        await scene.table(name, 10);
        const other = await scene.target.client();
        using client = await gatewayWire(scene, 'migrator');
        try {
          if (inside) await client.query('BEGIN');
          // The count reads past the lock; the statement waits for it, and then sees what was committed meanwhile.
          await other.query(`BEGIN; LOCK TABLE ${name} IN EXCLUSIVE MODE; INSERT INTO ${name} SELECT n, 'more', NULL FROM generate_series(11, 15) n`);
          client.send(say.query(`DELETE FROM ${name} WHERE id > 0 RETURNING id`));
          await until(async () => (await scene.target.query(`SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '${name}'::regclass`)).length === 1, 20_000, 'the statement waits');
          await other.query('COMMIT');
          const answer = await client.until('ReadyForQuery');
          assert.match(refusedWith(answer), /^42501 .*approval/);
          assert.deepEqual(answer.filter(({ kind }) => kind === 'DataRow' || kind === 'CommandComplete'), []);
          assert.equal(plain(answer).at(-1), inside ? 'ZE' : 'ZI');
          if (inside) await client.query('ROLLBACK');
          assert.equal(await scene.target.count(name), 15, 'all of it is there');
          const request = await scene.request();
          assert.equal((await scene.show(request.id)).rows, 15);
          if (!inside) {
            assert.ok((await scene.answer(request.id, 'approve')).ok);
            assert.ok(plain(await client.query(`DELETE FROM ${name} WHERE id > 0 RETURNING id`)).includes('DELETE 15'), 'the next try');
          } else assert.ok((await scene.answer(request.id, 'deny')).ok);
        } finally {
          await other.end();
        }
      });
    }

    test('an approval covers its number: with more rows at the next try it is undone and asked for anew', async () => {
      await scene.table('covered', 20);
      using client = await gatewayWire(scene, 'migrator');
      const other = await scene.target.client();
      try {
        await client.query('BEGIN');
        assert.match(refusedWith(await client.query('DELETE FROM covered WHERE id > 0')), /^42501 .*approval/);
        await client.query('ROLLBACK');
        const first = await scene.request();
        assert.ok((await scene.answer(first.id, 'approve')).ok);
        await other.query(`BEGIN; LOCK TABLE covered IN EXCLUSIVE MODE; INSERT INTO covered SELECT n FROM generate_series(21, 25) n`);
        await client.query('BEGIN');
        client.send(say.query('DELETE FROM covered WHERE id > 0'));
        await until(async () => (await scene.target.query("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'covered'::regclass")).length === 1, 20_000, 'the statement waits');
        await other.query('COMMIT');
        assert.match(refusedWith(await client.until('ReadyForQuery')), /^42501 .*approval/);
        await client.query('ROLLBACK');
        assert.equal(await scene.target.count('covered'), 25);
        assert.equal((await scene.show(first.id)).state, 'used', 'it served once');
        const second = await scene.request();
        assert.equal((await scene.show(second.id)).rows, 25);
        assert.ok((await scene.answer(second.id, 'deny')).ok);
      } finally {
        await other.end();
      }
    });

    test('an error of the statement is its server\'s own, and outside a block nothing stays open', async () => {
      await scene.table('fails', 10);
      using client = await gatewayWire(scene, 'migrator');
      const failing = 'UPDATE fails SET id = 1 WHERE id IN (2, 3)';
      assert.deepEqual(plain(await client.query(failing)), ['E23505', 'ZI']);
      await client.query('BEGIN');
      assert.deepEqual(plain(await client.query(failing)), ['E23505', 'ZE']);
      assert.deepEqual(plain(await client.query('ROLLBACK')), ['ROLLBACK', 'ZI']);
    });

    test('limits on time of the client hold for its statement, are restored, and do not end the count early', async () => {
      await scene.table('timed', 10);
      using client = await gatewayWire(scene, 'migrator');
      for (const [limit, shown] of [['30s', '30s'], ['1min', '1min']] as const) {
        await client.query(`SET statement_timeout = '${limit}'`);
        for (const open of [false, true]) {
          if (open) await client.query('BEGIN');
          const deleted = await client.query('DELETE FROM timed WHERE id = -1');
          assert.deepEqual(plain(deleted), ['DELETE 0', open ? 'ZT' : 'ZI'], refusedWith(deleted));
          assert.equal(plain(await client.query('SHOW statement_timeout')).at(1), `(${shown})`);
          assert.equal(plain(await client.query('SHOW transaction_read_only')).at(1), '(off)');
          if (open) await client.query('COMMIT');
        }
      }
    });

    test('what cannot be counted goes to people as it is, and no count is run', async () => {
      await scene.table('deferred', 5, 'ALTER TABLE deferred ADD CONSTRAINT later UNIQUE (v) DEFERRABLE INITIALLY DEFERRED');
      await scene.table('parent', 5, 'CREATE TABLE child(parent int REFERENCES parent ON DELETE CASCADE); ALTER TABLE child OWNER TO app');
      await scene.table('triggered', 5, "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'; CREATE TRIGGER watch BEFORE DELETE ON triggered FOR EACH ROW EXECUTE FUNCTION watch()");
      await scene.table('all_rows', 5);
      using client = await gatewayWire(scene, 'migrator');
      for (const [table, text] of [['deferred', 'DELETE FROM deferred WHERE id = 1'], ['triggered', 'DELETE FROM triggered WHERE id = 1'], ['parent', 'DELETE FROM parent WHERE id = 1'], ['all_rows', 'DELETE FROM all_rows'], ['all_rows', 'DELETE FROM all_rows WHERE id = id'], ['all_rows', 'DELETE FROM all_rows WHERE id = 1; DELETE FROM all_rows WHERE id = 2'], ['all_rows', 'WITH gone AS (DELETE FROM all_rows WHERE id = 1 RETURNING 1) SELECT * FROM gone']] as const) {
        await client.query('BEGIN');
        const refused = refusedWith(await client.query(text));
        assert.match(refused, /^42501 .*approval/, text);
        await client.query('ROLLBACK');
        const request = await scene.request();
        assert.equal((await scene.show(request.id)).rows, undefined);
        assert.ok((await scene.answer(request.id, 'deny')).ok);
        assert.equal(scene.counts(table), 0, text);
        assert.equal(await scene.target.count(table), 5);
      }
    });

    test('where protected columns decide which rows, no count is run, and the refusal is the same whatever they hold', async () => {
      using client = await gatewayWire(scene, 'migrator');
      const refusals = new Set<string>();
      for (const value of ['ssn1', 'nobody', 'ssn%']) {
        await client.query('BEGIN');
        refusals.add(refusedWith(await client.query(`UPDATE customers SET id = id WHERE ssn LIKE '${value}'`)).replaceAll(/[0-9a-z]{16,}/g, 'ID').replaceAll(value, 'VALUE'));
        await client.query('ROLLBACK');
        for (const { id } of await scene.requests('pending')) {
          assert.equal((await scene.show(id)).rows, undefined);
          assert.ok((await scene.answer(id, 'deny')).ok);
        }
      }
      assert.equal(refusals.size, 1, [...refusals].join('\n'));
      assert.match([...refusals][0] ?? '', /^42501/);
      assert.equal(scene.counts('customers'), 0);
    });

    test('MERGE: counted, guarded and undone like the rest, inside a block and outside', async () => {
      await scene.table('merged', 40);
      const merge = (most: number): string => `MERGE INTO merged USING generate_series(1, ${most}) AS g(n) ON merged.id = g.n WHEN MATCHED AND merged.id % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET v = 'merged'`;
      const changed = async (): Promise<number> => 40 - (await scene.target.count("merged WHERE v <> 'merged'"));
      const other = await scene.target.client();
      using client = await gatewayWire(scene, 'migrator');
      try {
        await client.query('BEGIN');
        const over = refusedWith(await client.query(merge(11)));
        assert.match(over, /^42501 .*approval/);
        await client.query('ROLLBACK');
        assert.equal((await scene.show((await scene.request()).id)).rows, 11);
        await scene.denyAll();
        assert.equal(scene.counts('merged') > 0, true);
        assert.equal(await changed(), 0);
        // More rows come between the count and the statement.
        await other.query("BEGIN; LOCK TABLE merged IN EXCLUSIVE MODE; INSERT INTO merged SELECT n, 'more' FROM generate_series(-20, -1) n");
        client.send(say.query("MERGE INTO merged USING (VALUES ('more'), ('1')) AS g(w) ON merged.v = g.w WHEN MATCHED THEN UPDATE SET v = 'merged'"));
        await until(async () => (await scene.target.query("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'merged'::regclass")).length === 1, 20_000, 'the statement waits');
        await other.query('COMMIT');
        const raced = await client.until('ReadyForQuery');
        assert.match(refusedWith(raced), /^42501 .*approval/);
        assert.equal(plain(raced).at(-1), 'ZI');
        assert.equal((await scene.show((await scene.request()).id)).rows, 21);
        await scene.denyAll();
        await scene.target.query("DELETE FROM merged WHERE v = 'more'");
        assert.equal(await changed(), 0, 'undone');
        await client.query('BEGIN');
        assert.deepEqual(plain(await client.query(merge(4))), ['MERGE 4', 'ZT']);
        assert.deepEqual(plain(await client.query('COMMIT')), ['COMMIT', 'ZI']);
        assert.equal(await changed(), 4);
        const returning = version < 17 ? '' : ' RETURNING merge_action()';
        const rest = `MERGE INTO merged USING generate_series(5, 10) AS g(n) ON merged.id = g.n WHEN MATCHED THEN UPDATE SET v = 'merged'${returning}`;
        assert.deepEqual(plain(await client.query(rest)).slice(-2), ['MERGE 6', 'ZI'], 'and 10 in all');
        assert.equal(await changed(), 10);
        client.send(say.query("MERGE INTO merged USING generate_series(11, 11) AS g(n) ON merged.id = g.n WHEN MATCHED THEN DELETE"));
        assert.equal((await scene.show((await scene.request()).id)).rows, 1, 'slices of it add up');
        await scene.denyAll();
        assert.match(refusedWith(await client.until('ReadyForQuery')), /^42501/);
        // An INSERT of it adds rows to a table of which no row was there.
        await scene.table('merged_into', 0);
        assert.deepEqual(plain(await client.query('MERGE INTO merged_into USING generate_series(1, 10) AS g(n) ON merged_into.id = g.n WHEN NOT MATCHED THEN INSERT (id) VALUES (g.n)')), ['MERGE 10', 'ZI']);
        await scene.table('merged_all', 5);
        await client.query('BEGIN');
        assert.match(refusedWith(await client.query('MERGE INTO merged_all USING (VALUES (1)) AS g(n) ON true WHEN MATCHED THEN DELETE')), /^42501 .*approval/, 'every row of it');
        await client.query('ROLLBACK');
        await scene.denyAll();
      } finally {
        await other.end();
      }
    });

    test('the client cancels a statement under guard: its error, nothing changed, the session goes on', async () => {
      await scene.table('cancelled', 10);
      const other = await scene.target.client();
      using client = await gatewayWire(scene, 'migrator');
      try {
        await other.query('BEGIN; LOCK TABLE cancelled IN EXCLUSIVE MODE');
        client.send(say.query('DELETE FROM cancelled WHERE id = 1'));
        await until(async () => (await scene.target.query("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'cancelled'::regclass")).length === 1, 20_000, 'the statement waits');
        (await openSocket(scene.gateway.port())).end(say.cancelRequest(client.processId, client.key));
        assert.deepEqual(plain(await client.until('ReadyForQuery')), ['E57014', 'ZI']);
        await other.query('ROLLBACK; BEGIN; LOCK TABLE cancelled IN ACCESS EXCLUSIVE MODE');
        client.send(say.query('DELETE FROM cancelled WHERE id = 1'));
        await until(async () => (await scene.target.query("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'cancelled'::regclass")).length === 1, 20_000, 'the count waits');
        (await openSocket(scene.gateway.port())).end(say.cancelRequest(client.processId, client.key));
        assert.deepEqual(plain(await client.until('ReadyForQuery')), ['E57014', 'ZI'], 'in the count as well');
        await other.query('ROLLBACK');
        assert.equal(await scene.target.count('cancelled'), 10);
        assert.deepEqual(plain(await client.query('SELECT 1')).at(-1), 'ZI');
      } finally {
        await other.end();
      }
    });

    test('the client is gone in the middle: nothing has changed', async () => {
      await scene.table('gone', 10);
      const other = await scene.target.client();
      const client = await gatewayWire(scene, 'migrator');
      try {
        await other.query('BEGIN; LOCK TABLE gone IN EXCLUSIVE MODE');
        client.send(say.query('DELETE FROM gone WHERE id = 1'));
        const waiting = async (): Promise<boolean> => (await scene.target.query("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'gone'::regclass")).length === 1;
        await until(waiting, 20_000, 'the statement waits');
        client.close();
        await until(async () => (await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'wg:%' AND query LIKE 'DELETE FROM gone%'")).length === 0, 20_000, 'the session is closed');
        await other.query('ROLLBACK');
      } finally {
        client.close();
        await other.end();
      }
      await until(async () => (await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'wg:%'")).length === 0, 20_000, 'no session is left');
      assert.equal(await scene.target.count('gone'), 10);
      await until(async () => (await recorded(scene, 'DELETE FROM gone')).some(({ end }) => end === 'aborted'), 20_000, 'the record says that it was not done');
    });
  });
}
