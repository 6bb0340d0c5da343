import { bodiesBound, pendingBody, type PendingBody } from './bodies.ts';
import { dayOf, type EvidenceClock } from './clock.ts';
import type { Disk } from './disk.ts';
import { Gaps } from './gaps.ts';
import { GroupCommit } from './group-commit.ts';
import type { TreeFollower } from './tree/follower.ts';
import type { KeysFolder, SealingKey } from './keys.ts';
import type { Body, EvidenceLog, EvidenceRecord, Recording, RecordedStream, Ticket } from './log.ts';
import { pendingRecord, type LogState, type Pending } from './pending.ts';
import { PieceRecording } from './recording.ts';
import { describe, type SegmentRow } from './segment-row.ts';
import type { EvidenceStats } from './stats.ts';
import { Room } from './room.ts';
import type { SyncMode } from './sync-pace.ts';
import { failedTicket } from './tickets.ts';
import type { OpenWork } from './work.ts';

/** Bytes queued or unsynced above which the disk is called too slow and nothing more is admitted. */
const BACKLOG = 64 * 1024 * 1024;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;

/** Kinds that end something, and those without which a log would fall silent: they may use the reserve. */
const CLOSING: ReadonlySet<EvidenceRecord['kind']> = new Set(['session_close', 'outcome', 'refusal', 'recovery', 'instance', 'key_event', 'heartbeat', 'self_check', 'clock']);
/** Those among them that come for as long as it lasts. */
const ENDLESS: ReadonlySet<EvidenceRecord['kind']> = new Set(['refusal', 'heartbeat', 'self_check', 'clock']);

const PART = /^[a-z_]{1,32}$/;
const NO_BODIES: readonly Body[] = [];
const NO_PENDING: readonly PendingBody[] = [];

export interface AppendLogParts {
  readonly disk: Disk;
  readonly folder: string;
  readonly name: string;
  readonly keys: KeysFolder;
  readonly clock: EvidenceClock;
  readonly row: SegmentRow;
  readonly state: LogState;
  readonly work: OpenWork;
  /** Grows with the log and signs its checkpoints. */
  readonly tree: TreeFollower;
  readonly sync: SyncMode;
  /** Bytes that only closing records may use. */
  readonly reserve: number;
  /** The last record of this run. */
  readonly farewell: EvidenceRecord;
  /** Called when all is closed: gives up the folder. */
  readonly released: () => Promise<void>;
}

/** The log that is written: decides what is taken, seals bodies, remembers what could not be recorded. GroupCommit writes. */
export class AppendLog implements EvidenceLog {
  /** Name of the log: records are named (log, sequence). */
  readonly name: string;
  readonly #parts: AppendLogParts;
  readonly #row: SegmentRow;
  readonly #commit: GroupCommit;
  readonly #gaps = new Gaps();
  readonly #pieces = new WeakMap<readonly string[], readonly PendingBody[]>();
  #recovering: Promise<string | undefined> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryAfter = FIRST_RETRY_MS;
  /** Why bodies of a connection cannot be sealed, until they can. */
  #keyless: { readonly connection: string; readonly reason: string } | undefined;
  readonly #checks = { passed: 0, failed: 0 };
  readonly #room = new Room(() => this.#behind);
  #closed = false;
  #closing: Promise<void> | undefined;
  #space: { readonly free: number; readonly total: number } | undefined;

  constructor(parts: AppendLogParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.#row = parts.row;
    this.#commit = new GroupCommit({ ...parts, broke: (missed, doubtful) => this.#broke(missed, doubtful) });
  }

  get unavailable(): string | undefined {
    if (this.#commit.broken !== undefined) return this.#commit.broken;
    if (this.#closed) return 'the evidence log is closed';
    if (this.#parts.tree.refused !== undefined) return this.#parts.tree.refused;
    if (this.#keyless !== undefined) return this.#keyless.reason;
    if (this.#commit.backlog > BACKLOG) return 'the evidence disk is too slow: more waits for it than may';
    return this.#fits(Math.min(65_536, this.#row.segmentBytes / 16), this.#parts.reserve) ? undefined : this.#belowReserve;
  }

  get room(): Promise<void> | undefined {
    return this.#room.wait;
  }

  append(record: EvidenceRecord, bodies: readonly Body[] = NO_BODIES): Ticket {
    if (record.kind === 'session_close') {
      if (this.#gaps.neverOpened(record.session)) return failedTicket('the session was not recorded, so it has no end');
      if (this.#commit.broken === undefined) for (const gap of this.#gaps.takeOf(record.session)) this.append(gap);
    }
    if (record.kind === 'self_check') this.#checks[record.ok ? 'passed' : 'failed'] += 1;
    const closing = CLOSING.has(record.kind);
    const stopped = closing ? (this.#commit.broken ?? (this.#closed ? 'the evidence log is closed' : undefined)) : this.unavailable;
    if (stopped !== undefined) return this.#refuse(record, stopped);
    if (!closing && !this.#gaps.empty) this.#tellGaps();
    const { clock } = this.#parts;
    const wall = clock.wall();
    let item: Pending;
    try {
      const sealed = bodies.length === 0 ? NO_PENDING : bodies.map((body) => this.#body(body, wall));
      item = pendingRecord(record, sealed, this.#earlier(record), this.name, { wall, monotonic: clock.monotonic() });
    } catch (error) {
      return this.#refuse(record, `the record cannot be written: ${describe(error)}`);
    }
    if (item.bound > this.#row.segmentBytes / 4) return this.#refuse(record, 'the record is larger than a segment takes');
    // Refusals can be provoked without end, and a full disk can last: they may use half of the reserve, the rest is for what closes.
    const { reserve } = this.#parts;
    const kept = ENDLESS.has(record.kind) ? reserve / 2 : closing ? 0 : reserve;
    if (!this.#fits(item.bound, kept)) return this.#refuse(record, this.#belowReserve);
    return this.#commit.enqueue(item) as Ticket;
  }

  /** Records one answer of that connection (or what the client sent), up to `capBytes`; the pieces are sealed under its key of the day. */
  openRecording(connection: string, capBytes: number, part: RecordedStream = 'answer'): Recording {
    return new PieceRecording(capBytes, part, {
      key: () => this.#key(connection, this.#parts.clock.wall()),
      add: (body) => this.#addPiece(body),
      finished: (pieces, bodies) => void this.#pieces.set(pieces, bodies),
    });
  }

  /** The tree of its records, and its signed checkpoints. */
  get tree(): TreeFollower {
    return this.#parts.tree;
  }

  /** Sessions that are open in the log. */
  get openSessions(): number {
    return this.#parts.work.sessions.length;
  }

  /** The keys that seal its bodies. */
  get keys(): KeysFolder {
    return this.#parts.keys;
  }

  /** Numbers, for metrics. */
  get stats(): EvidenceStats {
    const { times } = this.#commit;
    const { left, ahead } = this.#row;
    return {
      records: this.#commit.records,
      bytes: this.#commit.bytes,
      syncs: times.total,
      syncFailures: this.#commit.syncFailures,
      syncLatency: [...times.counts],
      syncSeconds: times.seconds,
      queued: this.#commit.queuedRecords,
      unsynced: this.#commit.written - this.#commit.durable,
      poisoned: this.#commit.broken !== undefined,
      free: this.#space?.free,
      total: this.#space?.total,
      room: Math.max(0, left + ahead - this.#parts.reserve),
      waits: this.#room.waits,
      checksPassed: this.#checks.passed,
      checksFailed: this.#checks.failed,
      next: this.#commit.next,
      durable: this.#commit.durable,
    };
  }

  /** Keeps what the disk had free when last looked at, for `stats`. */
  noteSpace(space: { readonly free: number; readonly total: number }): void {
    this.#space = space;
  }

  /** Prepares the next segment if there is none, and sees whether a key that could not be had can; to be asked again from time to time while the disk is full. */
  prepare(): Promise<void> {
    if (this.#keyless !== undefined) this.#askForKey(this.#keyless.connection);
    return this.#closed || this.#commit.broken !== undefined ? Promise.resolve() : this.#row.prepare();
  }

  /**
   * Tries to bring a poisoned log back: what was durable is read again, and the log goes on in a new segment, which repeats what
   * was not durable. Gives undefined when the log is well, else why not yet. It also tries by itself after 1 s, then more rarely.
   */
  recover(): Promise<string | undefined> {
    if (this.#closed || this.#commit.broken === undefined) return Promise.resolve(this.#commit.broken);
    this.#recovering ??= this.#tryToRecover().finally(() => {
      this.#recovering = undefined;
    });
    return this.#recovering;
  }

  /** Makes durable all that was appended, says farewell, and ends. A poisoned log ends as it is. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    await this.#recovering;
    // A run whose start could not be recorded has no stop either.
    if (this.#commit.broken === undefined && this.#commit.next > this.#parts.state.sequence) {
      this.#tellGaps();
      this.append(this.#parts.farewell);
    }
    this.#closed = true;
    clearTimeout(this.#retry);
    try {
      await this.#commit.drain();
      await this.#commit.close();
    } finally {
      await this.#parts.released();
    }
  }

  #refuse(record: EvidenceRecord, reason: string): Ticket {
    this.#gaps.missed(record);
    return failedTicket(reason);
  }

  #body({ part, connection, bytes }: Body, wall: number): PendingBody {
    if (!PART.test(part)) throw new Error('a part is named in small letters');
    return pendingBody(this.#key(connection, wall), part, bytes);
  }

  #key(connection: string, wall: number): SealingKey {
    try {
      return this.#parts.keys.forWriting(connection, dayOf(wall));
    } catch (error) {
      this.#keyless = { connection, reason: `the key that seals what is recorded cannot be had: ${describe(error)}; commands are refused until it can, which is tried by itself` };
      throw error;
    }
  }

  #askForKey(connection: string): void {
    this.#keyless = undefined;
    try {
      this.#key(connection, this.#parts.clock.wall());
    } catch {
      // Then it is set again.
    }
  }

  /** Pieces of what was sent and of the answer that went into the log before the outcome. */
  #earlier(record: EvidenceRecord): readonly PendingBody[] {
    if (record.kind !== 'outcome') return NO_PENDING;
    const answer = (record.answer && this.#pieces.get(record.answer.pieces)) ?? NO_PENDING;
    const data = record.data && this.#pieces.get(record.data.pieces);
    return data ? [...data, ...answer] : answer;
  }

  /** Whether so many bytes can be taken, leaving `kept`: with all that is queued into the current segment, or all into the next. */
  #fits(bytes: number, kept: number): boolean {
    const wanted = this.#commit.queuedBytes + bytes;
    const { left, ahead } = this.#row;
    return ahead === 0 ? wanted <= left - kept : wanted <= left || wanted <= ahead - kept;
  }

  /** Only a matter of time: much waits for the disk, or half of the segment is used up and the next is still being made. */
  get #behind(): boolean {
    const { left, ahead, failure, segmentBytes } = this.#row;
    const short = this.#commit.backlog > BACKLOG / 2 || (ahead === 0 && failure === undefined && left - this.#commit.queuedBytes < segmentBytes / 2);
    return short && !this.#closed && this.#commit.broken === undefined;
  }

  get #belowReserve(): string {
    const why = this.#row.failure ?? 'the next segment is not ready yet';
    return `the evidence log is down to its reserve (${why}): only closing records are written until it has room`;
  }

  #addPiece(body: PendingBody): boolean {
    const bodies = [body];
    const bound = bodiesBound(bodies);
    if (this.unavailable !== undefined || bound > this.#row.segmentBytes / 4 || !this.#fits(bound, this.#parts.reserve)) return false;
    this.#commit.enqueue({ record: undefined, text: '', wall: 0, monotonic: 0, bodies, refers: NO_PENDING, bound });
    return true;
  }

  #tellGaps(): void {
    for (const record of this.#gaps.take(this.#parts.work)) this.append(record);
  }

  #broke(missed: readonly EvidenceRecord[], doubtful: readonly EvidenceRecord[]): void {
    for (const record of missed) this.#gaps.missed(record);
    for (const record of doubtful) this.#gaps.doubtful(record);
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.recover(), this.#retryAfter);
    this.#retry.unref();
    this.#retryAfter = Math.min(this.#retryAfter * 2, LONGEST_RETRY_MS);
  }

  async #tryToRecover(): Promise<string | undefined> {
    const reason = await this.#commit.recover();
    if (reason !== undefined) {
      this.#retryLater();
      return reason;
    }
    clearTimeout(this.#retry);
    this.#tellGaps();
    await this.#commit.drain();
    // Broken again by what was just written: then #broke has set the next attempt.
    if (this.#commit.broken === undefined) this.#retryAfter = FIRST_RETRY_MS;
    return this.#commit.broken;
  }
}
