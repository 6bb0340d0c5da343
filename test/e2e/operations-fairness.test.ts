import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startScene } from './scene.ts';
import { gatewayWire, plain, type Wire } from './wire.ts';

/* The parser is shared. Sessions of one identity that send ever new hard texts do not keep others from having theirs read. */

const SESSIONS = 8;

test('a flood of hard texts from many sessions of one identity delays another by about one of them', { timeout: 120_000 }, async () => {
  const scene = await startScene();
  const flood: Wire[] = [];
  let over = false;
  try {
    let made = 0;
    const hard = (): string => `SELECT 1 AS hard_${made++} FROM orders WHERE note IN (${Array.from({ length: 4000 }, () => 'coalesce(note, id::text)').join(', ')})`;
    using other = await gatewayWire(scene, 'writer');
    assert.deepEqual(plain(await other.query('SELECT 1 AS warm')).at(-1), 'ZI');
    for (let n = 0; n < SESSIONS; n++) flood.push(await gatewayWire(scene, 'reader'));
    const [first] = flood;
    assert.ok(first);
    assert.equal(plain(await first.query(hard())).at(-1), 'ZI');
    let served = 0;
    const all = flood.map(async (wire) => {
      while (!over) {
        await wire.query(hard());
        served++;
      }
    });
    const seen: number[] = [];
    for (let round = 0; round < 9; round++) {
      const at = served;
      assert.deepEqual(plain(await other.query(`SELECT 1 AS fresh_${round}`)), [`[fresh_${round}:23:0]`, '(1)', 'SELECT 1', 'ZI']);
      seen.push(served - at);
    }
    // In the order in which they came it would be all of them, each time. On a busy machine this process may come late to some of the answers.
    const middle = seen.toSorted((one, other) => one - other)[Math.floor(seen.length / 2)] ?? SESSIONS;
    assert.ok(middle < SESSIONS / 2, seen.join(', '));
    over = true;
    await Promise.all(all);
    assert.ok(served > 5, 'there was no flood');
  } finally {
    over = true;
    for (const wire of flood) wire.close();
    await scene[Symbol.asyncDispose]();
  }
});
