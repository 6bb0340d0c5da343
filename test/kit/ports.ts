import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { release, takeFolder } from './reaper.ts';

/*
 * "Bind to 0, close, use that number" is a race between parallel test files. Here a number is claimed by a lock file, and taken from
 * below the range (32768 and up on Linux) which the kernel hands to others.
 */
const FIRST = 20_000;
const COUNT = 12_000;

const registry = (): string => join(tmpdir(), `wicketgate-ports-${process.getuid?.() ?? 'user'}`);

/** A TCP port of 127.0.0.1 that nobody listens on, and that no other call in any test process gets while this process lives. */
export async function freePort(): Promise<number> {
  const folder = registry();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const lock = join(folder, String(port));
    if (!claim(lock)) continue;
    if (await canListen(port)) {
      takeFolder(lock);
      return port;
    }
    rmSync(lock, { force: true });
  }
  throw new Error('no free port found in 200 tries');
}

/** Gives a port back before the process ends. */
export function releasePort(port: number): void {
  const lock = join(registry(), String(port));
  rmSync(lock, { force: true });
  release(lock);
}

/** Never takes a lock over from someone else, not even from a process that is gone: checking and taking would be a race again. */
function claim(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600));
    return true;
  } catch {
    return false;
  }
}

const canListen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => { resolve(false); });
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      probe.close(() => { resolve(true); });
    });
  });
