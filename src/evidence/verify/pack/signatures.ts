import { equal, type Sha256 } from './bytes.ts';
import type { Keys } from './keys.ts';
import { BadNote, cosignedAt, parseCheckpoint, signedBy, type Checkpoint, type VerifierKey } from './note.ts';
import { cosignaturesOn, type Trust } from './policy.ts';
import type { LogFindings, PackFault } from './verdict.ts';

/** A checkpoint of the pack, and the file that it stands in. */
export interface PackCheckpoint extends Checkpoint {
  readonly file: string;
  readonly line?: number;
}

/** Reads a checkpoint; a fault when it is none, or of another log. */
export const checkpointIn = (text: string, log: string, place: Pick<PackCheckpoint, 'file' | 'line'>, fault: (fault: PackFault) => void): PackCheckpoint | undefined => {
  try {
    const checkpoint = parseCheckpoint(text);
    if (checkpoint.origin === log) return { ...checkpoint, ...place };
    fault({ what: `it is a checkpoint of another log, ${checkpoint.origin.slice(0, 100)}`, ...at(place), log });
  } catch (error) {
    if (!(error instanceof BadNote)) throw error;
    fault({ what: `it is no checkpoint: ${error.message}`, ...at(place), log });
  }
  return undefined;
};

const at = ({ file, line }: Pick<PackCheckpoint, 'file' | 'line'>): Pick<PackFault, 'file' | 'line'> => ({ file, ...(line === undefined ? {} : { line }) });

/** Compares what checkpoints state with the tree while it grows. */
export class Roots {
  readonly #by = new Map<number, PackCheckpoint[]>();
  readonly #sizes: ReadonlySet<number>;
  readonly #began = new Map<number, number>();
  readonly #fault: (fault: PackFault) => void;
  agree: PackCheckpoint[] = [];

  constructor(checkpoints: readonly PackCheckpoint[], fault: (fault: PackFault) => void) {
    for (const checkpoint of checkpoints) this.#by.set(checkpoint.size, [...(this.#by.get(checkpoint.size) ?? []), checkpoint]);
    this.#sizes = new Set(this.#by.keys());
    this.#fault = fault;
  }

  /** What time had passed when a record was written: kept of the first one behind each checkpoint. */
  began(sequence: number, passedMs: number): void {
    if (this.#sizes.has(sequence)) this.#began.set(sequence, passedMs);
  }

  /** That time for the first record behind a checkpoint; undefined when there is none. */
  behind(size: number): number | undefined {
    return this.#began.get(size);
  }

  /** Whether a checkpoint states something about a tree of this size. */
  asks(size: number): boolean {
    return this.#by.has(size);
  }

  compare(size: number, root: Uint8Array): void {
    for (const checkpoint of this.#by.get(size) ?? []) {
      if (equal(checkpoint.root, root)) this.agree.push(checkpoint);
      else this.#fault({ what: `it signs another tree of ${size} records: of the records before, at least one was altered, taken out or put in`, ...at(checkpoint), log: checkpoint.origin, sequence: size });
    }
    this.#by.delete(size);
  }

  /** The tree grew no further: those that are left state something that the records do not show. */
  finish(): void {
    for (const left of this.#by.values()) for (const checkpoint of left) this.#fault({ what: `it states ${checkpoint.size} records, which the records in the pack do not reach or begin behind`, ...at(checkpoint), log: checkpoint.origin });
    this.#by.clear();
  }
}

type Signed = Pick<LogFindings, 'checkpoints' | 'key' | 'witnessed'>;

/** Whose the signatures are on checkpoints that agree with the records. */
export const signaturesOn = async (checkpoints: readonly PackCheckpoint[], log: string, keys: Keys, trust: Trust, fault: (fault: PackFault) => void): Promise<Signed> => {
  const given = trust.keys.filter(({ name }) => name === log);
  let [good, anchored] = [0, false];
  let witnessed: LogFindings['witnessed'];
  for (const checkpoint of checkpoints) {
    const { size, note } = checkpoint;
    const named = keys.at(size);
    const key = await signerOf(checkpoint, named ? [named] : given);
    if (key === 'wrong' || key === 'absent') fault({ what: key === 'wrong' ? 'its signature is wrong: it was altered' : 'it is not signed by the key of the log', ...at(checkpoint), log });
    if (typeof key === 'string') continue;
    good += 1;
    if (given.some(({ vkey }) => vkey === key.vkey) || keys.descends(key, given)) anchored = true;
    const { by, wrong, enough } = await cosignaturesOn(note, trust);
    if (wrong !== undefined) fault({ what: `the cosignature of the witness ${wrong} is wrong`, ...at(checkpoint), log });
    if (!enough || by.length === 0 || (witnessed && witnessed.size >= size)) continue;
    const first = Math.min(...by.map((name) => cosignedAt(note, trust.witnesses.get(name) as VerifierKey) ?? 0));
    witnessed = { size, by, of: trust.witnesses.size, time: new Date(Math.min(first, 8e12) * 1000).toISOString() };
  }
  if (trust.keys.length > 0 && !anchored) {
    fault({ what: given.length === 0 ? 'no key that was given is of this log' : `no checkpoint is signed by the key that was given (${given.map(({ id }) => id).join(', ')}): a wrong key, or another log under this name`, log });
  }
  return { checkpoints: good, key: anchored ? 'given' : good > 0 ? 'log' : 'none', ...(witnessed ? { witnessed } : {}) };
};

const signerOf = async ({ note }: PackCheckpoint, keys: readonly VerifierKey[]): Promise<VerifierKey | 'wrong' | 'absent'> => {
  let found: VerifierKey | 'absent' = 'absent';
  for (const key of keys) {
    const signed = await signedBy(note, key);
    if (signed === 'wrong') return 'wrong';
    if (signed === 'good' && found === 'absent') found = key;
  }
  return found;
};

/** Whether a time-stamp token speaks of a text: it holds the text's digest. Its own signature is for others to check. */
export const speaksOf = (token: Uint8Array, note: Uint8Array, sha256: Sha256): boolean => {
  const digest = sha256.of(note);
  for (let from = token.indexOf(digest[0] as number); from >= 0 && from + 32 <= token.length; from = token.indexOf(digest[0] as number, from + 1)) if (equal(token.subarray(from, from + 32), digest)) return true;
  return false;
};
