import { statfsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { giveWay } from '../give-way.ts';
import { KeysFolder } from '../keys.ts';
import { nodeDisk } from '../node-disk.ts';
import { ProcessorWait } from '../processor-wait.ts';
import { LogIndex } from './search.ts';
import type { FollowData } from './follow.ts';

/** How long to wait when there is nothing new. */
const IDLE_MS = 2000;
/** The thread works at most this part of the time, so that commands have the processor: less while the gateway needs one for itself, but always so much that it gets on. */
const WORKING = 0.25;
const LEAST_WORKING = 0.06;
/** So long it works in one go, and so long it then lets others go first, in milliseconds: a command that comes to its processor meanwhile would wait for it to be taken off, for milliseconds. */
const GO_MS = 0.3;
const BREATH_MS = 0.1;
/** Frames in one transaction. */
const FRAMES = 2000;
/** Below this part of free space the disk belongs to the log. */
const LEAST_FREE = 0.1;

const port = parentPort;
if (!port) throw new Error('runs as a worker thread only');
giveWay();
const { folder, indexes, keysFolder, kek } = workerData as FollowData;
const still = new Int32Array(new SharedArrayBuffer(4));
let [going, breathed] = [0, 0];
const breathe = (): void => {
  const now = performance.now();
  if (now - going < GO_MS) return;
  Atomics.wait(still, 0, 0, BREATH_MS);
  going = performance.now();
  breathed += going - now;
};
const index = new LogIndex({ folder, indexes, keys: KeysFolder.open(nodeDisk, keysFolder, false, kek && Buffer.from(kek)), breathe });

const ending = new AbortController();
port.once('message', () => ending.abort());
const room = (): boolean => {
  const { bavail, blocks } = statfsSync(folder);
  return bavail > blocks * LEAST_FREE;
};
const main = new ProcessorWait('main');
/** Processor time that the gateway has used outside of this thread, or would have used if others had not had the processors, in milliseconds. */
const wantedElsewhere = (): number => {
  const all = process.cpuUsage();
  const own = process.threadCpuUsage();
  return (all.user + all.system - own.user - own.system) / 1000 + main.milliseconds;
};
let wanted = wantedElsewhere();
let looked = performance.now();
/** The part of the time to work, by how much of a processor the gateway has wanted since this was last asked. */
const share = (): number => {
  const before = { wanted, looked };
  wanted = wantedElsewhere();
  looked = performance.now();
  const busy = Math.min(1, (wanted - before.wanted) / Math.max(1, looked - before.looked));
  return WORKING - (WORKING - LEAST_WORKING) * busy;
};
while (!ending.signal.aborted) {
  const begun = performance.now();
  breathed = 0;
  const more = room() && index.step(FRAMES);
  const took = performance.now() - begun - breathed;
  const working = share();
  await wait(more ? took / working - took : IDLE_MS, undefined, { signal: ending.signal }).catch(() => undefined);
}
main.close();
index.close();
port.close();
