import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { until } from '../kit/until.ts';
import { directWire, errorText, gatewayWire, plain, say, type Wire } from './wire.ts';
import { startScene, TABLES, type Scene } from './scene.ts';

/*
 * Prepared statements and portals: what the gateway judged under a name is what the target runs under it, and what a client leaves
 * there costs a bounded amount of memory.
 */

const MB = 1024 * 1024;
const SETUP = `${TABLES}
CREATE FUNCTION noisy(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE DOMAIN watched AS text CHECK (noisy(VALUE)); CREATE DOMAIN plain AS text CHECK (VALUE <> '');
CREATE TABLE hidden(id int); ALTER TABLE hidden OWNER TO app;
CREATE VIEW shown AS SELECT id FROM orders; ALTER VIEW shown OWNER TO app;`;

const rules = [{ name: 'not-hidden', match: { objects: ['hidden'] }, effect: 'deny', reason: 'not for jobs' }];
const mask = [{ columns: ['customers.ssn'], mode: 'strict', transform: 'redact' }];
const allow = ['read', 'write', 'schema', 'session'];

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({
        postgres: { version, setup: SETUP },
        policies: [
          { name: 'all', identities: ['writer'], connections: ['*'], allow, mask, rules },
          { name: 'changing', identities: ['migrator'], connections: ['*'], allow },
        ],
      });
    });
    after(() => scene[Symbol.asyncDispose]());

    const series = async (wire: Wire, ...messages: readonly Buffer[]): Promise<string[]> => {
      wire.send(...messages, say.sync);
      return plain(await wire.until('ReadyForQuery'));
    };

    test('a portal of a block that has failed is not executed, and the client is told so: also where rows are masked', async () => {
      for (const open of [() => directWire(scene.target, 'app'), () => gatewayWire(scene, 'writer')]) {
        using wire = await open();
        await wire.query('BEGIN');
        assert.deepEqual(await series(wire, say.parse('', 'SELECT id FROM orders ORDER BY id'), say.bind('p', '', [], []), say.execute('p', 1)), ['ParseComplete', 'BindComplete', '(1)', 'PortalSuspended', 'ZT']);
        await wire.query('SELECT 1/0');
        for (const _ of [1, 2]) assert.deepEqual(await series(wire, say.execute('p', 1), say.execute('p', 1)), ['E25P02', 'ZE']);
      }
    });

    describe('a name', () => {
      const LONG = 'n'.repeat(63);
      test('of 63 bytes is kept whole', async () => {
        using wire = await gatewayWire(scene, 'writer');
        assert.deepEqual(await series(wire, say.parse(LONG, 'SELECT 1 AS n'), say.bind(LONG, LONG, [], []), say.execute(LONG)), ['ParseComplete', 'BindComplete', '(1)', 'SELECT 1', 'ZI']);
      });
      test('of more bytes, which the server would cut to one that another has, is refused', async () => {
        using wire = await gatewayWire(scene, 'writer');
        for (const message of [say.parse(`${LONG}1`, 'SELECT 1'), say.bind(`${LONG}1`, '', [], []), say.bind('', `${LONG}1`, [], []), say.describe('statement', `${LONG}1`), say.describe('portal', `${LONG}1`), say.close('statement', `${LONG}1`), say.close('portal', `${LONG}1`)]) {
          wire.send(message, say.sync);
          assert.match(errorText(await wire.until('ReadyForQuery')), /C:54000\nM:wicketgate: names of statements and portals have at most 63 bytes/);
        }
        // 32 letters of two bytes each are 64 bytes.
        assert.deepEqual(await series(wire, say.parse('\u00e9'.repeat(32), 'SELECT 1')), ['E54000', 'ZI']);
      });
      test('cut by the server in SQL is the same name there and here', async () => {
        using wire = await gatewayWire(scene, 'writer');
        await wire.query(`PREPARE ${LONG}one AS SELECT id FROM orders`);
        assert.deepEqual(plain(await wire.query(`PREPARE ${LONG}two AS SELECT ssn || '' FROM customers`)), ['E42501', 'ZI']);
        assert.deepEqual(plain(await wire.query(`EXECUTE ${LONG}three`)).slice(-2), ['SELECT 2', 'ZI']);
      });
      test('that is defined again and not yet confirmed does not stand for the new text', async () => {
        using locker = await directWire(scene.target, 'postgres');
        await locker.query('SELECT pg_advisory_lock(4711)');
        using wire = await gatewayWire(scene, 'writer');
        assert.deepEqual(await series(wire, say.parse('s', "SELECT ssn || '' AS x FROM customers")), ['ParseComplete', 'ZI']);
        wire.send(say.parse('slow', 'SELECT pg_advisory_xact_lock(4711)'), say.bind('', 'slow', [], []), say.execute(''), say.parse('s', 'SELECT id::text AS x FROM orders'), say.flush);
        await until(async () => (await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'")).length > 0);
        // Something new is looked up while all of that is under way.
        await scene.target.query(`CREATE TABLE new_${version}(a int); ALTER TABLE new_${version} OWNER TO app`);
        wire.send(say.parse('u', `SELECT * FROM new_${version}`), say.bind('', 's', [], []), say.execute(''), say.sync);
        await locker.query('SELECT pg_advisory_unlock(4711)');
        assert.deepEqual(plain(await wire.until('ReadyForQuery')).slice(-2), ['E42P05', 'ZI']);
        assert.deepEqual(await series(wire, say.bind('', 's', [], []), say.execute('')), ['E42501', 'ZI']);
      });
    });

    test('a statement is judged again when its view was replaced in another session of the gateway', async () => {
      using wire = await gatewayWire(scene, 'writer');
      assert.deepEqual(await series(wire, say.parse('v', 'SELECT id FROM shown')), ['ParseComplete', 'ZI']);
      await wire.query('PREPARE w AS SELECT id FROM shown');
      using other = await gatewayWire(scene, 'migrator');
      assert.deepEqual(plain(await other.query('CREATE OR REPLACE VIEW shown AS SELECT id FROM hidden')), ['CREATE VIEW', 'ZI']);
      assert.deepEqual(await series(wire, say.bind('', 'v', [], []), say.execute('')), ['E42501', 'ZI']);
      assert.deepEqual(plain(await wire.query('EXECUTE w')), ['E42501', 'ZI']);
      await other.query('CREATE OR REPLACE VIEW shown AS SELECT id FROM orders');
    });

    test('a parameter whose type runs code is refused, one of a plain type is not', async () => {
      using wire = await gatewayWire(scene, 'writer');
      const [types] = await scene.target.query("SELECT 'watched'::regtype::oid::int AS watched, 'plain'::regtype::oid::int AS plain");
      assert.deepEqual(await series(wire, say.parse('', 'SELECT $1', [Number(types?.['watched'])])), ['E42501', 'ZI']);
      assert.deepEqual(await series(wire, say.parse('', 'SELECT $1 AS v', [Number(types?.['plain'])]), say.bind('', '', [], [Buffer.from('x')]), say.execute('')), ['ParseComplete', 'BindComplete', '(x)', 'SELECT 1', 'ZI']);
    });

    test('after an error was told, everything up to Sync is skipped, of whatever kind', async () => {
      using wire = await gatewayWire(scene, 'writer');
      for (const late of [[say.query("INSERT INTO audit VALUES (77, 'never')")], [say.parse('', "INSERT INTO audit VALUES (77, 'never')"), say.bind('', '', [], []), say.execute('')], [say.copyData(Buffer.from('77\tnever\n')), say.copyDone]]) {
        wire.send(say.parse('', 'SELECT 1/0'), say.bind('', '', [], []), say.execute(''), say.flush);
        assert.ok(plain(await wire.until('ErrorResponse')).includes('E22012'));
        wire.send(...late, say.sync);
        assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['ZI']);
      }
      assert.deepEqual(plain(await wire.query('SELECT count(*) FROM audit WHERE id = 77')).slice(1, 2), ['(0)']);
    });
  });
}

describe('memory', () => {
  let scene: Scene;
  before(async () => {
    scene = await startScene({ policies: [{ name: 'all', identities: ['writer'], connections: ['*'], allow }], gateway: { limits: { statement: '6MiB' } }, connection: { evidence: { mode: 'effect', recordAnswers: '0B' } } });
  });
  after(() => scene[Symbol.asyncDispose]());
  const resident = (): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${scene.gateway.pid}/status`, 'utf8'))?.[1]) * 1024;

  test('prepared texts of one session are bounded, by Parse and by PREPARE', async () => {
    for (const prepare of [(n: number, text: string): Buffer[] => [say.parse(`s${n}`, text), say.sync], (n: number, text: string): Buffer[] => [say.query(`PREPARE q${n} AS ${text}`)]]) {
      using wire = await gatewayWire(scene, 'writer');
      let refused = '';
      let kept = 0;
      for (; kept < 200 && refused === ''; kept++) {
        wire.send(...prepare(kept, `SELECT '${kept}${'x'.repeat(1_000_000)}'`));
        refused = errorText(await wire.until('ReadyForQuery'));
      }
      assert.match(refused, /C:54000[^]*prepared statements of one session hold at most \d+ bytes/);
      assert.deepEqual(plain(await wire.query('SELECT 1')).at(-1), 'ZI');
      // What is closed makes room.
      await wire.query('DEALLOCATE ALL');
      wire.send(...prepare(0, `SELECT '${'x'.repeat(1_000_000)}'`));
      assert.ok(!plain(await wire.until('ReadyForQuery')).includes('E54000'));
    }
  });

  test('unnamed statements as long as the limit allows, one after another', async () => {
    using wire = await gatewayWire(scene, 'writer');
    for (let n = 0; n < 3; n++) {
      const text = `SELECT length('${'x'.repeat(5 * MB)}') AS n${n}`;
      wire.send(say.parse('', text), say.bind('', '', [], []), say.execute(''), say.sync);
      assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['ParseComplete', 'BindComplete', `(${5 * MB})`, 'SELECT 1', 'ZI'], String(n));
    }
  });

  test('cursors that went with their transactions count no more, those WITH HOLD stay', async () => {
    using wire = await gatewayWire(scene, 'writer');
    await wire.query('BEGIN; DECLARE kept CURSOR WITH HOLD FOR SELECT 7 AS n; COMMIT');
    const text = 'x'.repeat(900_000);
    for (let n = 0; n < 12; n++) assert.deepEqual(plain(await wire.query(`BEGIN; DECLARE c${n} CURSOR FOR SELECT '${text}'; COMMIT`)), ['BEGIN', 'DECLARE CURSOR', 'COMMIT', 'ZI'], String(n));
    for (let n = 0; n < 12; n++) assert.deepEqual(plain(await wire.query(`BEGIN; DECLARE d${n} CURSOR FOR SELECT '${text}'; ROLLBACK`)), ['BEGIN', 'DECLARE CURSOR', 'ROLLBACK', 'ZI'], String(n));
    assert.deepEqual(plain(await wire.query('FETCH 1 FROM kept')).slice(1), ['(7)', 'FETCH 1', 'ZI']);
    assert.deepEqual(plain(await wire.query('FETCH 1 FROM c1')), ['E34000', 'ZI']);
  });

  test('cursors and portals that went with a transaction that another followed at once count no more', async () => {
    using wire = await gatewayWire(scene, 'writer');
    const text = 'x'.repeat(900_000);
    await wire.query('BEGIN');
    for (let n = 0; n < 12; n++) {
      const end = n % 2 === 0 ? 'COMMIT AND CHAIN' : 'ROLLBACK AND CHAIN';
      assert.deepEqual(plain(await wire.query(`DECLARE c${n} CURSOR FOR SELECT '${text}'; ${end}`)), ['DECLARE CURSOR', end.split(' ')[0], 'ZT'], String(n));
      // The end is a portal itself, and goes with the transaction; what is bound behind it belongs to the next.
      wire.send(say.parse('', "SELECT 'a' UNION ALL SELECT 'b'"), say.bind('p', '', [], []), say.execute('p', 1), say.parse('', end), say.bind('', '', [], []), say.execute(''), say.parse('', 'SELECT 3'), say.bind('q', '', [], []), say.execute('q'), say.sync);
      const bound = ['ParseComplete', 'BindComplete'];
      assert.deepEqual(plain(await wire.until('ReadyForQuery')), [...bound, '(a)', 'PortalSuspended', ...bound, end.split(' ')[0], ...bound, '(3)', 'SELECT 1', 'ZT'], String(n));
      await wire.query(end);
    }
    assert.deepEqual(plain(await wire.query('FETCH 1 FROM c1')), ['E34000', 'ZE']);
  });

  test('cursors WITH HOLD stay after a commit and go with what rolled them back, as straight to the target', async () => {
    using wire = await gatewayWire(scene, 'writer');
    using direct = await directWire(scene.target, 'app');
    const held = (name: string): string => `DECLARE ${name} CURSOR WITH HOLD FOR SELECT '${name}'`;
    const fetches = ['outer', 'back', 'inner', 'released', 'again', 'alone', 'failed'].map((name) => `FETCH 1 FROM ${name}`);
    const scripts: readonly (readonly string[])[] = [
      ['BEGIN', held('outer'), 'SAVEPOINT s', held('back'), 'ROLLBACK TO s', held('inner'), 'SAVEPOINT t', held('released'), 'RELEASE t', 'COMMIT', ...fetches, 'CLOSE ALL'],
      ['BEGIN', held('outer'), 'SAVEPOINT s', held('inner'), 'SAVEPOINT t', held('released'), 'RELEASE t', 'ROLLBACK TO s', ...['outer', 'inner'].map((name) => `SAVEPOINT look; FETCH 1 FROM ${name}`), 'ROLLBACK TO s', 'COMMIT', ...fetches, 'CLOSE ALL'],
      ['BEGIN', held('outer'), 'SAVEPOINT s', 'SAVEPOINT s', held('inner'), 'ROLLBACK TO s', 'RELEASE s', held('again'), 'ROLLBACK TO s', 'COMMIT AND CHAIN', held('back'), 'ROLLBACK AND CHAIN', held('released'), 'COMMIT', ...fetches, 'CLOSE ALL'],
      [held('alone'), `${held('failed')}; SELECT 1 / 0`, 'BEGIN', 'CLOSE alone', held('outer'), 'SELECT 1 / 0', 'COMMIT', ...fetches, 'CLOSE ALL'],
      [`BEGIN; ${held('outer')}; COMMIT; ${held('failed')}; SELECT 1 / 0`, 'BEGIN', held('back'), 'SELECT 1 / 0', 'ROLLBACK', ...fetches, 'CLOSE ALL'],
    ];
    for (const script of scripts) for (const text of script) assert.deepEqual(plain(await wire.query(text)), plain(await direct.query(text)), `${text} in ${script.join('; ')}`);
    // Bound behind each other, and only the last Sync ends the transaction.
    for (const end of [say.sync, Buffer.concat([say.parse('', 'SELECT 1 / 0'), say.bind('', '', [], []), say.execute(''), say.sync])]) {
      for (const each of [wire, direct]) each.send(say.parse('', held('outer')), say.bind('', '', [], []), say.execute(''), end);
      assert.deepEqual(plain(await wire.until('ReadyForQuery')), plain(await direct.until('ReadyForQuery')));
      for (const text of ['FETCH 1 FROM outer', 'CLOSE ALL']) assert.deepEqual(plain(await wire.query(text)), plain(await direct.query(text)), text);
    }
  });

  test('cursors WITH HOLD that were rolled back count no more', async () => {
    using wire = await gatewayWire(scene, 'writer');
    const text = 'x'.repeat(900_000);
    for (let n = 0; n < 12; n++) {
      const declare = `DECLARE c${n} CURSOR WITH HOLD FOR SELECT '${text}'`;
      const [script, ...end] = [[`BEGIN; ${declare}; ROLLBACK`, 'ROLLBACK', 'ZI'], [`BEGIN; SAVEPOINT s; ${declare}; ROLLBACK TO s; COMMIT`, 'COMMIT', 'ZI'], [`${declare}; SELECT 1 / 0`, 'E22012', 'ZI']][n % 3] as [string, ...string[]];
      assert.deepEqual(plain(await wire.query(script)).slice(-2), end, String(n));
    }
    assert.deepEqual(plain(await wire.query('SELECT 1')).at(-1), 'ZI');
  });

  test('values of 10 MB in 60 open portals are not held', async () => {
    using wire = await gatewayWire(scene, 'writer');
    await wire.query('BEGIN');
    const big = Buffer.alloc(10 * MB, 'a');
    wire.send(say.parse('p', 'SELECT $1::text'), say.bind('first', 'p', [], [big]), say.sync);
    await wire.until('ReadyForQuery');
    const at = resident();
    for (let n = 0; n < 60; n++) {
      wire.send(say.bind(`b${n}`, 'p', [], [big]), say.sync);
      assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['BindComplete', 'ZT'], String(n));
    }
    // 600 MB went through; what the garbage collector is behind by is a part of that.
    const grown = resident() - at;
    assert.ok(grown < 250 * MB, `grew by ${Math.round(grown / MB)} MB`);
    using other = await gatewayWire(scene, 'writer');
    assert.deepEqual(plain(await other.query('SELECT 1')).at(-1), 'ZI');
  });
});
