import type { Leaf } from '../read.ts';

/** A gateway that runs writes at least each minute. */
const SILENCE_US = 180_000_000;
const NAMED = 1000;

/** What was looked for in the records of a period, and how often it was found. */
export interface Looked {
  readonly looked: string;
  readonly found: number;
}

/** What a pack says about how well its period is covered. All of it can be recomputed from the leaves. */
export interface CoverageReport {
  readonly records: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly kinds: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly refusals: Readonly<Record<string, number>>;
  readonly recoveries: Readonly<Record<string, number>>;
  readonly longestSilenceMs: number;
  readonly silences: readonly { readonly sequence: number; readonly from: string; readonly to: string; readonly ms: number }[];
  readonly pauses: readonly { readonly sequence: number; readonly from: string; readonly to: string; readonly stopped: boolean }[];
  readonly clock: readonly { readonly sequence: number; readonly from: string; readonly to: string; readonly by: number }[];
  readonly exceptions: readonly Looked[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Counts what the records of a period tell about themselves. */
export class Coverage {
  #previous: Leaf | undefined;
  #records = 0;
  #first: string | null = null;
  #last: string | null = null;
  readonly #kinds = new Map<string, number>();
  readonly #outcomes = new Map<string, number>();
  readonly #refusals = new Map<string, number>();
  readonly #recoveries = new Map<string, number>();
  #longest = 0;
  readonly #silences: Writable<CoverageReport>['silences'][number][] = [];
  readonly #pauses: CoverageReport['pauses'][number][] = [];
  readonly #clock: CoverageReport['clock'][number][] = [];
  readonly #found = { silences: 0, crashes: 0, stops: 0, clock: 0, failedChecks: 0, rejectedChanges: 0, attempts: 0, forced: 0 };

  /** A record before the period: silence may reach over from it. */
  before(leaf: Leaf): void {
    this.#previous = leaf;
  }

  take(leaf: Leaf): void {
    const { record, time } = leaf;
    this.#records += 1;
    this.#first ??= time;
    this.#last = time;
    count(this.#kinds, record.kind);
    this.#time(leaf);
    this.#previous = leaf;
    if (record.kind === 'outcome') count(this.#outcomes, record.outcome.status);
    else if (record.kind === 'refusal') {
      count(this.#refusals, record.code);
      this.#found.attempts += record.count ?? 1;
    } else if (record.kind === 'recovery') count(this.#recoveries, record.what);
    else if (record.kind === 'self_check' && !record.ok) this.#found.failedChecks += 1;
    else if (record.kind === 'approval' && record.event === 'answered' && record.verdict === 'force') this.#found.forced += 1;
    else if (record.kind === 'config_change' && !record.accepted) this.#found.rejectedChanges += 1;
    else if (record.kind === 'clock') {
      this.#found.clock += 1;
      if (this.#clock.length < NAMED) this.#clock.push({ sequence: leaf.seq, from: record.from, to: record.to, by: record.by });
    }
  }

  report(): CoverageReport {
    const { silences, crashes, stops, clock, failedChecks, rejectedChanges, attempts, forced } = this.#found;
    const of = (counts: ReadonlyMap<string, number>, name: string): number => counts.get(name) ?? 0;
    return {
      records: this.#records,
      first: this.#first,
      last: this.#last,
      kinds: sorted(this.#kinds),
      outcomes: sorted(this.#outcomes),
      refusals: sorted(this.#refusals),
      recoveries: sorted(this.#recoveries),
      longestSilenceMs: Math.round(this.#longest / 1000),
      silences: this.#silences,
      pauses: this.#pauses,
      clock: this.#clock,
      exceptions: [
        { looked: 'the gateway ran, but for more than 180 seconds wrote nothing, not even a heartbeat', found: silences },
        { looked: 'the gateway started again after a stop', found: stops },
        { looked: 'the gateway started again without having stopped: it was killed, or the machine failed', found: crashes },
        { looked: 'the clock was set by more than two seconds, or was behind the last record at a start', found: clock },
        { looked: 'commands of which nobody can say whether they ran', found: of(this.#recoveries, 'indeterminate') + of(this.#outcomes, 'indeterminate') },
        { looked: 'sessions that were lost with the gateway', found: of(this.#recoveries, 'session_lost') },
        { looked: 'runs of commands that were refused because their record could not be written', found: of(this.#recoveries, 'unrecorded') },
        { looked: 'bytes behind the last record that a crash left', found: of(this.#recoveries, 'torn_tail') },
        { looked: 'commands and logins that were refused', found: attempts },
        { looked: 'commands that one person forced through without the approval of others (break-glass)', found: forced },
        { looked: 'checks of its own log by the gateway that failed', found: failedChecks },
        { looked: 'changes of the configuration that were not accepted', found: rejectedChanges },
      ],
    };
  }

  #time(leaf: Leaf): void {
    const previous = this.#previous;
    if (!previous) return;
    const starts = leaf.record.kind === 'instance' && leaf.record.event === 'start';
    const stopped = previous.record.kind === 'instance' && previous.record.event === 'stop';
    if (starts || stopped) {
      this.#found[stopped ? 'stops' : 'crashes'] += 1;
      if (this.#pauses.length < NAMED) this.#pauses.push({ sequence: leaf.seq, from: previous.time, to: leaf.time, stopped });
      return;
    }
    const elapsed = leaf.mono - previous.mono;
    this.#longest = Math.max(this.#longest, elapsed);
    if (elapsed <= SILENCE_US) return;
    this.#found.silences += 1;
    if (this.#silences.length < NAMED) this.#silences.push({ sequence: leaf.seq, from: previous.time, to: leaf.time, ms: Math.round(elapsed / 1000) });
  }
}

const count = (counts: Map<string, number>, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);

/** By name, by UTF-16 code units. */
const sorted = (counts: ReadonlyMap<string, number>): Record<string, number> => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
