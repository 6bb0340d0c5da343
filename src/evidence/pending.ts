import { bodiesBound, sealBodies, type PendingBody } from './bodies.ts';
import { FRAME_HEADER, FRAME_LEAF, MOST_LEAF, leafHash, sealFrame } from './format.ts';
import type { EvidenceRecord } from './log.ts';
import { recordText } from './record-text.ts';

/** A record in the queue, with bodies; or bodies alone (pieces of a long answer whose leaf comes later). */
export interface Pending {
  readonly record: EvidenceRecord | undefined;
  /** Canonical text of the record. */
  readonly text: string;
  readonly wall: number;
  readonly monotonic: number;
  /** Sealed with this record. */
  readonly bodies: readonly PendingBody[];
  /** What the leaf refers to: its own bodies, and pieces that went before. */
  readonly refers: readonly PendingBody[];
  /** Upper bound of the bytes it takes in the segment. */
  readonly bound: number;
}

const LEAF_FIXED = 260;
const REFERENCE = 240;

/** Upper bound of a leaf's bytes. */
export const leafBound = (text: string, refers: readonly PendingBody[], log: string): number =>
  LEAF_FIXED + 3 * log.length + Buffer.byteLength(text, 'utf8') + refers.length * REFERENCE;

/** Prepares a record. Throws NotCanonical for what a leaf may not hold, RangeError when it is too large. */
export const pendingRecord = (
  record: EvidenceRecord,
  bodies: readonly PendingBody[],
  earlier: readonly PendingBody[],
  log: string,
  time: { readonly wall: number; readonly monotonic: number },
): Pending => {
  const text = recordText(record);
  const refers = earlier.length === 0 ? bodies : [...bodies, ...earlier];
  const leaf = leafBound(text, refers, log);
  if (leaf > MOST_LEAF) throw new RangeError(`the record is larger than a leaf may be (${leaf} bytes of ${MOST_LEAF})`);
  return { record, text, wall: time.wall, monotonic: time.monotonic, bodies, refers, bound: FRAME_HEADER + 8 + leaf + bodiesBound(bodies) };
};

/** Where the log stands: what the next frame needs. */
export interface LogState {
  /** Sequence of the next leaf. */
  readonly sequence: number;
  /** Leaf hash of the last one. */
  readonly previous: string;
  /** Ordinal of the next body frame. */
  readonly ordinal: number;
}

/** Turns queued records into frames: first the sealed bodies, then the leaves, whose hashes it gives. Pure but for the places told to the bodies. */
export const assemble = (items: readonly Pending[], log: string, from: LogState, durable: number): { readonly bytes: Buffer; readonly state: LogState; readonly leaves: readonly string[] } => {
  const leaves: string[] = [];
  let bound = 0;
  const bodies: PendingBody[] = [];
  for (const item of items) {
    bound += item.bound;
    for (const body of item.bodies) bodies.push(body);
  }
  const target = Buffer.allocUnsafe(bound);
  const sealed = bodies.length === 0 ? { at: 0, ordinal: from.ordinal } : sealBodies(target, 0, bodies, log, from.ordinal, durable);
  const logMember = `"log":${JSON.stringify(log)},"mono":`;
  let { at } = sealed;
  let { sequence, previous } = from;
  for (const item of items) {
    if (item.record === undefined) continue;
    const text = `{${references(item.refers)}${logMember}${item.monotonic},"prev":"${previous}","record":${item.text},"seq":${sequence},"time":"${timestamp(item.wall)}","v":1}`;
    const length = target.write(text, at + FRAME_HEADER, 'utf8');
    const next = sealFrame(target, at, FRAME_LEAF, sequence, durable, length);
    previous = leafHash(target, at, length);
    leaves.push(previous);
    sequence += 1;
    at = next;
  }
  return { bytes: target.subarray(0, at), state: { sequence, previous, ordinal: sealed.ordinal }, leaves };
};

const references = (refers: readonly PendingBody[]): string => {
  if (refers.length === 0) return '';
  let text = '"bodies":[';
  for (let i = 0; i < refers.length; i += 1) {
    const { commitment, entry, frame, part, sealed } = refers[i] as PendingBody;
    // A piece that went down with a broken disk before its outcome could refer to it: said, not hidden.
    const place = frame < 0 ? `"lost":true,"part":"${part}"` : `"entry":${entry},"frame":${frame},"part":"${part}","sealed":"${sealed}"`;
    text += `${i > 0 ? ',' : ''}{"c":"${commitment}",${place}}`;
  }
  return `${text}],`;
};

let stampedAt = Number.NaN;
let stamp = '';

/** RFC 3339 in UTC with milliseconds. Records of one millisecond share the text. */
const timestamp = (wall: number): string => {
  if (wall !== stampedAt) {
    stamp = new Date(wall).toISOString();
    stampedAt = wall;
  }
  return stamp;
};
