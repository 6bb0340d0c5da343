import * as fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Disk } from '../disk.ts';
import { parseCheckpointText } from '../tlog/checkpoint.ts';
import { BadNote, MOST_NOTE, parseNote } from '../tlog/note.ts';
import { shownCheckpoints } from '../tree/published.ts';
import { NotWritten } from './zip-file.ts';

/** A signed checkpoint of the log, and when the gateway wrote it down. */
export interface HistoricCheckpoint {
  readonly note: string;
  readonly time: string | null;
  readonly size: number;
  readonly root: Buffer;
  readonly signatures: number;
}

/** How many records further a cosigned checkpoint may end than the first that would do. */
const FURTHER = 10_000;
/** Of those between opening and closing one an hour goes into the pack, a cosigned one when there is one. */
const HOUR = 13;
const MOST_TIMESTAMPS = 2000;

/** The checkpoints that a pack of a period has. */
export interface ChosenCheckpoints {
  /** Undefined when the pack begins with the first record. */
  readonly opening: HistoricCheckpoint | undefined;
  readonly closing: HistoricCheckpoint;
  readonly between: readonly HistoricCheckpoint[];
}

/**
 * Chooses: the last one that ends before the record that comes before the period, and the first that ends after the record that follows
 * it, so that both records show that the period begins and ends where it says. Throws NotWritten when nothing was signed.
 */
export const chooseCheckpoints = async (disk: Disk, folder: string, log: string, first: number, end: number): Promise<ChosenCheckpoints> => {
  let opening: HistoricCheckpoint | undefined;
  let closing: HistoricCheckpoint | undefined;
  let newest: HistoricCheckpoint | undefined;
  let cosigned: HistoricCheckpoint | undefined;
  const hours = new Map<string, HistoricCheckpoint>();
  for await (const one of allOf(disk, folder, log)) {
    if (one.size > 0 && one.size < first && better(one, opening, (a, b) => a.size > b.size)) opening = one;
    if (better(one, newest, (a, b) => a.size > b.size)) newest = one;
    if (one.size > end && better(one, closing, (a, b) => a.size < b.size)) closing = one;
    if (one.size > end && one.signatures > 1 && (!cosigned || one.size < cosigned.size)) cosigned = one;
    const hour = (one.time ?? '').slice(0, HOUR);
    if (one.size >= first && one.size <= end && better(one, hours.get(hour), (a, b) => a.size > b.size)) hours.set(hour, one);
  }
  closing ??= newest;
  if (!closing) throw new NotWritten(`${folder} shows no signed checkpoint of ${log}: nothing could be proved with a pack of it`);
  if (cosigned && closing.signatures < 2 && cosigned.size - closing.size <= FURTHER) closing = cosigned;
  const [low, high] = [opening?.size ?? 0, closing.size];
  const between = [...hours.values()].filter(({ size }) => size > low && size < high).sort((a, b) => a.size - b.size);
  return { opening, closing, between };
};

/** The one to prefer: by size; of the same size, or within an hour, the one with more signatures. */
const better = (one: HistoricCheckpoint, than: HistoricCheckpoint | undefined, by: (a: HistoricCheckpoint, b: HistoricCheckpoint) => boolean): boolean =>
  !than || by(one, than) || (one.size === than.size && one.signatures > than.signatures);

async function* allOf(disk: Disk, folder: string, log: string): AsyncGenerator<HistoricCheckpoint, void, undefined> {
  const history = join(folder, 'tlog', 'checkpoints');
  const days = disk.exists(history) ? disk.list(history).filter((name) => /^\d{4}-\d\d-\d\d\.jsonl$/.test(name)).sort() : [];
  for (const day of days) {
    for await (const line of createInterface({ input: fs.createReadStream(join(history, day)), crlfDelay: Infinity })) {
      const found = lineOf(line, log);
      if (found) yield found;
    }
  }
  const { newest, witnessed } = shownCheckpoints(disk, folder);
  for (const note of [newest, witnessed]) {
    const found = note === undefined ? undefined : checkpointOf(note, null, log);
    if (found) yield found;
  }
}

/** A line that a crash cut is passed over: others say the same, and what is in a pack is verified. */
const lineOf = (line: string, log: string): HistoricCheckpoint | undefined => {
  if (line.length > 4 * MOST_NOTE) return undefined;
  try {
    const { time, note } = JSON.parse(line) as { time?: unknown; note?: unknown };
    return typeof note === 'string' ? checkpointOf(note, typeof time === 'string' ? time : null, log) : undefined;
  } catch {
    return undefined;
  }
};

const checkpointOf = (note: string, time: string | null, log: string): HistoricCheckpoint | undefined => {
  try {
    const { text, signatures } = parseNote(note);
    const { origin, size, root } = parseCheckpointText(text);
    return origin === log ? { note, time, size, root, signatures: signatures.length } : undefined;
  } catch (error) {
    if (error instanceof BadNote) return undefined;
    throw error;
  }
};

/** Timestamps of authorities (RFC 3161) that the log folder has of checkpoints between two sizes: note and token. */
export const timestampsOf = (disk: Disk, folder: string, from: number, to: number): { readonly name: string; readonly note: Buffer; readonly token: Buffer }[] => {
  const anchors = join(folder, 'tlog', 'anchors');
  if (!disk.exists(anchors)) return [];
  const found: { name: string; note: Buffer; token: Buffer }[] = [];
  for (const anchor of disk.list(anchors).sort()) {
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(anchor)) continue;
    for (const file of disk.list(join(anchors, anchor)).sort()) {
      const size = /^(\d{1,16})\.tsr$/.exec(file)?.[1];
      const path = join(anchors, anchor, `${size}.note`);
      if (size === undefined || Number(size) < from || Number(size) > to || found.length >= MOST_TIMESTAMPS || !disk.exists(path)) continue;
      found.push({ name: `${anchor}-${size}`, note: fs.readFileSync(path), token: fs.readFileSync(join(anchors, anchor, file)) });
    }
  }
  return found;
};
