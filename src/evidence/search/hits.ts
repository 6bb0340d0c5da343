import { FrameCursor } from '../cursor.ts';
import type { Disk } from '../disk.ts';
import { FRAME_BODY, FRAME_LEAF, segmentName } from '../format.ts';
import { isStream } from '../log.ts';
import { nodeDisk } from '../node-disk.ts';
import type { Leaf } from '../read.ts';
import type { RecordedBody } from '../sessions.ts';
import type { BodyOpener } from '../unseal.ts';
import { decisionMatches, nameMatches, objectMatches, rowsMatch, type SearchFilters } from './filters.ts';
import type { IndexFile } from './index-file.ts';
import { openOrAltered, recordedBodies, type OpenedFrames } from './opened-bodies.ts';
import { rowsOf, wordsOf } from './rows.ts';
import { folded } from './texts.ts';

/** One command that was found, as the log has it: nothing in here comes from the index. */
export interface Hit {
  readonly log: string;
  readonly sequence: number;
  readonly time: string;
  readonly session: string | undefined;
  readonly command: number | undefined;
  readonly identity: string | undefined;
  readonly connection: string | undefined;
  /** What it is, then what its effects are. */
  readonly verbs: readonly string[];
  readonly decision: string;
  readonly objects: readonly string[];
  /** `open` while it has no outcome, `refused`, else how it ended. */
  readonly status: string;
  readonly rows: number | null;
  /** Statement and parameters; without keys, or when they are gone, why not. Answers are left out. */
  readonly texts: readonly RecordedBody[];
}

/** What the index says is not what the log says: somebody changed one of the two. */
export class IndexDiffers extends Error {}

export interface Row {
  readonly identity: number | null;
  readonly session: string | null;
  readonly segment: number;
  readonly position: number;
  readonly bodies: number | null;
  readonly outcome: number | null;
  readonly outcome_segment: number | null;
  readonly outcome_position: number | null;
  readonly rows: number | null;
}

export interface HitParts {
  readonly index: IndexFile;
  readonly folder: string;
  readonly log: string;
  readonly opener: BodyOpener | undefined;
  readonly disk?: Disk;
  /** What was read for other commands of the same answer. */
  readonly known?: Known;
}

/** Neighbours lie in one frame, and a session has many commands. */
export interface Known {
  readonly frames: OpenedFrames;
  readonly openings: Map<string, Opened>;
}

export const nothingKnown = (): Known => ({ frames: new Map(), openings: new Map() });

/** Frames that are kept open at once. */
const MOST_OPENED = 8;
/** Bytes of a write that are read at once: bodies come first in it, and what follows them is not needed. */
const READ_AT_ONCE = 16 * 1024;

type Judged = Extract<Leaf['record'], { kind: 'intent' | 'refusal' }>;
type Ended = Extract<Leaf['record'], { kind: 'outcome' | 'recovery' }>;

/** A command as the log has it: its own record, the one of its end, and who opened its session. */
export interface RecordedCommand {
  readonly row: Row;
  readonly leaf: Leaf;
  readonly record: Judged;
  /** Undefined while it has no outcome. */
  readonly ending: { readonly leaf: Leaf; readonly record: Ended } | undefined;
  readonly opened: Opened | undefined;
  /** Statement and parameters; answers are left out. */
  readonly texts: readonly RecordedBody[];
}

const differing = (sequence: number) => (what: string): IndexDiffers => new IndexDiffers(`the index is not what the log says of record ${sequence} (${what}): the index was changed, or the log was. Verify the log, and search again with --rebuild`);

/** Reads a command from the log where the index says that it is. Throws IndexDiffers when something else is there. */
export const recordedCommand = ({ index, folder, log, opener, disk = nodeDisk, known }: HitParts, sequence: number): RecordedCommand => {
  const row = index
    .sql('SELECT command.*, session.text AS session, session.identity AS identity FROM command LEFT JOIN session ON session.id = command.session WHERE seq = ?')
    .get(sequence) as unknown as Row;
  const differs = differing(sequence);
  const leafAt = (number: number, segment: number, position: number): Leaf => {
    const leaf = readLeaf(disk, folder, segment, position);
    if (leaf?.seq !== number || leaf.log !== log) throw differs('its place');
    return leaf;
  };
  const leaf = leafAt(sequence, row.segment, row.position);
  const { record } = leaf;
  if (record.kind !== 'intent' && record.kind !== 'refusal') throw differs('its kind');
  const last = row.outcome === null ? undefined : leafAt(row.outcome, row.outcome_segment ?? -1, row.outcome_position ?? -1);
  const ending = last?.record;
  if (ending && !(ending.kind === 'outcome' || ending.kind === 'recovery')) throw differs('its outcome');
  if (ending && (ending.session !== record.session || ending.command !== record.command)) throw differs('its outcome');
  const opened = record.session === undefined ? undefined : (known?.openings.get(record.session) ?? openedBy(index, disk, folder, record.session, differs));
  if (opened) known?.openings.set(opened.session, opened);
  return { row, leaf, record, ending: last && ending ? { leaf: last, record: ending } : undefined, opened, texts: textsOf({ folder, log, opener, disk, ...(known && { known: known.frames }) }, leaf, row) };
};

/** Reads a found command from the log, and holds it against what was asked. Throws IndexDiffers when the index led to something else. */
export const hitOf = (parts: HitParts, sequence: number, filters: SearchFilters): Hit => {
  const { row, leaf, record, ending: found, opened, texts } = recordedCommand(parts, sequence);
  const ending = found?.record;
  const identity = opened?.principal.identity ?? (record.kind === 'refusal' ? record.identity : undefined);
  const { verbs, decision, objects } = wordsOf(record);
  const rows = ending ? rowsOf(ending) : null;
  const time = Date.parse(leaf.time);
  const holds =
    (filters.identity === undefined || (identity !== undefined && nameMatches(filters.identity, identity))) &&
    (filters.connection === undefined || (record.connection !== undefined && nameMatches(filters.connection, record.connection))) &&
    (filters.verb === undefined || verbs.some((verb) => nameMatches(filters.verb as string, verb))) &&
    (filters.decision === undefined || decisionMatches(filters.decision, decision)) &&
    (filters.object === undefined || objects.some((object) => objectMatches(filters.object as string, object))) &&
    (filters.rows === undefined || rowsMatch(filters.rows, rows)) &&
    (filters.since === undefined || time >= filters.since) &&
    (filters.until === undefined || time < filters.until) &&
    (filters.text === undefined || folded(texts.flatMap((text) => ('bytes' in text ? [text.bytes.toString('utf8')] : [])).join('\n')).includes(folded(filters.text)));
  if (!holds || rows !== row.rows) throw differing(sequence)('what it did');
  return {
    log: parts.log,
    sequence,
    time: leaf.time,
    session: record.session,
    command: record.command,
    identity,
    connection: record.connection,
    verbs,
    decision,
    objects,
    status: record.kind === 'refusal' ? 'refused' : !ending ? 'open' : ending.kind === 'outcome' ? ending.outcome.status : ending.what,
    rows,
    texts,
  };
};

/** The leaf at a place; undefined when none is there. */
export const readLeaf = (disk: Disk, folder: string, segment: number, position: number): Leaf | undefined => {
  const path = `${folder}/${segmentName(segment)}`;
  if (!Number.isSafeInteger(position) || position < 0 || !disk.exists(path)) return undefined;
  const file = disk.open(path, 'read');
  try {
    const frame = position < file.size ? new FrameCursor(file, position, position + 128 * 1024, 4096).next() : undefined;
    return frame?.type === FRAME_LEAF ? (JSON.parse(frame.payload.toString('utf8')) as Leaf) : undefined;
  } finally {
    file.close();
  }
};

type Opened = Extract<Leaf['record'], { kind: 'session_open' }>;

/** The record that opened a session: who it was does not come from the index either. */
export const openedBy = (index: IndexFile, disk: Disk, folder: string, session: string, differs: (what: string) => IndexDiffers): Opened => {
  const row = index.sql('SELECT segment, position FROM session WHERE text = ?').get(session) as { segment: number; position: number } | undefined;
  const record = row && readLeaf(disk, folder, row.segment, row.position)?.record;
  if (record?.kind !== 'session_open' || record.session !== session) throw differs('its session');
  return record;
};

/** Texts that a leaf refers to, opened as far as they can be. `row`: where the leaf and the bodies of its write stand. */
export const textsOf = ({ folder, log, opener, disk, known }: { folder: string; log: string; opener: BodyOpener | undefined; disk: Disk; known?: OpenedFrames }, leaf: Leaf, row: Pick<Row, 'segment' | 'position' | 'bodies'>): RecordedBody[] => {
  const wanted = (leaf.bodies ?? []).filter(({ part }) => !isStream(part));
  if (wanted.length === 0) return [];
  const frames = new Set(wanted.map(({ frame }) => frame));
  const opened: OpenedFrames = new Map();
  for (const frame of frames) if (frame !== undefined && known?.has(frame)) opened.set(frame, known.get(frame));
  if (opener && row.bodies !== null && opened.size < frames.size) {
    const file = disk.open(`${folder}/${segmentName(row.segment)}`, 'read');
    try {
      const cursor = new FrameCursor(file, row.bodies, row.position, READ_AT_ONCE);
      for (let frame = cursor.next(); frame && opened.size < frames.size; frame = cursor.next()) {
        if (frame.type !== FRAME_BODY || !frames.has(frame.number) || opened.has(frame.number)) continue;
        const bodies = openOrAltered(opener, log, frame.number, frame.payload);
        opened.set(frame.number, bodies);
        if (!known) continue;
        if (known.size >= MOST_OPENED) known.delete(known.keys().next().value ?? 0);
        known.set(frame.number, bodies);
      }
    } finally {
      file.close();
    }
  }
  return recordedBodies(wanted, opened, opener);
};
