/** Checkpoints from outside the log folder: kept by an auditor, or in the lock that the keys folder holds. */
import { hash } from 'node:crypto';
import * as fs from 'node:fs';
import type { KeptCheckpoint } from './checkpoints.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { MOST_NOTE, NotANote } from './note.ts';
import { statOf } from './stat.ts';
import { NotEvidence } from './verdict.ts';

const LOCK = 'checkpoint-lock';
const MOST_LOCKS = 1000;

/** A checkpoint in a file. Throws NotEvidence when there is none. */
export const keptCheckpoint = (path: string): KeptCheckpoint => {
  try {
    return { source: `the checkpoint kept in ${path}`, checkpoint: parseCheckpoint(readSmall(path)) };
  } catch (error) {
    throw new NotEvidence(`${path} is no checkpoint: ${(error as Error).message}`);
  }
};

/**
 * The last checkpoints that were signed with a keys folder, for whichever logs: a folder for each, with two files that are written in
 * turn. One of them may be torn; what is no checkpoint there is not ours to judge.
 */
export const checkpointLock = (keys: string): KeptCheckpoint[] => {
  const folder = `${keys}/${LOCK}`;
  return entriesOf(folder).flatMap((log) =>
    entriesOf(`${folder}/${log}`).flatMap((place) => {
      try {
        const text = readSmall(`${folder}/${log}/${place}`).replace(/\0+$/, '');
        const [, digest, content, note] = /^([0-9a-f]{64})\n([1-9]\d{0,15}\n([^]+))$/.exec(text) ?? [];
        if (content === undefined || note === undefined || hash('sha256', content, 'hex') !== digest) return [];
        return [{ source: 'the last checkpoint that the keys folder knows to be signed', checkpoint: parseCheckpoint(note) }];
      } catch {
        return [];
      }
    }),
  );
};

const entriesOf = (folder: string): string[] => {
  try {
    return fs.readdirSync(folder).slice(0, MOST_LOCKS);
  } catch {
    return [];
  }
};

/** A text file of the size of a note. Throws NotANote. */
export const readSmall = (path: string): string => {
  const stat = statOf(path);
  if (!stat) throw new NotANote('there is no such file');
  if (!stat.isFile() || stat.size > MOST_NOTE) throw new NotANote('it is not a plain file of at most 64 KiB');
  return fs.readFileSync(path, 'utf8');
};
