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
  /** Sessions whose open is not in the log, and whose close is still to come. */
  readonly #unopened = new Set<string>();
  /** Records that belong to no session in the log, by kind: refused logins, reloads, revocations. */
  readonly #others = new Map<string, number>();

  get empty(): boolean {
    return this.#numbers.length === 0 && this.#outcomes.size === 0 && this.#sessions.size === 0 && this.#others.size === 0;
  }

  /** A record that is not in the log. */
  missed(record: EvidenceRecord): void {
    switch (record.kind) {
      case 'intent':
        this.#number(record.session, record.command);
        return;
      case 'refusal':
        if (record.session !== undefined && record.command !== undefined) this.#number(record.session, record.command);
        else this.#other(record.kind, record.count ?? 1);
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
      case 'session_open':
        if (this.#unopened.size < MOST) this.#unopened.add(record.session);
        this.#other(record.kind, 1);
        return;
      case 'progress':
        // The outcome says as much.
        return;
      default:
        this.#other(record.kind, 1);
    }
  }

  /** Whether the open of that session, which closes now, is not in the log. */
  neverOpened(session: string): boolean {
    return this.#unopened.delete(session);
  }

  /** A record that is in the log although its writer was told that it failed. */
  doubtful(record: EvidenceRecord): void {
    if (record.kind === 'intent') this.#outcome(record.session, record.command);
    else if (record.kind === 'session_open') this.#session(record.session);
  }

  /** The records that tell it, for what still stands open. Forgets it. */
  take(work: OpenWork): EvidenceRecord[] {
    const records: EvidenceRecord[] = [
      ...this.#numbers.map(unrecorded),
      ...[...this.#outcomes.values()]
        .filter(({ session, command }) => work.hasIntent(session, command))
        .map(({ session, command }): EvidenceRecord => ({ kind: 'recovery', what: 'indeterminate', session, command })),
      ...[...this.#sessions].filter((session) => work.isOpen(session)).map((session): EvidenceRecord => ({ kind: 'recovery', what: 'session_lost', session })),
      ...[...this.#others].map(([of, count]): EvidenceRecord => ({ kind: 'recovery', what: 'unrecorded', of, count })),
    ];
    this.#numbers.length = 0;
    this.#latest.clear();
    this.#outcomes.clear();
    this.#sessions.clear();
    this.#others.clear();
    return records;
  }

  /** The same of one session alone, before it ends: its commands that have no record. */
  takeOf(session: string): EvidenceRecord[] {
    const own = this.#numbers.filter((range) => range.session === session);
    for (const range of own) this.#numbers.splice(this.#numbers.indexOf(range), 1);
    this.#latest.delete(session);
    return own.map(unrecorded);
  }

  /** What was about to be told could not be written either. */
  #untold({ what, session, command, count, of }: Extract<EvidenceRecord, { kind: 'recovery' }>): void {
    if (of !== undefined) this.#other(of, count ?? 1);
    if (session === undefined) return;
    if (what === 'session_lost') this.#session(session);
    else if (command !== undefined && what === 'indeterminate') this.#outcome(session, command);
    else if (command !== undefined && what === 'unrecorded') for (let i = 0; i < (count ?? 1); i += 1) this.#number(session, command + i);
  }

  #other(kind: string, count: number): void {
    this.#others.set(kind, (this.#others.get(kind) ?? 0) + count);
  }

  #session(session: string): void {
    if (this.#unopened.delete(session)) return;
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

const unrecorded = ({ session, first, last }: Range): EvidenceRecord => ({ kind: 'recovery', what: 'unrecorded', session, command: first, count: last - first + 1 });
