import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { readLog } from '../../src/evidence/read.ts';
import { readEvidence } from './recorded-evidence.ts';
import { startScene } from './scene.ts';
import { gatewayWire, plain, say } from './wire.ts';

/* Whoever is refused cannot fill the disk: neither by the size of what is refused nor by the number. */

const MB = 1024 * 1024;

/** Bytes of sealed bodies in the log: the texts, which are all that grows with what a client sends. */
const sealed = async (folder: string): Promise<number> => {
  let bytes = 0;
  for await (const item of readLog(folder)) if (item.type === 'body') bytes += item.bytes.length;
  return bytes;
};

test('refusals of one session take a bounded amount of the log, and none is lost from its count', { timeout: 120_000 }, async () => {
  const scene = await startScene({ policies: [{ name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'], limits: { commandsPerMinute: 10 } }] });
  try {
    const keys = join(scene.gateway.folder, 'keys');
    {
      using wire = await gatewayWire(scene, 'reader');
      // Text that no compression makes smaller: 130 of these would be as many megabytes.
      for (let n = 0; n < 130; n++) {
        wire.send(say.query(`DELETE FROM orders WHERE note = '${randomBytes(490_000).toString('hex')}'`));
        assert.deepEqual(plain(await wire.until('ReadyForQuery')), [n < 10 ? 'E42501' : 'E54000', 'ZI'], String(n));
      }
      for (let n = 0; n < 2000; n++) await wire.query('DELETE FROM orders');
    }
    assert.equal(await scene.gateway.terminate(), 0);
    const bytes = await sealed(join(scene.gateway.dataDir, 'evidence'));
    assert.ok(bytes > 100_000 && bytes < 4 * MB, `${bytes} bytes`);
    const { leaves } = await readEvidence(scene.gateway.dataDir, keys);
    const refusals = leaves.flatMap(({ record }) => (record.kind === 'refusal' && record.session !== undefined ? [record] : []));
    const single = refusals.filter(({ count }) => count === undefined).length;
    assert.ok(single <= 120, `${single} records`);
    assert.equal(single + refusals.reduce((sum, { count = 0 }) => sum + count, 0), 2130);
    assert.deepEqual(leaves.flatMap(({ record }) => (record.kind === 'session_close' ? [record.refused] : [])), [2130]);
  } finally {
    await scene[Symbol.asyncDispose]();
  }
});
