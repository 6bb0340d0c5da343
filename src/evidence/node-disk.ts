import * as fs from 'node:fs';
import { dirname } from 'node:path';
import type { Disk, DiskFile } from './disk.ts';
import { lockFolder } from './lock.ts';

/** The machine's own disk. */
export const nodeDisk: Disk = {
  open: (path, how) => new NodeFile(fs.openSync(path, FLAGS[how], 0o600)),
  // Not existsSync: a disk that cannot tell must not look like one where nothing is, for then a key would be made anew over the old one.
  exists: (path) => fs.statSync(path, { throwIfNoEntry: false }) !== undefined,
  list: (folder) => fs.readdirSync(folder),
  makeFolder: (folder) => makeFolder(folder),
  rename: (from, to) => fs.renameSync(from, to),
  link: (from, to) => link(from, to),
  remove: (path) => fs.unlinkSync(path),
  syncFolder: (folder) => syncFolder(folder),
  realPath: (path) => fs.realpathSync(path),
  mode: (path) => (process.platform === 'win32' ? undefined : fs.statSync(path).mode & 0o777),
  space: async (folder) => {
    const found = await fs.promises.statfs(folder);
    return { free: found.bavail * found.bsize, total: found.blocks * found.bsize };
  },
  lock: lockFolder,
};

const link = (from: string, to: string): boolean => {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

const syncFolder = (folder: string): void => {
  const fd = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
};

/** One level at a time: Node's own `recursive` says ENOENT where the disk is read-only. The name of each is durable before the next. */
const makeFolder = (folder: string): void => {
  if (nodeDisk.exists(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  syncFolder(parent);
};

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
const FLAGS = { read: O_RDONLY | O_NOFOLLOW, write: O_RDWR | O_NOFOLLOW, create: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW };

class NodeFile implements DiskFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get size(): number {
    return fs.fstatSync(this.#fd).size;
  }

  read(target: Buffer, position: number): number {
    let done = 0;
    while (done < target.length) {
      const got = fs.readSync(this.#fd, target, done, target.length - done, position + done);
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  write(bytes: Buffer, position: number): number {
    return fs.writeSync(this.#fd, bytes, 0, bytes.length, position);
  }

  writeLater(bytes: Buffer, position: number, then: (error: Error | undefined, written: number) => void): void {
    fs.write(this.#fd, bytes, 0, bytes.length, position, (error, written) => then(error ?? undefined, written));
  }

  sync(then: (error?: Error) => void): void {
    fs.fdatasync(this.#fd, (error) => then(error ?? undefined));
  }

  syncData(): void {
    fs.fdatasyncSync(this.#fd);
  }

  syncNow(): void {
    fs.fsyncSync(this.#fd);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}
