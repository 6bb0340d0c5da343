import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { crashRounds } from './crash-rounds.ts';

/** `npm run crash` does 500. Here they end sooner where the machine is slow. */
const ROUNDS = 50;
const SECONDS = 150;

test('kill -9 in the middle of pgbench: nothing ran, was committed or was answered without its record', async (t) => {
  const summary = await crashRounds({ rounds: ROUNDS, seconds: SECONDS });
  t.diagnostic(JSON.stringify(summary));
  assert.ok(summary.rounds >= 6, `only ${summary.rounds} rounds in ${SECONDS} s`);
  assert.ok(summary.executed > 0 && summary.committed > 0 && summary.ended > 0 && summary.sessionsLost > 0, JSON.stringify(summary));
});

/** One finds it mostly, and the first that does is the last; on a busy machine it takes more. */
const MOST_TO_FIND = 50;

test('the same rounds find a log that keeps its records in memory until the next sync', async () => {
  const nodeArgs = ['--import', pathToFileURL(join(import.meta.dirname, 'testdata', 'late-writes.js')).href];
  await assert.rejects(crashRounds({ rounds: MOST_TO_FIND, seconds: SECONDS, nodeArgs }), /outcome is not recorded/);
});
