import { syncFailed, TailMismatch, verifyDurablePart, writeFailed } from './revive.ts';
import type { Disk } from './disk.ts';
import type { EvidenceRecord } from './log.ts';
import { assemble, type LogState, type Pending } from './pending.ts';
import { ProcessorWait } from './processor-wait.ts';
import { RecordQueue, recordsOf, type Batch } from './queue.ts';
import { saveResume } from './resume.ts';
import { describe, type SegmentRow } from './segment-row.ts';
import { SyncTimes } from './stats.ts';
import { SyncPace, type SyncMode } from './sync-pace.ts';
import type { RecordTicket, TicketGroup } from './tickets.ts';
import type { OpenWork } from './work.ts';

/** Records that nobody waits for are durable after this long. */
const LAZY_MS = 100;

interface Unsynced {
  readonly group: TicketGroup;
  readonly items: readonly Pending[];
  readonly bytes: Buffer;
}

/** How far the log has come: what the next frame needs, and where that goes in the segment. */
interface Reached {
  readonly state: LogState;
  readonly position: number;
}

/** What follows the log leaf by leaf: its Merkle tree. */
export interface LeafFollower {
  /** Leaf hashes, in hex, of records that were written, in order. What was written is never taken back within a run. */
  written(leaves: readonly string[]): void;
  /** So many records of the log are durable. */
  durable(size: number): void;
}

export interface GroupCommitParts {
  readonly disk: Disk;
  readonly folder: string;
  readonly name: string;
  readonly row: SegmentRow;
  readonly state: LogState;
  readonly work: OpenWork;
  readonly tree: LeafFollower;
  readonly sync: SyncMode;
  /** Told when it breaks: records that are not in the log, and records that are (or will be) although their tickets failed. */
  readonly broke: (missed: readonly EvidenceRecord[], doubtful: readonly EvidenceRecord[]) => void;
}

/**
 * Writes and syncs. What is queued in one turn of the event loop goes out in one write; one sync at a time covers all that was
 * written before it began, and none begins before the turn's write. A failed write or sync breaks it: every ticket fails, and it
 * comes back only through `recover`, in a new segment; a sync is never tried twice on one descriptor, because the kernel forgets
 * what it could not write.
 */
export class GroupCommit {
  readonly #parts: GroupCommitParts;
  readonly #row: SegmentRow;
  readonly times = new SyncTimes();

  readonly #queue: RecordQueue;
  /** Where the log stands as far as written, and as far as durable. */
  #state: LogState;
  #durable: Reached;
  /** Written, not durable, not covered by the sync that runs. */
  #unsynced: Unsynced[] = [];
  #covered: readonly Unsynced[] = [];
  #unsyncedBytes = 0;
  /** A sync on another thread. */
  #syncing: Promise<void> | undefined;
  readonly #pace: SyncPace;
  readonly #processor = new ProcessorWait();
  #scheduled = false;
  #switching = false;
  #lazy: NodeJS.Timeout | undefined;
  /** `cause`: what broke it; `reason`: that, and what came of the last attempt to come back. */
  #broken: { readonly cause: string; readonly reason: string; readonly rebuild: boolean } | undefined;

  records = 0;
  bytes = 0;
  syncFailures = 0;

  constructor(parts: GroupCommitParts) {
    this.#parts = parts;
    this.#row = parts.row;
    this.#pace = new SyncPace(parts.sync);
    this.#state = parts.state;
    this.#queue = new RecordQueue(parts.state.sequence, parts.row.segmentBytes, this.#schedule);
    this.#durable = { state: parts.state, position: parts.row.position };
  }

  /** Why nothing can be written, until it could be repaired. */
  get broken(): string | undefined {
    return this.#broken?.reason;
  }

  /** Upper bound of the bytes queued. */
  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  get queuedRecords(): number {
    return this.#queue.records;
  }

  /** Sequence of the next record that is queued. */
  get next(): number {
    return this.#queue.next;
  }

  /** Bytes that wait for the disk in any way. */
  get backlog(): number {
    return this.#queue.bytes + this.#unsyncedBytes;
  }

  get written(): number {
    return this.#state.sequence;
  }

  get durable(): number {
    return this.#durable.state.sequence;
  }

  /** Queues what has been found to fit. Gives the ticket of a record. */
  enqueue(item: Pending): RecordTicket | undefined {
    this.#schedule();
    return this.#queue.add(item);
  }

  /** Writes and syncs all that is queued. Resolves when it is durable, or has failed. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      const last = this.#queue.last?.group ?? this.#unsynced.at(-1)?.group ?? this.#covered.at(-1)?.group;
      if (!last) {
        resolve();
        return;
      }
      last.wanted = true;
      last.whenDurable(() => resolve());
      this.#schedule();
    });
  }

  async close(): Promise<void> {
    try {
      await this.#finish();
    } finally {
      this.#processor.close();
    }
  }

  async #finish(): Promise<void> {
    clearTimeout(this.#lazy);
    await this.#syncing;
    // A full disk fails what is queued, and with it those who wait for the end; what was written before is still to be made durable.
    while (!this.#dead && (this.#syncing !== undefined || this.#unsynced.length > 0)) {
      if (this.#syncing === undefined) this.#sync();
      await this.#syncing;
    }
    clearTimeout(this.#lazy);
    try {
      await this.#row.close();
    } catch (error) {
      if (!this.#broken) throw error;
    }
  }

  /** Broken so that the current file can no longer be trusted. */
  get #dead(): boolean {
    return this.#broken?.rebuild === true;
  }

  // Writing.

  /** The end of this turn of the event loop: by then all is queued that this turn brings. */
  readonly #schedule = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  };

  readonly #turn = (): void => {
    this.#scheduled = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#broken || this.#switching) return;
    const written: TicketGroup[] = [];
    for (let batch = this.#queue.first; batch && !this.#broken; batch = this.#queue.first) {
      if (batch.bound > this.#row.left) {
        this.#switching = true;
        break;
      }
      if (this.#write(batch)) written.push(batch.group);
    }
    if (this.#dead) return;
    // On another thread a sync starts before the callbacks run, because it takes longer than they do. On this one it comes
    // behind them: what they send is dealt with elsewhere meanwhile.
    const blocks = this.#pace.blocks;
    if (!blocks) this.#syncIfDue();
    for (const group of written) if (group.state === 'queued') group.becomeWritten();
    if (blocks && !this.#dead) this.#syncIfDue();
  }

  #write(batch: Batch): boolean {
    const { name, work } = this.#parts;
    const { bytes, state, leaves } = assemble(batch.items, name, this.#state, this.#durable.state.sequence);
    let done = 0;
    try {
      while (done < bytes.length) {
        const took = this.#row.file.write(done === 0 ? bytes : bytes.subarray(done), this.#row.position + done);
        if (took <= 0) throw Object.assign(new Error('the disk took nothing'), { code: 'EIO' });
        done += took;
      }
    } catch (error) {
      for (const { bodies } of batch.items) for (const body of bodies) body.frame = -1;
      // A full disk that took nothing has lost nothing: the file is as it was.
      const { code } = error as NodeJS.ErrnoException;
      const rebuild = done > 0 || (code !== 'ENOSPC' && code !== 'EDQUOT');
      this.#break(writeFailed(describe(error), rebuild), rebuild);
      return false;
    }
    this.#queue.shift();
    this.#row.position += bytes.length;
    this.#state = state;
    this.#parts.tree.written(leaves);
    this.#unsynced.push({ group: batch.group, items: batch.items, bytes });
    this.#unsyncedBytes += bytes.length;
    this.bytes += bytes.length;
    for (const { record } of batch.items) {
      if (record === undefined) continue;
      work.apply(record);
      this.records += 1;
    }
    return true;
  }

  // Syncing.

  /** Syncs if somebody waits for it or the segment is full; otherwise it has a little time. */
  #syncIfDue(): void {
    if (this.#syncing || this.#dead) return;
    if (this.#switching || this.#unsynced.some(({ group }) => group.wanted)) this.#sync();
    else if (this.#unsynced.length > 0) this.#lazy ??= setTimeout(this.#syncLazily, LAZY_MS);
  }

  /** Not taken back by a sync that comes before it, which would cost each sync a timer: what has come since then is made durable a little early. */
  readonly #syncLazily = (): void => {
    this.#lazy = undefined;
    const last = this.#unsynced.at(-1);
    if (!last) return;
    // When a sync is under way, the next one follows it at once.
    last.group.wanted = true;
    this.#syncIfDue();
  };

  #sync(): void {
    if (this.#unsynced.length === 0) {
      if (this.#switching) this.#switch();
      return;
    }
    this.#covered = this.#unsynced;
    this.#unsynced = [];
    const reached = { state: this.#state, position: this.#row.position };
    if (this.#pace.blocks) this.#syncOnLoop(reached);
    else this.#syncing = this.#syncOnThread(reached);
  }

  #syncOnLoop(reached: Reached): void {
    const waited = this.#processor.milliseconds;
    const began = performance.now();
    let failure: Error | undefined;
    try {
      this.#row.file.syncData();
    } catch (error) {
      failure = error as Error;
    }
    const took = performance.now() - began;
    this.times.add(took / 1000);
    this.#pace.tookOnLoop(took - (this.#processor.milliseconds - waited));
    this.#synced(reached, failure);
  }

  #syncOnThread(reached: Reached): Promise<void> {
    const began = performance.now();
    return new Promise((resolve) => {
      this.#row.file.sync((error) => {
        const took = performance.now() - began;
        this.times.add(took / 1000);
        this.#pace.tookOnThread(took);
        this.#syncing = undefined;
        this.#synced(reached, error);
        resolve();
      });
    });
  }

  #synced(reached: Reached, error: Error | undefined): void {
    if (error) {
      this.syncFailures += 1;
      if (!this.#dead) this.#break(syncFailed(describe(error)), true);
      return;
    }
    // Broken by a later write: what this sync covered is repeated with the rest, which does no harm.
    if (this.#dead) return;
    this.#durable = reached;
    const covered = this.#covered;
    this.#covered = [];
    for (const { bytes } of covered) this.#unsyncedBytes -= bytes.length;
    const goOn = (): void => {
      if (this.#dead) return;
      if (this.#switching && this.#unsynced.length === 0) this.#switch();
      else this.#syncIfDue();
    };
    const { blocks } = this.#pace;
    if (!blocks) goOn();
    for (const { group } of covered) if (group.state === 'written') group.becomeDurable();
    // Behind those who wait: nobody waits for the tree.
    this.#parts.tree.durable(reached.state.sequence);
    if (blocks) goOn();
  }

  /** The current segment is durable to its end: on to the next one. */
  #switch(): void {
    this.#switching = false;
    const { disk, folder, name, work } = this.#parts;
    try {
      if (!this.#row.advance()) {
        this.#break(writeFailed('there is no further segment', false), false);
        return;
      }
    } catch (error) {
      this.#break(writeFailed(describe(error), true), true);
      return;
    }
    this.#durable = { state: this.#state, position: this.#row.position };
    try {
      saveResume(disk, `${folder}/resume`, name, { segment: this.#row.number, state: this.#state, work });
    } catch {
      // It only spares reading at the next start.
    }
    void this.#row.prepare();
    this.#flush();
  }

  // Breaking and coming back.

  #break(reason: string, rebuild: boolean): void {
    this.#broken = { cause: reason, reason, rebuild };
    this.#switching = false;
    if (rebuild) {
      clearTimeout(this.#lazy);
      this.#lazy = undefined;
    }
    const queued = this.#queue.abandon(this.#state.sequence);
    const unsynced = rebuild ? [...this.#covered, ...this.#unsynced] : [];
    this.#parts.broke(queued.flatMap(recordsOf), unsynced.flatMap(recordsOf));
    for (const { group } of unsynced) group.fail(reason);
    for (const { group } of queued) group.fail(reason);
  }

  /** Tries to come back. Gives undefined when it has, else why not. */
  async recover(): Promise<string | undefined> {
    const broken = this.#broken;
    if (!broken) return undefined;
    if (!broken.rebuild) {
      // The next write tells whether there is room again; nothing on disk is in doubt.
      await this.#row.prepare();
      // A sync that ran meanwhile failed: what was written is in doubt by now.
      if (this.#broken !== broken) return this.#broken?.reason;
      this.#broken = undefined;
      if (!this.#syncing && this.#unsynced.length > 0) this.#sync();
      return undefined;
    }
    await this.#syncing;
    try {
      await verifyDurablePart(() => this.#row.reopen(), this.#durable.position, this.#durable.state);
      const tail = Buffer.concat([...this.#covered, ...this.#unsynced].map(({ bytes }) => bytes));
      await this.#row.supersede(this.#durable.position, tail);
    } catch (error) {
      const reason = error instanceof TailMismatch ? error.message : `${broken.cause}; coming back failed: ${describe(error)}`;
      this.#broken = { ...broken, reason };
      return reason;
    }
    this.#covered = [];
    this.#unsynced = [];
    this.#unsyncedBytes = 0;
    this.#durable = { state: this.#state, position: this.#row.position };
    this.#parts.tree.durable(this.#state.sequence);
    this.#broken = undefined;
    void this.#row.prepare();
    return undefined;
  }
}
