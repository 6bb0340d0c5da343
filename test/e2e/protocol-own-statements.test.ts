import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { startScene, TABLES, TARGET_PASSWORD, type Scene } from './scene.ts';
import { errorText, gatewayWire, plain, say } from './wire.ts';

/*
 * Statements of the gateway's own: what a guarded command did is taken back by some, and a cancel or a limit on time can hit those as well. Here somebody between the
 * gateway and its target spoils them at just that moment.
 */

/** The next of the gateway's own statements that begins so is spoiled: in its place comes this, or what cannot be parsed. */
let spoiled: string | undefined;
let instead = '??';

const startSpoiler = async (port: number): Promise<Server> => {
  const server = createServer((socket) => {
    const target = connect(port, '127.0.0.1');
    for (const [one, other] of [[socket, target], [target, socket]] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
    target.on('data', (chunk) => socket.write(chunk));
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      const at = spoiled === undefined ? -1 : text.indexOf(`wicketgate:own\0${spoiled}`);
      if (at === -1) return target.write(chunk);
      spoiled = undefined;
      const from = text.indexOf('\0', at) + 1;
      const until = text.indexOf('\0', from);
      return target.write(Buffer.from(`${text.slice(0, from)}${instead.padEnd(until - from)}${text.slice(until)}`, 'latin1'));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
};

const MANY = 'INSERT INTO audit(id) SELECT n FROM generate_series(1, 20) n';
const FEW = 'INSERT INTO audit(id) SELECT n FROM generate_series(1, 2) n';
const TOO_MANY = /C:42501\nM:.* changes more than the 10 rows/;
const series = (text: string): Buffer[] => [say.parse('', text), say.bind('', '', [], []), say.execute(''), say.sync];

suite('statements of the gateway that fail', () => {
  let scene: Scene;
  let spoiler: Server;
  before(async () => {
    scene = await startScene({
      postgres: { setup: `${TABLES} DELETE FROM audit;`, users: [{ name: 'app', password: TARGET_PASSWORD }] },
      policies: [{ name: 'few', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'], limits: { rowsPerCommand: 10 } }],
      connectionsAt: (port) => [{ name: 'shop', protocol: 'postgres', target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' }, credential: { username: 'app', password: 'env:TARGET_PASSWORD' } }],
    });
    spoiler = await startSpoiler(scene.target.port);
    const [connection] = scene.config['connections'] as [{ target: object }];
    await scene.gateway.reload({ ...scene.config, connections: [{ ...connection, target: { ...connection.target, port: (spoiler.address() as AddressInfo).port } }] });
  });
  after(async () => {
    await scene[Symbol.asyncDispose]();
    spoiler.close();
  });

  for (const [how, send] of [['a series', series], ['a Query', (text: string) => [say.query(text)]]] as const) {
    for (const place of ['outside a block', 'in a block'] as const) {
      const inBlock = place === 'in a block';
      test(`${how} ${place}: undoing is tried again, and the client is told how many rows it was`, async () => {
        using wire = await gatewayWire(scene, 'writer');
        if (inBlock) await wire.query('BEGIN');
        spoiled = 'ROLLBACK';
        wire.send(...send(MANY));
        const said = await wire.until('ReadyForQuery');
        assert.equal(spoiled, undefined, 'it was spoiled');
        assert.match(errorText(said), TOO_MANY);
        assert.equal(plain(said).at(-1), inBlock ? 'ZE' : 'ZI');
        assert.equal(plain(await wire.query('ROLLBACK')).at(-1), 'ZI');
        assert.equal(await scene.target.count('audit'), 0);
        assert.deepEqual(plain(await wire.query('SELECT 1 AS one')), ['[one:23:0]', '(1)', 'SELECT 1', 'ZI']);
      });

      test(`${how} ${place}: what cannot be made to last is an error, and nothing lasts`, async () => {
        using wire = await gatewayWire(scene, 'writer');
        if (inBlock) await wire.query('BEGIN');
        spoiled = inBlock ? 'RELEASE' : 'COMMIT';
        wire.send(...send(FEW));
        const said = await wire.until('ReadyForQuery');
        assert.equal(spoiled, undefined, 'it was spoiled');
        assert.match(errorText(said), /C:(42601|57014)/);
        assert.equal(plain(said).at(-1), inBlock ? 'ZE' : 'ZI');
        assert.equal(plain(await wire.query('COMMIT')).at(-1), 'ZI');
        assert.equal(await scene.target.count('audit'), 0);
      });
    }
  }

  test('setting the name in the target takes longer than the client lets statements take: its message fails so, and the session goes on', async () => {
    using wire = await gatewayWire(scene, 'writer');
    await wire.query("SET statement_timeout = '200ms'");
    instead = 'SELECT pg_sleep(9)';
    try {
      for (const place of ['I', 'E'] as const) {
        if (place === 'E') await wire.query('BEGIN');
        for (const messages of [[say.query('SELECT 1')], series('SELECT 1')]) {
          await wire.query(`SET application_name = 'theirs ${randomUUID()}'`);
          spoiled = 'SET ';
          wire.send(...messages);
          const read = await wire.until('ReadyForQuery');
          assert.equal(spoiled, undefined, 'it was spoiled');
          assert.match(errorText(read), /C:57014\nM:canceling statement due to statement timeout/);
          assert.equal(plain(read).at(-1), `Z${place}`);
          await wire.query(place === 'E' ? 'ROLLBACK; BEGIN' : 'SELECT 1');
        }
      }
    } finally {
      instead = '??';
    }
  });
});
