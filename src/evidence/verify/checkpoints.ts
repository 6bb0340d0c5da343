import { setImmediate as nextTurn } from 'node:timers/promises';
import { CheckpointFiles, type StoredNote } from './checkpoint-files.ts';
import { CheckpointTable } from './checkpoint-table.ts';
import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import type { Gap } from './completeness.ts';
import type { KeyHistory } from './key-history.ts';
import { cosignedAt, NotANote, signedBy, type VerifierKey } from './note.ts';
import { cosignaturesOn, type Policy } from './policy.ts';
import type { CheckpointFindings, Fault } from './verdict.ts';

/** A checkpoint that does not come from the folder: the auditor kept it, or the keys folder's lock holds it. */
export interface KeptCheckpoint {
  /** As it is named to people: `the checkpoint that was kept in X`. */
  readonly source: string;
  readonly checkpoint: Checkpoint;
}

export interface Trust {
  /** Keys for this log that were brought, not found. */
  readonly keys: readonly VerifierKey[];
  readonly policy: Policy | undefined;
}

/** What the walk through the records found out. */
export interface Walked {
  readonly records: number;
  /** The walk ended at a fault: what comes behind was not seen. */
  readonly broken: boolean;
  readonly history: KeyHistory;
  /** Milliseconds that pass from the first record that no checkpoint of the table covers to the last, and from the first of all; without those that the walk took. */
  readonly uncoveredMs: number;
  readonly passedMs: number;
}

const NAMED = 20;
const NOTES_A_TURN = 256;
/** A gateway signs each second in which its log grew. */
const UNSIGNED_MS = 180_000;
/** It submits to witnesses every ten seconds, shows what they cosigned each minute, and tells people when it was not witnessed for so long. */
const UNWITNESSED_MS = 300_000;

interface At {
  readonly size: number;
  readonly where: string;
  readonly fault: Omit<Fault, 'what'>;
}

/** All checkpoints about one log: compared with the tree while the records are read, and judged with their signatures afterwards. */
export class Checkpoints {
  readonly table = new CheckpointTable();
  readonly #log: string;
  readonly #files: CheckpointFiles;
  readonly #kept: readonly KeptCheckpoint[];
  readonly #trust: Trust;
  readonly #faults: Fault[] = [];
  readonly #gaps: Gap[] = [];
  /** The smallest that disagrees, the largest that agrees and the largest beyond the end. */
  #differs: At | undefined;
  #agrees: At | undefined;
  #beyond: At | undefined;
  #covered = 0;
  #anchored = false;
  #agree = 0;
  #keptAgree = 0;
  #signed = 0;
  #latestTime: string | undefined;
  #witnessed: CheckpointFindings['witnessed'];
  /** The time that had passed at the first record that the largest witnessed checkpoint does not cover. */
  #unwitnessedSince: number | undefined;
  #stored = 0;

  constructor(folder: string, log: string, kept: readonly KeptCheckpoint[], trust: Trust) {
    this.#log = log;
    this.#kept = kept;
    this.#trust = trust;
    this.#files = new CheckpointFiles(folder);
    this.#faults.push(...this.#files.faults);
    // What the auditor brought comes first: a folder with more checkpoints than are compared must not push it out.
    for (const { checkpoint } of kept) this.table.add(checkpoint.size, checkpoint.root);
    for (const { checkpoint } of this.#stores((fault) => this.#fault(fault))) {
      this.table.add(checkpoint.size, checkpoint.root);
      this.#stored += 1;
    }
    this.table.begin();
  }

  /** Judges what the table found, now that the keys are known. */
  async judge(walked: Walked): Promise<{ readonly faults: readonly Fault[]; readonly gaps: readonly Gap[]; readonly findings: Omit<CheckpointFindings, 'tiles' | 'tilesMissing'> }> {
    const brought = this.#kept.length;
    let index = brought;
    for (const { stored, checkpoint } of this.#stores(() => undefined)) {
      if (index >= brought + this.#stored) break;
      this.#one(index, checkpoint, { size: checkpoint.size, where: `the checkpoint of ${stored.file}${stored.line > 0 ? `, line ${stored.line},` : ''}`, fault: { segment: stored.file, ...(stored.line > 0 ? { line: stored.line } : {}) } }, walked, stored.time);
      index += 1;
      if (index % NOTES_A_TURN === 0) await nextTurn();
    }
    for (const [i, { source, checkpoint }] of this.#kept.entries()) this.#one(i, checkpoint, { size: checkpoint.size, where: source, fault: {} }, walked, undefined, true);
    this.#conclude(walked);
    const { rotations, current } = walked.history;
    const vkey = current?.vkey ?? this.#trust.keys[0]?.vkey;
    return {
      faults: this.#faults,
      gaps: this.#gaps,
      findings: {
        agree: this.#agree,
        covered: this.#covered,
        ...(this.#latestTime === undefined ? {} : { latestTime: this.#latestTime }),
        key: this.#anchored ? 'given' : this.#signed > 0 ? 'log' : 'none',
        ...(vkey === undefined ? {} : { vkey }),
        rotations,
        kept: this.#keptAgree,
        ...(this.#witnessed ? { witnessed: this.#witnessed } : {}),
        unchecked: this.table.unchecked,
      },
    };
  }

  /** The checkpoints of the folder that can be read, the same each time. */
  *#stores(wrong: (fault: Fault) => void): Generator<{ readonly stored: StoredNote; readonly checkpoint: Checkpoint }> {
    for (const stored of this.#files.notes(wrong)) {
      const at = { segment: stored.file, ...(stored.line > 0 ? { line: stored.line } : {}) };
      try {
        const checkpoint = parseCheckpoint(stored.note);
        if (checkpoint.origin === this.#log) yield { stored, checkpoint };
        else wrong({ what: `a checkpoint of another log lies here: ${checkpoint.origin.slice(0, 200)}`, ...at });
      } catch (error) {
        if (!(error instanceof NotANote)) throw error;
        wrong({ what: `a checkpoint is altered: ${error.message}`, ...at });
      }
    }
  }

  #one(index: number, checkpoint: Checkpoint, at: At, walked: Walked, time: string | undefined, kept = false): void {
    const comparison = this.table.comparison(index);
    // Behind a fault nothing was read: nothing is known about the tree there, nor whose key it was.
    if (comparison === 'unchecked' || (comparison === 'beyond' && walked.broken)) return;
    const signature = this.#signature(checkpoint, walked.history);
    // The key of a checkpoint beyond the end may be named in what is missing.
    const stranger = signature === 'absent' && comparison === 'beyond';
    if (signature === 'wrong') this.#fault({ what: `${at.where} is altered: its signature is not by the key of the log`, ...at.fault, sequence: at.size });
    else if (signature === 'absent' && !stranger && !kept) this.#fault({ what: `${at.where} is not signed by the key that the log had then`, ...at.fault, sequence: at.size });
    if ((signature === 'wrong' || signature === 'absent') && !stranger && !kept) return;
    if (comparison === 'differs') {
      if (!this.#differs || at.size < this.#differs.size) this.#differs = at;
    } else if (comparison === 'beyond') {
      if (!this.#beyond || at.size > this.#beyond.size) this.#beyond = at;
    } else {
      this.#agree += 1;
      if (kept) this.#keptAgree += 1;
      if (!this.#agrees || at.size > this.#agrees.size) this.#agrees = at;
      if (signature !== 'absent' && signature !== 'wrong' && signature !== 'unknown') this.#good(index, checkpoint, signature, walked.history, time, at);
    }
  }

  /** A checkpoint that agrees with the records, signed by that key. */
  #good(index: number, checkpoint: Checkpoint, key: VerifierKey, history: KeyHistory, time: string | undefined, at: At): void {
    this.#signed += 1;
    if (checkpoint.size >= this.#covered) {
      this.#covered = checkpoint.size;
      if (time !== undefined) this.#latestTime = time;
    }
    if (this.#trust.keys.some(({ vkey }) => vkey === key.vkey) || history.descends(key, this.#trust.keys)) this.#anchored = true;
    const { policy } = this.#trust;
    if (!policy || policy.witnesses.size === 0) return;
    const { by, wrong, enough } = cosignaturesOn(checkpoint.note, policy);
    if (wrong !== undefined) this.#fault({ what: `${at.where} is altered: the cosignature of the witness ${wrong} is wrong`, ...at.fault, sequence: at.size });
    else if (enough && by.length > 0 && (!this.#witnessed || checkpoint.size >= this.#witnessed.size)) {
      const times = by.map((name) => cosignedAt(checkpoint.note, policy.witnesses.get(name) as VerifierKey) ?? 0);
      const first = new Date(Math.min(...times) * 1000);
      this.#unwitnessedSince = this.table.followedAt(index);
      this.#witnessed = { size: checkpoint.size, by, of: policy.witnesses.size, ...(Number.isNaN(first.getTime()) ? {} : { time: first.toISOString() }) };
    }
  }

  /** The key that signed, or why there is none. */
  #signature({ note, size }: Checkpoint, history: KeyHistory): VerifierKey | 'wrong' | 'absent' | 'unknown' {
    const named = history.keyAt(size);
    const keys = named ? [named] : this.#trust.keys;
    if (keys.length === 0) return 'unknown';
    let good: VerifierKey | undefined;
    for (const key of keys) {
      const found = signedBy(note, key);
      if (found === 'wrong') return 'wrong';
      if (found === 'good') good ??= key;
    }
    return good ?? 'absent';
  }

  #conclude({ records, broken, history, uncoveredMs, passedMs }: Walked): void {
    const [differs, beyond] = [this.#differs, this.#beyond];
    if (differs) {
      const since = this.#agrees && this.#agrees.size < differs.size ? `of records ${this.#agrees.size} to ${differs.size - 1} at least one was` : `of the first ${differs.size} records at least one was`;
      this.#faults.unshift({ what: `the log was rewritten or forked: ${differs.where} signs another tree of ${differs.size} records; ${since} altered, taken out or put in`, ...differs.fault, sequence: this.#agrees && this.#agrees.size < differs.size ? this.#agrees.size : 0 });
    }
    if (beyond) this.#gaps.push({ what: `the tail is missing: ${beyond.where} covers ${beyond.size} records, the log has ${records}: records ${records} to ${beyond.size - 1} are not there`, sequence: records });
    if (broken) return;
    if (this.#trust.keys.length > 0 && !this.#anchored) {
      const ids = this.#trust.keys.map(({ id }) => id).join(', ');
      const signer = history.current ? `; the log says that its key is ${history.current.vkey}` : '';
      if (this.#agree > 0 || this.#faults.length > 0) this.#fault({ what: `no checkpoint is signed by the key that was given (${ids}): a wrong key, or another log under this name${signer}` });
      else this.#gaps.push({ what: `no checkpoint is there that the key that was given (${ids}) could have signed${signer}`, sequence: records });
    }
    if (this.#trust.policy?.quorum && !this.#witnessed) this.#gaps.push({ what: 'no checkpoint is cosigned by as many witnesses as the policy asks for', sequence: records });
    const unwitnessedMs = this.#unwitnessedSince === undefined ? 0 : passedMs - this.#unwitnessedSince;
    if (this.#trust.policy?.quorum && this.#witnessed && unwitnessedMs > UNWITNESSED_MS) {
      const { size } = this.#witnessed;
      this.#gaps.push({ what: `records ${size} to ${records - 1}, written over ${Math.round(unwitnessedMs / 60_000)} min, are under no checkpoint that as many witnesses cosigned as the policy asks for: who has the key could have rewritten them`, sequence: size });
    }
    const since = history.since;
    if (since === undefined || uncoveredMs <= UNSIGNED_MS) return;
    const from = this.#agrees?.size ?? 0;
    this.#gaps.push({ what: `the log is signed since record ${since}, but no checkpoint covers records ${from} to ${records - 1}, written over ${Math.round(uncoveredMs / 60_000)} min`, sequence: from });
  }

  #fault(fault: Fault): void {
    if (this.#faults.length < NAMED) this.#faults.push(fault);
  }
}
