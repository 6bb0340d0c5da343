import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { verify } from '../../src/evidence/verify/verify.ts';
import { until } from '../kit/until.ts';
import { readEvidence } from './recorded-evidence.ts';
import { refusedWith, startThresholdScene, type ThresholdScene } from './thresholds-scene.ts';
import { recorded } from './whole-evidence.ts';
import { gatewayWire, plain, say } from './wire.ts';

suite('guarded rows where every record comes first, and when the gateway stops', () => {
  let scene: ThresholdScene;
  before(async () => { scene = await startThresholdScene(18, { connection: { evidence: { mode: 'strict' } } }); });
  after(() => scene[Symbol.asyncDispose]());

  /** So many statements wait for a lock on it. */
  const waiting = (table: string, statements = 1): Promise<boolean> =>
    until(async () => (await scene.target.query(`SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '${table}'::regclass`)).length === statements, 20_000, 'the statement waits');

  for (const inside of [false, true]) {
    test(`strict, ${inside ? 'inside a block' : 'outside'}: few enough rows change, more are undone, by both protocols`, async () => {
      const name = `strict_${inside ? 'inside' : 'outside'}`;
      await scene.table(name, 10);
      const other = await scene.target.client();
      using client = await gatewayWire(scene, 'migrator');
      const end = inside ? 'ZT' : 'ZI';
      const send = {
        simple: (text: string) => client.send(say.query(text)),
        extended: (text: string) => client.send(say.parse('', text), say.bind('', '', [], []), say.execute(''), say.sync),
      };
      try {
        for (const protocol of ['simple', 'extended'] as const) {
          const id = protocol === 'simple' ? 1 : 2;
          if (inside) await client.query('BEGIN');
          send[protocol](`DELETE FROM ${name} WHERE id = ${id} RETURNING id`);
          const few = plain(await client.until('ReadyForQuery'));
          assert.deepEqual(few.slice(-3), [`(${id})`, 'DELETE 1', end]);
          assert.deepEqual(few.filter((each) => each.startsWith('E')), []);
          if (inside) assert.deepEqual(plain(await client.query('COMMIT')), ['COMMIT', 'ZI']);
          assert.equal(await scene.target.count(name), 10 - id);
        }
        for (const protocol of ['simple', 'extended'] as const) {
          if (inside) await client.query('BEGIN');
          await other.query(`BEGIN; LOCK TABLE ${name} IN EXCLUSIVE MODE; INSERT INTO ${name} SELECT n FROM generate_series(11, 25) n`);
          send[protocol](`DELETE FROM ${name} WHERE id > 2 RETURNING id`);
          await waiting(name);
          await other.query('COMMIT');
          const many = await client.until('ReadyForQuery');
          assert.match(refusedWith(many), /^42501 .*approval/);
          assert.deepEqual(many.filter(({ kind }) => kind === 'DataRow' || kind === 'CommandComplete'), []);
          assert.equal(plain(many).at(-1), inside ? 'ZE' : 'ZI');
          if (inside) await client.query('ROLLBACK');
          assert.equal(await scene.target.count(name), 23, 'undone');
          const request = await scene.request();
          assert.equal((await scene.show(request.id)).rows, 23);
          assert.ok((await scene.answer(request.id, 'deny')).ok);
          await scene.target.query(`DELETE FROM ${name} WHERE id > 10`);
        }
      } finally {
        await other.end();
      }
    });
  }

  test('SIGTERM while statements run under guard: one that ends in time is kept and told, one that does not is undone, and the record says which', async () => {
    for (const name of ['drained', 'stuck', 'stuck_inside']) await scene.table(name, 10);
    const short = await scene.target.client();
    const long = await scene.target.client();
    using ends = await gatewayWire(scene, 'migrator');
    using stays = await gatewayWire(scene, 'migrator');
    using inside = await gatewayWire(scene, 'migrator');
    try {
      await short.query('BEGIN; LOCK TABLE drained IN EXCLUSIVE MODE');
      await long.query('BEGIN; LOCK TABLE stuck, stuck_inside IN EXCLUSIVE MODE');
      await inside.query('BEGIN');
      ends.send(say.query('DELETE FROM drained WHERE id <= 3'));
      stays.send(say.parse('', 'DELETE FROM stuck WHERE id <= 3'), say.bind('', '', [], []), say.execute(''), say.sync);
      inside.send(say.query('DELETE FROM stuck_inside WHERE id <= 3'));
      for (const name of ['drained', 'stuck', 'stuck_inside']) await waiting(name);
      scene.gateway.signal('SIGTERM');
      await until(() => scene.gateway.logLines().some(({ msg }) => String(msg).includes('stopping')), 20_000, 'the gateway drains');
      await short.query('COMMIT');
      assert.deepEqual(plain(await ends.rest()), ['DELETE 3', 'ZI', 'E57P01'], 'it was kept, and only then the session ends');
      for (const client of [stays, inside]) assert.deepEqual(plain(await client.rest()).at(-1), 'E57P01');
      await until(() => scene.gateway.ended(), 30_000, 'the end');
      assert.deepEqual(scene.gateway.ended(), { code: 0, signal: null }, scene.gateway.log());
      await until(async () => (await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'wg:%'")).length === 0, 20_000, 'no session is left');
      await long.query('COMMIT');
    } finally {
      await short.end();
      await long.end();
    }
    assert.deepEqual(await Promise.all(['drained', 'stuck', 'stuck_inside'].map((name) => scene.target.count(name))), [7, 10, 10]);
    const { integrity, completeness } = await verify(join(scene.gateway.dataDir, 'evidence'), { keys: join(scene.gateway.folder, 'keys') });
    assert.deepEqual([integrity.ok, completeness.verdict, completeness.openCommands, completeness.openSessions], [true, 'complete', 0, 0]);
    const ended = await Promise.all(['drained', 'stuck WHERE', 'stuck_inside'].map(async (mark) => (await recorded(scene, `DELETE FROM ${mark}`)).map(({ end }) => end)));
    assert.deepEqual(ended, [['ok'], ['aborted', 'aborted'], ['aborted']], 'by the extended protocol the Parse is on record too, in this mode');
    const { leaves } = await readEvidence(scene.gateway.dataDir, join(scene.gateway.folder, 'keys'));
    assert.ok(leaves.some(({ record }) => record.kind === 'session_close' && (record.housekeeping['guard'] ?? 0) > 0));
  });
});
