/** Upper bounds of the sync latency buckets, in seconds; one more counts what is above. */
export const SYNC_BUCKETS: readonly number[] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

/** Numbers of a log, for metrics. */
export interface EvidenceStats {
  /** Records and bytes written since the log was opened. */
  readonly records: number;
  readonly bytes: number;
  readonly syncs: number;
  readonly syncFailures: number;
  /** Syncs by latency: one count for each of SYNC_BUCKETS, and one above. Not cumulative. */
  readonly syncLatency: readonly number[];
  readonly syncSeconds: number;
  /** Records queued, and records written but not yet durable. */
  readonly queued: number;
  readonly unsynced: number;
  readonly poisoned: boolean;
  /** Bytes free on the disk when last looked at, and in all. */
  readonly free: number | undefined;
  readonly total: number | undefined;
  /** Bytes that ordinary records may still take before the reserve. */
  readonly room: number;
  /** How often commands had to wait for the disk since the log was opened. */
  readonly waits: number;
  /** Results of the log's checks of itself since it was opened. */
  readonly checksPassed: number;
  readonly checksFailed: number;
  /** Sequence of the next record; how many records are durable. */
  readonly next: number;
  readonly durable: number;
}

/** Counts syncs. */
export class SyncTimes {
  readonly counts: number[] = new Array<number>(SYNC_BUCKETS.length + 1).fill(0);
  seconds = 0;
  total = 0;

  add(seconds: number): void {
    this.total += 1;
    this.seconds += seconds;
    const bucket = SYNC_BUCKETS.findIndex((bound) => seconds <= bound);
    this.counts[bucket < 0 ? SYNC_BUCKETS.length : bucket] = (this.counts[bucket < 0 ? SYNC_BUCKETS.length : bucket] ?? 0) + 1;
  }
}
