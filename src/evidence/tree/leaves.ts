import type { Disk } from '../disk.ts';
import { readLog } from '../read.ts';

/** The records of a log from `from` up to but not including `to`, in order, with their sequence. Rejects when one is missing. */
export async function* leavesOf(disk: Disk, folder: string, from: number, to: number): AsyncGenerator<{ readonly sequence: number; readonly bytes: Buffer }, void, undefined> {
  let due = from;
  if (due >= to) return;
  for await (const item of readLog(folder, { from, disk })) {
    if (item.type !== 'leaf' || item.sequence < from) continue;
    if (item.sequence !== due) break;
    yield item;
    due += 1;
    if (due === to) return;
  }
  throw new RecordMissing(due);
}

/** A record that has to be in the log cannot be found there. */
export class RecordMissing extends Error {
  readonly sequence: number;

  constructor(sequence: number) {
    super(`record ${sequence} cannot be found`);
    this.sequence = sequence;
  }
}
