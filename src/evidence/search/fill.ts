import { hash } from 'node:crypto';
import { FrameCursor } from '../cursor.ts';
import type { Disk } from '../disk.ts';
import { EvidenceDamaged } from '../find-end.ts';
import { FRAME_BODY, FRAME_LEAF, NO_LEAF, segmentName, type Frame } from '../format.ts';
import type { KeysFolder } from '../keys.ts';
import { isStream } from '../log.ts';
import { nodeDisk } from '../node-disk.ts';
import type { Leaf } from '../read.ts';
import { keyIdOf } from '../retention/survey.ts';
import { listSegments, readHeader } from '../segments.ts';
import { CompactEdge } from '../tlog/merkle.ts';
import { SealBroken, openWith, type BodyOpener, type OpenedBody } from '../unseal.ts';
import type { IndexFile } from './index-file.ts';
import { Rows } from './rows.ts';

/** A write of the log holds bodies first, then the leaves that refer to them, and is at most this long, unless it is one record. */
const LONGEST_WRITE = 1024 * 1024;
/** More sealed bytes than one record has. */
const MOST_SEALED = 32 * 1024 * 1024;

/** The index is of another history than the log: made from a copy that went its own way, or edited. It is to be made again. */
export class OtherHistory extends Error {}

export interface FillParts {
  readonly index: IndexFile;
  /** The log's folder. */
  readonly folder: string;
  readonly log: string;
  /** Opens texts; without it the index has none. */
  readonly keys: KeysFolder | undefined;
  readonly disk?: Disk;
  /** Called often in between: whoever fills may let others have the processor. */
  readonly breathe?: () => void;
}

interface Standing {
  size: number;
  /** Leaf hash of the last record, hex. */
  head: string;
  segment: number;
  /** Where the write begins whose leaves are being read. */
  write: number;
  edge: CompactEdge;
}

/**
 * Takes the next part of the log into the index, at most so many frames, in one transaction. True when there is more. Throws
 * OtherHistory, EvidenceDamaged, or what SQLite and the disk say; then nothing was taken. `wait`: for whoever else takes something in.
 */
export const fillSlice = (parts: FillParts, mostFrames = 2000, wait = true): boolean =>
  hasMore(parts) &&
  parts.index.transaction(() => {
    const slice = new Slice(parts);
    const more = slice.read(mostFrames);
    slice.save();
    return more;
  }, wait);

/** Bytes that are read at once to see whether there is anything new. */
const GLANCE = 64 * 1024;

/** Whether the log has anything that the index has not. Seen without holding up others: mostly there is nothing. */
const hasMore = ({ index, folder, disk = nodeDisk }: FillParts): boolean => {
  const [size, segment, write] = ['size', 'segment', 'write'].map((key) => index.get(key));
  if (size === undefined || isBegun(disk, folder, Number(segment) + 1)) return true;
  const file = disk.open(`${folder}/${segmentName(Number(segment))}`, 'read');
  try {
    const cursor = new FrameCursor(file, Number(write), undefined, GLANCE);
    for (let frame = cursor.next(); frame; frame = cursor.next()) if (frame.type === FRAME_LEAF && frame.number >= Number(size)) return true;
    return false;
  } finally {
    file.close();
  }
};

/** Whether anything stands in a segment. */
const isBegun = (disk: Disk, folder: string, segment: number): boolean => {
  const path = `${folder}/${segmentName(segment)}`;
  if (!disk.exists(path)) return false;
  const file = disk.open(path, 'read');
  try {
    const cursor = new FrameCursor(file, 0, undefined, GLANCE);
    cursor.next();
    return cursor.next() !== undefined;
  } finally {
    file.close();
  }
};

/** How far an index has come: records, leaf hash of the last, and the Merkle root over all of them (RFC 6962, base64). */
export const standingOf = (index: IndexFile): { readonly size: number; readonly head: string; readonly root: string } => {
  const { size, head, edge } = standing(index);
  return { size, head, root: edge.root().toString('base64') };
};

const EMPTY = Buffer.alloc(0);

/** By level: the last complete subtree. */
const nodesOf = (index: IndexFile): (Buffer | null)[] => {
  const saved = index.get('edge') ?? '[]';
  try {
    const nodes: unknown = typeof saved === 'string' ? JSON.parse(saved) : undefined;
    if (Array.isArray(nodes) && nodes.length < 64 && nodes.every((node) => node === null || (typeof node === 'string' && /^[0-9a-f]{64}$/.test(node)))) return (nodes as (string | null)[]).map((node) => node === null ? null : Buffer.from(node, 'hex'));
  } catch {
    // Said below.
  }
  throw new OtherHistory('the index does not hold what it must');
};

const standing = (index: IndexFile): Standing => {
  const size = Number(index.get('size') ?? 0);
  const saved = nodesOf(index);
  const head = index.get('head');
  return {
    size,
    head: typeof head === 'string' ? head : NO_LEAF,
    segment: Number(index.get('segment') ?? 0),
    write: Number(index.get('write') ?? 0),
    edge: CompactEdge.at(size, (level) => saved[level] ?? EMPTY),
  };
};

class Slice {
  readonly #parts: FillParts;
  readonly #disk: Disk;
  readonly #at: Standing;
  readonly #rows: Rows;
  readonly #opener: BodyOpener | undefined;
  /** By level: the last complete subtree, from which the edge can be made again. */
  readonly #nodes: (Buffer | null)[];
  /** Sealed frames of the write that is being read, and those of them that were opened. */
  readonly #sealed = new Map<number, { readonly position: number; readonly bytes: Buffer }>();
  #sealedBytes = 0;
  readonly #opened = new Map<number, readonly OpenedBody[] | undefined>();
  #leafBytes = 0;

  constructor(parts: FillParts) {
    this.#parts = parts;
    this.#disk = parts.disk ?? nodeDisk;
    this.#at = standing(parts.index);
    this.#nodes = nodesOf(parts.index);
    this.#rows = new Rows(parts.index, parts.keys);
    this.#opener = parts.keys && openWith(parts.keys);
  }

  read(mostFrames: number): boolean {
    const segments = listSegments(this.#disk, this.#parts.folder);
    let left = mostFrames;
    for (;;) {
      // Looked at first: what was added to this segment before the log went on to the next is then read, too.
      const goesOn = isBegun(this.#disk, this.#parts.folder, this.#at.segment + 1);
      const file = this.#disk.open(`${this.#parts.folder}/${segmentName(this.#at.segment)}`, 'read');
      try {
        const cursor = new FrameCursor(file, this.#at.write, this.#limit(segments));
        for (let frame = cursor.next(); frame; frame = cursor.next()) {
          // Only what is new counts: the beginning of a write may have to be read again.
          if (this.#frame(frame, cursor.position)) left -= 1;
          if (left <= 0) return true;
          this.#parts.breathe?.();
        }
        if (!goesOn) return false;
        if (cursor.end === 'invalid') throw new EvidenceDamaged(`${segmentName(this.#at.segment)} cannot be read from ${cursor.position} on: run wicketgate evidence verify`);
      } finally {
        file.close();
      }
      this.#at.segment += 1;
      this.#newWrite(0);
    }
  }

  save(): void {
    const { index } = this.#parts;
    this.#rows.save();
    index.set('size', this.#at.size);
    index.set('head', this.#at.head);
    index.set('segment', this.#at.segment);
    index.set('write', this.#at.write);
    index.set('edge', JSON.stringify(this.#nodes.map((node) => node && node.toString('hex'))));
    index.set('keyed', this.#parts.keys ? 1 : 0);
  }

  #limit(segments: readonly number[]): number | undefined {
    const next = this.#at.segment + 1;
    if (!segments.includes(next)) return undefined;
    const file = this.#disk.open(`${this.#parts.folder}/${segmentName(next)}`, 'read');
    try {
      return readHeader(file)?.supersedes;
    } finally {
      file.close();
    }
  }

  #newWrite(position: number): void {
    this.#at.write = position;
    this.#sealed.clear();
    this.#sealedBytes = 0;
    this.#opened.clear();
    this.#leafBytes = 0;
  }

  /** True when it was a record that the index did not have. */
  #frame(frame: Frame, end: number): boolean {
    if (frame.type === FRAME_BODY) {
      if (this.#leafBytes > 0) this.#newWrite(frame.position);
      this.#sealed.set(frame.number, { position: frame.position, bytes: frame.payload });
      this.#sealedBytes += frame.payload.length;
      this.#keepLast();
      return false;
    }
    if (frame.type !== FRAME_LEAF) return false;
    this.#leafBytes += frame.payload.length;
    const isNew = frame.number >= this.#at.size;
    if (isNew) this.#leaf(frame);
    if (this.#leafBytes > LONGEST_WRITE) this.#newWrite(end);
    return isNew;
  }

  /** The pieces of a long answer come in writes without a leaf: no more is kept of them than a record can need. */
  #keepLast(): void {
    for (const [ordinal, { bytes }] of this.#sealed) {
      if (this.#sealedBytes <= MOST_SEALED) break;
      this.#sealedBytes -= bytes.length;
      this.#sealed.delete(ordinal);
    }
    const [first] = this.#sealed.values();
    if (first) this.#at.write = first.position;
  }

  #leaf(frame: Frame): void {
    const leaf = JSON.parse(frame.payload.toString('utf8')) as Leaf;
    if (frame.number !== this.#at.size || leaf.prev !== this.#at.head || leaf.log !== this.#parts.log) throw new OtherHistory(`record ${frame.number} does not follow what the index holds`);
    const digest = hash('sha256', frame.hashed, 'buffer');
    this.#at.edge.push(digest, (level, node) => {
      this.#nodes[level] = node;
    });
    this.#at.head = digest.toString('hex');
    this.#at.size += 1;
    this.#rows.add(leaf, { segment: this.#at.segment, position: frame.position, bodies: this.#sealed.size === 0 ? undefined : this.#at.write }, () => this.#textOf(leaf));
  }

  /** The texts that a record refers to, and the key that they are sealed with; undefined when it has none or they cannot be opened. */
  #textOf(leaf: Leaf): { readonly key: string; readonly text: string } | undefined {
    const texts: string[] = [];
    let key: string | undefined;
    for (const { part, frame, entry } of leaf.bodies ?? []) {
      if (isStream(part) || frame === undefined || entry === undefined) continue;
      const sealed = this.#sealed.get(frame)?.bytes;
      const body = sealed && this.#open(frame, sealed)?.[entry];
      if (!sealed || !body) continue;
      key ??= keyIdOf(sealed);
      texts.push(body.bytes.toString('utf8'));
    }
    return key === undefined ? undefined : { key, text: texts.join('\n') };
  }

  #open(ordinal: number, sealed: Buffer): readonly OpenedBody[] | undefined {
    if (!this.#opened.has(ordinal)) {
      let bodies: readonly OpenedBody[] | undefined;
      try {
        bodies = this.#opener?.open(this.#parts.log, ordinal, sealed);
      } catch (error) {
        // Altered: verification names it; there is nothing to find in it.
        if (!(error instanceof SealBroken)) throw error;
      }
      this.#opened.set(ordinal, bodies);
    }
    return this.#opened.get(ordinal);
  }
}
