import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { toServer } from '../../src/protocols/postgres/encode.ts';
import { freePort } from '../kit/ports.ts';
import { until } from '../kit/until.ts';
import { PATIENT, startApprovalScene, type ApprovalScene } from './approvals-scene.ts';
import { gatewayWire, plain, type Wire } from './wire.ts';

/** Between gateway and target: keeps back what holds a text, until it is told to go on. */
class Gate {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #text: string | undefined;
  #kept: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(port: number, target: () => number): Promise<Gate> {
    const gate: Gate = new Gate(createServer((near) => gate.#relay(near, connect(target(), '127.0.0.1'))));
    await new Promise<void>((resolve) => gate.#server.listen(port, '127.0.0.1', resolve));
    assert.equal((gate.#server.address() as AddressInfo).port, port);
    return gate;
  }

  #relay(near: Socket, far: Socket): void {
    let behind: Promise<void> = Promise.resolve();
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
    }
    near.on('data', (chunk: Buffer) => {
      const holds = this.#text !== undefined && chunk.includes(this.#text);
      behind = behind.then(() => (holds ? new Promise<void>((resolve) => this.#kept.push(resolve)) : undefined)).then(() => void far.write(chunk));
    });
    near.on('close', () => far.destroy());
    far.on('data', (chunk: Buffer) => near.write(chunk));
    far.on('close', () => near.destroy());
  }

  keepBack(text: string): void {
    this.#text = text;
  }

  get keeps(): boolean {
    return this.#kept.length > 0;
  }

  goOn(): void {
    this.#text = undefined;
    for (const go of this.#kept.splice(0)) go();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

suite('between the last look and the statement itself', () => {
  let scene: ApprovalScene;
  let gate: Gate;
  before(async () => {
    const port = await freePort();
    gate = await Gate.open(port, () => scene.target.port);
    scene = await startApprovalScene({
      postgres: {
        users: [{ name: 'app', password: 'only-the-gateway-knows-this-9f2' }],
        setup: `CREATE TABLE t(id int); INSERT INTO t SELECT generate_series(1, 9); CREATE TABLE copied(id int); CREATE TABLE gone(id int); CREATE VIEW seen AS SELECT id FROM t; CREATE TABLE other(id int primary key);
          CREATE SCHEMA closed; CREATE TABLE closed.inner_one(id int); INSERT INTO closed.inner_one VALUES (7); CREATE VIEW opened AS SELECT id FROM closed.inner_one;
          ALTER TABLE t OWNER TO app; ALTER TABLE copied OWNER TO app; ALTER TABLE gone OWNER TO app; GRANT SELECT ON seen, opened TO app; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';`,
      },
      connectionsAt: () => [{ name: 'shop', protocol: 'postgres', target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' }, credential: { username: 'app', password: 'env:TARGET_PASSWORD' } }],
      policies: [{
        name: 'asking', identities: ['migrator'], connections: ['*'], allow: ['read', 'write', 'schema', 'session'],
        rules: [
          { name: 'all', match: { verbs: ['delete', 'drop', 'copy'] }, effect: 'require_approval', reason: 'looked at', approval: { ...PATIENT, cover: 'data' } },
          { name: 'views', match: { objects: ['view'] }, effect: 'require_approval', reason: 'looked at', approval: PATIENT },
          { name: 'few', match: { verbs: ['update'], rows: '> 1' }, effect: 'require_approval', reason: 'looked at', approval: PATIENT },
        ],
      }],
    });
  });
  after(async () => {
    gate.goOn();
    await scene[Symbol.asyncDispose]();
    gate.close();
  });

  /** What another session gets that wants to change something, and does not wait for it. */
  const change = async (sql: string): Promise<string> => {
    try {
      await scene.target.query(`BEGIN; SET LOCAL lock_timeout = '100ms'; ${sql}; COMMIT`);
      return 'done';
    } catch (error) {
      return (error as { code?: string }).code ?? String(error);
    }
  };
  const cases: readonly (readonly [string, (client: Wire) => void, { readonly keep: string; readonly change: string; readonly answer: readonly string[]; readonly before?: readonly string[] }])[] = [
    ['a table that loses rows', (client) => client.send(toServer.query('DELETE FROM t WHERE id < 3')), { keep: 'DELETE FROM t WHERE id < 3', change: 'ALTER TABLE t ADD COLUMN more int', answer: ['DELETE 2', 'ZI'] }],
    ['one that gets a trigger', (client) => client.send(toServer.query('DELETE FROM t WHERE id = 3')), { keep: 'DELETE FROM t WHERE id = 3', change: 'CREATE TRIGGER tr BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()', answer: ['DELETE 1', 'ZI'] }],
    ['by the extended protocol', (client) => client.send(toServer.parse('', 'DELETE FROM t WHERE id = 4'), toServer.bind('', '', [], []), toServer.execute(''), toServer.sync), { keep: 'E\0\0\0\t\0', change: 'ALTER TABLE t RENAME TO s', answer: ['ParseComplete', 'BindComplete', 'DELETE 1', 'ZI'] }],
    ['in a transaction', (client) => client.send(toServer.query('DELETE FROM t WHERE id = 5')), { keep: 'DELETE FROM t WHERE id = 5', change: 'ALTER TABLE t RENAME TO s', answer: ['DELETE 1', 'ZT'], before: ['BEGIN'] }],
    ['a table that is dropped', (client) => client.send(toServer.query('DROP TABLE gone')), { keep: 'DROP TABLE gone', change: 'ALTER TABLE gone RENAME TO kept; CREATE TABLE gone(id int)', answer: ['DROP TABLE', 'ZI'] }],
    ['a view and what it stands on', (client) => client.send(toServer.query('SELECT count(*) FROM seen')), { keep: 'SELECT count(*) FROM seen', change: 'CREATE OR REPLACE VIEW seen AS SELECT 1 AS id', answer: ['[count:20:0]', '(4)', 'SELECT 1', 'ZI'] }],
    ['rows that are counted and guarded', (client) => client.send(toServer.query('UPDATE t SET id = id WHERE id > 5')), { keep: 'UPDATE t SET id = id WHERE id > 5', change: 'ALTER TABLE t ADD COLUMN more int', answer: ['UPDATE 4', 'ZI'] }],
    ['rows that come with COPY', (client) => client.send(toServer.query('COPY copied FROM STDIN'), toServer.copyData(Buffer.from('1\n')), toServer.copyDone), { keep: 'COPY copied FROM STDIN', change: 'ALTER TABLE copied ALTER COLUMN id TYPE text', answer: ['CopyInResponse', 'COPY 1', 'ZI'] }],
  ];
  const unlocked = async (): Promise<boolean> => (await scene.target.query("SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.usename = 'app' AND l.locktype = 'relation' AND l.relation >= 16384")).length === 0;
  for (const [what, send, { keep, change: altering, answer, before: first = [] }] of cases) {
    test(`${what}: nobody changes it`, async () => {
      using client = await gatewayWire(scene, 'migrator');
      for (const sql of first) await client.query(sql);
      if (first.length > 0) {
        send(client);
        await client.until('ReadyForQuery');
        await client.query('ROLLBACK');
        for (const sql of first) await client.query(sql);
      } else send(client);
      const { id } = await scene.request();
      // The gateway's own looks at the catalog come and go.
      await until(unlocked, 20_000, 'nothing locked while people think');
      gate.keepBack(keep);
      assert.ok((await scene.answer(id, 'approve')).ok);
      if (first.length > 0) send(client);
      await until(() => gate.keeps, 20_000, 'the statement on its way');
      assert.equal(await change(altering), '55P03');
      gate.goOn();
      assert.deepEqual(plain(await client.until('ReadyForQuery')).filter((one) => !one.startsWith('N0')), answer);
      if (first.length > 0) await client.query('COMMIT');
      assert.equal((await scene.show(id)).state, 'used');
      client.close();
      await until(unlocked, 20_000, 'the end of the locks');
    });
  }

  test('a view over a schema that the role may not use runs all the same', async () => {
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query('SELECT id FROM opened'));
    const { id } = await scene.request();
    assert.ok((await scene.answer(id, 'approve')).ok);
    assert.deepEqual(plain(await client.until('ReadyForQuery')).filter((one) => !one.startsWith('N0')), ['[id:23:0]', '(7)', 'SELECT 1', 'ZI']);
    await client.query('BEGIN');
    assert.ok(plain(await client.query('SELECT id FROM opened')).includes('E42501'));
    await client.query('ROLLBACK');
    const inBlock = await scene.request();
    assert.ok((await scene.answer(inBlock.id, 'approve')).ok);
    await client.query('BEGIN');
    assert.deepEqual(plain(await client.query('SELECT id FROM opened')), ['[id:23:0]', '(7)', 'SELECT 1', 'ZT']);
  });
});
