import type { Disk } from '../disk.ts';
import { BadTree, leafHash } from '../tlog/merkle.ts';
import { nodesOf, TILE_WIDTH } from '../tlog/tiles.ts';
import type { SignedCheckpoint } from './checkpoint-lock.ts';
import { Growth } from './growth.ts';
import { leavesOf, RecordMissing } from './leaves.ts';
import type { TileStore } from './tile-store.ts';

/** The log is not the one whose checkpoint was signed last: older, or another one. Nothing was changed. */
export class LogForked extends Error {}

/** What the newest records say about keys. */
export interface KeyEvent {
  readonly event: string;
  readonly vkey: string;
}

export interface Restored {
  readonly growth: Growth;
  readonly keyEvents: readonly KeyEvent[];
  /** The tiles were missing or wrong and were made again from the records. */
  readonly rebuilt: boolean;
}

const KEY_EVENT = Buffer.from('"kind":"key_event"');
const DAMAGED = 'run "wicketgate evidence verify", and restore the newest copy of the folder; if there is none, "wicketgate evidence restart-log" sets this log aside and begins a new one';

export interface RestoreOptions {
  readonly disk: Disk;
  readonly folder: string;
  /** Records in the log. */
  readonly size: number;
  /** What was signed last. */
  readonly last: SignedCheckpoint | undefined;
  /** Records from here on may have key events that are to be found. */
  readonly eventsFrom: number;
  readonly tiles: TileStore;
}

/**
 * The tree of a log that holds `size` records, grown from its tiles as far as they lie under the last signed checkpoint, and from the
 * records behind. Rejects with LogForked when what was signed is not the beginning of this log.
 */
export const restoreTree = async (options: RestoreOptions): Promise<Restored> => {
  const { folder, size, last, eventsFrom } = options;
  if (last && last.size > size) {
    throw new LogForked(`the log in ${folder} ends after ${size} records, but a checkpoint over ${last.size} records was signed: the folder is older than what was signed, as after restoring a backup; ${DAMAGED}`);
  }
  const base = Math.floor(Math.min(last?.size ?? 0, eventsFrom) / TILE_WIDTH) * TILE_WIDTH;
  const quick = base === 0 ? undefined : await grow(options, base);
  if (quick) return { ...quick, rebuilt: false };
  const whole = await grow(options, 0);
  if (whole) return { ...whole, rebuilt: base > 0 };
  throw new LogForked(`the first ${last?.size ?? 0} records in ${folder} are not those that were signed: the folder is a copy that went another way, or was altered; ${DAMAGED}`);
};

/** Undefined when the tiles are not there, or the root is not the signed one. */
const grow = async ({ disk, folder, size, last, eventsFrom, tiles }: RestoreOptions, base: number): Promise<Omit<Restored, 'rebuilt'> | undefined> => {
  let growth: Growth;
  try {
    growth = base > 0 ? Growth.at(base, nodesOf(base, tiles.read), tiles.write) : new Growth(tiles.write);
  } catch (error) {
    if (error instanceof BadTree) return undefined;
    throw error;
  }
  const keyEvents: KeyEvent[] = [];
  const isSigned = (): boolean => growth.size !== last?.size || growth.root().equals(last.root);
  if (!isSigned()) return undefined;
  try {
    for await (const { bytes } of leavesOf(disk, folder, base, size)) {
      if (growth.size >= eventsFrom && bytes.includes(KEY_EVENT)) keyEvents.push(...keyEventOf(bytes));
      growth.push(leafHash(bytes));
      if (!isSigned()) return undefined;
    }
  } catch (error) {
    if (!(error instanceof RecordMissing)) throw error;
    throw new LogForked(`${folder}: ${error.message}; ${DAMAGED}`, { cause: error });
  }
  return { growth, keyEvents };
};

const keyEventOf = (bytes: Buffer): KeyEvent[] => {
  const { record } = JSON.parse(bytes.toString('utf8')) as { record: Partial<KeyEvent> & { kind: string } };
  return record.kind === 'key_event' && record.event !== undefined && record.vkey !== undefined ? [{ event: record.event, vkey: record.vkey }] : [];
};
