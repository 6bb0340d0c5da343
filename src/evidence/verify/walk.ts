import { hash } from 'node:crypto';
import * as fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BodyLedger, notCommitted } from './body-ledger.ts';
import type { CheckpointTable } from './checkpoint-table.ts';
import { BODY, LEAF, SEGMENT, SegmentReader, type Rest } from './frames.ts';
import { readLeaf, MOST_LEAF, type VerifiedLeaf } from './leaf.ts';
import { Records } from './records.ts';
import { LeafScanner } from './scan.ts';
import { EMPTY_ROOT, TreeEdge, type Digest } from './tree.ts';
import type { TileFiles } from './tile-files.ts';
import type { Unsealer } from './unseal.ts';
import type { Fault } from './verdict.ts';

export interface Progress {
  readonly records: number;
  readonly bytes: number;
  readonly ofBytes: number;
}

/** What the `prev` of the first leaf says. */
const NO_LEAF = '\0'.repeat(32);
const FRAMES_A_TURN = 4096;
const MOST_ID = 256;
const HEX_DIGITS = Buffer.from('0123456789abcdef');
const [INTENT, OUTCOME] = [Buffer.from('intent'), Buffer.from('outcome')];

/** Reads all records of a log once, in order: form, chain, tree, bodies, and what the records tell. Holds one window of one file. */
export class Walk {
  readonly #folder: string;
  readonly #log: string;
  readonly #unsealer: Unsealer | undefined;
  readonly #table: CheckpointTable;
  readonly #onProgress: ((done: Progress) => void) | undefined;
  readonly #scan: LeafScanner;
  readonly #tree: TreeEdge;
  readonly records: Records;
  readonly bodies = new BodyLedger();
  /** Records read. */
  sequence = 0;
  torn: (Fault & { readonly bytes: number }) | undefined;
  #previous: Digest = NO_LEAF;
  #ordinal = 0;
  /** The segments that follow held nothing when the one before was at its end. */
  #idle = false;
  /** A segment that was seen to hold something. */
  #dataIn = -1;
  #doneBytes = 0;
  #ofBytes = 0;

  constructor(folder: string, log: string, parts: { readonly unsealer: Unsealer | undefined; readonly table: CheckpointTable; readonly tiles: TileFiles; readonly onProgress: ((done: Progress) => void) | undefined }) {
    this.#folder = folder;
    this.#log = log;
    this.#unsealer = parts.unsealer;
    this.#table = parts.table;
    this.#onProgress = parts.onProgress;
    this.#scan = new LeafScanner(log);
    this.#tree = new TreeEdge(parts.tiles.present ? (level, digest) => parts.tiles.take(level, digest) : undefined);
    this.records = new Records(log);
  }

  get head(): Digest | undefined {
    return this.sequence === 0 ? undefined : this.#previous;
  }

  get root(): Digest {
    return this.#tree.root();
  }

  /** Reads all segments in order; gives the first fault. */
  async all(names: readonly string[]): Promise<Fault | undefined> {
    if (this.#table.due === 0) this.#table.reached(EMPTY_ROOT);
    this.#ofBytes = names.reduce((sum, name) => sum + fs.lstatSync(`${this.#folder}/${name}`).size, 0);
    let ended: { readonly fault: Fault } | undefined;
    for (const [i, name] of names.entries()) {
      const expected = `${String(i).padStart(8, '0')}.seg`;
      if (name !== expected) return { what: `segment ${expected} is missing`, segment: expected, sequence: this.sequence };
      const before = this.sequence;
      const found = await this.#segment(name, i, names);
      if ('what' in found) return ended && this.sequence === before ? ended.fault : found;
      // Data behind a segment that ended badly: what is missing between them was there.
      if (ended && found.data) return ended.fault;
      if (found.remains) ended ??= { fault: found.remains };
    }
    return undefined;
  }

  async #segment(name: string, number: number, names: readonly string[]): Promise<Fault | { readonly data: boolean; readonly remains: Fault | undefined }> {
    const at = (what: string, position?: number): Fault => ({ what, segment: name, sequence: this.sequence, ...(position === undefined ? {} : { position }) });
    let reader: SegmentReader;
    try {
      reader = new SegmentReader(`${this.#folder}/${name}`);
    } catch (error) {
      return at(`the segment ${(error as Error).message}`);
    }
    try {
      const wrong = headerFault(reader, this.#log, number);
      if (wrong !== undefined) return at(wrong, 0);
      const next = names[number + 1];
      const limit = next === undefined ? undefined : supersededAt(`${this.#folder}/${next}`);
      if (limit !== undefined) reader.limitTo(limit);
      // What the gateway writes here by now comes behind what it wrote meanwhile into the segment before, which was left.
      if (this.#idle && reader.hasMore()) return { data: false, remains: undefined };
      let frames = 0;
      let rest: Rest;
      do {
        while (reader.next()) {
          const fault = this.#frame(reader);
          if (fault !== undefined) return at(fault, reader.frameAt);
          frames += 1;
          if (frames % FRAMES_A_TURN === 0) await this.#turn(reader);
        }
        rest = reader.rest();
        this.#idle ||= !this.#goesOn(number, names);
        // The gateway may have written on while we looked: then there is a frame by now. Asked last: it goes to the next segment only when this one is full.
      } while (reader.hasMore());
      this.#doneBytes += reader.size;
      if (limit !== undefined) return reader.position === limit ? { data: frames > 0, remains: undefined } : at('the segment ends before the place where the next one takes over', reader.position);
      if (rest.kind === 'zeros') return { data: frames > 0, remains: undefined };
      if (rest.durable > this.sequence) return at(`${rest.why}; ${rest.durable} records had been durable`, rest.position);
      this.torn = { ...at(rest.why, rest.position), bytes: rest.bytes };
      return { data: frames > 0, remains: at(`${rest.why}, and the log goes on behind it`, rest.position) };
    } finally {
      reader.close();
    }
  }

  /** Whether a segment behind that one holds something. Each is looked into once. */
  #goesOn(number: number, names: readonly string[]): boolean {
    if (this.#dataIn <= number) this.#dataIn = names.findIndex((name, i) => i > number && holdsData(`${this.#folder}/${name}`));
    return this.#dataIn > number;
  }

  async #turn(reader: SegmentReader): Promise<void> {
    this.#onProgress?.({ records: this.sequence, bytes: this.#doneBytes + reader.position, ofBytes: this.#ofBytes });
    await nextTurn();
  }

  #frame(reader: SegmentReader): string | undefined {
    if (reader.durable > this.sequence) return `a frame claims ${reader.durable} durable records where only ${this.sequence} came before it`;
    if (reader.type === LEAF) return this.#leaf(reader);
    return reader.type === BODY ? this.#body(reader) : 'a segment begins inside a segment';
  }

  #body(reader: SegmentReader): string | undefined {
    const { number } = reader;
    if (number < this.#ordinal) return `body ${number} comes after body ${this.#ordinal - 1}`;
    // Without gaps: else one that was made up, far ahead, would push others out of what is remembered.
    if (number > this.#ordinal) return `${number === this.#ordinal + 1 ? `body ${this.#ordinal} is` : `bodies ${this.#ordinal} to ${number - 1} are`} missing`;
    this.#ordinal = number + 1;
    const payload = reader.payload();
    const unsealed = this.#unsealer?.open(this.#log, number, payload);
    if (unsealed?.kind === 'wrong') return `body ${number} is altered: ${unsealed.why}`;
    if (unsealed?.kind === 'no_key') this.records.purges.withoutKey(unsealed.key);
    this.bodies.add(number, hash('sha256', payload, 'latin1'), unsealed);
    return undefined;
  }

  #leaf(reader: SegmentReader): string | undefined {
    const scanned = reader.to - reader.from <= MOST_LEAF && this.#scan.scan(reader.bytes, reader.from, reader.to);
    const fault = scanned ? this.#scanned(reader) : this.#read(reader);
    if (fault !== undefined) return fault;
    this.#previous = hash('sha256', reader.hashed(), 'latin1');
    this.#tree.append(this.#previous);
    if (this.sequence === this.#table.size) this.#table.goesOn(this.records.timeline.passed);
    this.sequence += 1;
    if (this.sequence === this.#table.due) {
      this.#table.reached(this.#tree.root());
      this.records.covered(this.sequence);
    }
    return undefined;
  }

  /** The usual leaf: what matters was found without making an object of it. */
  #scanned({ bytes, number }: SegmentReader): string | undefined {
    const { seq, mono, prevAt, timeAt, recordAt, recordEnd, sessionAt, sessionEnd, command } = this.#scan;
    const wrong = this.#place(seq, number) ?? (this.#follows(bytes, prevAt) ? undefined : notFollowing(seq));
    if (wrong !== undefined) return wrong;
    for (let i = 0; i < this.#scan.references; i += 1) {
      const fault = this.#reference(bytes, i);
      if (fault !== undefined) return `record ${seq}: ${fault}`;
    }
    if (command >= 0 && !this.#scan.approval && sessionAt >= 0 && sessionEnd - sessionAt <= MOST_ID) {
      const kind = this.#isKind(bytes, INTENT) ? 'intent' : this.#isKind(bytes, OUTCOME) ? 'outcome' : undefined;
      if (kind && this.records.command(kind, bytes.toString('latin1', sessionAt, sessionEnd), command, seq, bytes, timeAt, mono)) return undefined;
    }
    const record = JSON.parse(bytes.toString('latin1', recordAt, recordEnd)) as VerifiedLeaf['record'];
    return this.records.any(record, seq, bytes, timeAt, mono);
  }

  /** A leaf of another form, or of none. */
  #read(reader: SegmentReader): string | undefined {
    const leaf = readLeaf(reader.payload());
    if (typeof leaf === 'string') return leaf;
    if (leaf.log !== this.#log) return `the record belongs to the log ${leaf.log}`;
    const wrong = this.#place(leaf.seq, reader.number) ?? (leaf.prev === Buffer.from(this.#previous, 'latin1').toString('hex') ? undefined : notFollowing(leaf.seq));
    if (wrong !== undefined) return wrong;
    for (const reference of leaf.bodies) {
      const fault = this.bodies.check(reference);
      if (fault !== undefined) return `record ${leaf.seq}: ${fault}`;
    }
    return this.records.any(leaf.record, leaf.seq, Buffer.from(leaf.time, 'latin1'), 0, leaf.mono);
  }

  #place(seq: number, number: number): string | undefined {
    return seq === this.sequence && number === seq ? undefined : `record ${seq} stands where record ${this.sequence} was due`;
  }

  /** Whether the 64 digits at that place are the hash of the leaf before. */
  #follows(bytes: Buffer, prevAt: number): boolean {
    const previous = this.#previous;
    for (let i = 0, at = prevAt; i < 32; i += 1, at += 2) {
      const byte = previous.charCodeAt(i);
      if (bytes[at] !== HEX_DIGITS[byte >> 4] || bytes[at + 1] !== HEX_DIGITS[byte & 15]) return false;
    }
    return true;
  }

  #reference(bytes: Buffer, i: number): string | undefined {
    const { commitmentAt, partAt, partEnd, sealedAt, frame, entry } = this.#scan;
    const [ordinal, sealed, c] = [frame[i] as number, sealedAt[i] as number, commitmentAt[i] as number];
    const plainly = this.bodies.holds(ordinal, bytes, sealed);
    if (plainly && !this.#unsealer) return undefined;
    const commitment = bytes.toString('latin1', c, c + 64);
    if (plainly && this.bodies.agrees(ordinal, entry[i] as number, commitment)) return undefined;
    const part = bytes.toString('latin1', partAt[i], partEnd[i]);
    if (plainly) return notCommitted(part, ordinal);
    return this.bodies.check({ c: commitment, part, place: { frame: ordinal, entry: entry[i] as number, sealed: bytes.toString('latin1', sealed, sealed + 64) } });
  }

  #isKind(bytes: Buffer, kind: Buffer): boolean {
    const { kindAt, kindEnd } = this.#scan;
    if (kindEnd - kindAt !== kind.length) return false;
    for (let i = 0; i < kind.length; i += 1) if (bytes[kindAt + i] !== kind[i]) return false;
    return true;
  }
}

const notFollowing = (seq: number): string => `record ${seq} does not follow record ${seq - 1}: that one was altered, or this one`;

const headerFault = (reader: SegmentReader, log: string, number: number): string | undefined => {
  const said = reader.next() && reader.type === SEGMENT ? parseHeader(reader.payload()) : undefined;
  if (!said) return 'the segment does not begin with its header';
  if (said.log !== log) return 'the segment belongs to another log';
  return said.segment === number && reader.number === number ? undefined : `the segment says that it is segment ${String(said.segment)}`;
};

const parseHeader = (payload: Buffer): { log?: unknown; segment?: unknown; supersedes?: unknown } | undefined => {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
};

/** Whether a frame stands behind a segment's header. */
const holdsData = (path: string): boolean => {
  try {
    const reader = new SegmentReader(path);
    try {
      return reader.next() && reader.next();
    } finally {
      reader.close();
    }
  } catch {
    return false;
  }
};

/** Where the segment before ends, if this one took over from it after its disk failed. */
const supersededAt = (path: string): number | undefined => {
  try {
    const reader = new SegmentReader(path);
    try {
      const supersedes = reader.next() && reader.type === SEGMENT ? parseHeader(reader.payload())?.supersedes : undefined;
      return typeof supersedes === 'number' && Number.isSafeInteger(supersedes) && supersedes >= 0 ? supersedes : undefined;
    } finally {
      reader.close();
    }
  } catch {
    return undefined;
  }
};
