/** What the times of the records say: where a run fell silent, and where somebody set the clock. */

/** The clock was set back, or forward by more than the monotonic clock of the run saw pass. */
export interface ClockStep {
  /** The first record by the new time. */
  readonly sequence: number;
  /** Milliseconds: negative when it was set back. */
  readonly by: number;
  readonly from: string;
  readonly to: string;
}

/** A running gateway writes at least a heartbeat each minute: three missed ones are silence. */
const SILENCE_US = 180_000_000;
/** A clock that is disciplined moves in small steps; those are not told. */
const STEP_MS = 1000;
const NAMED = 20;

/** Follows wall clock and monotonic clock from record to record. */
export class Timeline {
  readonly #silent: (what: string, sequence: number) => void;
  #wall = 0;
  #mono = 0;
  #sequence = -1;
  #inRun = false;
  /** Milliseconds that passed by one clock or the other, from record to record: setting a clock back takes nothing away. */
  passed = 0;
  #beats = false;
  readonly steps: ClockStep[] = [];
  stepCount = 0;
  setBack = 0;
  silences = 0;

  constructor(silent: (what: string, sequence: number) => void) {
    this.#silent = silent;
  }

  /** One record. `wall` in milliseconds, `mono` in microseconds. */
  record(sequence: number, wall: number, mono: number): void {
    if (this.#sequence >= 0) {
      const passed = wall - this.#wall;
      this.passed += Math.max(0, passed, this.#inRun ? (mono - this.#mono) / 1000 : 0);
      if (this.#inRun) this.#within(sequence, wall, mono, passed);
      else if (passed < 0) this.#step(sequence, wall, passed);
    }
    this.#wall = wall;
    this.#mono = mono;
    this.#sequence = sequence;
    this.#inRun = true;
  }

  /** A run begins with the record that comes next, or ended with the last one: the monotonic clock begins anew. */
  boundary(): void {
    this.#inRun = false;
  }

  /** From here on this log keeps heartbeats; older ones do not. */
  beats(): void {
    this.#beats = true;
  }

  #within(sequence: number, wall: number, mono: number, passed: number): void {
    const elapsed = mono - this.#mono;
    const off = passed - elapsed / 1000;
    if (passed < 0 || off > STEP_MS || off < -STEP_MS) this.#step(sequence, wall, passed < 0 ? passed : Math.round(off));
    if (!this.#beats || elapsed <= SILENCE_US) return;
    this.silences += 1;
    this.#silent(`the gateway ran but wrote nothing, not even a heartbeat, for ${lasting(elapsed / 1000)}: from ${clockTime(this.#wall)} to ${clockTime(wall)}`, sequence);
  }

  #step(sequence: number, wall: number, by: number): void {
    this.stepCount += 1;
    if (by < 0) this.setBack += 1;
    if (this.steps.length < NAMED) this.steps.push({ sequence, by, from: clockTime(this.#wall), to: clockTime(wall) });
  }
}

/** Milliseconds since 1970 of a time in the one form that leaves have; no Date for each record. */
export const wallOf = (bytes: Buffer, at: number): number => {
  const year = two(bytes, at) * 100 + two(bytes, at + 2);
  const month = two(bytes, at + 5);
  const day = two(bytes, at + 8);
  const clock = ((two(bytes, at + 11) * 60 + two(bytes, at + 14)) * 60 + two(bytes, at + 17)) * 1000 + two(bytes, at + 20) * 10 + (bytes[at + 22] as number) - 0x30;
  return daysSince1970(year, month, day) * 86_400_000 + clock;
};

const two = (bytes: Buffer, at: number): number => ((bytes[at] as number) - 0x30) * 10 + (bytes[at + 1] as number) - 0x30;

/** By the Gregorian calendar; years begin in March, so that a leap day is the last of its year. */
const daysSince1970 = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year;
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + ofYear - 719_468;
};

const clockTime = (wall: number): string => {
  const date = new Date(wall);
  return Number.isNaN(date.getTime()) ? 'a time that is none' : date.toISOString();
};

/** `90 s`, `12 min`, `3 h 5 min`, `365 days`. */
export const lasting = (ms: number): string => {
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (seconds < 300) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
};
