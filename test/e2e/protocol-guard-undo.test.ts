import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { startScene, TABLES, TARGET_PASSWORD, type Scene } from './scene.ts';
import { errorText, gatewayWire, plain, say } from './wire.ts';

/*
 * What a guarded command did is taken back by statements of the gateway's own, and a cancel or a limit on time can hit those as well. Here somebody between the
 * gateway and its target spoils them at just that moment.
 */

/** Of the gateway's own statements the next that begins so cannot be parsed. */
let spoiled: string | undefined;

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
      const parse = `wicketgate:own\0${spoiled}`;
      if (spoiled === undefined || !text.includes(parse)) return target.write(chunk);
      spoiled = undefined;
      return target.write(Buffer.from(text.replace(parse, `${parse.slice(0, -2)}??`), 'latin1'));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
};

const MANY = 'INSERT INTO audit(id) SELECT n FROM generate_series(1, 20) n';
const FEW = 'INSERT INTO audit(id) SELECT n FROM generate_series(1, 2) n';
const TOO_MANY = /C:42501\nM:.* changes more than the 10 rows/;
const series = (text: string): Buffer[] => [say.parse('', text), say.bind('', '', [], []), say.execute(''), say.sync];

suite('the end of a guard that fails', () => {
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
});
