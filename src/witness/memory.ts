import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readSmall, replaceFile, type Disk } from '../evidence/disk.ts';
import { parseCheckpointText, type Checkpoint } from '../evidence/tlog/checkpoint.ts';
import { cosignatureTime, cosignatureVerifier } from '../evidence/tlog/cosignature.ts';
import { BadNote, MOST_NOTE, openNote, parseNote, type Signer } from '../evidence/tlog/note.ts';
import { LOGS_FOLDER, WitnessFolderUnusable } from './key.ts';

/** The last checkpoint of one log that was cosigned. */
export interface Remembered {
  readonly checkpoint: Checkpoint;
  /** When, in POSIX seconds. */
  readonly time: number;
  /** With the log's signatures and the cosignature. */
  readonly note: string;
}

/** `<hex SHA-256(origin)>`: names a log in files and addresses. */
export const originHash = (origin: string): string => createHash('sha256').update(origin, 'utf8').digest('hex');

const CONFLICTS_FOLDER = 'conflicts';
/** Proofs against logs that are kept; more of the same say nothing new. */
const MOST_CONFLICTS = 64;
const FILE = /^([0-9a-f]{64})\.note$/;

/**
 * What the witness must never forget: for each log the last checkpoint it cosigned, a file each, replaced as a whole. Nothing is answered
 * before it is durable. Once the disk has failed to make something durable, nothing is remembered any more until the process starts again and
 * reads what is there: a repeated sync would succeed without having written.
 */
export class Memory {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #logs = new Map<string, Remembered>();
  #failed: string | undefined;

  /** Reads all of it. Throws WitnessFolderUnusable when any is damaged, or was not cosigned by this key. */
  constructor(disk: Disk, folder: string, key: Signer) {
    this.#disk = disk;
    this.#folder = folder;
    disk.makeFolder(join(folder, LOGS_FOLDER));
    for (const name of disk.list(join(folder, LOGS_FOLDER))) {
      const path = join(folder, LOGS_FOLDER, name);
      if (name.endsWith('.draft')) disk.remove(path);
      else this.#logs.set(this.#hashIn(name, path), this.#read(path, key));
    }
    for (const [hash, { checkpoint }] of this.#logs) {
      if (originHash(checkpoint.origin) !== hash) throw new WitnessFolderUnusable(`${folder}: ${hash}.note is of another log, ${JSON.stringify(checkpoint.origin)}`);
    }
    // A process that was killed between rename and sync left what the disk may not have: it is built on from here.
    for (const made of [join(folder, LOGS_FOLDER), folder]) disk.syncFolder(made);
  }

  /** Why nothing can be remembered, so that nothing may be cosigned. */
  get failed(): string | undefined {
    return this.#failed;
  }

  /** What was cosigned last of the log with that hash of its origin. */
  last(hash: string): Remembered | undefined {
    return this.#logs.get(hash);
  }

  /** Durable when it returns. Throws the disk's error; then nothing may be answered that relies on it. */
  remember(remembered: Remembered): void {
    const hash = originHash(remembered.checkpoint.origin);
    try {
      replaceFile(this.#disk, join(this.#folder, LOGS_FOLDER), `${hash}.note`, Buffer.from(remembered.note, 'utf8'), true);
    } catch (error) {
      const { syscall, code = 'unknown error' } = error as NodeJS.ErrnoException;
      // Before the first sync nothing was replaced: a full disk may have room again.
      if (syscall !== 'open' && syscall !== 'write') this.#failed = `${code}: what was cosigned could not be made durable; repair the disk and start again`;
      throw error;
    }
    this.#logs.set(hash, remembered);
  }

  /** Keeps a checkpoint that proves that its log forked. Gives its file, or undefined when there are too many, or no room. */
  keepConflict({ origin, size, root }: Checkpoint, note: string): string | undefined {
    const folder = join(this.#folder, CONFLICTS_FOLDER);
    const name = `${originHash(origin).slice(0, 16)}-${size}-${root.toString('hex').slice(0, 16)}.note`;
    try {
      this.#disk.makeFolder(folder);
      if (!this.#disk.exists(join(folder, name))) {
        if (this.#disk.list(folder).length >= MOST_CONFLICTS) return undefined;
        replaceFile(this.#disk, folder, name, Buffer.from(note, 'utf8'), true);
      }
      return join(folder, name);
    } catch {
      return undefined;
    }
  }

  #hashIn(name: string, path: string): string {
    const hash = FILE.exec(name)?.[1];
    if (hash === undefined) throw new WitnessFolderUnusable(`${path} is not a file of a witness`);
    return hash;
  }

  #read(path: string, key: Signer): Remembered {
    try {
      const file = this.#disk.open(path, 'write');
      try {
        file.syncNow();
      } finally {
        file.close();
      }
      const note = readSmall(this.#disk, path, MOST_NOTE).toString('utf8');
      const { text, verified } = openNote(parseNote(note), [cosignatureVerifier(key)]);
      const [own] = verified;
      const time = own && cosignatureTime(own);
      if (time === undefined) throw new BadNote('no time');
      return { checkpoint: parseCheckpointText(text), time, note };
    } catch (error) {
      if (!(error instanceof BadNote)) throw error;
      throw new WitnessFolderUnusable(`${path} is damaged, or was cosigned with another key (${error.message}): restore it. Without it this witness would forget what it cosigned`);
    }
  }
}
