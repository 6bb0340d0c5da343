import { constants } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dayOf } from '../clock.ts';
import { syncFolder } from '../sync-folder.ts';
import { AnchorFault, logFolderName, type Anchor, type AnchoredCheckpoint } from './anchor.ts';

/**
 * Copies of checkpoints in a folder elsewhere: `<path>/<log>/checkpoint`, the newest, and `<path>/<log>/checkpoints/<UTC day>.jsonl`, in the form
 * of the log's own history. Through the thread pool only: a share that hangs holds one of its threads, and never the gateway.
 */
export class FileAnchor implements Anchor {
  readonly #path: string;
  readonly #now: () => number;

  constructor(path: string, now: () => number = Date.now) {
    this.#path = path;
    this.#now = now;
  }

  async keep({ origin, note }: AnchoredCheckpoint): Promise<void> {
    const folder = join(this.#path, logFolderName(origin));
    try {
      // Not its parents: a share that is not mounted must not become a folder of this machine.
      await makeFolder(this.#path);
      await makeFolder(folder);
      await makeFolder(join(folder, 'checkpoints'));
      const now = this.#now();
      await append(join(folder, 'checkpoints', `${dayOf(now)}.jsonl`), Buffer.from(`${JSON.stringify({ time: new Date(now).toISOString(), note })}\n`, 'utf8'));
      await replace(join(folder, 'checkpoint'), Buffer.from(note, 'utf8'));
    } catch (error) {
      const { code = 'unknown error', syscall = 'write' } = error as NodeJS.ErrnoException;
      throw new AnchorFault(`${syscall}: ${code}`);
    }
  }
}

const makeFolder = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  await syncFolder(dirname(path));
};

const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;

/** Adds one line; what a crash left of a line before it is ended first. */
const append = async (path: string, line: Buffer): Promise<void> => {
  const file = await open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    await file.appendFile(size > 0 && last[0] !== 0x0a ? Buffer.concat([Buffer.of(0x0a), line]) : line);
    await file.sync();
  } finally {
    await file.close();
  }
};

const replace = async (path: string, bytes: Buffer): Promise<void> => {
  const draft = `${path}.draft`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  await syncFolder(dirname(path));
};
