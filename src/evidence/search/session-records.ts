import { FrameCursor } from '../cursor.ts';
import { FRAME_BODY, segmentName } from '../format.ts';
import type { RecordedStream } from '../log.ts';
import { nodeDisk } from '../node-disk.ts';
import { supersededAt, type Leaf } from '../read.ts';
import { listSegments } from '../segments.ts';
import type { RecordedBody } from '../sessions.ts';
import { nothingKnown, openedBy, readLeaf, recordedCommand, textsOf, IndexDiffers, type HitParts, type RecordedCommand } from './hits.ts';
import { commandNumbered, commandsOfSession, endOfSession, type ListedDeed } from './lists.ts';
import { openOrAltered, recordedBodies, type OpenedFrames } from './opened-bodies.ts';

/** Part of a session, found through the index and read from the log. */
export interface SessionPart {
  /** Present on the first part. */
  readonly opened?: { readonly leaf: Leaf };
  readonly commands: readonly RecordedCommand[];
  /** Present on the last part, when the session is over. */
  readonly closed?: { readonly leaf: Leaf };
  /** Number of the last command of this part; undefined on the last part. */
  readonly next?: number;
}

/** Commands of a session behind a number, in order; undefined when the log has no such session. */
export const sessionPart = (parts: HitParts, session: string, after: number, limit: number): SessionPart | undefined => {
  const place = parts.index.sql('SELECT segment, position FROM session WHERE text = ?').get(session) as { segment: number; position: number } | undefined;
  if (!place) return undefined;
  const { numbered, last, unnumbered } = commandsOfSession(parts.index, session, after, limit);
  const together: HitParts = { ...parts, known: nothingKnown() };
  const commands = [...numbered, ...unnumbered].map((sequence) => recordedCommand(together, sequence));
  const opened = after < 0 ? openingOf(parts, session, place) : undefined;
  if (numbered.length === limit) return { ...(opened ? { opened } : {}), commands, next: last };
  const end = endOfSession(parts.index, session);
  const leaf = end && readLeaf(parts.disk ?? nodeDisk, parts.folder, end.segment, end.position);
  if (end && !(leaf && 'session' in leaf.record && leaf.record.session === session)) throw new IndexDiffers('the index is not what the log says of the end of a session');
  return { ...(opened ? { opened } : {}), commands, ...(leaf ? { closed: { leaf } } : {}) };
};

const openingOf = (parts: HitParts, session: string, { segment, position }: { readonly segment: number; readonly position: number }): { readonly leaf: Leaf } => {
  const disk = parts.disk ?? nodeDisk;
  // Says so when something else stands there.
  openedBy(parts.index, disk, parts.folder, session, (what) => new IndexDiffers(`the index is not what the log says of session ${session} (${what})`));
  return { leaf: readLeaf(disk, parts.folder, segment, position) as Leaf };
};

/** One record that tells of people, with its sealed detail. */
export const deedOf = ({ folder, log, opener, disk = nodeDisk }: HitParts, row: ListedDeed): { readonly leaf: Leaf; readonly texts: readonly RecordedBody[] } => {
  const leaf = readLeaf(disk, folder, row.segment, row.position);
  if (leaf?.seq !== row.seq || leaf.log !== log) throw new IndexDiffers(`the index is not what the log says of record ${row.seq}`);
  return { leaf, texts: textsOf({ folder, log, opener, disk }, leaf, row) };
};

/** How far behind a command its answer is looked for: other sessions write between its pieces. */
const MOST_BETWEEN = 1024 * 1024 * 1024;

/** The recorded answer of a command, or the data behind it: its pieces in order, with why one is not there; undefined when the session has no such command. */
export const answerOf = (parts: HitParts, session: string, number: number, mostBytes: number, stream: RecordedStream = 'answer'): { readonly command: RecordedCommand; readonly pieces: readonly RecordedBody[] } | undefined => {
  const sequence = commandNumbered(parts.index, session, number);
  if (sequence === undefined) return undefined;
  const command = recordedCommand(parts, sequence);
  return { command, pieces: piecesOf(parts, command, mostBytes, stream) };
};

/** The same of a command that was read already. */
export const piecesOf = ({ folder, log, opener, disk = nodeDisk }: HitParts, { row, ending }: RecordedCommand, mostBytes: number, stream: RecordedStream = 'answer'): RecordedBody[] => {
  const wanted = (ending?.leaf.bodies ?? []).filter(({ part }) => part === stream);
  if (wanted.length === 0) return [];
  const frames = new Set(wanted.flatMap(({ frame }) => (frame === undefined ? [] : [frame])));
  const opened: OpenedFrames = new Map();
  let room = mostBytes;
  let way = MOST_BETWEEN;
  const segments = opener ? listSegments(disk, folder).filter((segment) => segment >= row.segment && segment <= (row.outcome_segment ?? -1)) : [];
  for (const [i, segment] of segments.entries()) {
    const file = disk.open(`${folder}/${segmentName(segment)}`, 'read');
    try {
      const from = segment === row.segment ? row.position : 0;
      const end = segment === row.outcome_segment ? (row.outcome_position ?? 0) : supersededAt(disk, folder, segments[i + 1]);
      const cursor = new FrameCursor(file, from, end);
      for (let frame = cursor.next(); frame && opened.size < frames.size && way > 0 && room > 0; frame = cursor.next()) {
        way -= frame.payload.length;
        if (frame.type !== FRAME_BODY || !frames.has(frame.number)) continue;
        opened.set(frame.number, opener && openOrAltered(opener, log, frame.number, frame.payload));
        room -= frame.payload.length;
      }
    } finally {
      file.close();
    }
  }
  return recordedBodies(wanted, opened, opener);
};
