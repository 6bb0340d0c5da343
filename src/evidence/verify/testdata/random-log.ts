import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { checkpointOf, makeKey, makeLog, storeCheckpoints, storeTiles, type MadeLog, type MadeRecord, type NoteKey } from './made-log.ts';

export const LOG = 'prod/gw-1/00c0ffee';
export const START = Date.UTC(2026, 10, 3, 9);

/** What a log is grown from: few numbers, so that a failure shrinks well. */
export interface Seed {
  readonly sessions: readonly { readonly commands: number; readonly refused: number; readonly bodies: number }[];
  readonly perSegment: number;
  /** After which records, roughly, a checkpoint was signed. */
  readonly every: number;
}

export const anySeed: fc.Arbitrary<Seed> = fc.record({
  sessions: fc.array(fc.record({ commands: fc.nat(6), refused: fc.nat(1), bodies: fc.nat(2) }), { minLength: 2, maxLength: 8 }),
  perSegment: fc.integer({ min: 5, max: 60 }),
  every: fc.integer({ min: 3, max: 20 }),
});

/** Sessions side by side, heartbeats between them, a stop at the end. */
export const recordsOf = ({ sessions }: Seed, key: NoteKey): MadeRecord[] => {
  const records: MadeRecord[] = [];
  let elapsed = 0;
  const put = (record: MadeRecord['record'], bodies: readonly Buffer[] = []): void => {
    elapsed += 7;
    records.push({ record, wall: START + elapsed, mono: elapsed * 1000, bodies });
  };
  put({ kind: 'instance', event: 'start', instance: 'gw-1', build: 'b', config: 'c', roster: [LOG] });
  put({ kind: 'key_event', event: 'first', vkey: key.vkey });
  for (const [i] of sessions.entries()) put({ kind: 'session_open', session: `session-${i}`, connection: 'billing' });
  const most = Math.max(...sessions.map(({ commands }) => commands));
  for (let command = 1; command <= most; command += 1) {
    for (const [i, { commands, bodies }] of sessions.entries()) {
      if (command > commands) continue;
      put({ kind: 'intent', session: `session-${i}`, command, connection: 'billing', verb: 'select', masks: [] }, Array.from({ length: bodies }, (_, b) => createHash('sha256').update(`${i} ${command} ${b}`).digest()));
      put({ kind: 'outcome', session: `session-${i}`, command, outcome: { status: 'ok', rowsReturned: command } });
    }
    if (command % 2 === 0) put({ kind: 'heartbeat', sessions: sessions.length });
  }
  for (const [i, { commands, refused }] of sessions.entries()) {
    if (refused > 0) put({ kind: 'refusal', session: `session-${i}`, command: commands + 1, code: 'denied' });
    put({ kind: 'session_close', session: `session-${i}`, reason: 'client', commands: commands + refused, refused, housekeeping: {} });
  }
  put({ kind: 'instance', event: 'stop', instance: 'gw-1', build: 'b', config: 'c' });
  return records;
};

export interface SignedLog extends MadeLog {
  readonly records: readonly MadeRecord[];
  readonly key: NoteKey;
  /** Sizes that were signed, the last of them the whole. */
  readonly signed: readonly number[];
}

/** Writes a log with checkpoints and tiles as an honest gateway leaves it. */
export const signedLog = (folder: string, seed: Seed, key: NoteKey = makeKey(LOG)): SignedLog => {
  const records = recordsOf(seed, key);
  const log = makeLog(folder, LOG, records, seed.perSegment);
  const signed: number[] = [];
  for (let size = seed.every; size < records.length; size += seed.every) signed.push(size);
  signed.push(records.length);
  storeCheckpoints(folder, signed.map((size) => ({ note: checkpointOf(log, size, key), wall: START + size * 7 })));
  storeTiles(folder, log);
  return { ...log, records, key, signed };
};
