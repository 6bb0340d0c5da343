import type { EvidenceStore } from '../src/main.ts';

/** A log that keeps nothing and calls everything durable: to measure the rest of the gateway. No configuration leads here. */
export const nullLog = (): EvidenceStore => {
  let sequence = 0;
  return {
    unavailable: undefined,
    room: undefined,
    append: () => ({ sequence: sequence++, state: 'durable', whenWritten: (then) => then(), whenDurable: (then) => then() }),
    openRecording: () => ({ write: () => {}, keeps: false, finish: () => ({ bytes: 0, recorded: 0, truncated: false, digest: '', pieces: [] }) }),
    stats: { records: 0, bytes: 0, syncs: 0, syncFailures: 0, syncLatency: [], syncSeconds: 0, queued: 0, unsynced: 0, poisoned: false, free: undefined, total: undefined, room: 0, waits: 0, checksPassed: 0, checksFailed: 0, next: 0, durable: 0 },
    name: 'null',
    get keys(): never {
      throw new Error('a log that keeps nothing has no keys');
    },
    close: () => Promise.resolve(),
  };
};
