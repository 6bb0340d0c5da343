import type { Disk } from '../disk.ts';
import { parseLeaf } from '../read.ts';
import { leavesOf } from '../tree/leaves.ts';
import { parseNote, parseVkey } from '../tlog/note.ts';
import { firstLeaves } from './period.ts';

/** A record from before the opening checkpoint that the pack needs, with a proof of its own. */
export interface EarlierRecord {
  readonly sequence: number;
  readonly bytes: Buffer;
}

const OPEN = Buffer.from('"kind":"session_open"');
const KEY = Buffer.from('"kind":"key_event"');

/**
 * Records from before `opening`: the first two, which name the log's roster and its first key; the changes of that key, if another one
 * signed `note`; and the beginning of each session in `sessions`. Reads back, a segment at a time, until all are found.
 */
export const earlierRecords = async (disk: Disk, folder: string, opening: number, note: string | undefined, sessions: ReadonlySet<string>): Promise<EarlierRecord[]> => {
  const found = new Map<number, Buffer>();
  for await (const { sequence, bytes } of leavesOf(disk, folder, 0, Math.min(2, opening))) found.set(sequence, Buffer.from(bytes));
  const missing = new Set(sessions);
  const changed = !signedByFirst(found.get(1), note);
  const segments = firstLeaves(disk, folder).filter(({ sequence }) => sequence < opening);
  for (let end = opening; segments.length > 0 && (missing.size > 0 || changed); ) {
    const begin = segments.pop()?.sequence ?? 0;
    for await (const { sequence, bytes } of leavesOf(disk, folder, begin, end)) {
      if (changed && bytes.includes(KEY) && parseLeaf({ type: 'leaf', sequence, bytes }).record.kind === 'key_event') found.set(sequence, Buffer.from(bytes));
      if (missing.size === 0 || !bytes.includes(OPEN)) continue;
      const { record } = parseLeaf({ type: 'leaf', sequence, bytes });
      if (record.kind === 'session_open' && missing.delete(record.session)) found.set(sequence, Buffer.from(bytes));
    }
    end = begin;
  }
  return [...found].map(([sequence, bytes]) => ({ sequence, bytes })).sort((a, b) => a.sequence - b.sequence);
};

/** Whether the key that the second record names signed the note: then it was never changed before. */
const signedByFirst = (leaf: Buffer | undefined, note: string | undefined): boolean => {
  const record = leaf && parseLeaf({ type: 'leaf', sequence: 1, bytes: leaf }).record;
  if (record?.kind !== 'key_event' || note === undefined) return false;
  const { name, keyId } = parseVkey(record.vkey);
  return parseNote(note).signatures.some((line) => line.name === name && line.keyId === keyId);
};
