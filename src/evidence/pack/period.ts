import { FrameCursor } from '../cursor.ts';
import type { Disk } from '../disk.ts';
import { FRAME_LEAF, segmentName } from '../format.ts';
import { readLog } from '../read.ts';
import { listSegments } from '../segments.ts';

/** Records `first` up to but not including `end` of a log that has `size`. */
export interface Period {
  readonly first: number;
  readonly end: number;
  readonly size: number;
  /** No record from behind the period was there yet: what is written meanwhile belongs to it as well. */
  readonly open: boolean;
}

/** The canonical text of a leaf ends with its time and version. */
const TIME = /"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","v":\d+\}$/;

/**
 * The records of a period: from the first whose time is `from` or later, to the first whose time is `to` or later. What stands
 * between belongs to it whatever the clock said then, so that periods that follow on each other leave nothing out and share nothing. The
 * segment is found by the times of the segments' first records, the record by reading on from there.
 */
export const periodOf = async (disk: Disk, folder: string, from: string, to: string): Promise<Period> => {
  const segments = firstLeaves(disk, folder);
  const first = await firstAt(disk, folder, segments, from);
  const end = await firstAt(disk, folder, segments, to);
  return { first: first.found ?? first.size, end: end.found ?? end.size, size: Math.max(first.size, end.size), open: end.found === undefined };
};

/** A segment's first record. */
export interface FirstLeaf {
  readonly sequence: number;
  readonly time: string;
}

const firstAt = async (disk: Disk, folder: string, segments: readonly FirstLeaf[], time: string): Promise<{ readonly found?: number; readonly size: number }> => {
  const after = segments.findIndex((segment) => segment.time >= time);
  const begin = after < 0 ? segments.at(-1) : segments[Math.max(0, after - 1)];
  let size = 0;
  for await (const item of readLog(folder, { from: begin?.sequence ?? 0, disk })) {
    if (item.type !== 'leaf') continue;
    if (timeOf(item.bytes) >= time) return { found: item.sequence, size: item.sequence + 1 };
    size = item.sequence + 1;
  }
  return { size };
};

/** When a record was written, without taking it apart. */
export const timeOf = (leaf: Buffer): string => TIME.exec(leaf.toString('latin1', Math.max(0, leaf.length - 64)))?.[1] ?? '';

/** The first record of each segment that has one. */
export const firstLeaves = (disk: Disk, folder: string): FirstLeaf[] => listSegments(disk, folder).flatMap((segment) => firstLeaf(disk, `${folder}/${segmentName(segment)}`));

const firstLeaf = (disk: Disk, path: string): FirstLeaf[] => {
  const file = disk.open(path, 'read');
  try {
    const cursor = new FrameCursor(file);
    for (let frame = cursor.next(); frame; frame = cursor.next()) if (frame.type === FRAME_LEAF) return [{ sequence: frame.number, time: timeOf(frame.payload) }];
    return [];
  } finally {
    file.close();
  }
};
