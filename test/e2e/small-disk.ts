import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { release, takeMount } from '../kit/reaper.ts';
import { tempFolder } from '../kit/temp.ts';

/** A file system of its own in memory, for what a full or read-only disk does. */
export interface SmallDisk {
  readonly path: string;
  /** Takes all that is free. */
  fill(): void;
  /** Gives it back. */
  free(): void;
  /** Only while nobody has a file open for writing there. */
  readOnly(): void;
  [Symbol.dispose](): void;
}

/** Why there can be none; false when there can. */
export const noSmallDisk = (): string | false => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'mounting a small disk needs root on Linux';
  try {
    using disk = smallDisk('1m');
    void disk;
    return false;
  } catch (error) {
    return `no file system can be mounted here: ${(error as Error).message}`;
  }
};

export const smallDisk = (size: string): SmallDisk => {
  const folder = tempFolder('disk');
  const path = folder.file('mounted');
  mkdirSync(path);
  const mount = (...args: readonly string[]): void => {
    const { status, stderr } = spawnSync(args[0] as string, args.slice(1), { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  };
  try {
    takeMount(path);
    mount('mount', '-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'wicketgate-test', path);
  } catch (error) {
    release(path);
    folder.remove();
    throw error;
  }
  const filler = join(path, 'filler');
  return {
    path,
    fill: () => {
      const file = openSync(filler, 'w');
      const bytes = Buffer.alloc(1 << 20);
      try {
        for (;;) writeSync(file, bytes);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler),
    readOnly: () => mount('mount', '-o', 'remount,ro', path),
    [Symbol.dispose]: () => {
      // Lazily: it goes even when somebody still has a file open there.
      spawnSync('umount', ['-l', path]);
      release(path);
      folder.remove();
    },
  };
};
