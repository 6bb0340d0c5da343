import { parentPort, workerData } from 'node:worker_threads';
import { KeysFolder } from '../../evidence/keys.ts';
import { nodeDisk } from '../../evidence/node-disk.ts';
import { BadFilter } from '../../evidence/search/filters.ts';
import { isDamage } from '../../evidence/search/index-file.ts';
import type { FollowData } from '../../evidence/search/follow.ts';
import { IndexDiffers } from '../../evidence/search/hits.ts';
import { LogIndex } from '../../evidence/search/search.ts';
import { renderAnswer } from '../../protocols/postgres/render.ts';
import type { Answered, Asked } from './reader.ts';
import { Readings } from './readings.ts';

/** The thread that reads for pages. */
const port = parentPort;
if (!port) throw new Error('runs as a worker thread only');
const { folder, indexes, keysFolder, kek } = workerData as FollowData;

/** How often what is new is taken in before an answer, and how much of it: the follower does the rest. */
const FRESH_MS = 250;
const FRAMES = 300;

let opened: { readonly index: LogIndex; readonly readings: Readings; readonly purged: unknown } | undefined;
let steppedAt = -Infinity;

const lastPurge = (index: LogIndex): unknown => index.file.sql(`SELECT max(seq) AS seq FROM deed WHERE kind = 'purge'`).get()?.['seq'];

const readings = (): Readings => {
  // Keys that were destroyed are not known here any longer than until the purge is in the index.
  if (opened && lastPurge(opened.index) !== opened.purged) {
    opened.index.close();
    opened = undefined;
  }
  if (!opened) {
    const keys = KeysFolder.open(nodeDisk, keysFolder, false, kek && Buffer.from(kek));
    const index = new LogIndex({ folder, indexes, keys });
    opened = { index, readings: new Readings(index, (_protocol, bytes) => renderAnswer(bytes)), purged: lastPurge(index) };
  }
  if (performance.now() - steppedAt > FRESH_MS) {
    try {
      opened.index.step(FRAMES, false);
    } catch (error) {
      // The follower is at it, or the disk is not: the answer is drawn from what is there.
      if (isDamage(error)) throw error;
    }
    steppedAt = performance.now();
  }
  return opened.readings;
};

const reasonOf = (error: unknown): Answered['failed'] => {
  if (error instanceof BadFilter) return { code: 'invalid', message: error.message };
  if (error instanceof IndexDiffers) return { code: 'differs', message: error.message };
  return { code: 'failed', message: error instanceof Error ? error.message : 'unknown' };
};

port.on('message', ({ id, question, values }: Asked) => {
  let answered: Answered;
  try {
    const found = readings();
    const ask = found[question] as (...values: unknown[]) => unknown;
    answered = { id, answer: ask.apply(found, [...values]) };
  } catch (error) {
    // Tables that are damaged or of another history: opened again, and made again by the follower.
    if (!(error instanceof BadFilter)) {
      opened?.index.close();
      opened = undefined;
    }
    answered = { id, failed: reasonOf(error) };
  }
  port.postMessage(answered);
});
