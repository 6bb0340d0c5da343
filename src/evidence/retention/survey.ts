import { readLog, parseLeaf, logName } from '../read.ts';
import type { Disk } from '../disk.ts';
import { nodeDisk } from '../node-disk.ts';
import { Holds, type Hold, type SessionSpan } from './holds.ts';

/** What one data key sealed, as the log has it. */
export interface KeyUse {
  readonly id: string;
  /** Bodies that records refer to, and the sealed frames that they share. */
  readonly bodies: number;
  readonly frames: number;
  /** Bytes of the sealed frames. */
  readonly bytes: number;
  /** No record before this sequence number refers to its last body: whoever has taken the records up to it has taken all of them. */
  readonly until: number;
}

/** What retention needs to know of a log, from reading it once from end to end. */
export interface Survey {
  readonly log: string;
  /** Records that were read. */
  readonly size: number;
  readonly keys: readonly KeyUse[];
  readonly holds: readonly Hold[];
  /** Keys that a purge record names, with the sequence of the first that does. */
  readonly purged: ReadonlyMap<string, number>;
  /** Of the sessions that a hold names and the log has. */
  readonly spans: ReadonlyMap<string, SessionSpan>;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const RETENTION_KINDS = [Buffer.from('"kind":"hold"'), Buffer.from('"kind":"purge"')];
const REFERS = Buffer.from('{"bodies":[');
const FIRST_ROOM = 4096;

/** Reads the whole log; 4 bytes of memory for each sealed frame. Rejects with EvidenceDamaged when records are missing. */
export const survey = async (folder: string, disk: Disk = nodeDisk): Promise<Survey> => {
  const log = logName(folder, disk);
  const keys: Mutable<KeyUse>[] = [];
  const known = new Map<string, number>();
  const holds = new Holds();
  const purged = new Map<string, number>();
  /** Index of the key of each sealed frame, plus one. */
  let keyOf = new Uint32Array(FIRST_ROOM);
  let size = 0;
  for await (const item of readLog(folder, { disk })) {
    if (item.type === 'body') {
      const id = keyIdOf(item.bytes);
      let index = known.get(id);
      if (index === undefined) {
        index = keys.length;
        known.set(id, index);
        keys.push({ id, bodies: 0, frames: 0, bytes: 0, until: 0 });
      }
      const key = keys[index] as Mutable<KeyUse>;
      key.frames += 1;
      key.bytes += item.bytes.length;
      key.until = size;
      if (item.ordinal >= keyOf.length) {
        const larger = new Uint32Array(Math.max(item.ordinal + 1, keyOf.length * 2));
        larger.set(keyOf);
        keyOf = larger;
      }
      keyOf[item.ordinal] = index + 1;
      continue;
    }
    size = item.sequence + 1;
    const told = RETENTION_KINDS.some((kind) => item.bytes.includes(kind));
    if (!told && !item.bytes.subarray(0, REFERS.length).equals(REFERS)) continue;
    const leaf = parseLeaf(item);
    holds.apply(leaf.record, leaf.time);
    if (leaf.record.kind === 'purge') for (const id of leaf.record.keys) if (!purged.has(id)) purged.set(id, leaf.seq);
    for (const { frame } of leaf.bodies ?? []) {
      const key = frame === undefined ? undefined : keys[(keyOf[frame] ?? 0) - 1];
      if (!key) continue;
      key.bodies += 1;
      key.until = size;
    }
  }
  const named = new Set(holds.list.flatMap(({ sessions }) => sessions ?? []));
  return { log, size, keys, holds: holds.list, purged, spans: named.size === 0 ? new Map() : await spansOf(folder, named, disk) };
};

/** Where the sessions have bodies. One that has no end yet goes on: its last day is open. */
export const spansOf = async (folder: string, sessions: ReadonlySet<string>, disk: Disk = nodeDisk): Promise<ReadonlyMap<string, SessionSpan>> => {
  const spans = new Map<string, Mutable<SessionSpan>>();
  const open = new Set<string>();
  const needles = [...sessions].map((session) => Buffer.from(JSON.stringify(session), 'utf8'));
  for await (const item of readLog(folder, { disk })) {
    if (item.type !== 'leaf' || !needles.some((needle) => item.bytes.includes(needle))) continue;
    const { record, time } = parseLeaf(item);
    if (record.kind === 'hold' || !('session' in record) || record.session === undefined || !sessions.has(record.session)) continue;
    const day = time.slice(0, 10);
    if (record.kind === 'session_open') {
      spans.set(record.session, { connection: record.connection, from: day, to: day });
      open.add(record.session);
    }
    const span = spans.get(record.session);
    if (span) {
      // The wall clock may have been set back in between.
      if (day < span.from) span.from = day;
      if (day > span.to) span.to = day;
    }
    if (record.kind === 'session_close' || (record.kind === 'recovery' && record.what === 'session_lost')) open.delete(record.session);
  }
  for (const session of open) (spans.get(session) as Mutable<SessionSpan>).to = '9999-12-31';
  return spans;
};

/** The id of the key that sealed a frame; it stands before the ciphertext. */
export const keyIdOf = (sealed: Buffer): string => sealed.toString('utf8', 3, 3 + sealed.readUInt16BE(1));
