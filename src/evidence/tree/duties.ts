import { readFileSync } from 'node:fs';
import type { AppendLog } from '../append-log.ts';
import type { EvidenceClock } from '../clock.ts';
import { replaceFile } from '../disk.ts';
import type { EvidenceRecord } from '../log.ts';
import { nodeDisk } from '../node-disk.ts';
import type { CheckRequest, CheckResult } from './self-check.ts';
import { checkInThread } from './self-check-thread.ts';

const LOOK_MS = 1000;
const HEARTBEAT_US = 60_000_000;
const SAMPLE_US = 60_000_000;
const FULL_MS = 86_400_000;
/** A gateway that was just started has better things to do. */
const SETTLED_US = 120_000_000;
const CLOCK_STEP_MS = 2000;
/** A checkpoint that could not be signed or shown for so long is told. */
const LATE_US = 15_000_000;

/** What people should know about a log's tree. */
export type DutyAlert = { readonly kind: 'checkpoint'; readonly reason: string } | { readonly kind: 'self_check'; readonly found: string } | { readonly kind: 'clock'; readonly by: number };

export interface DutyOptions {
  readonly folder: string;
  readonly keysFolder: string;
  readonly clock: EvidenceClock;
  /** The log is not on a disk that a thread of its own can read. */
  readonly withoutChecks?: boolean;
  readonly onAlert?: (alert: DutyAlert) => void;
}

/** What a log does while it is open, whether or not anything happens: a heartbeat, a look at the clock, checks of itself. */
export class Duties {
  readonly #options: DutyOptions;
  #timer: NodeJS.Timeout | undefined;
  #beatAt = 0;
  #sampledAt = 0;
  #startedAt = 0;
  #lateSince: number | undefined;
  #told: string | undefined;
  /** Wall clock minus monotonic clock, in milliseconds. */
  #offset = 0;
  #fullAt = 0;
  #stopCheck: (() => void) | undefined;
  #stopped = false;

  constructor(options: DutyOptions) {
    this.#options = options;
  }

  start(log: AppendLog): void {
    if (this.#stopped) return;
    const now = this.#options.clock.monotonic();
    this.#beatAt = now;
    this.#sampledAt = now;
    this.#startedAt = now;
    this.#offset = this.#drift();
    this.#fullAt = this.#options.withoutChecks ? 0 : lastFullCheck(this.#options.folder);
    this.#timer = setInterval(() => this.#look(log), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#stopCheck?.();
  }

  #look(log: AppendLog): void {
    const now = this.#options.clock.monotonic();
    this.#lookAtClock(log);
    this.#lookAtCheckpoints(log, now);
    if (now - this.#beatAt >= HEARTBEAT_US) {
      this.#beatAt = now;
      const { tree } = log;
      const last = tree.latest();
      log.append({ kind: 'heartbeat', sessions: log.openSessions, ...(last ? { size: last.size } : {}), ...(tree.age === undefined ? {} : { age: tree.age }) });
    }
    if (this.#options.withoutChecks || this.#stopCheck) return;
    const wall = this.#options.clock.wall();
    // A clock that was set back does not put the check off.
    if (now - this.#startedAt >= SETTLED_US && (wall - this.#fullAt >= FULL_MS || this.#fullAt > wall)) {
      this.#fullAt = wall;
      void this.#check(log, 'full');
    } else if (now - this.#sampledAt >= SAMPLE_US) {
      this.#sampledAt = now;
      void this.#check(log, 'sample');
    }
  }

  #lookAtClock(log: AppendLog): void {
    const drift = this.#drift();
    const by = Math.round(drift - this.#offset);
    if (Math.abs(by) <= CLOCK_STEP_MS) return;
    this.#offset = drift;
    const to = this.#options.clock.wall();
    log.append({ kind: 'clock', from: new Date(to - by).toISOString(), to: new Date(to).toISOString(), by });
    this.#options.onAlert?.({ kind: 'clock', by });
  }

  #lookAtCheckpoints(log: AppendLog, now: number): void {
    const { refused, problem } = log.tree;
    const reason = refused ?? problem;
    if (reason === undefined) {
      this.#lateSince = undefined;
      this.#told = undefined;
      return;
    }
    this.#lateSince ??= now;
    if (this.#told === reason || (refused === undefined && now - this.#lateSince < LATE_US)) return;
    this.#told = reason;
    this.#options.onAlert?.({ kind: 'checkpoint', reason });
  }

  /** Verifies a part of the log, or all of it, in a thread of its own, and records what came of it. */
  async #check(log: AppendLog, scope: CheckRequest['scope']): Promise<void> {
    const last = log.tree.latest();
    if (!last || last.size === 0) return;
    const { folder, keysFolder, clock } = this.#options;
    const { done, stop } = checkInThread({ scope, folder, size: last.size, root: last.root.toString('base64'), keysFolder });
    this.#stopCheck = stop;
    let result: CheckResult;
    try {
      result = await done;
    } catch (error) {
      result = { ok: false, found: `the check could not be made: ${(error as Error).message}` };
    }
    this.#stopCheck = undefined;
    if (this.#stopped) return;
    log.append(checkRecord(scope, last, result));
    if (!result.ok) this.#options.onAlert?.({ kind: 'self_check', found: result.found ?? 'the log does not verify' });
    if (scope === 'full') noteFullCheck(folder, clock.wall());
  }

  #drift(): number {
    const { clock } = this.#options;
    return clock.wall() - clock.monotonic() / 1000;
  }
}

const MOST_FOUND = 500;

const checkRecord = (scope: CheckRequest['scope'], { size, root }: { readonly size: number; readonly root: Buffer }, { ok, found }: CheckResult): EvidenceRecord => ({
  kind: 'self_check',
  scope,
  ok,
  size,
  root: root.toString('base64'),
  ...(found === undefined ? {} : { found: found.slice(0, MOST_FOUND).toWellFormed() }),
});

const FULL_FILE = 'self-check.json';

const lastFullCheck = (folder: string): number => {
  try {
    const { full } = JSON.parse(readFileSync(`${folder}/tlog/${FULL_FILE}`, 'utf8')) as { full: string };
    return Date.parse(full) || 0;
  } catch {
    return 0;
  }
};

const noteFullCheck = (folder: string, wall: number): void => {
  try {
    replaceFile(nodeDisk, `${folder}/tlog`, FULL_FILE, Buffer.from(`${JSON.stringify({ full: new Date(wall).toISOString() })}\n`, 'utf8'), false);
  } catch {
    // Then the next start checks again: no harm.
  }
};
