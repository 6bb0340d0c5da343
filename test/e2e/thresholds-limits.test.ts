import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { until } from '../kit/until.ts';
import { readEvidence } from './recorded-evidence.ts';
import { POLICIES, refusedWith, startThresholdScene, type ThresholdScene } from './thresholds-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';
import { gatewayWire, plain, say, type Wire } from './wire.ts';

suite('rowsPerCommand on changes, loads, two sessions, and what is left alone', () => {
  let scene: ThresholdScene;
  before(async () => { scene = await startThresholdScene(18); });
  after(() => scene[Symbol.asyncDispose]());

  test('rowsPerCommand: counted, or run and undone, and nobody is asked', async () => {
    await scene.table('limited', 200);
    await scene.target.query('CREATE TABLE loaded(id int); ALTER TABLE loaded OWNER TO app');
    using client = await gatewayWire(scene, 'writer');
    assert.deepEqual(plain(await client.query('DELETE FROM limited WHERE id <= 50')), ['DELETE 50', 'ZI']);
    assert.match(refusedWith(await client.query('DELETE FROM limited WHERE id <= 101')), /^42501 .*more than the 50 rows/);
    assert.match(refusedWith(await client.query('DELETE FROM limited')), /^54000 .*no WHERE/);
    // Loads are innocent until they turn out to be too large.
    assert.deepEqual(plain(await client.query('INSERT INTO loaded SELECT generate_series(1, 50)')), ['INSERT 0 50', 'ZI']);
    assert.match(refusedWith(await client.query('INSERT INTO loaded SELECT generate_series(1, 51)')), /^42501 .*more than the 50 rows/);
    assert.equal(await scene.target.count('loaded'), 50);
    client.send(say.parse('', 'INSERT INTO loaded SELECT generate_series(1, $1)'), say.bind('', '', [], [Buffer.from('51')]), say.execute(''), say.sync);
    assert.match(refusedWith(await client.until('ReadyForQuery')), /^42501 .*more than the 50 rows/);
    assert.equal(await scene.target.count('loaded'), 50);
    for (const [rows, inside, shown] of [[50, false, ['COPY 50', 'ZI']], [51, false, ['E42501', 'ZI']], [50, true, ['COPY 50', 'ZT']], [51, true, ['E42501', 'ZE']]] as const) {
      await scene.target.query('TRUNCATE loaded');
      if (inside) await client.query('BEGIN');
      client.send(say.query('COPY loaded FROM STDIN'));
      await client.until('CopyInResponse');
      client.send(say.copyData(Buffer.from(Array.from({ length: rows }, (_, at) => `${at}\n`).join(''))), say.copyDone);
      assert.deepEqual(plain(await client.until('ReadyForQuery')), shown);
      if (inside) await client.query('COMMIT');
      assert.equal(await scene.target.count('loaded'), rows > 50 ? 0 : 50);
    }
    client.send(say.query('COPY loaded FROM STDIN'));
    await client.until('CopyInResponse');
    client.send(say.copyFail('no more'));
    assert.deepEqual(plain(await client.until('ReadyForQuery')), ['E57014', 'ZI']);
    assert.ok(plain(await client.query('INSERT INTO loaded VALUES (1), (2)')).includes('INSERT 0 2'));
    assert.deepEqual(await scene.requests('pending'), []);
  });

  test('a commit that fails is the error of the Query, or of the Sync', async () => {
    await scene.target.query('CREATE TABLE late(id int UNIQUE DEFERRABLE INITIALLY DEFERRED); ALTER TABLE late OWNER TO app');
    using client = await gatewayWire(scene, 'writer');
    assert.deepEqual(plain(await client.query('INSERT INTO late SELECT 1 FROM generate_series(1, 2) RETURNING id')), ['E23505', 'ZI'], 'and nothing of its answer');
    client.send(say.parse('', 'INSERT INTO late SELECT 1 FROM generate_series(1, 2)'), say.bind('', '', [], []), say.execute(''), say.sync);
    assert.deepEqual(plain(await client.until('ReadyForQuery')), ['ParseComplete', 'BindComplete', 'INSERT 0 2', 'E23505', 'ZI']);
    assert.deepEqual(plain(await client.query('INSERT INTO late SELECT 1')), ['INSERT 0 1', 'ZI']);
    assert.equal(await scene.target.count('late'), 1);
  });

  test('what is held back is masked', async () => {
    using client = await gatewayWire(scene, 'migrator');
    assert.deepEqual(plain(await client.query('DELETE FROM customers WHERE id = 1 RETURNING ssn')), ['[ssn:25:0]', '(***)', 'DELETE 1', 'ZI']);
    client.send(say.parse('', 'DELETE FROM customers WHERE id = $1 RETURNING ssn'), say.bind('', '', [], [Buffer.from('2')]), say.execute(''), say.sync);
    assert.deepEqual(plain(await client.until('ReadyForQuery')), ['ParseComplete', 'BindComplete', '(***)', 'DELETE 1', 'ZI']);
    assert.equal(await scene.target.count('customers'), 18);
  });

  test('a reload: what runs under its number goes on, and ends undone under a lower one', async () => {
    await scene.table('reloaded', 40);
    const other = await scene.target.client();
    /** Another number comes into force while the statement runs. */
    const during = async (client: Wire, rowsPerCommand: number, text: string): Promise<void> => {
      await other.query('BEGIN; LOCK TABLE reloaded IN EXCLUSIVE MODE');
      client.send(say.query(text));
      await until(async () => (await scene.target.query("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'reloaded'::regclass")).length === 1, 20_000, 'the statement waits');
      await scene.gateway.reloaded({ ...scene.config, policies: POLICIES.map((policy) => (policy['name'] === 'writing' ? { ...policy, limits: { rowsPerCommand } } : policy)) });
    };
    try {
      using client = await gatewayWire(scene, 'writer');
      await during(client, 60, 'DELETE FROM reloaded WHERE id <= 20');
      await other.query('COMMIT');
      assert.deepEqual(plain(await client.until('ReadyForQuery')), ['DELETE 20', 'ZI']);
      await during(client, 5, 'DELETE FROM reloaded WHERE id > 20');
      assert.deepEqual(plain(await client.rest()), ['E57P01']);
      await other.query('COMMIT');
      await until(async () => (await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'wg:%:writer%'")).length === 0, 20_000, 'the session is gone');
      assert.equal(await scene.target.count('reloaded'), 20);
    } finally {
      await other.end();
    }
  });

  test('two sessions at once have one budget', async () => {
    await scene.table('shared', 40);
    const other = await scene.target.client();
    using first = await gatewayWire(scene, 'migrator');
    using second = await gatewayWire(scene, 'migrator');
    try {
      await other.query('BEGIN; LOCK TABLE shared IN EXCLUSIVE MODE');
      first.send(say.query('DELETE FROM shared WHERE id <= 7'));
      await until(async () => (await scene.target.query("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'shared'::regclass")).length === 1, 20_000, 'the first waits');
      await second.query('BEGIN');
      assert.match(refusedWith(await second.query('DELETE FROM shared WHERE id > 33')), /^42501 .*approval/, 'while the first has not ended');
      await second.query('ROLLBACK');
      await other.query('COMMIT');
      assert.deepEqual(plain(await first.until('ReadyForQuery')), ['DELETE 7', 'ZI']);
      assert.deepEqual(plain(await second.query('DELETE FROM shared WHERE id > 37')), ['DELETE 3', 'ZI'], 'what is left of it');
      await scene.denyAll();
    } finally {
      await other.end();
    }
  });

  test('no threshold applies: no look-up of the gateway\'s own is made for it; and the record of all of it is whole', async () => {
    await scene.table('plain_one', 40);
    using client = await gatewayWire(scene, 'reader');
    const logged = (): number => scene.target.log().split('\n').filter((line) => line.includes(':reader') && /SAVEPOINT|BEGIN|COMMIT|statement_timeout/.test(line)).length;
    assert.deepEqual(plain(await client.query('DELETE FROM plain_one WHERE id <= 30')), ['DELETE 30', 'ZI']);
    client.send(say.parse('', 'DELETE FROM plain_one WHERE id = $1'), say.bind('', '', [], [Buffer.from('31')]), say.execute(''), say.sync);
    assert.deepEqual(plain(await client.until('ReadyForQuery')), ['ParseComplete', 'BindComplete', 'DELETE 1', 'ZI']);
    assert.equal(logged(), 0);
    client.close();
    using asked = await gatewayWire(scene, 'migrator');
    assert.deepEqual(plain(await asked.query('SELECT 1')).at(-1), 'ZI');
    assert.deepEqual(plain(await asked.query('INSERT INTO plain_one VALUES (100), (101)')), ['INSERT 0 2', 'ZI']);
    asked.close();
    await stopAndVerify(scene);
    const { leaves } = await readEvidence(scene.gateway.dataDir, `${scene.gateway.folder}/keys`);
    const closes = leaves.flatMap(({ record }) => (record.kind === 'session_close' ? [record] : [])).slice(-2);
    for (const { housekeeping } of closes) assert.deepEqual([housekeeping['count'], housekeeping['guard']], [undefined, undefined], 'neither a delete without a threshold nor an insert of known rows');
    const counted = leaves.flatMap(({ record }) => (record.kind === 'session_close' ? [record.housekeeping['count'] ?? 0] : []));
    assert.ok(counted.some((count) => count > 0), 'where rows were counted, that is in the record');
    const undone = leaves.flatMap(({ record }) => (record.kind === 'outcome' && record.outcome.code === '42501' ? [record.outcome] : []));
    assert.ok(undone.length >= 4);
    for (const { status, rowsAffected } of undone) assert.deepEqual([status, rowsAffected], ['error', undefined]);
  });
});
