import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { gatewayWire, plain, say } from './wire.ts';

/*
 * A COPY fails while a message of its data has only begun to arrive. What the gateway itself has to tell the target then must not come into the
 * middle of that message: its rest would be read as messages, which nobody has judged.
 */

const MARK = 'SMUGGLED';

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({
        postgres: { version, setup: TABLES, config: { log_statement: 'all' } },
        policies: [{ name: 'few', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'], limits: { rowsPerCommand: 5 } }],
      });
    });
    after(() => scene[Symbol.asyncDispose]());

    for (const [what, ahead] of [['in a block of the gateway\'s own', []], ['in a block of the client\'s', [say.query('BEGIN')]]] as const) {
      test(`${what}: the rest of the message is data`, async () => {
        using wire = await gatewayWire(scene, 'writer');
        using other = await gatewayWire(scene, 'writer');
        wire.send(...ahead, say.query('COPY orders FROM STDIN'));
        await wire.until('CopyInResponse');
        const one = say.query(`SELECT '${MARK}'`);
        const message = say.copyData(Buffer.concat(Array.from({ length: 2000 }, () => one)));
        const cut = 10 * one.length + 5;
        wire.send(say.copyData(Buffer.from('no number\t1\tx\n')), message.subarray(0, cut));
        const read = await wire.until('ErrorResponse');
        // Whatever the gateway has to tell the target is told.
        await other.query('SELECT 1');
        wire.send(message.subarray(cut), say.copyDone, say.query('ROLLBACK'), say.query("SELECT 'end' AS one"));
        while (!plain(read).includes('(end)') && !wire.closed) read.push(...(await wire.until('ReadyForQuery')));
        assert.ok(!scene.target.log().includes(MARK), 'the rest was read as messages');
        assert.ok(plain(read).includes('(end)'), plain(read).join(' '));
      });
    }
  });
}
