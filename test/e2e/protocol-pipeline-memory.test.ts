import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { startScene, type Scene } from './scene.ts';
import { gatewayWire, plain, say } from './wire.ts';

/*
 * Small messages are sent faster than a target answers them, and for one whose client reads nothing it does not answer at all: what the gateway notes of each that is
 * owed an answer has to stay within bounds.
 */

const MESSAGES = 3_000_000;
const AT_ONCE = 50_000;
/** So often nothing more was taken. */
const STILL = 20;
const MOST_KIB = 300 * 1024;

suite('messages without end', () => {
  let scene: Scene;
  before(async () => { scene = await startScene(); });
  after(() => scene[Symbol.asyncDispose]());

  const memory = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${scene.gateway.pid}/status`, 'utf8'))?.[1]);

  for (const [what, message] of [['Close', say.close('portal', '')], ['Sync', say.sync]] as const) {
    test(`${what}: from a client that reads none of the answers`, async () => {
      using other = await gatewayWire(scene, 'writer');
      using wire = await gatewayWire(scene, 'writer');
      const { socket } = wire;
      socket.pause();
      const start = memory();
      const block = Buffer.concat(Array.from({ length: AT_ONCE }, () => message));
      for (let sent = 0; sent < MESSAGES; sent += AT_ONCE) {
        socket.write(block);
        // Others are served meanwhile, and the gateway has had its turn.
        assert.deepEqual(plain(await other.query('SELECT 1 AS one')), ['[one:23:0]', '(1)', 'SELECT 1', 'ZI']);
      }
      // All of it is taken, or no more is.
      for (let left = -1, same = 0; same < STILL; same = left === socket.writableLength ? same + 1 : 0) {
        left = socket.writableLength;
        await other.query('SELECT pg_sleep(0.05)');
      }
      assert.ok(memory() - start < MOST_KIB, `${Math.round((memory() - start) / 1024)} MiB more`);
    });
  }

  test('a pipeline that is longer than what may be owed is answered whole, in order', async () => {
    using wire = await gatewayWire(scene, 'writer');
    const count = 15_000;
    wire.send(say.parse('s', 'SELECT $1::int AS n'), ...Array.from({ length: count }, (_, n) => [say.bind('', 's', [], [Buffer.from(String(n))]), say.execute('')]).flat(), say.sync);
    const read = plain(await wire.until('ReadyForQuery'));
    assert.deepEqual(read.filter((text) => text.startsWith('(')), Array.from({ length: count }, (_, n) => `(${n})`));
    assert.equal(read.at(-1), 'ZI');
  });
});
