import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { directWire, gatewayWire, plain, say, type Wire } from './wire.ts';

/*
 * Sync and Flush sent behind COPY FROM STDIN, before anybody knows that data will be asked for: the server ignores them while it reads
 * data, and answers a Sync that it reads when the COPY has failed before that.
 */

const SETUP = `${TABLES}
CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not here''; END';
CREATE TABLE closed(id int); CREATE TRIGGER never BEFORE INSERT ON closed FOR EACH STATEMENT EXECUTE FUNCTION never(); ALTER TABLE closed OWNER TO app;`;

const rows = [say.copyData(Buffer.from('7\t7\tseven\n')), say.copyDone];
const copy = say.query('COPY orders FROM STDIN');
const series = (text: string): Buffer[] => [say.parse('', text), say.bind('', '', [], []), say.execute('')];

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({ postgres: { version, setup: SETUP } });
    });
    after(() => scene[Symbol.asyncDispose]());

    for (const [what, messages] of [
      ['Sync behind a Query', [copy, say.sync, ...rows]],
      ['Flush behind a Query', [copy, say.flush, ...rows]],
      ['many of both, and a Sync behind the data', [copy, say.sync, say.flush, say.sync, ...rows, say.sync]],
      ['Sync behind a Query that is given up', [copy, say.sync, say.copyFail('no'), say.sync]],
      ['Sync between the data of two in one Query', [say.query('COPY orders FROM STDIN; COPY orders FROM STDIN'), say.sync, ...rows, say.sync, ...rows]],
      ['Sync and Flush behind Execute', [...series('COPY orders FROM STDIN'), say.sync, say.flush, ...rows, say.sync]],
      ['a series behind a Query that fails before its COPY', [say.query('SELECT 1/0; COPY orders FROM STDIN'), ...series('SELECT 1 AS one'), say.sync]],
      ['Sync only behind the data of Execute', [...series('COPY orders FROM STDIN'), ...rows, say.sync]],
      ['another statement behind the data of Execute', [...series('COPY orders FROM STDIN'), say.sync, ...rows, ...series('SELECT 1 AS one'), say.sync]],
      ['another statement behind the data of an Execute that fails', [...series('COPY closed FROM STDIN'), say.sync, say.copyDone, ...series('SELECT 1 AS one'), say.sync]],
      ['data that is wrong, and a Sync in the middle of it', [copy, say.sync, say.copyData(Buffer.from('x\n')), say.sync, say.copyDone, say.sync]],
      ['data that is wrong behind Execute, and a Sync in the middle of it', [...series('COPY orders FROM STDIN'), say.sync, say.copyData(Buffer.from('x\n')), say.sync, say.copyDone, say.sync]],
      ['data that is wrong behind Execute, and one Sync behind it all', [...series('COPY orders FROM STDIN'), say.sync, say.copyData(Buffer.from('x\n')), say.copyDone, ...series('SELECT 1 AS one'), say.sync]],
      ['Sync behind a Query that fails once it has asked for data', [say.query('COPY closed FROM STDIN'), say.sync, say.copyDone]],
      ['Sync behind an Execute that fails once it has asked for data', [...series('COPY closed FROM STDIN'), say.sync, say.copyDone]],
      ['Sync behind a Query that fails before it asks for data', [say.query('COPY orders(nothing) FROM STDIN'), say.sync]],
    ] as const) {
      test(`${what}: answered as it is directly, and so is what comes behind it`, async () => {
        const answers = async (wire: Wire): Promise<readonly string[]> => {
          wire.send(...messages, say.query("SELECT 'end' AS one"));
          const read = [];
          while (!plain(read).includes('(end)')) read.push(...(await wire.until('ReadyForQuery')));
          return plain(read);
        };
        using direct = await directWire(scene.target, 'app');
        using wire = await gatewayWire(scene, 'writer');
        assert.deepEqual(await answers(wire), await answers(direct));
      });
    }
  });
}
