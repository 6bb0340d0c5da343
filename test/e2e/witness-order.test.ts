import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { originHash } from '../../src/witness/memory.ts';
import { GrowingLog } from '../../src/witness/testdata/log.ts';
import { skipUnless } from '../kit/present.ts';
import { tempFolder } from '../kit/temp.ts';
import { witnessProcess } from '../kit/witness.ts';
import { readTrace, tracing, type SystemCall } from './system-calls.ts';

/*
 * A kill cannot see a missing sync, since the page cache survives it. From outside: before each cosignature leaves, the checkpoint is synced, and so is
 * the folder that names it.
 */

const NO_SYNC = pathToFileURL(join(import.meta.dirname, 'testdata', 'no-sync.js')).href;
const ROUNDS = 5;

/** Has a witness cosign a few checkpoints under strace; gives its system calls. */
const traced = async (nodeArgs: readonly string[]): Promise<{ calls: readonly SystemCall[]; folder: string }> => {
  using folder = tempFolder('strace');
  const trace = folder.file('trace');
  await using witness = await witnessProcess({ under: tracing(trace), nodeArgs });
  const log = new GrowingLog('l').grow(1);
  await witness.start([log.vkey]);
  let old = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const answer = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body: new Uint8Array(log.request(old)) });
    assert.equal(answer.status, 200, await answer.text());
    old = log.size;
    log.grow(3);
  }
  await witness.terminate();
  return { calls: readTrace(trace), folder: witness.folder };
};

/** What is wrong with each answer, by what came between the one before and it. */
const judge = ({ calls, folder }: { readonly calls: readonly SystemCall[]; readonly folder: string }): string[] => {
  const draft = join(folder, 'logs', `${originHash('l')}.note.draft`);
  const answers = calls.filter(({ on, args }) => on.startsWith('TCP') && args.includes('HTTP/1.1 200 OK'));
  assert.equal(answers.length, ROUNDS, 'the answers are in the trace');
  return answers.flatMap((answer, index) => {
    const since = answers[index - 1]?.end ?? 0;
    const synced = (path: string, from: number): SystemCall | undefined => calls.find(({ name, on, start, end, result }) => name === 'fsync' && on === path && start > from && end < answer.start && result === 0);
    const file = synced(draft, since);
    if (file === undefined) return [`answer ${index}: the checkpoint was not synced before`];
    return synced(join(folder, 'logs'), file.end) === undefined ? [`answer ${index}: its name was not synced before`] : [];
  });
};

test('each cosignature leaves after its checkpoint and the name of that are durable; with the sync made nothing this test is red', { skip: skipUnless('strace') }, async () => {
  assert.deepEqual(judge(await traced([])), []);
  const broken = judge(await traced(['--import', NO_SYNC]));
  assert.equal(broken.length, ROUNDS, broken.join('\n'));
});
