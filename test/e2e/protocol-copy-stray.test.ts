import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { directWire, gatewayWire, plain, say, type Wire } from './wire.ts';

/* Messages of COPY where there is none: the server drops them, and so does the gateway, also in a series that nobody has flushed. */

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({ postgres: { version, setup: TABLES } });
    });
    after(() => scene[Symbol.asyncDispose]());

    const one = [say.parse('', 'SELECT 1 AS one'), say.bind('', '', [], []), say.execute('')];
    for (const [what, series] of [
      ['CopyFail behind Parse', [say.parse('', 'SELECT 1 AS one'), say.copyFail('no'), say.sync]],
      ['CopyData behind Parse', [say.parse('', 'SELECT 1 AS one'), say.copyData(Buffer.from('x\n')), say.sync]],
      ['CopyDone behind Execute', [...one, say.copyDone, say.sync]],
      ['CopyFail behind Close', [say.close('statement', 'nothing'), say.copyFail('no'), say.sync]],
      ['CopyDone behind Flush', [...one, say.flush, say.copyDone, say.sync]],
    ] as const) {
      test(`${what}: the series and what comes behind it is answered as it is directly`, async () => {
        const answers = async (wire: Wire): Promise<readonly string[]> => {
          wire.send(...series, say.query('SELECT 2 AS two'));
          return plain(await wire.until('ReadyForQuery', 2));
        };
        using direct = await directWire(scene.target, 'app');
        using wire = await gatewayWire(scene, 'writer');
        assert.deepEqual(await answers(wire), await answers(direct));
      });
    }
  });
}
