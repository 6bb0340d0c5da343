import { createHash } from 'node:crypto';
import { readSmall, replaceFile, type Disk } from './disk.ts';
import type { LogState } from './pending.ts';
import { OpenWork, type SavedWork } from './work.ts';

const RESUME_NAME = /^(\d{8})\.json$/;
const KEPT = 3;

/** The state of the log at the first byte of a segment, so that a start reads the last segments only. A convenience: without it all are read. */
export interface Resume {
  readonly segment: number;
  readonly state: LogState;
  readonly work: OpenWork;
}

const nameOf = (segment: number): string => `${String(segment).padStart(8, '0')}.json`;

/** Writes the state at the start of `segment`; drops the oldest ones. Not synced: a torn one is noticed and not used. */
export const saveResume = (disk: Disk, folder: string, log: string, { segment, state, work }: Resume): void => {
  const saved = JSON.stringify({ v: 2, log, segment, ...state, work });
  replaceFile(disk, folder, nameOf(segment), Buffer.from(`${digest(saved)}\n${saved}\n`, 'utf8'), false);
  for (const name of disk.list(folder)) {
    const found = RESUME_NAME.exec(name);
    if (found && Number(found[1]) <= segment - KEPT) disk.remove(`${folder}/${name}`);
  }
};

/** Usable states, newest first. Whether one fits the chain is for the reader of the segment to see. */
export const loadResumes = (disk: Disk, folder: string, log: string): Resume[] => {
  if (!disk.exists(folder)) return [];
  return disk
    .list(folder)
    .filter((name) => RESUME_NAME.test(name))
    .sort()
    .reverse()
    .flatMap((name) => {
      const [digestLine, saved] = readSmall(disk, `${folder}/${name}`).toString('utf8').split('\n');
      if (saved === undefined || digest(saved) !== digestLine) return [];
      const { v, log: of, segment, sequence, previous, ordinal, work } = JSON.parse(saved) as { v: number; log: string; segment: number; work: SavedWork } & LogState;
      if (v !== 2 || of !== log || nameOf(segment) !== name) return [];
      return [{ segment, state: { sequence, previous, ordinal }, work: OpenWork.from(work) }];
    });
};

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
