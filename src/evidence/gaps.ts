import type { EvidenceRecord } from './log.ts';
import type { OpenWork } from './work.ts';

/** Most ranges and entries that are remembered while nothing can be written. What is beyond shows as a gap in verification. */
const MOST = 10_000;

interface Range {
  readonly session: string;
  readonly first: number;
  last: number;
}

/**
 * What the log could not take while it was broken or full, told in recovery records once it can: never guessed, never passed over.
 */
export class Gaps {
  readonly #numbers: Range[] = [];
  readonly #latest = new Map<string, Range>();
  readonly #outcomes = new Map<string, { readonly session: string; readonly command: number }>();
  readonly #sessions = new Set<string>();

  get empty(): boolean {
    return this.#numbers.length === 0 && this.#outcomes.size === 0 && this.#sessions.size === 0;
  }

  /** A record that is not in the log. */
  missed(record: EvidenceRecord): void {
    switch (record.kind) {
      case 'intent':
        this.#number(record.session, record.command);
        return;
      case 'refusal':
        if (record.session !== undefined && record.command !== undefined) this.#number(record.session, record.command);
        return;
      case 'outcome':
        this.#outcome(record.session, record.command);
        return;
      case 'session_close':
        this.#session(record.session);
        return;
      case 'recovery':
        this.#untold(record);
        return;
      default:
    }
  }

  /** A record that is in the log although its writer was told that it failed. */
  doubtful(record: EvidenceRecord): void {
    if (record.kind === 'intent') this.#outcome(record.session, record.command);
    else if (record.kind === 'session_open') this.#session(record.session);
  }

  /** The records that tell it, for what still stands open. Forgets it. */
  take(work: OpenWork): EvidenceRecord[] {
    const records: EvidenceRecord[] = [
      ...this.#numbers.map(({ session, first, last }): EvidenceRecord => ({ kind: 'recovery', what: 'unrecorded', session, command: first, count: last - first + 1 })),
      ...[...this.#outcomes.values()]
        .filter(({ session, command }) => work.hasIntent(session, command))
        .map(({ session, command }): EvidenceRecord => ({ kind: 'recovery', what: 'indeterminate', session, command })),
      ...[...this.#sessions].filter((session) => work.isOpen(session)).map((session): EvidenceRecord => ({ kind: 'recovery', what: 'session_lost', session })),
    ];
    this.#numbers.length = 0;
    this.#latest.clear();
    this.#outcomes.clear();
    this.#sessions.clear();
    return records;
  }

  /** What was about to be told could not be written either. */
  #untold({ what, session, command, count }: Extract<EvidenceRecord, { kind: 'recovery' }>): void {
    if (session === undefined) return;
    if (what === 'session_lost') this.#session(session);
    else if (command !== undefined && what === 'indeterminate') this.#outcome(session, command);
    else if (command !== undefined && what === 'unrecorded') for (let i = 0; i < (count ?? 1); i += 1) this.#number(session, command + i);
  }

  #session(session: string): void {
    if (this.#sessions.size < MOST) this.#sessions.add(session);
  }

  #number(session: string, command: number): void {
    const range = this.#latest.get(session);
    if (range?.last === command) return;
    if (range?.last === command - 1) {
      range.last = command;
      return;
    }
    if (this.#numbers.length >= MOST) return;
    const started = { session, first: command, last: command };
    this.#numbers.push(started);
    this.#latest.set(session, started);
  }

  #outcome(session: string, command: number): void {
    if (this.#outcomes.size < MOST) this.#outcomes.set(`${session} ${command}`, { session, command });
  }
}
