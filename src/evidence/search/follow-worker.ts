import { statfsSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { KeysFolder } from '../keys.ts';
import { nodeDisk } from '../node-disk.ts';
import { LogIndex } from './search.ts';
import type { FollowData } from './follow.ts';

/** How long to wait when there is nothing new. */
const IDLE_MS = 2000;
/** The thread works at most this part of the time, so that commands have the processor. */
const WORKING = 0.25;
/** Nice value of the thread: beside commands that want every processor, what it does can wait. */
const NICE = 10;
/** Frames in one transaction. */
const FRAMES = 500;
/** Below this part of free space the disk belongs to the log. */
const LEAST_FREE = 0.1;

const port = parentPort;
if (!port) throw new Error('runs as a worker thread only');
const { folder, indexes, keysFolder, kek } = workerData as FollowData;
const index = new LogIndex({ folder, indexes, keys: KeysFolder.open(nodeDisk, keysFolder, false, kek && Buffer.from(kek)) });

// On Linux the caller's thread alone; elsewhere it would be the whole process.
if (process.platform === 'linux') setPriority(0, NICE);

const ending = new AbortController();
port.once('message', () => ending.abort());
const room = (): boolean => {
  const { bavail, blocks } = statfsSync(folder);
  return bavail > blocks * LEAST_FREE;
};
while (!ending.signal.aborted) {
  const begun = performance.now();
  const more = room() && index.step(FRAMES);
  const took = performance.now() - begun;
  await wait(more ? took / WORKING - took : IDLE_MS, undefined, { signal: ending.signal }).catch(() => undefined);
}
index.close();
port.close();
