import { dayOf } from '../clock.ts';
import { readSmall, replaceFile, writeAll, type Disk } from '../disk.ts';

/** Between two lines of the history. */
const LINE_MS = 55_000;
const MOST_DAY = 64 * 1024 * 1024;
const CHECKPOINT = 'checkpoint';
const WITNESSED = 'checkpoint.witnessed';

/**
 * What a log shows of its checkpoints, under its folder `tlog/`: the newest, the newest that witnesses cosigned, and the history,
 * a file for each day. What counts is in the lock.
 */
export class PublishedCheckpoints {
  readonly #disk: Disk;
  readonly #folder: string;
  #day: string | undefined;
  #syncing: Promise<unknown> = Promise.resolve();
  #told = Number.NEGATIVE_INFINITY;

  constructor(disk: Disk, logFolder: string) {
    this.#disk = disk;
    this.#folder = `${logFolder}/tlog`;
  }

  /** Shows the newest checkpoint. Throws what the disk says. */
  show(note: string, wall: number, monotonic: number, important: boolean): void {
    this.#disk.makeFolder(this.#folder);
    replaceFile(this.#disk, this.#folder, CHECKPOINT, Buffer.from(note, 'utf8'), false);
    if (!important && monotonic - this.#told < LINE_MS * 1000) return;
    this.#told = monotonic;
    this.tell(note, wall);
  }

  /** Shows the newest checkpoint with cosignatures, also in the history. */
  showWitnessed(note: string, wall: number): void {
    this.#disk.makeFolder(this.#folder);
    replaceFile(this.#disk, this.#folder, WITNESSED, Buffer.from(note, 'utf8'), false);
    this.tell(note, wall);
  }

  /** Adds a line to the history. Throws what the disk says. */
  tell(note: string, wall: number): void {
    const folder = `${this.#folder}/checkpoints`;
    const name = `${dayOf(wall)}.jsonl`;
    const path = `${folder}/${name}`;
    if (this.#day !== name) {
      this.#disk.makeFolder(folder);
      if (this.#disk.exists(path)) this.#mend(folder, name);
      this.#day = name;
    }
    const file = this.#disk.open(path, this.#disk.exists(path) ? 'write' : 'create');
    try {
      writeAll(file, Buffer.from(`${JSON.stringify({ time: new Date(wall).toISOString(), note })}\n`, 'utf8'), file.size);
    } catch (error) {
      this.#day = undefined;
      file.close();
      throw error;
    }
    // Nobody waits for it; it keeps what a power cut can tear to the newest lines.
    const synced = new Promise<void>((resolve) => {
      file.sync((error) => {
        if (error) this.#day = undefined;
        file.close();
        resolve();
      });
    });
    this.#syncing = Promise.all([this.#syncing, synced]);
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await this.#syncing;
  }

  /** Removes what a power cut left of the newest lines of a day. */
  #mend(folder: string, name: string): void {
    const text = readSmall(this.#disk, `${folder}/${name}`, MOST_DAY).toString('utf8');
    const lines = text.split('\n');
    const last = lines.pop();
    // One that was written later may be whole where an earlier one is not.
    const kept = lines.filter(isLine);
    if (last === '' && kept.length === lines.length) return;
    replaceFile(this.#disk, folder, name, Buffer.from(kept.map((line) => `${line}\n`).join(''), 'utf8'), false);
  }
}

const isLine = (text: string): boolean => {
  try {
    return typeof (JSON.parse(text) as { note?: unknown } | null)?.note === 'string';
  } catch {
    return false;
  }
};

/** The newest checkpoint that a log folder shows and, when there is one, the newest that witnesses cosigned. */
export const shownCheckpoints = (disk: Disk, logFolder: string): { readonly newest: string | undefined; readonly witnessed: string | undefined } => {
  const read = (name: string): string | undefined => {
    const path = `${logFolder}/tlog/${name}`;
    return disk.exists(path) ? readSmall(disk, path, MOST_NOTE_FILE).toString('utf8') : undefined;
  };
  return { newest: read(CHECKPOINT), witnessed: read(WITNESSED) };
};

const MOST_NOTE_FILE = 256 * 1024;
