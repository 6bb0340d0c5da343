import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { noLoopDisk } from './loop-disk.ts';
import { powerCuts } from './power-cuts.ts';

const skip = noLoopDisk();

test('a power cut in the middle of pgbench: what ran, was committed or answered is in what the disk kept', { skip }, async (t) => {
  const summary = await powerCuts({ rounds: 8 });
  t.diagnostic(JSON.stringify(summary));
  assert.equal(summary.rounds, 8);
  assert.ok(summary.quick > 0, 'no cut came within 5 seconds of what was written: the kernel may have hidden a missing sync');
  assert.ok(summary.executed > 0 && summary.committed > 0 && summary.answered > 0 && summary.sessionsLost > 0, JSON.stringify(summary));
});

test('the same cuts find syncs that do nothing: else the test above proves nothing', { skip }, async () => {
  const nodeArgs = ['--import', pathToFileURL(join(import.meta.dirname, 'testdata', 'no-sync.js')).href];
  await assert.rejects(powerCuts({ rounds: 6, nodeArgs }), /answered without an intent|committed without an intent|executed at the target without an intent/);
});
