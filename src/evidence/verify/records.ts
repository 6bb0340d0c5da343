import { Completeness } from './completeness.ts';
import { KeyHistory } from './key-history.ts';
import type { VerifiedLeaf } from './leaf.ts';
import { Purges } from './purges.ts';
import { Timeline, wallOf } from './timeline.ts';
import { digestOf, type Digest } from './tree.ts';

const MOST_ROSTER = 10_000;
const MOST_NAME = 512;
const MOST_KIND = 40;
const TIME_LENGTH = 24;

/** What the records tell, one after the other: what is missing, which keys signed, when the gateway was silent, who else writes. */
export class Records {
  readonly follow = new Completeness();
  readonly history: KeyHistory;
  readonly timeline: Timeline;
  readonly roster = new Set<string>();
  readonly purges = new Purges();
  readonly selfChecks = { passed: 0, failed: 0 };
  #first: string | undefined;
  #follows: Predecessor | undefined;
  readonly #last = Buffer.alloc(TIME_LENGTH);
  #coveredTo = -1;
  /** What had passed when the first record was written that no checkpoint covers. */
  #uncoveredSince: number | undefined;

  constructor(log: string) {
    this.history = new KeyHistory(log);
    this.timeline = new Timeline((what, sequence) => this.follow.gap(what, sequence));
  }

  /** The log whose place this one took, and the last checkpoint that was signed of it. */
  get predecessor(): Predecessor | undefined {
    return this.#follows;
  }

  get first(): string | undefined {
    return this.#first;
  }

  get last(): string | undefined {
    return this.#first === undefined ? undefined : this.#last.toString('latin1');
  }

  /** Time between the first and the last record without a checkpoint. */
  get uncoveredMs(): number {
    return this.#uncoveredSince === undefined ? 0 : this.timeline.passed - this.#uncoveredSince;
  }

  /** There is a checkpoint of the first `size` records. */
  covered(size: number): void {
    this.#coveredTo = size;
    this.#uncoveredSince = undefined;
  }

  /** An intent or an outcome. False when it must be looked at as `any` does; then nothing was done. */
  command(kind: 'intent' | 'outcome', session: string, command: number, seq: number, bytes: Buffer, timeAt: number, mono: number): boolean {
    if (!this.follow.command(kind, session, command, seq)) return false;
    this.#time(seq, bytes, timeAt, mono);
    return true;
  }

  /** Any record; its time stands in `bytes`. Gives a sentence when it cannot be believed. */
  any(record: VerifiedLeaf['record'], seq: number, bytes: Buffer, timeAt: number, mono: number): string | undefined {
    const starts = record.kind === 'instance' && record['event'] === 'start';
    if (starts) this.timeline.boundary();
    this.#time(seq, bytes, timeAt, mono);
    const unknown = this.follow.unknownKinds;
    this.follow.leaf({ seq, record });
    // It may say that something is missing, or stand where something else should: what is not understood is not vouched for.
    if (this.follow.unknownKinds > unknown) this.follow.gap(`a record of the kind "${record.kind.slice(0, MOST_KIND)}", which this verifier does not know: verify with the version that wrote it`, seq);
    switch (record.kind) {
      case 'instance':
        if (starts) this.#enrol(record['roster'], record['follows'], seq);
        else this.timeline.boundary();
        return undefined;
      case 'heartbeat':
        this.timeline.beats();
        return undefined;
      case 'self_check':
        this.selfChecks[record['ok'] === true ? 'passed' : 'failed'] += 1;
        return undefined;
      case 'purge':
        this.purges.record(record, seq);
        return undefined;
      case 'key_event':
        this.timeline.beats();
        if (this.#coveredTo < 0) this.#uncoveredSince ??= this.timeline.passed;
        return this.history.record(record, seq);
      default:
        return undefined;
    }
  }

  #time(seq: number, bytes: Buffer, timeAt: number, mono: number): void {
    this.timeline.record(seq, wallOf(bytes, timeAt), mono);
    if (seq === this.#coveredTo) this.#uncoveredSince = this.timeline.passed;
    for (let i = 0; i < TIME_LENGTH; i += 1) this.#last[i] = bytes[timeAt + i] as number;
    this.#first ??= this.#last.toString('latin1');
  }

  #enrol(roster: unknown, follows: unknown, seq: number): void {
    if (seq === 0) this.#follows = predecessorOf(follows);
    if (!Array.isArray(roster)) return;
    for (const name of roster) if (typeof name === 'string' && name.length <= MOST_NAME && this.roster.size < MOST_ROSTER) this.roster.add(name);
  }
}

/** What the first record of a log says about the one before. */
export interface Predecessor {
  readonly log: string;
  readonly size: number;
  readonly root: Digest;
}

export const predecessorOf = (follows: unknown): Predecessor | undefined => {
  if (typeof follows !== 'object' || follows === null) return undefined;
  const { log, size, root } = follows as Readonly<Record<string, unknown>>;
  const digest = typeof root === 'string' ? digestOf(root) : undefined;
  return typeof log === 'string' && log.length <= MOST_NAME && Number.isSafeInteger(size) && (size as number) >= 0 && digest !== undefined ? { log, size: size as number, root: digest } : undefined;
};
