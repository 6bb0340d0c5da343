import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const LOCK_FILE = 'writer.lock';
/** How long the end of a process is waited for that writes to a folder which is no longer there. */
const FORMER_MS = 10_000;

/** Somebody else writes to the folder. */
export class FolderTaken extends Error {}

/**
 * Takes `folder` for this process, without native code. On Linux the lock is a socket in the abstract namespace, which the
 * kernel gives up when the process dies; elsewhere it is the lock file alone, with the process id that holds it. The lock
 * file is written everywhere, to name the holder in the error. Two machines, or two containers without a common network
 * namespace, on one shared folder are not told apart by the socket: a log folder belongs to one machine.
 */
export const lockFolder = async (folder: string): Promise<() => Promise<void>> => {
  const path = `${folder}/${LOCK_FILE}`;
  const releaseSocket = process.platform === 'linux' ? await bindAbstract(folder, path) : undefined;
  const token = randomBytes(16).toString('hex');
  try {
    if (releaseSocket) fs.rmSync(path, { force: true });
    else removeStale(folder, path);
    fs.writeFileSync(path, `${process.pid} ${token}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    await releaseSocket?.();
    throw error;
  }
  return async () => {
    if (readLock(path)?.token === token) fs.rmSync(path, { force: true });
    await releaseSocket?.();
  };
};

const bindAbstract = async (folder: string, lockPath: string): Promise<() => Promise<void>> => {
  // The inode, not the path: two paths to one folder are one folder.
  const { dev, ino } = fs.statSync(folder, { bigint: true });
  const name = createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 40);
  const server = createServer((socket) => socket.destroy());
  const listen = (): Promise<boolean> =>
    new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
      server.listen(`\0wicketgate-${name}`, () => resolve(true));
    });
  const last = performance.now() + FORMER_MS;
  while (!(await listen())) {
    // A writer of this folder has its lock file here. Without one, the name belongs to a folder that was removed and whose inode this one has now.
    if (fs.existsSync(lockPath) || performance.now() > last) throw taken(folder, lockPath);
    await pause(50);
  }
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
};

const removeStale = (folder: string, path: string): void => {
  const holder = readLock(path);
  if (holder === undefined) return;
  if (holder.pid !== process.pid && !isAlive(holder.pid)) fs.rmSync(path, { force: true });
  else throw taken(folder, path);
};

const taken = (folder: string, lockPath: string): FolderTaken => {
  const holder = readLock(lockPath);
  return new FolderTaken(`another process${holder ? ` (${holder.pid})` : ''} writes evidence to ${folder}: one folder has one writer`);
};

const readLock = (path: string): { pid: number; token: string } | undefined => {
  try {
    const [pid, token] = fs.readFileSync(path, 'utf8').trim().split(' ');
    return { pid: Number(pid), token: token ?? '' };
  } catch {
    return undefined;
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};
