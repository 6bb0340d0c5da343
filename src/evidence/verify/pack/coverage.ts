import type { Leaf } from './leaf.ts';

const SILENCE_US = 180_000_000;
const MOST_NAMED = 1000;

interface Silence {
  readonly sequence: number;
  readonly from: string;
  readonly to: string;
  readonly ms: number;
}

interface Pause {
  readonly sequence: number;
  readonly from: string;
  readonly to: string;
  readonly stopped: boolean;
}

/** What coverage.json must say. */
export interface CoverageReport {
  readonly records: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly kinds: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly refusals: Readonly<Record<string, number>>;
  readonly recoveries: Readonly<Record<string, number>>;
  readonly longestSilenceMs: number;
  readonly silences: readonly Silence[];
  readonly pauses: readonly Pause[];
  readonly clock: readonly { readonly sequence: number; readonly from: unknown; readonly to: unknown; readonly by: unknown }[];
  readonly exceptions: readonly { readonly looked: string; readonly found: number }[];
}

/** Computes the coverage report of a period again. */
export class Coverage {
  #before: Leaf | undefined;
  #first: string | null = null;
  #last: string | null = null;
  #records = 0;
  #longest = 0;
  #silent = 0;
  #stops = 0;
  #crashes = 0;
  #attempts = 0;
  readonly #counts = { kinds: new Map<string, number>(), outcomes: new Map<string, number>(), refusals: new Map<string, number>(), recoveries: new Map<string, number>(), other: new Map<string, number>() };
  readonly #silences: Silence[] = [];
  readonly #pauses: Pause[] = [];
  readonly #clock: CoverageReport['clock'][number][] = [];

  before(leaf: Leaf): void {
    this.#before = leaf;
  }

  take(leaf: Leaf): void {
    const { record, time, seq } = leaf;
    const { kind } = record;
    this.#records += 1;
    this.#first ??= time;
    this.#last = time;
    this.#one('kinds', kind);
    this.#between(leaf);
    this.#before = leaf;
    if (kind === 'outcome') this.#one('outcomes', (record['outcome'] as { status?: unknown } | undefined)?.status);
    if (kind === 'recovery') this.#one('recoveries', record['what']);
    if (kind === 'refusal') {
      this.#one('refusals', record['code']);
      this.#attempts += typeof record['count'] === 'number' ? record['count'] : 1;
    }
    if (kind === 'clock' && this.#clock.length < MOST_NAMED) this.#clock.push({ sequence: seq, from: record['from'], to: record['to'], by: record['by'] });
    if (kind === 'self_check' && record['ok'] !== true) this.#one('other', 'check');
    if (kind === 'approval' && record['event'] === 'answered' && record['verdict'] === 'force') this.#one('other', 'forced');
    if (kind === 'config_change' && record['accepted'] !== true) this.#one('other', 'change');
  }

  report(): CoverageReport {
    const { kinds, outcomes, refusals, recoveries, other } = this.#counts;
    const exceptions: readonly (readonly [string, number])[] = [
      ['the gateway ran, but for more than 180 seconds wrote nothing, not even a heartbeat', this.#silent],
      ['the gateway started again after a stop', this.#stops],
      ['the gateway started again without having stopped: it was killed, or the machine failed', this.#crashes],
      ['the clock was set by more than two seconds, or was behind the last record at a start', kinds.get('clock') ?? 0],
      ['commands of which nobody can say whether they ran', (recoveries.get('indeterminate') ?? 0) + (outcomes.get('indeterminate') ?? 0)],
      ['sessions that were lost with the gateway', recoveries.get('session_lost') ?? 0],
      ['runs of commands that were refused because their record could not be written', recoveries.get('unrecorded') ?? 0],
      ['bytes behind the last record that a crash left', recoveries.get('torn_tail') ?? 0],
      ['commands and logins that were refused', this.#attempts],
      ['commands that one person forced through without the approval of others (break-glass)', other.get('forced') ?? 0],
      ['checks of its own log by the gateway that failed', other.get('check') ?? 0],
      ['changes of the configuration that were not accepted', other.get('change') ?? 0],
    ];
    return {
      records: this.#records,
      first: this.#first,
      last: this.#last,
      kinds: byName(kinds),
      outcomes: byName(outcomes),
      refusals: byName(refusals),
      recoveries: byName(recoveries),
      longestSilenceMs: Math.round(this.#longest / 1000),
      silences: this.#silences,
      pauses: this.#pauses,
      clock: this.#clock,
      exceptions: exceptions.map(([looked, found]) => ({ looked, found })),
    };
  }

  #between({ seq, time, mono, record }: Leaf): void {
    const before = this.#before;
    if (!before) return;
    const stopped = before.record.kind === 'instance' && before.record['event'] === 'stop';
    if (stopped || (record.kind === 'instance' && record['event'] === 'start')) {
      if (stopped) this.#stops += 1;
      else this.#crashes += 1;
      if (this.#pauses.length < MOST_NAMED) this.#pauses.push({ sequence: seq, from: before.time, to: time, stopped });
      return;
    }
    const quiet = mono - before.mono;
    if (quiet > this.#longest) this.#longest = quiet;
    if (quiet <= SILENCE_US) return;
    this.#silent += 1;
    if (this.#silences.length < MOST_NAMED) this.#silences.push({ sequence: seq, from: before.time, to: time, ms: Math.round(quiet / 1000) });
  }

  #one(of: 'kinds' | 'outcomes' | 'refusals' | 'recoveries' | 'other', name: unknown): void {
    const counts = this.#counts[of];
    counts.set(String(name), (counts.get(String(name)) ?? 0) + 1);
  }
}

const byName = (counts: ReadonlyMap<string, number>): Record<string, number> => Object.fromEntries([...counts.keys()].sort().map((name) => [name, counts.get(name) ?? 0]));
