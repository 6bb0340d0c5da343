import { hash } from 'node:crypto';
import { FrameCursor } from './cursor.ts';
import type { Disk, DiskFile } from './disk.ts';
import { FRAME_BODY, FRAME_HEADER, FRAME_LEAF, FRAME_MAGIC, NO_LEAF, parseFrame, segmentName, type Frame } from './format.ts';
import type { EvidenceRecord } from './log.ts';
import type { LogState } from './pending.ts';
import { loadResumes, type Resume } from './resume.ts';
import { listSegments, readHeader } from './segments.ts';
import { OpenWork } from './work.ts';

/** The log is damaged in a part that was durable: writing on would hide it. `wicketgate evidence verify` says more. */
export class EvidenceDamaged extends Error {}

/** Where a log ends, and what stands open in it. */
export interface LogEnd {
  readonly segment: number;
  /** First byte behind the last whole frame. */
  readonly position: number;
  readonly state: LogState;
  readonly work: OpenWork;
  /** Bytes behind `position` that are not zero: the remains of writes that a crash cut. */
  readonly torn: { readonly from: number; readonly to: number } | undefined;
  /** When the last record was written, by the wall clock then; of a log whose last record had to be read. */
  readonly time: string | undefined;
  /** Leaves that were read to find out. */
  readonly read: number;
}

/** Reads the end of a log, as little of it as the saved states allow. Undefined when there is no segment. Throws EvidenceDamaged. */
export const findEnd = (disk: Disk, folder: string, log: string): LogEnd | undefined => {
  const segments = listSegments(disk, folder);
  if (segments.length === 0) return undefined;
  segments.forEach((segment, i) => {
    if (i > 0 && segment !== (segments[i - 1] as number) + 1) throw new EvidenceDamaged(`${segmentName(segment - 1)} is missing in ${folder}`);
  });
  const rows = segments.map((number) => openRow(disk, folder, log, number));
  try {
    const last = lastUsed(rows);
    const start = startingPoint(disk, folder, log, rows);
    const walk = new Walk(start.state, start.work);
    for (const row of rows) {
      if (row.number < start.segment || row.number > last.number) continue;
      const next = rows.find(({ number }) => number === row.number + 1);
      const end = walk.segment(row, next?.supersedes);
      if (row !== last) continue;
      return { segment: row.number, position: end.position, state: walk.state, work: walk.work, time: walk.time, torn: tornTail(row, end, walk.state.sequence), read: walk.read };
    }
    throw new EvidenceDamaged(`no segment of ${folder} could be read`);
  } finally {
    for (const { file } of rows) file.close();
  }
};

interface Row {
  readonly number: number;
  readonly file: DiskFile;
  readonly supersedes: number | undefined;
  readonly contentAt: number;
}

const openRow = (disk: Disk, folder: string, log: string, number: number): Row => {
  const path = `${folder}/${segmentName(number)}`;
  const file = disk.open(path, 'read');
  const header = readHeader(file);
  if (header?.log !== log || header.segment !== number) {
    file.close();
    throw new EvidenceDamaged(header ? `${path} belongs to ${header.log}, segment ${header.segment}` : `${path} does not begin as a segment`);
  }
  const cursor = new FrameCursor(file);
  cursor.next();
  return { number, file, supersedes: header.supersedes, contentAt: cursor.position };
};

/** The last segment that anything was written to. Those behind it were only prepared. */
const lastUsed = (rows: readonly Row[]): Row => {
  for (const row of [...rows].reverse()) {
    if (row.supersedes !== undefined || lastNonZero(row.file, row.contentAt) !== undefined) return row;
  }
  return rows[0] as Row;
};

/** The newest saved state that the chain confirms; else the beginning. */
const startingPoint = (disk: Disk, folder: string, log: string, rows: readonly Row[]): Resume => {
  const beginning: Resume = { segment: (rows[0] as Row).number, state: { sequence: 0, previous: NO_LEAF, ordinal: 0 }, work: new OpenWork() };
  return loadResumes(disk, `${folder}/resume`, log).find((resume) => confirms(rows, resume)) ?? beginning;
};

const confirms = (rows: readonly Row[], { segment, state }: Resume): boolean => {
  const row = rows.find(({ number }) => number === segment);
  if (!row) return false;
  const cursor = new FrameCursor(row.file, row.contentAt);
  for (let frame = cursor.next(); frame; frame = cursor.next()) {
    if (frame.type === FRAME_LEAF) return frame.number === state.sequence && linkOf(frame) === state.previous;
  }
  return false;
};

const linkOf = (frame: Frame): string => (JSON.parse(frame.payload.toString('utf8')) as { prev: string }).prev;

/** Follows the chain. */
class Walk {
  #sequence: number;
  #previous: string;
  #ordinal: number;
  readonly work: OpenWork;
  time: string | undefined;
  read = 0;

  constructor(state: LogState, work: OpenWork) {
    this.#sequence = state.sequence;
    this.#previous = state.previous;
    this.#ordinal = state.ordinal;
    this.work = work;
  }

  get state(): LogState {
    return { sequence: this.#sequence, previous: this.#previous, ordinal: this.#ordinal };
  }

  segment(row: Row, limit: number | undefined): FrameCursor {
    const cursor = new FrameCursor(row.file, row.contentAt, limit);
    for (let frame = cursor.next(); frame; frame = cursor.next()) this.#frame(frame, row);
    if (limit !== undefined && cursor.position !== limit) throw new EvidenceDamaged(`${segmentName(row.number)} ends at ${cursor.position}, but was durable up to ${limit}`);
    return cursor;
  }

  #frame(frame: Frame, row: Row): void {
    const where = `${segmentName(row.number)} at ${frame.position}`;
    if (frame.type === FRAME_BODY) {
      if (frame.number < this.#ordinal) throw new EvidenceDamaged(`${where}: body ${frame.number} where ${this.#ordinal} was due`);
      this.#ordinal = frame.number + 1;
      return;
    }
    if (frame.type !== FRAME_LEAF || frame.number !== this.#sequence) throw new EvidenceDamaged(`${where}: not the record ${this.#sequence} that was due`);
    const leaf = JSON.parse(frame.payload.toString('utf8')) as { prev: string; record: EvidenceRecord; time: string };
    if (leaf.prev !== this.#previous) throw new EvidenceDamaged(`${where}: record ${this.#sequence} does not follow the one before it`);
    this.#previous = hash('sha256', frame.hashed, 'hex');
    this.#sequence += 1;
    this.time = leaf.time;
    this.read += 1;
    this.work.apply(leaf.record);
  }
}

/**
 * What a crash left behind the last whole frame. Every frame says how many leaves were durable when it was written: when a
 * later one knows of more than could be read, durable data is gone, and that is damage, not a torn tail.
 */
const tornTail = (row: Row, end: FrameCursor, sequence: number): LogEnd['torn'] => {
  const last = lastNonZero(row.file, end.position);
  if (last === undefined) return undefined;
  const bytes = Buffer.alloc(last + 1 - end.position);
  bytes.fill(0, row.file.read(bytes, end.position));
  const magic = Buffer.alloc(4);
  magic.writeUInt32BE(FRAME_MAGIC);
  let checked = 0;
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    if (at + FRAME_HEADER > bytes.length || bytes.readUIntBE(at + 18, 6) <= sequence) continue;
    const frame = parseFrame(bytes, at, end.position + at);
    checked += 1;
    if (typeof frame === 'object' || checked > 1000) {
      throw new EvidenceDamaged(`${segmentName(row.number)} is damaged at ${end.position}, in a part that was durable: run "wicketgate evidence verify" and restore the folder`);
    }
  }
  return { from: end.position, to: last + 1 };
};

const CHUNK = 1024 * 1024;
const ZEROS = Buffer.alloc(CHUNK);

/** Position of the last byte from `from` on that is not zero. */
const lastNonZero = (file: DiskFile, from: number): number | undefined => {
  const chunk = Buffer.allocUnsafe(CHUNK);
  for (let end = file.size; end > from; ) {
    const start = Math.max(from, end - CHUNK);
    const piece = chunk.subarray(0, end - start);
    piece.fill(0, file.read(piece, start));
    if (!piece.equals(ZEROS.subarray(0, piece.length))) {
      let at = piece.length - 1;
      while (piece[at] === 0) at -= 1;
      return start + at;
    }
    end = start;
  }
  return undefined;
};
