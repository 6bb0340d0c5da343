import { createHash } from 'node:crypto';
import { parseCheckpointText, type Checkpoint } from '../tlog/checkpoint.ts';
import { BadNote, parseNote } from '../tlog/note.ts';
import { readSmall, replaceFile, type Disk } from '../disk.ts';
import { fileNameOf } from '../keys.ts';
import { FolderTaken } from '../lock.ts';

/** Bytes of each of the two places. A checkpoint with two signatures takes less than half. */
const PLACE = 4096;
const FOLDER = 'checkpoint-lock';
const PLACES = ['0', '1'] as const;

/** A checkpoint that was signed. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: string;
}

interface Held extends SignedCheckpoint {
  readonly counter: number;
  readonly bytes: Buffer;
}

/** What was signed last is not what this process signed last: another one signs for the same log, or a file was put back. */
export class LockMoved extends Error {}

/** Both places hold something, and neither is whole. */
export class LockDamaged extends Error {}

/**
 * The checkpoint that was signed last, in the keys folder: apart from the log, so that neither a restored log folder nor a second
 * writer on a copy goes on unnoticed. Two places are overwritten in turn and synced, so that a power cut leaves one of them whole;
 * that costs no name change and no wait of the event loop.
 */
export class CheckpointLock {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #release: () => Promise<void>;
  #last: Held | undefined;
  /** What an attempt that failed may have left on the disk. */
  #attempted: Buffer | undefined;

  private constructor(disk: Disk, folder: string, last: Held | undefined, release: () => Promise<void>) {
    this.#disk = disk;
    this.#folder = folder;
    this.#last = last;
    this.#release = release;
  }

  /** Takes the lock of a log for this process, and reads it. Rejects with FolderTaken, LockDamaged, or what the disk says. */
  static async open(disk: Disk, keysFolder: string, log: string): Promise<CheckpointLock> {
    const folder = `${keysFolder}/${FOLDER}/${fileNameOf(log)}`;
    disk.makeFolder(folder);
    const release = await disk.lock(folder).catch((error: unknown) => {
      if (!(error instanceof FolderTaken)) throw error;
      throw new FolderTaken(`another process signs checkpoints of ${log} with the same keys folder, so it writes to a copy of this log: a log has one writer (${error.message})`);
    });
    try {
      for (const place of PLACES) if (!disk.exists(`${folder}/${place}`)) replaceFile(disk, folder, place, Buffer.alloc(PLACE), true);
      // An earlier start may have made them and failed before their names were durable.
      disk.syncFolder(folder);
      return new CheckpointLock(disk, folder, newest(readPlaces(disk, folder)), release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** What was signed last, by this process or an earlier one. */
  get last(): SignedCheckpoint | undefined {
    return this.#last;
  }

  /** Makes `note` the last checkpoint, durable, if the one that is there is the one that this process knows. Rejects with LockMoved or what the disk says. */
  async advance(note: string): Promise<void> {
    const places = readPlaces(this.#disk, this.#folder);
    const held = newest(places);
    const known = held === undefined ? this.#last === undefined : [this.#last?.bytes, this.#attempted].some((bytes) => bytes?.equals(held.bytes));
    if (!known) throw new LockMoved(held ? `the last signed checkpoint is now one over ${held.size} records, which this process did not sign` : 'the last signed checkpoint is gone from the keys folder');
    const counter = (this.#last?.counter ?? 0) + 1;
    const bytes = encode(note, counter);
    this.#attempted = bytes;
    await overwrite(this.#disk, `${this.#folder}/${PLACES[counter % 2] as string}`, bytes);
    this.#last = { ...parseCheckpointText(parseNote(note).text), note, counter, bytes };
    this.#attempted = undefined;
  }

  close(): Promise<void> {
    return this.#release();
  }
}

/** Names of the folders' logs that anything was ever signed of, as the keys folder knows them. */
export const lockedLogs = (disk: Disk, keysFolder: string): string[] => {
  const folder = `${keysFolder}/${FOLDER}`;
  if (!disk.exists(folder)) return [];
  return disk
    .list(folder)
    .flatMap((name) => lastSigned(disk, `${folder}/${name}`)?.origin ?? [])
    .sort();
};

/** What was signed last of a log, read without taking the lock: for the command line. */
export const lastSignedOf = (disk: Disk, keysFolder: string, log: string): SignedCheckpoint | undefined => lastSigned(disk, `${keysFolder}/${FOLDER}/${fileNameOf(log)}`);

const lastSigned = (disk: Disk, folder: string): SignedCheckpoint | undefined => (PLACES.some((place) => disk.exists(`${folder}/${place}`)) ? newest(readPlaces(disk, folder), true) : undefined);

const readPlaces = (disk: Disk, folder: string): (Held | 'empty' | 'damaged')[] => PLACES.map((place) => (disk.exists(`${folder}/${place}`) ? decode(readSmall(disk, `${folder}/${place}`, 2 * PLACE)) : 'empty'));

const newest = (places: readonly (Held | 'empty' | 'damaged')[], lenient = false): Held | undefined => {
  let found: Held | undefined;
  for (const place of places) if (typeof place === 'object' && (found === undefined || place.counter > found.counter)) found = place;
  // One damaged place beside an empty one is the very first write, cut: nothing had been signed before, nothing was published.
  if (!found && !lenient && places.every((place) => place === 'damaged')) throw new LockDamaged('the last signed checkpoint in the keys folder cannot be read: restore the keys folder');
  return found;
};

const encode = (note: string, counter: number): Buffer => {
  const content = `${counter}\n${note}`;
  const text = Buffer.from(`${digest(content)}\n${content}`, 'utf8');
  if (text.length > PLACE) throw new RangeError('a checkpoint is larger than its place');
  return Buffer.concat([text, Buffer.alloc(PLACE - text.length)]);
};

const decode = (bytes: Buffer): Held | 'empty' | 'damaged' => {
  const end = bytes.indexOf(0);
  if (end === 0) return 'empty';
  const text = bytes.subarray(0, end < 0 ? bytes.length : end).toString('utf8');
  const [, sum, content, counter, note] = /^([0-9a-f]{64})\n(([1-9][0-9]{0,15})\n([^]+))$/.exec(text) ?? [];
  if (content === undefined || note === undefined || sum !== digest(content)) return 'damaged';
  try {
    return { ...parseCheckpointText(parseNote(note).text), note, counter: Number(counter), bytes };
  } catch (error) {
    if (error instanceof BadNote) return 'damaged';
    throw error;
  }
};

const digest = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

const overwrite = (disk: Disk, path: string, bytes: Buffer): Promise<void> => {
  const file = disk.open(path, 'write');
  return new Promise<void>((resolve, reject) => {
    const write = (done: number): void =>
      file.writeLater(bytes.subarray(done), done, (error, took) => {
        if (error) reject(error);
        else if (took <= 0) reject(Object.assign(new Error('the disk took nothing'), { code: 'EIO' }));
        else if (done + took < bytes.length) write(done + took);
        else file.sync((failed) => (failed ? reject(failed) : resolve()));
      });
    write(0);
  }).finally(() => file.close());
};
