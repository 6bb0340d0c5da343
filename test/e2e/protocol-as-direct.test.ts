import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { BackendMessage } from '../../src/protocols/postgres/messages.ts';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TARGET_PASSWORD, type Scene } from './scene.ts';
import { directWire, gatewayWire, plain, say, type Wire } from './wire.ts';

/*
 * The same messages, once straight to the target and once through the gateway: what comes back is the same, message for
 * message. For refusals the straight connection has a role without the right, so that PostgreSQL itself says 42501; then the
 * errors and every status byte are compared, and what is in the tables afterwards.
 */

type Script = (wire: Wire) => Promise<BackendMessage[]>;

const SETUP = `
CREATE ROLE app LOGIN; CREATE ROLE boss LOGIN PASSWORD '${TARGET_PASSWORD}'; GRANT app TO boss;
CREATE TABLE t(id int PRIMARY KEY DEFERRABLE, v text); ALTER TABLE t OWNER TO app;
CREATE TABLE forbidden(id int); GRANT ALL ON forbidden TO boss;
CREATE TABLE wide(id int, blob bytea, at timestamptz, j jsonb, a int[]); ALTER TABLE wide OWNER TO app;
GRANT CREATE ON SCHEMA public TO app; GRANT CREATE, TEMP ON DATABASE postgres TO app;`;
const RESET = `TRUNCATE t, forbidden, wide; INSERT INTO t SELECT n, 'v' || n FROM generate_series(1, 5) n; INSERT INTO forbidden VALUES (1);
INSERT INTO wide VALUES (1, '\\x00ff', '2026-01-02 03:04:05+00', '{"a":1}', '{1,2}'), (2, NULL, NULL, NULL, NULL); DROP TABLE IF EXISTS made CASCADE;`;

/** Parse, Bind, Execute of one statement. */
const run = (text: string, name = '', rows = 0): Buffer[] => [say.parse(name, text), say.bind('', name, [], []), say.execute('', rows)];
const all = (...texts: readonly string[]): Script => async (wire) => {
  const read: BackendMessage[] = [];
  for (const text of texts) read.push(...(await wire.query(text)));
  return read;
};
const series = (...messages: readonly Uint8Array[]): Script => async (wire) => {
  wire.send(...messages);
  return wire.until('ReadyForQuery', messages.filter((message) => message === say.sync).length);
};
const then = (...scripts: readonly Script[]): Script => async (wire) => {
  const read: BackendMessage[] = [];
  for (const script of scripts) read.push(...(await script(wire)));
  return read;
};

const SAME: Readonly<Record<string, Script>> = {
  'nothing at all': all('', ';', ' ; ; ', '-- only a comment', '/* and */ -- another'),
  'many statements in one message': all("SELECT 1 AS a; SELECT 'x' AS b, NULL; INSERT INTO t VALUES (6,'six'); UPDATE t SET v = 'all'; SELECT count(*) FROM t"),
  'an error in the middle undoes the statements before it': all("INSERT INTO t VALUES (6,'six'); SELECT 1/0; INSERT INTO t VALUES (7,'seven')", 'SELECT count(*) FROM t'),
  'errors of every stage': all('SELEC 1', 'SELECT nothing', 'SELECT * FROM missing', 'SELECT 1/0', "INSERT INTO t VALUES (1,'double')", "SELECT 'x'::int"),
  notices: all('DROP TABLE IF EXISTS missing', 'BEGIN; BEGIN; COMMIT; COMMIT'),
  'a block that fails': all('BEGIN', "INSERT INTO t VALUES (8,'eight')", 'SELECT 1/0', 'SELECT 1', 'COMMIT', 'SELECT count(*) FROM t'),
  savepoints: all('BEGIN', "INSERT INTO t VALUES (8,'eight')", 'SAVEPOINT s', 'SELECT 1/0', 'ROLLBACK TO s', "INSERT INTO t VALUES (9,'nine')", 'RELEASE s', 'COMMIT', 'SELECT id FROM t WHERE id > 5 ORDER BY id'),
  'a constraint that fails at commit': all('BEGIN', 'SET CONSTRAINTS ALL DEFERRED', "INSERT INTO t VALUES (1,'late')", 'COMMIT', 'SELECT count(*) FROM t'),
  'a series of one': series(...run("INSERT INTO t VALUES (6,'six')"), say.sync),
  'a pipeline in one implicit transaction': series(...run("INSERT INTO t VALUES (6,'six')"), ...run('SELECT 1/0'), ...run("INSERT INTO t VALUES (7,'seven')"), say.sync, ...run('SELECT count(*) FROM t'), say.sync),
  'many series at once': series(...Array.from({ length: 30 }, (_, n) => [...run(`SELECT ${n} AS n`), say.sync]).flat()),
  'parameters in text and binary': series(
    say.parse('p', 'SELECT $1::int + 1 AS a, $2::text AS b, $3::bytea AS c', [23]),
    say.describe('statement', 'p'),
    say.bind('', 'p', [1, 0, 1], [Buffer.from([0, 0, 0, 41]), Buffer.from('x'), Buffer.from([0, 255])], [1]),
    say.describe('portal', ''), say.execute(''),
    say.bind('', 'p', [], [null, null, null], [0]), say.execute(''), say.sync),
  'binary results of several types': series(say.parse('', 'SELECT * FROM wide ORDER BY id'), say.bind('', '', [], [], [1]), say.describe('portal', ''), say.execute(''), say.sync),
  'a portal fetched in parts': then(
    all('BEGIN'),
    series(say.parse('', 'SELECT id FROM t ORDER BY id'), say.bind('c', '', [], []), say.execute('c', 2), say.sync),
    series(say.execute('c', 2), say.sync),
    series(say.execute('c', 2), say.execute('c', 2), say.sync),
    series(say.close('portal', 'c'), say.execute('c'), say.sync),
    all('COMMIT')),
  'portals end with the transaction': then(series(say.parse('', 'SELECT id FROM t ORDER BY id'), say.bind('c', '', [], []), say.execute('c', 2), say.sync), series(say.execute('c', 2), say.sync)),
  'a portal of the same name': then(all('BEGIN'), series(say.parse('', 'SELECT 1'), say.bind('c', '', [], []), say.bind('c', '', [], []), say.sync), all('ROLLBACK')),
  'Flush without Sync': async (wire) => {
    wire.send(say.parse('f', 'SELECT 1 AS one'), say.describe('statement', 'f'), say.flush);
    const read = await wire.until('RowDescription');
    wire.send(say.bind('', 'f', [], []), say.execute(''), say.flush);
    read.push(...(await wire.until('CommandComplete')));
    wire.send(say.sync);
    return [...read, ...(await wire.until('ReadyForQuery'))];
  },
  'describing what is not there': then(series(say.describe('statement', 'no'), say.sync), series(say.describe('portal', 'no'), say.sync), series(say.describe('statement', ''), say.sync)),
  'Describe of what returns nothing': series(say.parse('', "INSERT INTO t VALUES (6,'six')"), say.describe('statement', ''), say.bind('', '', [], []), say.describe('portal', ''), say.execute(''), say.sync),
  'an empty statement': series(...run(''), say.sync),
  'statements are kept across series, errors and rollbacks': then(
    series(say.parse('k', 'SELECT $1::int AS k'), say.sync),
    all('BEGIN', 'SELECT 1/0', 'ROLLBACK'),
    series(say.bind('', 'k', [], [Buffer.from('5')]), say.execute(''), say.sync)),
  'a second Parse of a name keeps the first': then(
    series(say.parse('k', 'SELECT 1 AS first'), say.sync),
    series(say.parse('k', 'SELECT 2 AS second'), say.sync),
    series(say.bind('', 'k', [], []), say.execute(''), say.sync)),
  'Close makes room for the name': series(say.parse('k', 'SELECT 1'), say.close('statement', 'k'), say.parse('k', 'SELECT 2'), say.bind('', 'k', [], []), say.execute(''), say.close('statement', 'never'), say.sync),
  'a Parse that fails': then(series(say.parse('k', 'SELEC'), say.bind('', 'k', [], []), say.execute(''), say.sync), series(say.bind('', 'k', [], []), say.sync)),
  'the unnamed statement is gone after a Parse that fails': then(series(say.parse('', 'SELECT 1'), say.sync), series(say.parse('', 'SELEC'), say.sync), series(say.bind('', '', [], []), say.sync)),
  'the unnamed statement is gone after a simple Query': then(series(say.parse('', 'SELECT 1'), say.sync), all('SELECT 2'), series(say.bind('', '', [], []), say.sync)),
  'PREPARE by SQL, Bind by protocol': then(all('PREPARE q(int) AS SELECT $1 + 1 AS r'), series(say.describe('statement', 'q'), say.bind('', 'q', [], [Buffer.from('41')]), say.execute(''), say.sync)),
  'Parse by protocol, EXECUTE and DEALLOCATE by SQL': then(
    series(say.parse('q', 'SELECT $1::int + 1 AS r'), say.sync),
    all('EXECUTE q(41)', 'DEALLOCATE q', 'EXECUTE q(41)'),
    series(say.bind('', 'q', [], [Buffer.from('1')]), say.sync)),
  'DEALLOCATE ALL': then(series(say.parse('q', 'SELECT 1'), say.sync), all('PREPARE r AS SELECT 2', 'EXECUTE r', 'DEALLOCATE ALL', 'EXECUTE r'), series(say.bind('', 'q', [], []), say.sync)),
  'PREPARE and EXECUTE in one message': all('PREPARE q AS SELECT 7 AS n; EXECUTE q', 'EXECUTE q'),
  cursors: all('BEGIN', 'DECLARE c SCROLL CURSOR FOR SELECT id FROM t ORDER BY id', 'FETCH 2 FROM c', 'MOVE 1 FROM c', 'FETCH NEXT FROM c', 'FETCH BACKWARD 1 FROM c', 'FETCH ALL FROM c', 'CLOSE c', 'FETCH 1 FROM c', 'ROLLBACK'),
  'a cursor WITH HOLD': all('BEGIN', 'DECLARE h CURSOR WITH HOLD FOR SELECT id FROM t ORDER BY id', 'COMMIT', 'FETCH 2 FROM h', 'FETCH 2 FROM h', 'CLOSE ALL', 'FETCH 1 FROM h'),
  'an SQL cursor run by Execute': then(all('BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id'), series(say.describe('portal', 'c'), say.execute('c', 2), say.sync), all('FETCH 1 FROM c', 'COMMIT')),
  'FETCH by the extended protocol': then(all('BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id'), series(...run('FETCH 2 FROM c'), say.sync), series(...run('CLOSE c'), say.sync), all('COMMIT')),
  'DISCARD ALL': then(series(say.parse('q', 'SELECT 1'), say.sync), all('SET DateStyle = German', 'DISCARD ALL', 'SHOW datestyle'), series(say.bind('', 'q', [], []), say.sync)),
  'transaction control by the extended protocol': then(series(...run('BEGIN'), say.sync), series(...run("INSERT INTO t VALUES (6,'six')"), say.sync), series(...run('COMMIT'), ...run("INSERT INTO t VALUES (7,'seven')"), say.sync), all('SELECT count(*) FROM t')),
  'BEGIN and COMMIT in one series': then(series(...run('BEGIN'), ...run("INSERT INTO t VALUES (6,'six')"), ...run('COMMIT'), say.sync), series(...run('BEGIN'), ...run('SELECT 1/0'), ...run('COMMIT'), say.sync), all('ROLLBACK')),
  'a Query in the middle of a series': async (wire) => {
    wire.send(...run("INSERT INTO t VALUES (6,'six')"), say.query('SELECT count(*) FROM t'), say.sync);
    return wire.until('ReadyForQuery', 2);
  },
  'a Query after an error is skipped up to Sync': async (wire) => {
    wire.send(...run('SELECT 1/0'), say.query("INSERT INTO t VALUES (6,'six')"), say.sync);
    return wire.until('ReadyForQuery', 1);
  },
  'the schema changes between Parse and Bind': then(series(say.parse('s', 'SELECT * FROM t ORDER BY id LIMIT 1'), say.sync), all('ALTER TABLE t ADD COLUMN extra int'), series(say.bind('', 's', [], []), say.execute(''), say.sync), all('ALTER TABLE t DROP COLUMN extra')),
  'COPY out': all('COPY t TO STDOUT', 'COPY (SELECT id FROM t ORDER BY id LIMIT 2) TO STDOUT (FORMAT csv, HEADER)', 'COPY t(id) TO STDOUT (FORMAT binary)'),
  'COPY out in a series': series(...run('COPY t TO STDOUT'), say.sync),
  'COPY in': async (wire) => {
    wire.send(say.query('COPY t FROM STDIN'));
    const read = await wire.until('CopyInResponse');
    wire.send(say.copyData(Buffer.from('6\tsix\n7\tse')), say.copyData(Buffer.from('ven\n')), say.copyDone);
    return [...read, ...(await wire.until('ReadyForQuery'))];
  },
  'COPY in sent ahead': async (wire) => {
    wire.send(say.query('COPY t FROM STDIN (FORMAT csv)'), say.copyData(Buffer.from('6,six\n')), say.copyDone, say.query('SELECT count(*) FROM t'));
    return wire.until('ReadyForQuery', 2);
  },
  'COPY in that fails midway': async (wire) => {
    wire.send(say.query('COPY t FROM STDIN'));
    const read = await wire.until('CopyInResponse');
    wire.send(say.copyData(Buffer.from('6\tsix\n')), say.copyData(Buffer.from('no number\tx\n')), say.copyData(Buffer.from('7\tseven\n')), say.copyDone);
    read.push(...(await wire.until('ReadyForQuery')));
    return [...read, ...(await wire.query('SELECT count(*) FROM t'))];
  },
  'COPY in that fails while a message is on its way': async (wire) => {
    wire.send(say.query('COPY t FROM STDIN'));
    const read = await wire.until('CopyInResponse');
    // The rest of the second message looks like messages of its own: who has lost count would run them.
    const second = say.copyData(Buffer.concat([Buffer.alloc(100_000, 'x'), say.query("INSERT INTO t VALUES (99,'smuggled')"), say.query("INSERT INTO t VALUES (98,'smuggled')")]));
    wire.send(say.copyData(Buffer.from('no number\tx\n')), second.subarray(0, 50_000));
    read.push(...(await wire.until('ErrorResponse')));
    wire.send(second.subarray(50_000), say.copyDone, say.query('SELECT count(*) FROM t'));
    return [...read, ...(await wire.until('ReadyForQuery', 2))];
  },
  'COPY in given up': async (wire) => {
    wire.send(say.query('COPY t FROM STDIN'));
    const read = await wire.until('CopyInResponse');
    wire.send(say.copyData(Buffer.from('6\tsix\n')), say.copyFail('changed my mind'));
    return [...read, ...(await wire.until('ReadyForQuery')), ...(await wire.query('SELECT count(*) FROM t'))];
  },
  'COPY in a series': async (wire) => {
    wire.send(...run('COPY t FROM STDIN'), say.sync);
    const read = await wire.until('CopyInResponse');
    wire.send(say.copyData(Buffer.from('6\tsix\n')), say.flush, say.copyDone, say.sync);
    read.push(...(await wire.until('ReadyForQuery')));
    return [...read, ...(await wire.query('SELECT count(*) FROM t'))];
  },
  'COPY in a series that fails midway': async (wire) => {
    wire.send(...run('COPY t FROM STDIN'), say.sync);
    const read = await wire.until('CopyInResponse');
    wire.send(say.copyData(Buffer.from('x\n')), say.copyData(Buffer.from('6\tsix\n')), say.copyDone, say.sync);
    read.push(...(await wire.until('ReadyForQuery')));
    return [...read, ...(await wire.query('SELECT count(*) FROM t'))];
  },
  'COPY in a series sent ahead': async (wire) => {
    wire.send(...run('COPY t FROM STDIN'), say.copyData(Buffer.from('6\tsix\n')), say.copyDone, say.sync);
    return [...(await wire.until('ReadyForQuery')), ...(await wire.query('SELECT count(*) FROM t'))];
  },
  'COPY data that nobody asked for': async (wire) => {
    wire.send(say.copyData(Buffer.from('x')), say.copyDone, say.copyFail('y'), say.query('SELECT 1'));
    return wire.until('ReadyForQuery');
  },
  'COPY among other statements': async (wire) => {
    wire.send(say.query("INSERT INTO t VALUES (6,'six'); COPY t FROM STDIN; SELECT count(*) FROM t"));
    const read = await wire.until('CopyInResponse');
    wire.send(say.copyData(Buffer.from('7\tseven\n')), say.copyDone);
    return [...read, ...(await wire.until('ReadyForQuery'))];
  },
  'LISTEN and NOTIFY': all('LISTEN news', "NOTIFY news, 'hello'", 'UNLISTEN news', "NOTIFY news, 'silence'"),
  'settings that are reported': all("SET TimeZone = 'Asia/Tokyo'", 'BEGIN', 'SET LOCAL DateStyle = German', 'COMMIT', 'RESET TimeZone', 'SET IntervalStyle = iso_8601', 'BEGIN', "SET TimeZone = 'UTC'", 'ROLLBACK'),
  'SET, SHOW and RESET of application_name': all("SET application_name = 'mine'", 'RESET application_name'),
  'a table made, used and dropped': all('CREATE TABLE made(id serial PRIMARY KEY, v text)', "INSERT INTO made(v) VALUES ('a'), ('b') RETURNING id, v", 'BEGIN', 'ALTER TABLE made ADD COLUMN w int DEFAULT 3', 'SELECT * FROM made ORDER BY id', 'ROLLBACK', 'SELECT * FROM made ORDER BY id', 'DROP TABLE made', 'SELECT * FROM made'),
  'temporary tables hide others and show them again': all('CREATE TEMP TABLE t(x int)', 'SELECT * FROM t', 'DISCARD TEMP', 'SELECT count(*) FROM t', 'BEGIN', 'CREATE TEMP TABLE t(y int) ON COMMIT DROP', 'SELECT * FROM t', 'COMMIT', 'SELECT count(*) FROM t'),
};

const REFUSED: Readonly<Record<string, Script>> = {
  'outside a block': all('SELECT * FROM forbidden', 'SELECT 1'),
  'in a message of many': all("INSERT INTO t VALUES (6,'six'); SELECT * FROM forbidden; INSERT INTO t VALUES (7,'seven')", 'SELECT count(*) FROM t'),
  'in a block, then COMMIT': all('BEGIN', "INSERT INTO t VALUES (6,'six')", 'DELETE FROM forbidden', 'SELECT 1', 'COMMIT', 'SELECT count(*) FROM t'),
  'in a block with a savepoint': all('BEGIN', "INSERT INTO t VALUES (6,'six')", 'SAVEPOINT s', 'DELETE FROM forbidden', 'ROLLBACK TO SAVEPOINT s', "INSERT INTO t VALUES (7,'seven')", 'COMMIT', 'SELECT count(*) FROM t'),
  'in a block, with BEGIN in the same message': all("BEGIN; INSERT INTO t VALUES (6,'six')", 'DELETE FROM forbidden', 'COMMIT'),
  'first of a pipeline': then(series(...run('SELECT * FROM forbidden'), ...run("INSERT INTO t VALUES (6,'six')"), say.sync), all('SELECT count(*) FROM t')),
  'in the middle of a pipeline': then(series(...run("INSERT INTO t VALUES (6,'six')"), ...run('SELECT * FROM forbidden'), ...run("INSERT INTO t VALUES (7,'seven')"), say.sync), all('SELECT count(*) FROM t')),
  'last of a pipeline': then(series(...run("INSERT INTO t VALUES (6,'six')"), ...run("INSERT INTO t VALUES (7,'seven')"), ...run('SELECT * FROM forbidden'), say.sync), all('SELECT count(*) FROM t')),
  'a pipeline with a Sync behind each': then(series(...run("INSERT INTO t VALUES (6,'six')"), say.sync, ...run('SELECT * FROM forbidden'), say.sync, ...run("INSERT INTO t VALUES (7,'seven')"), say.sync), all('SELECT count(*) FROM t')),
  'a pipeline in a block': then(all('BEGIN'), series(...run("INSERT INTO t VALUES (6,'six')"), ...run('SELECT * FROM forbidden'), say.sync), series(...run('COMMIT'), say.sync), all('SELECT count(*) FROM t')),
  'first of a pipeline in a block': then(all('BEGIN'), series(...run('SELECT * FROM forbidden'), ...run('SELECT 1'), say.sync), series(...run('ROLLBACK'), say.sync)),
  'a COPY in': then(all('COPY forbidden FROM STDIN'), all('SELECT 1')),
  'a COPY in, its data behind it': async (wire) => {
    wire.send(say.query('COPY forbidden FROM STDIN'), say.copyData(Buffer.from('2\n')), say.copyDone, say.query('SELECT 1'));
    return wire.until('ReadyForQuery', 2);
  },
  'a COPY out': all('COPY forbidden TO STDOUT', 'SELECT 1'),
  'a COPY in a block': then(all('BEGIN', 'COPY forbidden FROM STDIN', 'COMMIT')),
  'a COPY in a series, its data behind it': async (wire) => {
    wire.send(...run('COPY forbidden FROM STDIN'), say.copyData(Buffer.from('2\n')), say.copyDone, say.sync);
    return [...(await wire.until('ReadyForQuery')), ...(await wire.query('SELECT 1'))];
  },
  'the unnamed statement is gone behind it': then(series(say.parse('', 'SELECT 1'), say.sync), all('SELECT * FROM forbidden'), series(say.describe('statement', ''), say.sync), series(say.bind('', '', [], []), say.sync)),
  'EXECUTE of what was prepared before': all('PREPARE q AS SELECT 1', 'EXECUTE q', 'BEGIN', 'SELECT * FROM forbidden', 'EXECUTE q', 'ROLLBACK', 'EXECUTE q'),
};

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({
        postgres: { version, users: [], setup: SETUP },
        connection: { credential: { username: 'boss', password: 'env:TARGET_PASSWORD' } },
        policies: [{ name: 'all', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'schema', 'session'], rules: [{ name: 'no', match: { verbs: ['select', 'insert', 'update', 'delete', 'copy'], objects: ['forbidden'] }, effect: 'deny', reason: 'not for jobs' }] }],
      });
    });
    after(() => scene[Symbol.asyncDispose]());

    const both = async (script: Script): Promise<readonly { readonly said: string[]; readonly left: unknown }[]> => {
      const results = [];
      for (const open of [(): Promise<Wire> => directWire(scene.target, 'app'), (): Promise<Wire> => gatewayWire(scene, 'writer')]) {
        await scene.target.query(RESET);
        using wire = await open();
        const said = plain(await script(wire));
        assert.equal(wire.closed, false);
        const left = await scene.target.query('SELECT (SELECT json_agg(t ORDER BY id) FROM t)::text AS t, (SELECT json_agg(f) FROM forbidden f)::text AS f');
        results.push({ said, left });
      }
      return results;
    };

    for (const [name, script] of Object.entries(SAME)) {
      test(name, async () => {
        const [direct, gateway] = await both(script);
        assert.ok(direct && gateway);
        assert.deepEqual(gateway, direct);
      });
    }
    for (const [name, script] of Object.entries(REFUSED)) {
      test(`refused: ${name}`, async () => {
        const [direct, gateway] = await both(script);
        assert.ok(direct && gateway);
        const shape = ({ said }: { said: string[] }): string[] => said.filter((text) => /^[EZ]/.test(text));
        assert.deepEqual(shape(gateway), shape(direct));
        assert.deepEqual(gateway.left, direct.left);
        assert.ok(shape(direct).includes('E42501'));
      });
    }
  });
}
