import { syncFailed, TailMismatch, verifyDurablePart } from './revive.ts';
import type { Disk } from './disk.ts';
import type { EvidenceRecord } from './log.ts';
import { assemble, type LogState, type Pending } from './pending.ts';
import { saveResume } from './resume.ts';
import { describe, type SegmentRow } from './segment-row.ts';
import { SyncTimes } from './stats.ts';
import { RecordTicket, TicketGroup } from './tickets.ts';
import type { OpenWork } from './work.ts';

/** Records that nobody waits for are durable after this long. */
const LAZY_MS = 100;
/** Most bytes of one write, unless one record is larger. */
const BATCH = 1024 * 1024;

interface Batch {
  readonly group: TicketGroup;
  readonly items: Pending[];
  bound: number;
}

interface Unsynced {
  readonly group: TicketGroup;
  readonly items: readonly Pending[];
  readonly bytes: Buffer;
}

export interface GroupCommitParts {
  readonly disk: Disk;
  readonly folder: string;
  readonly name: string;
  readonly row: SegmentRow;
  readonly state: LogState;
  readonly work: OpenWork;
  /** Told when it breaks: records that are not in the log, and records that are (or will be) although their tickets failed. */
  readonly broke: (missed: readonly EvidenceRecord[], doubtful: readonly EvidenceRecord[]) => void;
}

/**
 * Writes and syncs. What is queued in one turn of the event loop goes out in one write; one sync at a time covers all that was
 * written before it began. A failed write or sync breaks it: every ticket fails, and it comes back only through `recover`, in a
 * new segment; a sync is never tried twice on one descriptor, because the kernel forgets what it could not write.
 */
export class GroupCommit {
  readonly #parts: GroupCommitParts;
  readonly #row: SegmentRow;
  readonly times = new SyncTimes();

  #batches: Batch[] = [];
  #queuedBytes = 0;
  queuedRecords = 0;
  /** Sequence of the next record that is queued. */
  next: number;
  /** Where the log stands as far as written, and as far as durable. */
  #state: LogState;
  #durable: { readonly state: LogState; readonly position: number };
  /** Written, not durable, not covered by the sync that runs. */
  #unsynced: Unsynced[] = [];
  #covered: readonly Unsynced[] = [];
  #unsyncedBytes = 0;
  #syncing: Promise<void> | undefined;
  #scheduled = false;
  #switching = false;
  #lazy: NodeJS.Timeout | undefined;
  #broken: { readonly reason: string; readonly rebuild: boolean } | undefined;

  records = 0;
  bytes = 0;
  syncFailures = 0;

  constructor(parts: GroupCommitParts) {
    this.#parts = parts;
    this.#row = parts.row;
    this.#state = parts.state;
    this.next = parts.state.sequence;
    this.#durable = { state: parts.state, position: parts.row.position };
  }

  /** Why nothing can be written, until it could be repaired. */
  get broken(): string | undefined {
    return this.#broken?.reason;
  }

  /** Upper bound of the bytes queued. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Bytes that wait for the disk in any way. */
  get backlog(): number {
    return this.#queuedBytes + this.#unsyncedBytes;
  }

  get written(): number {
    return this.#state.sequence;
  }

  get durable(): number {
    return this.#durable.state.sequence;
  }

  /** Queues what has been found to fit. Gives the ticket of a record. */
  enqueue(item: Pending): RecordTicket | undefined {
    let batch = this.#batches.at(-1);
    // Batches stay small against a segment, because one that does not fit into the rest of it goes to the next as a whole.
    if (!batch || batch.bound + item.bound > Math.min(BATCH, this.#row.segmentBytes / 16)) {
      batch = { group: new TicketGroup(), items: [], bound: 0 };
      this.#batches.push(batch);
    }
    batch.items.push(item);
    batch.bound += item.bound;
    this.#queuedBytes += item.bound;
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#turn);
    }
    if (item.record === undefined) return undefined;
    this.queuedRecords += 1;
    const ticket = new RecordTicket(this.next, batch.group, this.#wantSync);
    this.next += 1;
    return ticket;
  }

  /** Writes and syncs all that is queued. Resolves when it is durable, or has failed. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      const last = this.#batches.at(-1)?.group ?? this.#unsynced.at(-1)?.group ?? this.#covered.at(-1)?.group;
      if (!last) {
        resolve();
        return;
      }
      last.wanted = true;
      last.whenDurable(() => resolve());
      this.#wantSync();
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#lazy);
    await this.#syncing;
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

  readonly #turn = (): void => {
    this.#scheduled = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#broken || this.#switching) return;
    const written: TicketGroup[] = [];
    while (!this.#broken && this.#batches.length > 0) {
      const batch = this.#batches[0] as Batch;
      if (batch.bound > this.#row.left) {
        this.#switching = true;
        break;
      }
      if (this.#write(batch)) written.push(batch.group);
    }
    // The sync starts before the callbacks run: it takes longer than they do.
    if (this.#dead) return;
    if (this.#switching || this.#unsynced.some(({ group }) => group.wanted)) this.#wantSync();
    else if (this.#unsynced.length > 0) this.#lazy ??= setTimeout(this.#syncLazily, LAZY_MS);
    for (const group of written) if (group.state === 'queued') group.becomeWritten();
  }

  #write(batch: Batch): boolean {
    const { name, work } = this.#parts;
    const { bytes, state } = assemble(batch.items, name, this.#state, this.#durable.state.sequence);
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
      this.#break(`evidence could not be written: ${describe(error)}`, done > 0 || (code !== 'ENOSPC' && code !== 'EDQUOT'));
      return false;
    }
    this.#batches.shift();
    this.#queuedBytes -= batch.bound;
    this.#row.position += bytes.length;
    this.#state = state;
    this.#unsynced.push({ group: batch.group, items: batch.items, bytes });
    this.#unsyncedBytes += bytes.length;
    this.bytes += bytes.length;
    for (const { record } of batch.items) {
      if (record === undefined) continue;
      work.apply(record);
      this.records += 1;
      this.queuedRecords -= 1;
    }
    return true;
  }

  // Syncing.

  readonly #syncLazily = (): void => {
    this.#lazy = undefined;
    this.#wantSync();
  };

  readonly #wantSync = (): void => {
    if (this.#syncing || this.#dead) return;
    if (this.#unsynced.length === 0) {
      if (this.#switching) this.#switch();
      return;
    }
    clearTimeout(this.#lazy);
    this.#lazy = undefined;
    this.#covered = this.#unsynced;
    this.#unsynced = [];
    const reached = { state: this.#state, position: this.#row.position };
    const began = performance.now();
    this.#syncing = new Promise((resolve) => {
      this.#row.file.sync((error) => {
        this.times.add((performance.now() - began) / 1000);
        this.#syncing = undefined;
        this.#synced(reached, error);
        resolve();
      });
    });
  };

  #synced(reached: { readonly state: LogState; readonly position: number }, error: Error | undefined): void {
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
    if (this.#switching && this.#unsynced.length === 0) this.#switch();
    else if (this.#switching || this.#unsynced.some(({ group }) => group.wanted)) this.#wantSync();
    else if (this.#unsynced.length > 0) this.#lazy ??= setTimeout(this.#syncLazily, LAZY_MS);
    for (const { group } of covered) if (group.state === 'written') group.becomeDurable();
  }

  /** The current segment is durable to its end: on to the next one. */
  #switch(): void {
    this.#switching = false;
    const { disk, folder, name, work } = this.#parts;
    try {
      if (!this.#row.advance()) {
        this.#break('evidence could not be written: there is no further segment', false);
        return;
      }
    } catch (error) {
      this.#break(`evidence could not be written: ${describe(error)}`, true);
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
    this.#broken = { reason, rebuild };
    this.#switching = false;
    if (rebuild) {
      clearTimeout(this.#lazy);
      this.#lazy = undefined;
    }
    const queued = this.#batches;
    this.#batches = [];
    this.#queuedBytes = 0;
    this.queuedRecords = 0;
    this.next = this.#state.sequence;
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
      this.#broken = undefined;
      if (this.#unsynced.length > 0) this.#wantSync();
      return undefined;
    }
    await this.#syncing;
    try {
      await verifyDurablePart(() => this.#row.reopen(), this.#durable.position, this.#durable.state);
      const tail = Buffer.concat([...this.#covered, ...this.#unsynced].map(({ bytes }) => bytes));
      await this.#row.supersede(this.#durable.position, tail);
    } catch (error) {
      const reason = error instanceof TailMismatch ? error.message : `${broken.reason}; coming back failed: ${describe(error)}`;
      this.#broken = { reason, rebuild: true };
      return reason;
    }
    this.#covered = [];
    this.#unsynced = [];
    this.#unsyncedBytes = 0;
    this.#durable = { state: this.#state, position: this.#row.position };
    this.#broken = undefined;
    void this.#row.prepare();
    return undefined;
  }
}

const recordsOf = ({ items }: { readonly items: readonly Pending[] }): EvidenceRecord[] => items.flatMap(({ record }) => record ?? []);
