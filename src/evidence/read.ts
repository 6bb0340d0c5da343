import { setImmediate as nextTurn } from 'node:timers/promises';
import { FrameCursor } from './cursor.ts';
import { readSmall, type Disk } from './disk.ts';
import { FRAME_LEAF, FRAME_BODY, segmentName } from './format.ts';
import type { EvidenceRecord } from './log.ts';
import { EvidenceDamaged } from './find-end.ts';
import { nodeDisk } from './node-disk.ts';
import { LOG_FILE, readLogFile } from './log-file.ts';
import { listSegments, readHeader } from './segments.ts';

/** A record as it stands in the log. */
export interface Leaf {
  readonly v: number;
  readonly log: string;
  readonly seq: number;
  readonly time: string;
  readonly mono: number;
  readonly prev: string;
  readonly record: EvidenceRecord;
  readonly bodies?: readonly LeafBody[];
}

/** A leaf's reference to a sealed body. Without `frame` the piece was lost with a broken disk. */
export interface LeafBody {
  readonly c: string;
  readonly part: string;
  readonly frame?: number;
  readonly entry?: number;
  readonly sealed?: string;
  readonly lost?: true;
}

/** One thing read. `bytes` of a leaf is its canonical JSON; of a body, the sealed payload. */
export type LogItem = { readonly type: 'leaf'; readonly sequence: number; readonly bytes: Buffer } | { readonly type: 'body'; readonly ordinal: number; readonly bytes: Buffer };

export const parseLeaf = (item: LogItem): Leaf => JSON.parse(item.bytes.toString('utf8')) as Leaf;

export interface ReadOptions {
  /** Begin with the segment that holds this record. Bodies and a few records before it may come first. */
  readonly from?: number;
  readonly disk?: Disk;
}

const FRAMES_A_TURN = 2000;

/** The name of the log in a folder. Throws FolderUnusable, or what the disk says. */
export const logName = (folder: string, disk: Disk = nodeDisk): string => readLogFile(readSmall(disk, `${folder}/${LOG_FILE}`, 65_536)).log;

/**
 * Reads a log in order, live or at rest, with one window of it in memory. Ends where the written part ends; rejects with
 * EvidenceDamaged when records are missing before that. For proof use `verify`: this trusts checksums.
 */
export async function* readLog(folder: string, { from = 0, disk = nodeDisk }: ReadOptions = {}): AsyncGenerator<LogItem, void, undefined> {
  const segments = listSegments(disk, folder);
  const start = startAt(disk, folder, segments, from);
  let due: number | undefined;
  for (const [i, segment] of segments.entries()) {
    if (i < start) continue;
    const file = disk.open(`${folder}/${segmentName(segment)}`, 'read');
    try {
      const cursor = new FrameCursor(file, 0, supersededAt(disk, folder, segments[i + 1]));
      let frames = 0;
      for (let frame = cursor.next(); frame; frame = cursor.next()) {
        frames += 1;
        if (frames % FRAMES_A_TURN === 0) await nextTurn();
        if (frame.type === FRAME_BODY) yield { type: 'body', ordinal: frame.number, bytes: frame.payload };
        if (frame.type !== FRAME_LEAF) continue;
        if (due !== undefined && frame.number !== due) throw new EvidenceDamaged(`record ${due} is missing in ${segmentName(segment)}`);
        due = frame.number + 1;
        yield { type: 'leaf', sequence: frame.number, bytes: frame.payload };
      }
    } finally {
      file.close();
    }
  }
}

/** Index of the last segment whose first record is not after `from`. */
const startAt = (disk: Disk, folder: string, segments: readonly number[], from: number): number => {
  if (from === 0) return 0;
  for (let i = segments.length - 1; i > 0; i -= 1) {
    const first = firstLeaf(disk, `${folder}/${segmentName(segments[i] as number)}`);
    if (first !== undefined && first <= from) return i;
  }
  return 0;
};

const firstLeaf = (disk: Disk, path: string): number | undefined => {
  const file = disk.open(path, 'read');
  try {
    const cursor = new FrameCursor(file);
    for (let frame = cursor.next(); frame; frame = cursor.next()) if (frame.type === FRAME_LEAF) return frame.number;
    return undefined;
  } finally {
    file.close();
  }
};

/** Where a segment ends, when the next one says so. */
export const supersededAt = (disk: Disk, folder: string, next: number | undefined): number | undefined => {
  if (next === undefined) return undefined;
  const file = disk.open(`${folder}/${segmentName(next)}`, 'read');
  try {
    return readHeader(file)?.supersedes;
  } finally {
    file.close();
  }
};
