import type { EvidenceLog, Recording, RecordingSummary, Ticket } from '../evidence/log.ts';
import type { Command } from '../model/command.ts';
import { refusal, type Decision, type Refusal } from '../model/decision.ts';
import type { Outcome } from '../model/outcome.ts';
import type { Placed } from './crowd.ts';
import type { Part, Passage } from './gate.ts';
import { mint, type Permit } from './permits.ts';

/** A progress record is written at the latest after this many bytes, or after a minute with traffic. */
const PROGRESS_BYTES = 16 * 1024 * 1024;
const PROGRESS_MS = 60_000;

/** What all passages of a session share. */
export interface PassageHome {
  readonly log: EvidenceLog;
  readonly session: string;
  readonly strict: boolean;
  /** Opens the record of what the client sends behind the command; undefined: nothing is recorded. */
  readonly recordData: (() => Recording) | undefined;
  readonly ended: (passage: AdmittedPassage, outcome: Outcome) => void;
}

export interface PassageParts {
  readonly home: PassageHome;
  readonly number: number;
  readonly command: Command;
  readonly decision: Decision;
  readonly intent: Ticket;
  readonly mostRows: number | undefined;
  readonly recording: Recording | undefined;
  /** Told of the outcome. */
  readonly settled: ((outcome: Outcome) => void) | undefined;
}

const evidenceFailed = (reason: string): Refusal =>
  refusal('evidence_unavailable', `evidence cannot be written, so nothing may run: ${reason}`);

/** One admitted command on its way up and back. The only implementation of Passage. */
export class AdmittedPassage implements Passage, Placed {
  readonly command: Command;
  readonly decision: Decision;
  readonly mostRows: number | undefined;
  readonly #parts: PassageParts;
  place = -1;
  #durable = false;
  #ended = false;
  #answered = false;
  #data: Recording | undefined;
  #bytesUp = 0;
  #bytesDown = 0;
  #reported = 0;
  #reportedAt = 0;

  constructor(parts: PassageParts) {
    this.#parts = parts;
    this.command = parts.command;
    this.decision = parts.decision;
    this.mostRows = parts.mostRows;
  }

  get durable(): boolean {
    if (!this.#durable) this.#durable = this.#parts.intent.state === 'durable';
    return this.#durable;
  }

  whenDurable(then: (failure?: Refusal) => void): void {
    if (this.durable) then();
    else this.#parts.intent.whenDurable((failure) => (failure === undefined ? then() : then(evidenceFailed(failure))));
  }

  forward(): Permit | undefined {
    // In `strict` a forward permit is minted only together with the effect permit.
    if (this.#ended || this.#parts.intent.state === 'failed' || (this.#parts.home.strict && !this.durable)) return undefined;
    return mint();
  }

  effect(): Permit | undefined {
    // Also after the end: what commits an implicit transaction comes behind the answers of its commands.
    return this.durable ? mint() : undefined;
  }

  up(bytes: number, recorded?: Uint8Array): void {
    this.#bytesUp += bytes;
    if (recorded !== undefined && recorded.length > 0 && !this.#ended) (this.#data ??= this.#parts.home.recordData?.())?.write(recorded);
    this.#progress();
  }

  down(bytes: Uint8Array | Part, counted?: number): void {
    if (!this.durable) throw new Error('an answer was about to be released before its intent was durable');
    const whole = bytes instanceof Uint8Array;
    const size = whole ? bytes.length : bytes.size;
    this.#bytesDown += counted ?? size;
    this.#answered ||= size > 0;
    this.#parts.recording?.write(whole ? bytes : bytes.bytes);
    this.#progress();
  }

  get room(): Promise<void> | undefined {
    const { home, recording } = this.#parts;
    return recording?.keeps === true ? home.log.room : undefined;
  }

  end(outcome: Outcome, written: (failure?: Refusal) => void): void {
    if (this.#ended) throw new Error('a passage ended twice');
    this.#ended = true;
    const { home, number, recording, settled } = this.#parts;
    const { log, session } = home;
    const answer: RecordingSummary | undefined = recording && this.#answered ? recording.finish() : undefined;
    const full = withBytes(outcome, this.#bytesDown, this.#bytesUp);
    const data = this.#data?.finish();
    const record = answer ? ({ answer, command: number, kind: 'outcome', outcome: full, session } as const) : ({ command: number, kind: 'outcome', outcome: full, session } as const);
    const ticket = log.append(data ? { ...record, data } : record);
    home.ended(this, full);
    settled?.(full);
    ticket.whenWritten((failure) => (failure === undefined ? written() : written(evidenceFailed(failure))));
  }

  /** Long passages leave a trace before they end, so that a crash shows how far they came. */
  #progress(): void {
    const total = this.#bytesUp + this.#bytesDown;
    if (total - this.#reported < PROGRESS_BYTES) {
      if (total - this.#reported < 65536) return;
      const now = Date.now();
      if (this.#reportedAt === 0) this.#reportedAt = now;
      if (now - this.#reportedAt < PROGRESS_MS) return;
    }
    this.#reported = total;
    this.#reportedAt = Date.now();
    const { home: { log, session }, number } = this.#parts;
    log.append({ kind: 'progress', session, command: number, bytesUp: this.#bytesUp, bytesDown: this.#bytesDown });
  }
}

/** Nothing: were there a member more, `withBytes` would leave it out, and no longer compiles. */
type LeftOut = Exclude<keyof Outcome, 'bytesDown' | 'bytesUp' | 'code' | 'masked' | 'rowsAffected' | 'rowsReturned' | 'status' | 'tag'>;

/** With its members in the order in which they are written down: sorting them then would cost more. */
const withBytes = ({ code, masked, rowsAffected, rowsReturned, status, tag }: Outcome, bytesDown: number, bytesUp: number): [LeftOut] extends [never] ? Outcome : never => {
  const full: { -readonly [Key in keyof Outcome]?: Outcome[Key] } = {};
  if (bytesDown > 0) full.bytesDown = bytesDown;
  if (bytesUp > 0) full.bytesUp = bytesUp;
  if (code !== undefined) full.code = code;
  if (masked !== undefined) full.masked = masked;
  if (rowsAffected !== undefined) full.rowsAffected = rowsAffected;
  if (rowsReturned !== undefined) full.rowsReturned = rowsReturned;
  full.status = status;
  if (tag !== undefined) full.tag = tag;
  return full as Outcome;
};
