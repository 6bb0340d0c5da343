import { hash } from 'node:crypto';
import * as fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BodyLedger } from './body-ledger.ts';
import { Completeness, type Gap } from './completeness.ts';
import { SegmentReader, type Rest, type VerifiedFrame } from './frames.ts';
import { readLeaf } from './leaf.ts';
import { Unsealer } from './unseal.ts';

/** Where something was found that must not be. */
export interface Fault {
  readonly what: string;
  readonly segment?: string;
  readonly position?: number;
  readonly sequence?: number;
}

/** What verification found. Integrity: nothing that is there was altered. Completeness: nothing that should be there is missing. */
export interface Verdict {
  readonly log: string | undefined;
  readonly records: number;
  readonly segments: number;
  readonly first: string | undefined;
  readonly last: string | undefined;
  /** SHA-256(0x00 || leaf) of the last record: two copies that agree on sequence and this agree on all before. */
  readonly head: string | undefined;
  readonly integrity: { readonly ok: boolean; readonly fault?: Fault };
  readonly completeness: {
    /** `complete`: ends with a stop, nothing missing. `open`: nothing missing up to the end, where the log is in use, crashed or cut. */
    readonly verdict: 'complete' | 'open' | 'incomplete';
    readonly gaps: readonly Gap[];
    /** All gaps, named or not. */
    readonly gapCount: number;
    readonly openSessions: number;
    readonly openCommands: number;
    /** Bytes behind the last record that are no record: what a crash cut, or somebody altered there. */
    readonly tornTail?: Fault & { readonly bytes: number };
  };
  readonly counts: { readonly sessions: number; readonly commands: number; readonly refusals: number; readonly runs: number; readonly crashes: number; readonly unknownKinds: number; readonly recovered: Completeness['recovered'] };
  readonly bodies: { readonly frames: number; readonly references: number; readonly committed: number; readonly withoutKey: number; readonly lost: number; readonly unchecked: number; readonly unreferred: number };
}

export interface VerifyOptions {
  /** A keys folder, or a copy: then bodies are opened and compared with what the records commit to. */
  readonly keys?: string;
  readonly onProgress?: (done: { readonly records: number; readonly bytes: number; readonly ofBytes: number }) => void;
}

/** The folder is not one that can be verified at all. */
export class NotEvidence extends Error {}

const FORMAT = 1;
const NO_LEAF = '0'.repeat(64);
const FRAMES_A_TURN = 4096;

/** Verifies a log folder, live or a copy, offline. Rejects with NotEvidence; whatever is wrong inside is in the verdict. */
export const verify = async (folder: string, options: VerifyOptions = {}): Promise<Verdict> => {
  const log = logOf(folder);
  const names = fs.readdirSync(folder).filter((name) => /^\d{8}\.seg$/.test(name)).sort();
  if (names.length === 0) throw new NotEvidence(`${folder} holds no segment`);
  const unsealer = options.keys === undefined ? undefined : new Unsealer(options.keys);
  const walk = new Walk(folder, log, unsealer, options.onProgress);
  const fault = await walk.all(names);
  return walk.verdict(names.length, fault);
};

const logOf = (folder: string): string => {
  const path = `${folder}/log.json`;
  let text: string;
  try {
    const stat = fs.lstatSync(path);
    if (!stat.isFile() || stat.size > 65_536) throw new Error('no plain small file');
    text = fs.readFileSync(path, 'utf8');
  } catch {
    throw new NotEvidence(`${folder} is not an evidence folder: it has no log.json that can be read`);
  }
  let said: { format?: unknown; log?: unknown };
  try {
    said = JSON.parse(text) as typeof said;
  } catch {
    throw new NotEvidence(`${path} is not JSON`);
  }
  if (typeof said?.log !== 'string' || typeof said.format !== 'number') throw new NotEvidence(`${path} does not name a log`);
  if (said.format !== FORMAT) throw new NotEvidence(`${folder} is of format ${said.format}; this verifier reads format ${FORMAT}`);
  return said.log;
};

class Walk {
  readonly #folder: string;
  readonly #log: string;
  readonly #unsealer: Unsealer | undefined;
  readonly #onProgress: VerifyOptions['onProgress'];
  readonly #follow = new Completeness();
  readonly #bodies = new BodyLedger();
  #sequence = 0;
  #previous = NO_LEAF;
  #ordinal = 0;
  #first: string | undefined;
  #last: string | undefined;
  #torn: (Fault & { readonly bytes: number }) | undefined;
  #doneBytes = 0;
  #ofBytes = 0;

  constructor(folder: string, log: string, unsealer: Unsealer | undefined, onProgress: VerifyOptions['onProgress']) {
    this.#folder = folder;
    this.#log = log;
    this.#unsealer = unsealer;
    this.#onProgress = onProgress;
  }

  /** Reads all segments in order; gives the first fault. */
  async all(names: readonly string[]): Promise<Fault | undefined> {
    this.#ofBytes = names.reduce((sum, name) => sum + fs.lstatSync(`${this.#folder}/${name}`).size, 0);
    let ended: { readonly fault: Fault } | undefined;
    for (const [i, name] of names.entries()) {
      const expected = `${String(i).padStart(8, '0')}.seg`;
      if (name !== expected) return { what: `segment ${expected} is missing`, segment: expected, sequence: this.#sequence };
      const before = this.#sequence;
      const found = await this.#segment(name, i, names[i + 1]);
      if ('what' in found) return ended && this.#sequence === before ? ended.fault : found;
      // Data behind a segment that ended badly: what is missing between them was there.
      if (ended && found.data) return ended.fault;
      if (found.remains) ended ??= { fault: found.remains };
    }
    return undefined;
  }

  verdict(segments: number, fault: Fault | undefined): Verdict {
    const follow = this.#follow;
    const { stopped, openSessions, openCommands } = follow.end();
    this.#bodies.finish();
    const { frames, references, committed, withoutKey, lost, unchecked, unreferred } = this.#bodies;
    const { sessions, commands, refusals, runs, crashes, unknownKinds, recovered } = follow;
    const missing = follow.count > 0 || fault !== undefined || this.#sequence === 0;
    const gaps = fault ? [{ what: `nothing from record ${this.#sequence} on could be followed: see integrity`, sequence: this.#sequence }, ...follow.gaps] : follow.gaps;
    return {
      log: this.#log,
      records: this.#sequence,
      segments,
      first: this.#first,
      last: this.#last,
      head: this.#sequence === 0 ? undefined : this.#previous,
      integrity: fault ? { ok: false, fault } : { ok: true },
      completeness: {
        verdict: missing ? 'incomplete' : stopped && !this.#torn ? 'complete' : 'open',
        gaps,
        gapCount: follow.count + (fault ? 1 : 0),
        openSessions,
        openCommands,
        ...(this.#torn ? { tornTail: this.#torn } : {}),
      },
      counts: { sessions, commands, refusals, runs, crashes, unknownKinds, recovered },
      bodies: { frames, references, committed, withoutKey, lost, unchecked, unreferred },
    };
  }

  async #segment(name: string, number: number, next: string | undefined): Promise<Fault | { readonly data: boolean; readonly remains: Fault | undefined }> {
    const at = (what: string, position?: number): Fault => ({ what, segment: name, sequence: this.#sequence, ...(position === undefined ? {} : { position }) });
    let reader: SegmentReader;
    try {
      reader = new SegmentReader(`${this.#folder}/${name}`);
    } catch (error) {
      return at(`the segment ${(error as Error).message}`);
    }
    try {
      const header = reader.next();
      const wrong = headerFault(header, this.#log, number);
      if (wrong !== undefined) return at(wrong, 0);
      const limit = next === undefined ? undefined : supersededAt(`${this.#folder}/${next}`);
      if (limit !== undefined) reader.limitTo(limit);
      let frames = 0;
      let rest: Rest;
      do {
        for (let frame = reader.next(); frame; frame = reader.next()) {
          const fault = this.#frame(frame);
          if (fault !== undefined) return at(fault, frame.position);
          frames += 1;
          if (frames % FRAMES_A_TURN === 0) await this.#turn(reader);
        }
        rest = reader.rest();
        // The gateway may have written on while we looked: then there is a frame by now.
      } while (reader.hasMore());
      this.#doneBytes += reader.size;
      if (limit !== undefined) return reader.position === limit ? { data: frames > 0, remains: undefined } : at('the segment ends before the place where the next one takes over', reader.position);
      if (rest.kind === 'zeros') return { data: frames > 0, remains: undefined };
      if (rest.durable > this.#sequence) return at(`${rest.why}; ${rest.durable} records had been durable`, rest.position);
      this.#torn = { ...at(rest.why, rest.position), bytes: rest.bytes };
      return { data: frames > 0, remains: at(`${rest.why}, and the log goes on behind it`, rest.position) };
    } finally {
      reader.close();
    }
  }

  async #turn(reader: SegmentReader): Promise<void> {
    this.#onProgress?.({ records: this.#sequence, bytes: this.#doneBytes + reader.position, ofBytes: this.#ofBytes });
    await nextTurn();
  }

  #frame(frame: VerifiedFrame): string | undefined {
    if (frame.durable > this.#sequence) return `a frame claims ${frame.durable} durable records where only ${this.#sequence} came before it`;
    if (frame.type === 'body') return this.#body(frame);
    if (frame.type !== 'leaf') return 'a segment begins inside a segment';
    return this.#leaf(frame);
  }

  #body({ number, payload }: VerifiedFrame): string | undefined {
    if (number < this.#ordinal) return `body ${number} comes after body ${this.#ordinal - 1}`;
    this.#ordinal = number + 1;
    const unsealed = this.#unsealer?.open(this.#log, number, payload);
    if (unsealed?.kind === 'wrong') return `body ${number} is altered: ${unsealed.why}`;
    this.#bodies.add(number, hash('sha256', payload, 'buffer'), unsealed);
    return undefined;
  }

  #leaf({ number, payload, hashed }: VerifiedFrame): string | undefined {
    const leaf = readLeaf(payload);
    if (typeof leaf === 'string') return leaf;
    if (leaf.log !== this.#log) return `the record belongs to the log ${leaf.log}`;
    if (leaf.seq !== this.#sequence || number !== leaf.seq) return `record ${leaf.seq} stands where record ${this.#sequence} was due`;
    if (leaf.prev !== this.#previous) return `record ${leaf.seq} does not follow record ${leaf.seq - 1}: that one was altered, or this one`;
    for (const reference of leaf.bodies) {
      const fault = this.#bodies.check(reference);
      if (fault !== undefined) return `record ${leaf.seq}: ${fault}`;
    }
    this.#previous = hash('sha256', hashed, 'hex');
    this.#sequence += 1;
    this.#first ??= leaf.time;
    this.#last = leaf.time;
    this.#follow.leaf(leaf);
    return undefined;
  }
}

const headerFault = (header: VerifiedFrame | undefined, log: string, number: number): string | undefined => {
  const said = header?.type === 'segment' ? parseHeader(header) : undefined;
  if (!said) return 'the segment does not begin with its header';
  if (said.log !== log) return 'the segment belongs to another log';
  return said.segment === number && header?.number === number ? undefined : `the segment says that it is segment ${String(said.segment)}`;
};

const parseHeader = ({ payload }: VerifiedFrame): { log?: unknown; segment?: unknown; supersedes?: unknown } | undefined => {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
};

/** Where the segment before ends, if this one took over from it after its disk failed. */
const supersededAt = (path: string): number | undefined => {
  try {
    const reader = new SegmentReader(path);
    try {
      const header = reader.next();
      const supersedes = header?.type === 'segment' ? parseHeader(header)?.supersedes : undefined;
      return typeof supersedes === 'number' && Number.isSafeInteger(supersedes) && supersedes >= 0 ? supersedes : undefined;
    } finally {
      reader.close();
    }
  } catch {
    return undefined;
  }
};
