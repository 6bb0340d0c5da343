import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Leaves nothing behind, however this process ends: a small awk beside it reads from a pipe what we started and made. When we
 * end, even by SIGKILL, the pipe ends; then it stops what still runs and removes what still lies there. awk is in every base system
 * and starts in a millisecond; an exit handler of our own would not run after a kill.
 */
const PROGRAM = String.raw`
BEGIN { FS = "\t" }
$1 == "process" { signals[$2] = $3 }
$1 == "folder" { folders[$2] = 1 }
$1 == "mount" { mounts[$2] = 1 }
$1 == "forget" { delete signals[$2]; delete folders[$2]; delete mounts[$2] }
END {
  for (pid in signals) system("kill -s " signals[pid] " " pid " 2>/dev/null")
  for (pid in signals) system("i=0; while kill -0 " pid " 2>/dev/null && [ $i -lt 50 ]; do sleep 0.1; i=$((i+1)); done; kill -s KILL " pid " 2>/dev/null")
  for (mount in mounts) system("umount -l '" mount "' 2>/dev/null")
  for (folder in folders) system("i=0; while ! rm -rf -- '" folder "' 2>/dev/null && [ $i -lt 20 ]; do sleep 0.1; i=$((i+1)); done")
}`;

let reaper: ChildProcess | undefined;

function tell(line: string): void {
  if (reaper === undefined) {
    // A group of its own: Ctrl-C on the terminal ends the tests, and must not end what cleans up behind them.
    reaper = spawn('awk', [PROGRAM], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' });
    reaper.unref();
    const pipe = reaper.stdin as unknown as { unref?: () => void } | null;
    pipe?.unref?.();
    // Without it nothing is cleaned up after a kill, but the tests themselves stay right.
    reaper.on('error', () => {});
    reaper.stdin?.on('error', () => {});
  }
  reaper.stdin?.write(`${line}\n`);
}

/** Makes sure that a process which we started does not outlive us. */
export function takeProcess(pid: number, signal: 'KILL' | 'QUIT'): void {
  tell(`process\t${pid}\t${signal}`);
}

/** Makes sure that a folder which we made, or a file, does not outlive us. */
export function takeFolder(path: string): void {
  tell(`folder\t${cleanable(path)}`);
}

/** Makes sure that a file system which we mounted does not outlive us; before the folders go. */
export function takeMount(path: string): void {
  tell(`mount\t${cleanable(path)}`);
}

function cleanable(path: string): string {
  if (/['\n\t]/.test(path)) throw new Error(`a path with a quote, tab or line end cannot be cleaned up: ${path}`);
  return path;
}

/** It is gone already. */
export function release(what: number | string): void {
  tell(`forget\t${what}`);
}
