import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

/** The priority of each thread of this process: field 19 of `stat` (proc(5)), counted from behind the name, which may hold anything. */
const priorities = (): number[] =>
  readdirSync('/proc/self/task').map((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  });

test('a thread that gives way stands behind all others of its process, and they stay as they were', { skip: process.platform === 'linux' ? false : 'threads have priorities of their own on Linux only' }, async () => {
  const own = getPriority();
  const worker = new Worker(`const { parentPort, workerData } = require('node:worker_threads'); parentPort.ref(); import(workerData).then(({ giveWay }) => { giveWay(); parentPort.postMessage('done'); });`, { eval: true, workerData: new URL('./give-way.ts', import.meta.url).href });
  await once(worker, 'message');
  const lower = priorities().filter((priority) => priority !== own);
  await worker.terminate();
  assert.deepEqual(lower, own < constants.priority.PRIORITY_BELOW_NORMAL ? [constants.priority.PRIORITY_BELOW_NORMAL] : []);
  assert.equal(getPriority(), own);
});
