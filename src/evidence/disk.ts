import { randomBytes } from 'node:crypto';

/**
 * The few operations on a disk that evidence needs, so that tests can put a disk in their place that loses, tears and
 * reorders what was not synced. Everything here may throw the system's own errors (`code` ENOSPC, EIO, ...).
 */
export interface Disk {
  /** `create` makes a new file that only its owner may read and fails when there is one. */
  open(path: string, how: 'read' | 'write' | 'create'): DiskFile;
  /** Throws when that cannot be found out. */
  exists(path: string): boolean;
  /** Names of files and folders directly in `folder`. */
  list(folder: string): string[];
  /** With its parents; only the owner may enter; their names are durable when it returns. Nothing happens when it exists. */
  makeFolder(folder: string): void;
  rename(from: string, to: string): void;
  /** Gives a file a second name, and never takes one that is in use: false then, and nothing happens. */
  link(from: string, to: string): boolean;
  remove(path: string): void;
  /** Makes names durable: created, renamed and removed entries of the folder. */
  syncFolder(folder: string): void;
  /** The path without symbolic links and dots; of a folder that exists. */
  realPath(path: string): string;
  /** Permission bits, or undefined where the platform has none. */
  mode(path: string): number | undefined;
  /** Bytes free for this user, and bytes in all. */
  space(folder: string): Promise<{ readonly free: number; readonly total: number }>;
  /** Takes the folder for one writer. Rejects when another has it. Gives what releases it. */
  lock(folder: string): Promise<() => Promise<void>>;
}

export interface DiskFile {
  readonly size: number;
  /** Gives the bytes read; fewer than asked only at the end of the file. */
  read(target: Buffer, position: number): number;
  /** May write fewer bytes than asked, as the system call may. */
  write(bytes: Buffer, position: number): number;
  /** The same without blocking the event loop. */
  writeLater(bytes: Buffer, position: number, then: (error: Error | undefined, written: number) => void): void;
  /** Makes the file's data durable. A failure is final for this file: what was written since the last success may be lost. */
  sync(then: (error?: Error) => void): void;
  /** The same, blocking. Throws. */
  syncData(): void;
  /** Makes data and size durable, blocking; for files that are made once. */
  syncNow(): void;
  close(): void;
}

/** Writes all of `bytes`; throws when the disk takes no more. */
export const writeAll = (file: DiskFile, bytes: Buffer, position: number): void => {
  let done = 0;
  while (done < bytes.length) {
    const written = file.write(done === 0 ? bytes : bytes.subarray(done), position + done);
    if (written <= 0) throw Object.assign(new Error('the disk took nothing'), { code: 'EIO' });
    done += written;
  }
};

/** The whole of a small file. */
export const readSmall = (disk: Disk, path: string, most = 64 * 1024 * 1024): Buffer => {
  const file = disk.open(path, 'read');
  try {
    if (file.size > most) throw new Error(`${path} is larger than ${most} bytes`);
    const bytes = Buffer.alloc(file.size);
    return bytes.subarray(0, file.read(bytes, 0));
  } finally {
    file.close();
  }
};

/**
 * Makes a file that must not exist, whole and durable, name and all. False when another process was first: then its file stays. Those who race
 * have drafts of their own.
 */
export const createOnce = (disk: Disk, folder: string, name: string, bytes: Buffer): boolean => {
  const draft = `${folder}/${name}.${randomBytes(6).toString('hex')}.draft`;
  const file = disk.open(draft, 'create');
  let first: boolean;
  try {
    try {
      writeAll(file, bytes, 0);
      file.syncNow();
    } finally {
      file.close();
    }
    first = nameOnce(disk, draft, `${folder}/${name}`);
  } catch (error) {
    try {
      disk.remove(draft);
    } catch {
      // The first error is the one that tells.
    }
    throw error;
  }
  if (disk.exists(draft)) disk.remove(draft);
  disk.syncFolder(folder);
  return first;
};

/** What file systems say that know no second names (SMB, FAT). */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Where there are no second names, two that race within this moment are not kept apart. */
const nameOnce = (disk: Disk, draft: string, path: string): boolean => {
  try {
    return disk.link(draft, path);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code)) throw error;
    if (disk.exists(path)) return false;
    disk.rename(draft, path);
    return true;
  }
};

/** Replaces `path` as a whole: a crash leaves the old content or the new. With `durable`, the new one survives a power cut. */
export const replaceFile = (disk: Disk, folder: string, name: string, bytes: Buffer, durable: boolean): void => {
  const draft = `${folder}/${name}.draft`;
  if (disk.exists(draft)) disk.remove(draft);
  const file = disk.open(draft, 'create');
  try {
    writeAll(file, bytes, 0);
    if (durable) file.syncNow();
  } finally {
    file.close();
  }
  disk.rename(draft, `${folder}/${name}`);
  if (durable) disk.syncFolder(folder);
};
