import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { ApprovalView } from '../../src/approvals/approvals.ts';
import { rowsOf } from '../../src/approvals/words.ts';
import { startApprovalScene, type ApprovalScene } from './approvals-scene.ts';

suite('what is not counted is shown with the estimate of the target', () => {
  let scene: ApprovalScene;
  before(async () => {
    scene = await startApprovalScene({
      policies: [
        {
          name: 'migrating',
          identities: ['migrator'],
          connections: ['*'],
          allow: ['read', 'write', 'schema', 'session'],
          rules: [{ name: 'large', match: { verbs: ['delete', 'drop', 'truncate'], rows: '> 10' }, effect: 'require_approval', reason: 'what is gone is gone', approval: { groups: ['okta/dba'], count: 1, hold: '5m', expires: '15m' } }],
        },
      ],
    });
  });
  after(() => scene[Symbol.asyncDispose]());

  const prepare = async (...sql: readonly string[]): Promise<void> => {
    for (const one of sql) await scene.target.query(one);
  };

  /** What people are shown while it is held; then it is denied. */
  const asked = async (...sql: readonly string[]): Promise<ApprovalView> => {
    const job = scene.psql('migrator', ...sql.flatMap((one) => ['-c', one]));
    const view = await scene.show((await scene.request()).id);
    assert.ok((await scene.answer(view.id, 'deny')).ok);
    const denied = await job;
    assert.equal(denied.code, 1);
    // Without the random ids, which may have these digits.
    assert.doesNotMatch((denied.stderr + denied.stdout).replaceAll(/[0-9a-z]{16,}/g, 'ID'), /1,?200|estimate/, 'the client is told nothing of it');
    return view;
  };

  /** As the owner of all the client may change. */
  const filled = (name: string, rows: number): string[] => [`CREATE TABLE ${name} AS SELECT generate_series(1, ${rows}) AS id`, `ALTER TABLE ${name} OWNER TO app`];

  for (const sql of ['DROP TABLE plenty', 'TRUNCATE plenty', 'DELETE FROM plenty', 'DELETE FROM plenty WHERE true']) {
    test(`${sql}: the number of an analyzed table`, async () => {
      await prepare('DROP TABLE IF EXISTS plenty', ...filled('plenty', 1_200), 'ANALYZE plenty');
      const view = await asked(sql);
      assert.deepEqual([view.rows, view.estimatedRows], [undefined, 1_200]);
      assert.match(rowsOf(view) ?? '', /not counted; the changed tables hold about 1,200 rows, as the target estimates/);
    });
  }

  test('several tables are summed', async () => {
    await prepare(...filled('one_part', 300), ...filled('other_part', 40), 'ANALYZE one_part, other_part');
    assert.equal((await asked('DROP TABLE one_part, other_part')).estimatedRows, 340);
  });

  test('a table that was never analyzed: not known', async () => {
    await prepare('CREATE TABLE fresh (id int) WITH (autovacuum_enabled = off)', 'ALTER TABLE fresh OWNER TO app', 'INSERT INTO fresh SELECT generate_series(1, 1200)');
    const view = await asked('DROP TABLE fresh');
    assert.equal(view.estimatedRows, null);
    assert.match(rowsOf(view) ?? '', /is not known: never analyzed/);
  });

  test('a partitioned table is the sum of its partitions, also of theirs; one that was never analyzed leaves it unknown', async () => {
    await prepare(
      'CREATE TABLE parted (id int) PARTITION BY RANGE (id)',
      'CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (1000)',
      'CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (1000) TO (9000) PARTITION BY RANGE (id)',
      'CREATE TABLE parted_higher PARTITION OF parted_high FOR VALUES FROM (1000) TO (9000)',
      'ALTER TABLE parted OWNER TO app',
      'INSERT INTO parted SELECT generate_series(1, 1500)',
      'ANALYZE parted_low, parted_higher',
    );
    assert.equal((await asked('DROP TABLE parted')).estimatedRows, 1_500);
    await prepare('CREATE TABLE parted_last PARTITION OF parted FOR VALUES FROM (9000) TO (9999) WITH (autovacuum_enabled = off)');
    assert.equal((await asked('DROP TABLE parted')).estimatedRows, null);
  });

  test('a search path of the client\'s own does not answer for the target', async () => {
    await prepare('CREATE SCHEMA traps AUTHORIZATION app', ...filled('guarded_one', 1_200), 'ANALYZE guarded_one', 'CREATE TABLE traps.pg_class AS SELECT oid, 7::float4 AS reltuples, relkind FROM pg_catalog.pg_class', 'ALTER TABLE traps.pg_class OWNER TO app');
    const view = await asked('SET search_path = traps, public, pg_catalog', 'DROP TABLE public.guarded_one');
    assert.equal(view.estimatedRows, 1_200);
  });

  test('what was counted, and what touches no table, has no estimate', async () => {
    await prepare('DROP TABLE IF EXISTS counted_one', ...filled('counted_one', 50), 'ANALYZE counted_one', 'CREATE VIEW looked AS SELECT 1 AS one', 'ALTER VIEW looked OWNER TO app');
    const view = await asked('DELETE FROM counted_one WHERE id > 20');
    assert.deepEqual([view.rows, view.estimatedRows], [30, undefined]);
    assert.equal((await asked('DROP VIEW looked')).estimatedRows, undefined);
  });
});
