import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { until } from '../kit/until.ts';
import { refusedWith, startThresholdScene, type ThresholdScene } from './thresholds-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';
import { gatewayWire, plain, say } from './wire.ts';

const INT4 = 23;
const TEXT = 25;
const UUID = 2950;
const int4 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const uuid = (value: number): Buffer => Buffer.from(value.toString(16).padStart(32, '0'), 'hex');

for (const version of postgresVersions()) {
  suite(`rows that the extended protocol changes, PostgreSQL ${version}`, () => {
    let scene: ThresholdScene;
    before(async () => { scene = await startThresholdScene(version); });
    after(async () => {
      await stopAndVerify(scene);
      await scene[Symbol.asyncDispose]();
    });

    test('a Query behind a failed series is dropped, as at a server, and no count ends the series', async () => {
      await scene.table('dropped', 5);
      using client = await gatewayWire(scene, 'migrator');
      client.send(say.parse('taken', 'SELECT 1'), say.sync);
      await client.until('ReadyForQuery');
      for (const place of ['I', 'E'] as const) {
        if (place === 'E') await client.query('BEGIN');
        client.send(say.parse('taken', 'SELECT 1'), say.query('DELETE FROM dropped WHERE id <= 2'), say.sync);
        assert.deepEqual(plain(await client.until('ReadyForQuery')), ['E42P05', `Z${place}`]);
        assert.deepEqual(plain(await client.query('ROLLBACK')).filter((each) => !each.startsWith('N')), ['ROLLBACK', 'ZI']);
      }
      assert.equal(await scene.target.count('dropped'), 5);
    });

    test('types, formats and values are those of the client: counted exactly, over and under the threshold', async () => {
      const cases = [
        ['declared_int', 'id <= $1', [INT4], [], Buffer.from('10'), Buffer.from('11')],
        ['untold_int', 'id <= $1', [], [], Buffer.from('10'), Buffer.from('11')],
        ['binary_int', 'id <= $1', [], [1], int4(10), int4(11)],
        ['text_length', 'length(v) + id <= $1 + 1', [INT4], [0], Buffer.from('9'), Buffer.from('12')],
        ['text_value', 'v > $1', [TEXT], [], Buffer.from('30'), Buffer.from('10')],
        ['untold_uuid', "u <= $1 AND u > '00000000-0000-0000-0000-000000000000'", [], [1], Buffer.from('0000000000000000000000000000000a', 'hex'), uuid(0x11)],
        ['declared_uuid', 'u <= $1', [UUID], [], Buffer.from('00000000-0000-0000-0000-000000000010'), Buffer.from('00000000-0000-0000-0000-000000000011')],
      ] as const;
      using client = await gatewayWire(scene, 'migrator');
      for (const [name, where, types, formats, few, many] of cases) {
        await scene.table(name, 20);
        const text = `DELETE FROM ${name} WHERE ${where}`;
        const under = await scene.target.count(`${name} WHERE ${where.replace('$1', name.endsWith('int') ? '10' : name === 'text_length' ? '9' : name === 'text_value' ? "'30'" : name === 'untold_uuid' ? "'00000000-0000-0000-0000-00000000000a'" : "'00000000-0000-0000-0000-000000000010'")}`);
        await client.query('BEGIN');
        client.send(say.parse('', text, types), say.bind('', '', formats, [many]), say.execute(''), say.sync);
        assert.match(refusedWith(await client.until('ReadyForQuery')), /^42501 .*approval/, name);
        await client.query('ROLLBACK');
        const shown = await scene.show((await scene.request()).id);
        assert.ok((shown.rows ?? 0) > 10, `${name}: ${shown.rows}`);
        await scene.denyAll();
        client.send(say.parse('', text, types), say.bind('', '', formats, [few]), say.describe('portal', ''), say.execute(''), say.sync);
        assert.deepEqual(plain(await client.until('ReadyForQuery')), ['ParseComplete', 'BindComplete', 'NoData', `DELETE ${under}`, 'ZI'], name);
        assert.equal(await scene.target.count(name), 20 - under);
      }
    });

    test('pg: RETURNING, named statements, errors, in a block and outside', async () => {
      await scene.table('by_pg', 40);
      const client = await scene.client('migrator');
      try {
        const gone = await client.query({ name: 'gone', text: 'DELETE FROM by_pg WHERE id <= $1 RETURNING id', values: [3] });
        assert.deepEqual(gone.rows, [{ id: 1 }, { id: 2 }, { id: 3 }]);
        await client.query('BEGIN');
        assert.equal((await client.query({ name: 'gone', text: 'DELETE FROM by_pg WHERE id <= $1 RETURNING id', values: [4] })).rowCount, 1);
        await client.query('SAVEPOINT theirs');
        await assert.rejects(client.query('UPDATE by_pg SET id = 5 WHERE id IN ($1, $2)', [6, 7]), /duplicate key/);
        await client.query('ROLLBACK TO SAVEPOINT theirs');
        await client.query('COMMIT');
        await assert.rejects(client.query('UPDATE by_pg SET id = 5 WHERE id IN ($1, $2)', [6, 7]), /duplicate key/);
        assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
        assert.equal(await scene.target.count('by_pg'), 36);
        const job = client.query('DELETE FROM by_pg WHERE id <= $1', [30]);
        const request = await scene.request();
        assert.equal((await scene.show(request.id)).rows, 26);
        assert.equal(await scene.target.count("pg_locks WHERE relation = 'by_pg'::regclass"), 0, 'no lock is held while people think');
        assert.ok((await scene.answer(request.id, 'approve')).ok);
        assert.equal((await job).rowCount, 26);
        assert.equal(await scene.target.count('by_pg'), 10);
      } finally {
        await client.end();
      }
    });

    for (const [what, inside] of [['outside', false], ['inside', true]] as const) {
      test(`more rows come between the count and the statement, ${what} a block`, async () => {
        const name = `raced_ext_${what}`;
        await scene.table(name, 10);
        const other = await scene.target.client();
        using client = await gatewayWire(scene, 'migrator');
        try {
          if (inside) await client.query('BEGIN');
          await other.query(`BEGIN; LOCK TABLE ${name} IN EXCLUSIVE MODE; INSERT INTO ${name} SELECT n FROM generate_series(11, 15) n`);
          client.send(say.parse('', `DELETE FROM ${name} WHERE id > 0 RETURNING id`), say.bind('', '', [], []), say.execute(''), say.sync);
          await until(async () => (await scene.target.query(`SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '${name}'::regclass`)).length === 1, 20_000, 'the statement waits');
          await other.query('COMMIT');
          const answer = await client.until('ReadyForQuery');
          assert.match(refusedWith(answer), /^42501 .*approval/);
          assert.deepEqual(answer.filter(({ kind }) => kind === 'DataRow' || kind === 'CommandComplete'), []);
          assert.equal(plain(answer).at(-1), inside ? 'ZE' : 'ZI');
          if (inside) await client.query('ROLLBACK');
          assert.equal(await scene.target.count(name), 15);
          assert.equal((await scene.show((await scene.request()).id)).rows, 15);
          await scene.denyAll();
        } finally {
          await other.end();
        }
      });
    }

    test('an answer too large to be held back, or executed in parts: undone, and people decide without a number', async () => {
      await scene.table('large', 10);
      await scene.target.query("UPDATE large SET v = repeat('x', 200000)");
      using client = await gatewayWire(scene, 'migrator');
      const tries: readonly (() => void)[] = [
        () => client.send(say.parse('', 'DELETE FROM large WHERE id > 0 RETURNING v'), say.bind('', '', [], []), say.execute(''), say.sync),
        () => client.send(say.query('DELETE FROM large WHERE id > 0 RETURNING v')),
        () => client.send(say.parse('', 'DELETE FROM large WHERE id > 0 RETURNING id'), say.bind('', '', [], []), say.execute('', 3), say.sync),
      ];
      for (const [at, send] of tries.entries()) {
        if (at > 0) await scene.target.query("TRUNCATE large; INSERT INTO large SELECT n, repeat('x', 200000) FROM generate_series(1, 10) n");
        send();
        assert.match(refusedWith(await client.until('ReadyForQuery')), /^42501 .*approval/);
        assert.equal(await scene.target.count('large'), 10, 'undone');
        const request = await scene.request();
        assert.equal((await scene.show(request.id)).rows, undefined);
        assert.ok((await scene.answer(request.id, 'approve')).ok);
        send();
        const ran = await client.until('ReadyForQuery');
        assert.equal(plain(ran).at(-1), 'ZI', refusedWith(ran));
        assert.equal(ran.filter(({ kind }) => kind === 'DataRow').length, at === 2 ? 3 : 10, refusedWith(ran));
        assert.equal(ran.filter(({ kind }) => kind === 'BindComplete').length, at === 1 ? 0 : 1);
        assert.equal(await scene.target.count('large'), 0);
      }
    });

    test('the series: nothing else runs in it, and whatever else it holds, no block of the gateway stays open', async () => {
      await scene.table('series', 20);
      using client = await gatewayWire(scene, 'migrator');
      const idleInTransaction = async (): Promise<unknown> => (await scene.target.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"))[0]?.['n'];
      const parse = say.parse('s', 'DELETE FROM series WHERE id = $1', [INT4]);
      const bind = (id: number, portal = ''): Buffer => say.bind(portal, 's', [], [Buffer.from(String(id))]);
      const send = async (...messages: readonly Uint8Array[]): Promise<string[]> => {
        client.send(...messages, say.sync);
        return plain(await client.until('ReadyForQuery'));
      };
      assert.deepEqual(await send(parse), ['ParseComplete', 'ZI']);
      assert.deepEqual(await send(bind(1), say.execute(''), bind(2), say.execute('')), ['BindComplete', 'DELETE 1', 'E54000', 'ZI']);
      assert.equal(await scene.target.count('series'), 20, 'what came before it in the series is undone with it');
      assert.deepEqual(await send(bind(1), say.execute(''), say.execute('')), ['BindComplete', 'DELETE 1', 'E54000', 'ZI']);
      assert.deepEqual(await send(bind(1)), ['BindComplete', 'ZI'], 'not executed');
      assert.deepEqual(await send(bind(1), say.close('portal', '')), ['BindComplete', 'CloseComplete', 'ZI']);
      assert.deepEqual(await send(bind(1), say.execute('none')), ['BindComplete', 'E34000', 'ZI']);
      assert.deepEqual(await send(bind(1), say.execute(''), say.describe('statement', 'none')), ['BindComplete', 'DELETE 1', 'E26000', 'ZI']);
      assert.equal(await scene.target.count('series'), 20);
      // What the target cannot count is for people to decide, as it is.
      await client.query('BEGIN');
      assert.deepEqual(await send(say.bind('', 's', [], [Buffer.from('x')]), say.execute('')), ['E42501', 'ZE']);
      assert.deepEqual(plain(await client.query('ROLLBACK')), ['ROLLBACK', 'ZI']);
      client.send(say.bind('', 's', [], [Buffer.from('x')]), say.execute(''), say.sync);
      await until(async () => (await scene.requests('pending')).length === 2, 20_000, 'one for the block, one outside');
      assert.equal(await idleInTransaction(), 0, 'nothing is open while people think');
      await scene.denyAll();
      assert.deepEqual(plain((await client.until('ReadyForQuery')).slice(-2)), ['E42501', 'ZI']);
      client.send(bind(1), say.execute(''));
      client.send(say.query('SELECT 1'));
      assert.deepEqual(plain(await client.until('ReadyForQuery')), ['BindComplete', 'DELETE 1', 'E54000', 'ZI'], 'a Query instead of Sync');
      assert.equal(await scene.target.count('series'), 20);
      assert.deepEqual(await send(bind(1, 'named'), say.describe('portal', 'named'), say.execute('named'), say.flush), ['BindComplete', 'NoData', 'DELETE 1', 'ZI']);
      assert.equal(await scene.target.count('series'), 19);
      // As drivers do that prepare, wait, and bind in one series.
      client.send(say.parse('', 'DELETE FROM series WHERE id = $1'), say.describe('statement', ''), say.flush);
      assert.deepEqual(plain(await client.until('NoData')), ['ParseComplete', 't(23)', 'NoData']);
      assert.deepEqual(await send(say.bind('', '', [], [Buffer.from('2')]), say.execute('')), ['BindComplete', 'DELETE 1', 'ZI']);
      assert.equal(await scene.target.count('series'), 18);
      // Something that runs before it: it cannot be undone by itself.
      assert.match((await send(say.parse('', 'SELECT 1'), say.bind('', '', [], []), say.execute(''), bind(3), say.execute(''))).join(' '), /SELECT 1 E42501 ZI$/);
      await scene.denyAll();
      assert.equal(await scene.target.count('series'), 18);
      assert.equal(await idleInTransaction(), 0);
      // In a block the savepoint is gone with the answer, and other statements may follow.
      await client.query('BEGIN');
      assert.deepEqual(await send(bind(3), say.execute(''), say.parse('', 'SELECT 7'), say.bind('', '', [], []), say.execute('')), ['BindComplete', 'DELETE 1', 'ParseComplete', 'BindComplete', '(7)', 'SELECT 1', 'ZT']);
      assert.deepEqual(plain(await client.query('COMMIT')), ['COMMIT', 'ZI']);
      assert.equal(await scene.target.count('series'), 17);
    });

    test('the client\'s own statement_timeout and lock_timeout end a statement under guard: nothing changed, and the session goes on', async () => {
      await scene.table('timed', 10);
      const other = await scene.target.client();
      using client = await gatewayWire(scene, 'migrator');
      const simple = (text: string): void => client.send(say.query(text));
      const extended = (text: string): void => client.send(say.parse('', text), say.bind('', '', [], []), say.execute(''), say.sync);
      try {
        await other.query('BEGIN; LOCK TABLE timed IN EXCLUSIVE MODE');
        for (const [setting, code] of [['statement_timeout', 'E57014'], ['lock_timeout', 'E55P03']] as const) {
          assert.deepEqual(plain(await client.query(`SET ${setting} = '200ms'`)).at(-1), 'ZI');
          for (const send of [simple, extended]) {
            for (const inside of [false, true]) {
              const what = `${setting}, ${send.name}, ${inside ? 'inside a block' : 'outside'}`;
              if (inside) {
                await client.query('BEGIN');
                await client.query('SAVEPOINT mine');
              }
              send('DELETE FROM timed WHERE id = 1 RETURNING id');
              const answer = plain(await client.until('ReadyForQuery'));
              assert.deepEqual(answer.slice(-2), [code, inside ? 'ZE' : 'ZI'], what);
              assert.equal(answer.some((each) => each.startsWith('(') || each.startsWith('DELETE')), false, what);
              if (inside) {
                assert.deepEqual(plain(await client.query('ROLLBACK TO SAVEPOINT mine')), ['ROLLBACK', 'ZT'], what);
                assert.deepEqual(plain(await client.query('COMMIT')), ['COMMIT', 'ZI'], what);
              }
              assert.ok(plain(await client.query(`SHOW ${setting}`)).includes('(200ms)'), `${what}: the setting is as it was`);
            }
          }
          assert.deepEqual(plain(await client.query(`RESET ${setting}`)).at(-1), 'ZI');
        }
        assert.equal((await scene.target.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND application_name LIKE 'wg:%'"))[0]?.['n'], 0, 'no block of the gateway stays open');
        await other.query('ROLLBACK');
        assert.equal(await scene.target.count('timed'), 10);
        assert.deepEqual(await scene.requests('pending'), []);
        assert.ok(plain(await client.query('DELETE FROM timed WHERE id <= 10')).includes('DELETE 10'), 'what was undone does not count towards the hour');
      } finally {
        await other.end();
      }
    });

    test('a commit that fails is the error of Sync', async () => {
      await scene.table('skewed_ext', 2);
      using client = await gatewayWire(scene, 'migrator', { parameters: { options: '-c default_transaction_isolation=serializable' } });
      const other = await scene.target.client();
      try {
        client.send(say.parse('', "UPDATE skewed_ext SET v = '2' WHERE id = 1 AND (SELECT count(*) FROM skewed_ext WHERE u IS NULL) = 0"), say.bind('', '', [], []), say.execute(''), say.flush);
        assert.deepEqual(plain(await client.until('CommandComplete')), ['ParseComplete', 'BindComplete', 'UPDATE 1']);
        // Another that reads what this one has written, and writes what it has read, commits first.
        await other.query("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM skewed_ext WHERE v = '1'; UPDATE skewed_ext SET u = NULL WHERE id = 2; COMMIT");
        client.send(say.sync);
        assert.deepEqual(plain(await client.until('ReadyForQuery')), ['E40001', 'ZI']);
        assert.ok(plain(await client.query('SELECT 1')).includes('(1)'));
      } finally {
        await other.end();
      }
    });
  });
}
