import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { release, takeFolder } from './reaper.ts';
import type { Account } from './run.ts';

/** A folder of its own, removed with the process at the latest. */
export interface TempFolder {
  readonly path: string;
  /** Path of a name inside. */
  file(...names: readonly string[]): string;
  remove(): void;
  [Symbol.dispose](): void;
}

/** Makes one under the system's temporary folder, mode 0700; owned by `account` when given. */
export function tempFolder(name = 'test', account?: Account): TempFolder {
  const path = mkdtempSync(join(tmpdir(), `wicketgate-${name}-`));
  takeFolder(path);
  if (account !== undefined) {
    chownSync(path, account.uid, account.gid);
    chmodSync(path, 0o700);
  }
  const remove = (): void => {
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    release(path);
  };
  return { path, file: (...names) => join(path, ...names), remove, [Symbol.dispose]: remove };
}
