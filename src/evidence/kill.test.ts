import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { openEvidenceLog } from './open.ts';
import { parseLeaf, readLog } from './read.ts';
import { verify } from './verify/verify.ts';

const ROUNDS = 8;

test('kill -9: every record that was called written is there, open commands become indeterminate, the folder is free', async (t) => {
  const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-kill-'));
  t.after(() => fs.rmSync(base, { recursive: true }));
  const [folder, keys] = [join(base, 'log'), join(base, 'keys')];
  let promised = -1;
  for (let round = 0; round < ROUNDS; round += 1) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'testdata/writer.ts'), folder, keys], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    let seen = 0;
    lines.on('line', (line) => {
      promised = Math.max(promised, Number(line.split(' ')[1]));
      seen += 1;
      if (seen === 40 * (round + 1)) child.kill('SIGKILL');
    });
    const drained = once(lines, 'close');
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    assert.equal(signal, 'SIGKILL');
    await drained;
  }
  const log = await openEvidenceLog({ folder, keysFolder: keys, instance: 'gw-1', build: 'b', config: 'c', segmentBytes: 256 * 1024 });
  await log.close();
  let next = 0;
  let indeterminate = 0;
  let lost = 0;
  for await (const item of readLog(folder)) {
    if (item.type !== 'leaf') continue;
    const { seq, record } = parseLeaf(item);
    assert.equal(seq, next);
    next += 1;
    if (record.kind === 'recovery') {
      if (record.what === 'indeterminate') indeterminate += 1;
      if (record.what === 'session_lost') lost += 1;
    }
  }
  assert.ok(next > promised, `record ${promised} was called written, the log ends at ${next}`);
  assert.equal(lost, ROUNDS);
  assert.ok(indeterminate >= ROUNDS, `${indeterminate}`);
  const { integrity, completeness, counts } = await verify(folder, { keys });
  assert.deepEqual(integrity, { ok: true });
  assert.equal(completeness.verdict, 'complete', JSON.stringify(completeness.gaps));
  assert.equal(counts.crashes, ROUNDS);
});
