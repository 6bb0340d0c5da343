import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { release, takeProcess } from './reaper.ts';

/** A user to run a program as. Only root can change to one. */
export interface Account { readonly uid: number; readonly gid: number }

/** nobody:nogroup on Debian. PostgreSQL and pgbouncer refuse to run as root. */
const NOBODY: Account = { uid: 65534, gid: 65534 };

/** The account for programs that must not run as root; undefined (stay who we are) when we are not root. */
export const unprivileged = (): Account | undefined => (process.getuid?.() === 0 ? NOBODY : undefined);

/** What came of a program that ran to its end. `code` is -1 when a signal ended it. */
export interface Ran {
  readonly code: number;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The whole environment of the program; nothing is inherited but PATH. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Standard input; empty when left out. */
  readonly input?: string | Uint8Array;
  /** After this it is killed and the promise is rejected. Default 60,000 ms. */
  readonly timeoutMs?: number;
  readonly account?: Account | undefined;
}

/** Where Node keeps what it has compiled, as bin/wicketgate.js has it: a gateway or a command starts with half the work. */
const COMPILED = process.env['NODE_COMPILE_CACHE'] ?? join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'wicketgate');

/** An environment that does not depend on who runs the tests, with `extra` on top. Undefined values are left out. */
export function environment(extra: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  const env: Record<string, string> = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC', HOME: '/nonexistent', NODE_COMPILE_CACHE: COMPILED };
  for (const [name, value] of Object.entries(extra)) if (value !== undefined) env[name] = value;
  return env;
}

/**
 * Runs a program to its end and collects what it printed. Ending with another code than 0 is an answer, not an error;
 * being missing or exceeding the time limit rejects.
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(command, [...args], {
    env: environment(options.env),
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...options.account,
  });
  if (child.pid !== undefined) takeProcess(child.pid, 'KILL');
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // A program that ends without reading its input makes the pipe fail; its exit code tells what happened.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const timeoutMs = options.timeoutMs ?? 60_000;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${command} ${args.join(' ')} did not end within ${timeoutMs} ms\n${text(out)}${text(err)}`));
    }, timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      if (child.pid !== undefined) release(child.pid);
    };
    child.on('error', (error) => {
      settle();
      reject(error);
    });
    child.on('close', (code, signal) => {
      settle();
      resolve({ code: code ?? -1, signal, stdout: text(out), stderr: text(err) });
    });
  });
}

/** The same, and rejects unless it ended with code 0. Returns standard output. */
export async function runOk(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const ran = await run(command, args, options);
  if (ran.code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${ran.signal ?? ran.code}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8');

export interface ServiceOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly account?: Account | undefined;
  /** Both output streams go to this file. */
  readonly logFile: string;
  /** How the reaper ends it when this process is gone. Default KILL. */
  readonly reapBy?: 'KILL' | 'QUIT';
}

/** A program that runs beside the tests. It does not keep the test process alive, and dies with it. */
export interface Service {
  readonly pid: number;
  /** Undefined while it runs. */
  ended(): { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined;
  /** Sends a signal; nothing happens when it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** Resolves when it has ended; after `timeoutMs` (default 30,000) it is killed and the promise is rejected. */
  wait(timeoutMs?: number): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Everything it printed so far. */
  log(): string;
}

/** Starts a program that runs until it is told to stop. Its output goes to a file, so that it never waits for a reader. */
export async function startService(command: string, args: readonly string[], options: ServiceOptions): Promise<Service> {
  const output = openSync(options.logFile, 'a');
  let child: ChildProcess;
  try {
    child = spawn(command, [...args], {
      env: environment(options.env),
      stdio: ['ignore', output, output],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...options.account,
    });
  } finally {
    closeSync(output);
  }
  const ending: { value?: { code: number | null; signal: NodeJS.Signals | null } } = {};
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      ending.value = { code, signal };
      if (child.pid !== undefined) release(child.pid);
      resolve();
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${command} has no process id`);
  takeProcess(pid, options.reapBy ?? 'KILL');
  child.unref();
  const log = (): string => readFileSync(options.logFile, 'utf8');
  return {
    pid,
    log,
    ended: () => ending.value,
    signal(signal) {
      if (ending.value === undefined) process.kill(pid, constants.signals[signal]);
    },
    async wait(timeoutMs = 30_000) {
      const timedOut = Symbol('timed out');
      let timer: NodeJS.Timeout | undefined;
      child.ref();
      const first = await Promise.race([
        exited,
        new Promise<typeof timedOut>((resolve) => {
          timer = setTimeout(() => { resolve(timedOut); }, timeoutMs);
        }),
      ]);
      clearTimeout(timer);
      if (first === timedOut) {
        child.kill('SIGKILL');
        throw new Error(`${command} did not end within ${timeoutMs} ms\n${log()}`);
      }
      if (ending.value === undefined) throw new Error('unreachable: exited without an ending');
      return ending.value;
    },
  };
}
