import type { LimitsConfig } from '../config/resolved.ts';
import type { RuleRef } from '../model/decision.ts';

/** The strictest of all limits that apply: the smallest of each. */
export function strictest(all: readonly LimitsConfig[]): LimitsConfig {
  const result: { -readonly [Key in keyof LimitsConfig]: LimitsConfig[Key] } = {};
  for (const limits of all) {
    for (const key of ['commandsPerMinute', 'rowsPerCommand', 'concurrentSessions', 'heldCommands', 'sessionAge'] as const) {
      const value = limits[key];
      if (value !== undefined) result[key] = Math.min(value, result[key] ?? value);
    }
  }
  return result;
}

/** A number of rows, and the policy that says so. */
export interface RowLimit {
  readonly rows: number;
  readonly ref: RuleRef;
}

/** The smallest `rowsPerCommand`; of several that say the same, that of the first by name. */
export function strictestRows(policies: readonly { readonly limits: LimitsConfig; readonly ref: RuleRef }[]): RowLimit | undefined {
  let found: RowLimit | undefined;
  for (const { limits, ref } of policies) {
    const rows = limits.rowsPerCommand;
    if (rows !== undefined && (found === undefined || rows < found.rows)) found = { rows, ref };
  }
  return found;
}

const SECONDS = 60;
const NONE = new Uint32Array(0);

/**
 * Counts what happened within the last minute, in slots of one second: memory is fixed, and no 60 seconds ever hold more than the
 * limit (at worst one second's worth less). A bucket that refills would let twice the limit through in one minute.
 */
export class WindowCounter {
  /** Made when something is counted: most are there for what hardly ever happens. */
  #slots = NONE;
  #second = 0;
  #total = 0;

  /** Counts one more at `now` (milliseconds), unless the limit is reached. */
  take(limit: number, now: number): boolean {
    this.#advance(now);
    if (this.#total >= limit) return false;
    if (this.#slots === NONE) this.#slots = new Uint32Array(SECONDS + 1);
    const slot = this.#second % this.#slots.length;
    this.#slots[slot] = (this.#slots[slot] ?? 0) + 1;
    this.#total += 1;
    return true;
  }

  /** How many were counted within the last minute. */
  count(now: number): number {
    this.#advance(now);
    return this.#total;
  }

  /** Forgets what is older than a minute. A clock that goes back counts as standing still: nobody gains by it. */
  #advance(now: number): void {
    const second = Math.floor(now / 1000);
    if (second - this.#second >= this.#slots.length) {
      this.#slots.fill(0);
      this.#total = 0;
      this.#second = second;
    }
    while (this.#second < second) {
      this.#second += 1;
      const slot = this.#second % this.#slots.length;
      this.#total -= this.#slots[slot] ?? 0;
      this.#slots[slot] = 0;
    }
  }
}

/** Most keys that are counted at once. A key is an identity on a connection: names of the configuration, never of a client. */
const MOST_KEYS = 100_000;

/** Commands a minute, by key. */
export class RateCounter {
  readonly #windows = new Map<string, WindowCounter>();
  readonly #clock: () => number;
  readonly #mostKeys: number;

  /** The clock gives milliseconds from any fixed point; the default never goes back. */
  constructor(clock: () => number = () => performance.now(), mostKeys: number = MOST_KEYS) {
    this.#clock = clock;
    this.#mostKeys = mostKeys;
  }

  /** Counts one command; false when that would be more than `perMinute` within 60 seconds. What is refused is not counted. */
  take(key: string, perMinute: number): boolean {
    const now = this.#clock();
    let window = this.#windows.get(key);
    if (window === undefined) {
      if (this.#windows.size >= this.#mostKeys) this.#forgetIdle(now);
      // Without room to count, the limit could not be kept.
      if (this.#windows.size >= this.#mostKeys) return false;
      this.#windows.set(key, (window = new WindowCounter()));
    }
    return window.take(perMinute, now);
  }

  /** How many keys are held in memory. */
  get size(): number {
    return this.#windows.size;
  }

  #forgetIdle(now: number): void {
    for (const [key, window] of this.#windows) if (window.count(now) === 0) this.#windows.delete(key);
  }
}

/** Sessions open at once, by key. Holds nothing for a key without sessions. */
export class SessionCounter {
  readonly #open = new Map<string, number>();

  /** Counts one more session, unless there are `limit` already. Every true is answered by one `leave`. */
  enter(key: string, limit: number | undefined): boolean {
    const open = this.#open.get(key) ?? 0;
    if (limit !== undefined && open >= limit) return false;
    this.#open.set(key, open + 1);
    return true;
  }

  /** One session has ended. */
  leave(key: string): void {
    const open = this.#open.get(key);
    if (open === undefined) throw new Error('a session ended that was never counted');
    if (open === 1) this.#open.delete(key);
    else this.#open.set(key, open - 1);
  }

  /** Sessions open under a key. */
  count(key: string): number {
    return this.#open.get(key) ?? 0;
  }
}
