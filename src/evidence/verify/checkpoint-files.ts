/** Finds the checkpoints of a log folder: the latest, and the history, one file a day with a JSON object a line. */
import { isUtf8 } from 'node:buffer';
import * as fs from 'node:fs';
import { MOST_NOTE } from './note.ts';
import { statOf } from './stat.ts';
import type { Fault } from './verdict.ts';

/** The newest, and the newest with cosignatures. */
const NEWEST = ['tlog/checkpoint', 'tlog/checkpoint.witnessed'];
const HISTORY = 'tlog/checkpoints';
const DAY = /^\d{4}-\d\d-\d\d\.jsonl$/;
const MOST_LINE = 2 * MOST_NOTE;
const CHUNK = 256 * 1024;
/** A hundred years. */
const MOST_DAYS = 36_600;

export interface StoredNote {
  /** As it is named to people. */
  readonly file: string;
  readonly line: number;
  readonly time: string | undefined;
  readonly note: string;
}

/** The checkpoints of a folder as they stood when this was made: a gateway in use writes on. */
export class CheckpointFiles {
  readonly #folder: string;
  readonly #newest: readonly StoredNote[];
  readonly #days: readonly { readonly name: string; readonly bytes: number }[];
  /** The folder has a `tlog`. */
  readonly present: boolean;
  readonly faults: Fault[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    const stat = statOf(`${folder}/tlog`);
    this.present = stat !== undefined;
    if (stat && !stat.isDirectory()) this.#wrong('it is not a folder', 'tlog');
    this.#newest = stat?.isDirectory() ? NEWEST.flatMap((file) => this.#read(file)) : [];
    this.#days = stat?.isDirectory() ? this.#listDays() : [];
  }

  /** All of them, the newest and its days first, the same each time it is asked. What is no checkpoint line is given to `wrong`. */
  *notes(wrong: (fault: Fault) => void): Generator<StoredNote> {
    for (const newest of this.#newest) yield newest;
    for (const { name, bytes } of this.#days.toReversed()) yield* this.#day(`${HISTORY}/${name}`, bytes, wrong);
  }

  #read(file: string): StoredNote[] {
    const stat = statOf(`${this.#folder}/${file}`);
    if (!stat) return [];
    if (!stat.isFile() || stat.size > MOST_NOTE) return this.#wrong('it is not a plain file of the size of a checkpoint', file);
    try {
      const bytes = fs.readFileSync(`${this.#folder}/${file}`);
      // A power cut leaves a file that was not synced without its bytes.
      if (bytes.every((byte) => byte === 0)) return [];
      return isUtf8(bytes) ? [{ file, line: 0, time: undefined, note: bytes.toString('utf8') }] : this.#wrong('it is not UTF-8', file);
    } catch (error) {
      return this.#wrong(`it cannot be read: ${(error as Error).message}`, file);
    }
  }

  #listDays(): { readonly name: string; readonly bytes: number }[] {
    if (!statOf(`${this.#folder}/${HISTORY}`)?.isDirectory()) return [];
    const names = fs.readdirSync(`${this.#folder}/${HISTORY}`).filter((name) => DAY.test(name)).sort();
    if (names.length > MOST_DAYS) this.#wrong(`it holds more than ${MOST_DAYS} days`, HISTORY);
    return names.slice(0, MOST_DAYS).flatMap((name) => {
      const stat = statOf(`${this.#folder}/${HISTORY}/${name}`);
      if (stat?.isFile()) return [{ name, bytes: stat.size }];
      this.#wrong('it is not a plain file', `${HISTORY}/${name}`);
      return [];
    });
  }

  /**
   * The lines of one day. What stands behind the last good one, and is none, is left out: the history is not synced, so that a power
   * cut may leave it with such an end; and who could spoil the last line could as well take it away.
   */
  *#day(file: string, bytes: number, wrong: (fault: Fault) => void): Generator<StoredNote> {
    const fd = openOf(`${this.#folder}/${file}`);
    if (fd === undefined) {
      wrong({ what: `${file}: it cannot be read`, segment: file });
      return;
    }
    try {
      let line = 0;
      let spoilt: Fault | undefined;
      let rest = Buffer.alloc(0);
      for (let at = 0; at < bytes; ) {
        const chunk = Buffer.alloc(Math.min(CHUNK, bytes - at));
        const got = fs.readSync(fd, chunk, 0, chunk.length, at);
        if (got === 0) return;
        at += got;
        rest = Buffer.concat([rest, chunk.subarray(0, got)]);
        let from = 0;
        for (let end = rest.indexOf(10, from); end >= 0; end = rest.indexOf(10, from)) {
          line += 1;
          const read = readLine(rest.subarray(from, end));
          if (typeof read === 'string') spoilt ??= { what: `a line of the checkpoints is altered: ${read}`, segment: file, line };
          else {
            if (spoilt) wrong(spoilt);
            spoilt = undefined;
            yield { file, line, ...read };
          }
          from = end + 1;
        }
        rest = rest.subarray(from);
        if (rest.length > MOST_LINE) {
          if (!rest.every((byte) => byte === 0)) wrong({ what: 'a line of the checkpoints is longer than any may be', segment: file, line: line + 1 });
          return;
        }
      }
    } finally {
      fs.closeSync(fd);
    }
  }

  #wrong(what: string, file: string): never[] {
    this.faults.push({ what: `${file}: ${what}`, segment: file });
    return [];
  }
}

const readLine = (bytes: Buffer): { readonly time: string; readonly note: string } | string => {
  if (!isUtf8(bytes)) return 'it is not UTF-8';
  try {
    const value = JSON.parse(bytes.toString('utf8')) as { time?: unknown; note?: unknown } | null;
    if (typeof value?.time === 'string' && !Number.isNaN(Date.parse(value.time)) && typeof value.note === 'string') return { time: value.time, note: value.note };
    return 'it has no time and note';
  } catch {
    return 'it is not JSON';
  }
};

const openOf = (path: string): number | undefined => {
  try {
    return fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
};
