import { spawnSync } from 'node:child_process';
import { createReadStream, mkdirSync } from 'node:fs';
import { program } from '../kit/present.ts';
import { release, takeMount } from '../kit/reaper.ts';
import { tempFolder } from '../kit/temp.ts';

/** An ext4 of its own on a loop device: a real file system whose power can be cut. */
export interface LoopDisk {
  /** Where it is mounted. */
  readonly path: string;
  /** The power goes: nothing that the kernel still holds in memory reaches the disk, and every write from now on fails. */
  cutPower(): void;
  /** The machine starts again: what is on the disk is mounted, with the journal replayed. Nobody may have a file open there. */
  powerOn(): void;
  /** What the kernel does with `errors=remount-ro` when the disk fails: from now on it is read-only, also for files that are open. */
  failReadOnly(): void;
  /** All that was written so far, through whatever program, is on the disk. */
  flush(): void;
  /** Which of these texts stand anywhere on the disk, in files or where files were. */
  find(texts: readonly string[]): Promise<string[]>;
  [Symbol.dispose](): void;
}

/** Why there can be none; false when there can. */
export const noLoopDisk = (): string | false => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'cutting the power of a disk needs root on Linux';
  const missing = ['mkfs.ext4', 'xfs_io'].filter((name) => program(name) === undefined);
  if (missing.length > 0) return `not installed: ${missing.join(', ')} (apt-get install e2fsprogs xfsprogs)`;
  try {
    using disk = loopDisk('8M');
    disk.cutPower();
    disk.powerOn();
    return false;
  } catch (error) {
    return `no loop device can be mounted and shut down here: ${(error as Error).message}`;
  }
};

export const loopDisk = (size: string): LoopDisk => {
  const folder = tempFolder('loop');
  const image = folder.file('image');
  const path = folder.file('mounted');
  const run = (name: string, ...args: readonly string[]): void => {
    const { status, stderr, error } = spawnSync(program(name) ?? name, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${stderr ?? error?.message}`);
  };
  // The loop device goes with the mount.
  const mount = (): void => run('mount', '-o', 'loop', image, path);
  try {
    mkdirSync(path, { mode: 0o700 });
    run('truncate', '-s', size, image);
    run('mkfs.ext4', '-q', '-F', image);
    takeMount(path);
    mount();
  } catch (error) {
    release(path);
    folder.remove();
    throw error;
  }
  return {
    path,
    // Without flushing the journal either.
    cutPower: () => run('xfs_io', '-x', '-c', 'shutdown', path),
    powerOn: () => {
      run('umount', path);
      mount();
    },
    failReadOnly: () => run('mount', '-o', 'remount,abort', path),
    flush: () => run('sync', '-f', path),
    find: (texts) => findIn(image, texts),
    [Symbol.dispose]: () => {
      // Lazily: it goes even when somebody still has a file open there.
      spawnSync('umount', ['-l', path]);
      release(path);
      folder.remove();
    },
  };
};

const findIn = async (image: string, texts: readonly string[]): Promise<string[]> => {
  const left = new Set(texts);
  const overlap = Math.max(...texts.map((text) => Buffer.byteLength(text))) - 1;
  let before = Buffer.alloc(0);
  for await (const chunk of createReadStream(image, { highWaterMark: 4 << 20 }) as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([before, chunk]);
    for (const text of left) if (bytes.includes(text)) left.delete(text);
    before = Buffer.from(bytes.subarray(Math.max(0, bytes.length - overlap)));
  }
  return texts.filter((text) => !left.has(text));
};
