import type { Logger } from '../model/logger.ts';
import { addSignatures, type Checkpoint } from '../evidence/tlog/checkpoint.ts';
import { cosign } from '../evidence/tlog/cosignature.ts';
import { EMPTY_ROOT, verifyConsistency } from '../evidence/tlog/merkle.ts';
import { BadNote, formatNote, formatSignature, noteVerifier, openNote, parseNote, type Note, type Signer, type VerifierKey, type Verifier } from '../evidence/tlog/note.ts';
import { originHash, type Memory, type Remembered } from './memory.ts';
import { BadRequest, parseAddCheckpoint, type AddCheckpoint } from './request.ts';

/** What is answered. `log` goes into the witness's own log, not to the client. */
export interface Answer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422 | 503;
  readonly type: 'text/plain; charset=utf-8' | 'text/x.tlog.size';
  readonly body: string;
  readonly log: Readonly<Record<string, unknown>>;
}

export interface WitnessParts {
  readonly key: Signer;
  /** Keys of the logs that are witnessed; the name of a key is the origin of its log. */
  readonly logs: readonly VerifierKey[];
  readonly memory: Memory;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const MOST_TOLD = 1024;

const plain = (status: Answer['status'], reason: string, log: Readonly<Record<string, unknown>> = {}): Answer => ({ status, type: 'text/plain; charset=utf-8', body: `${reason}\n`, log: { ...log, reason } });

/**
 * The witness of c2sp.org/tlog-witness: cosigns a checkpoint when the log's key signed it and it contains the last one that was cosigned. It
 * judges, remembers and answers in one turn of the event loop, so two requests never see the same past.
 */
export class Witness {
  readonly #key: Signer;
  readonly #verifiers: ReadonlyMap<string, readonly Verifier[]>;
  readonly #memory: Memory;
  readonly #log: Logger;
  readonly #now: () => number;
  /** Forks that were told of; anyone can post a checkpoint again. */
  readonly #told = new Set<string>();

  constructor({ key, logs, memory, log, now = Date.now }: WitnessParts) {
    this.#key = key;
    this.#verifiers = new Map([...Map.groupBy(logs, ({ name }) => name)].map(([origin, keys]) => [origin, keys.map(noteVerifier)]));
    this.#memory = memory;
    this.#log = log;
    this.#now = now;
  }

  /** Why nothing can be cosigned; undefined when it can. */
  get failed(): string | undefined {
    return this.#memory.failed;
  }

  /** The last cosigned checkpoint of the log with that hash of its origin, for monitors. */
  checkpoint(hash: string): string | undefined {
    return this.#memory.last(hash)?.note;
  }

  /** Answers `POST add-checkpoint`. What it answers with 200 is durable. */
  add(body: Uint8Array): Answer {
    let request: AddCheckpoint;
    try {
      request = parseAddCheckpoint(body);
    } catch (error) {
      if (error instanceof BadRequest) return plain(400, error.message);
      throw error;
    }
    const { checkpoint, old } = request;
    const verifiers = this.#verifiers.get(checkpoint.origin);
    if (verifiers === undefined) return plain(404, 'this log is not witnessed here');
    const about = { origin: checkpoint.origin, size: checkpoint.size, old };
    const signed = this.#signed(request.note, verifiers);
    if (signed === undefined) return plain(403, 'the checkpoint is not signed with a key of this log', about);
    if (old > checkpoint.size) return plain(400, 'the old size is larger than the size of the checkpoint', about);
    return this.#judge(request, signed, about);
  }

  /** The note with the signatures of the log's own keys only. */
  #signed(note: Note, verifiers: readonly Verifier[]): Note | undefined {
    try {
      const { text, verified } = openNote(note, verifiers);
      return { text, signatures: verified };
    } catch (error) {
      if (error instanceof BadNote) return undefined;
      throw error;
    }
  }

  #judge({ checkpoint, old, proof }: AddCheckpoint, signed: Note, about: Readonly<Record<string, unknown>>): Answer {
    if (this.#memory.failed !== undefined) return plain(503, 'this witness cannot remember what it cosigns, so it cosigns nothing', about);
    const last = this.#memory.last(originHash(checkpoint.origin));
    const lastSize = last?.checkpoint.size ?? 0;
    const lastRoot = last?.checkpoint.root ?? EMPTY_ROOT;
    // Two roots of one size, both signed by the log: a proof against it, whatever the request claims besides.
    if (checkpoint.size === lastSize && !checkpoint.root.equals(lastRoot)) this.#reportFork(checkpoint, signed, lastRoot);
    if (old !== lastSize) return { status: 409, type: 'text/x.tlog.size', body: `${lastSize}\n`, log: { ...about, last: lastSize } };
    if (!verifyConsistency(old, lastRoot, checkpoint.size, checkpoint.root, proof)) return plain(422, 'the checkpoint is not shown to contain the last one that was cosigned', { ...about, root: checkpoint.root.toString('base64') });
    return this.#cosign(checkpoint, signed, last, about);
  }

  #cosign(checkpoint: Checkpoint, signed: Note, last: Remembered | undefined, about: Readonly<Record<string, unknown>>): Answer {
    const time = Math.floor(this.#now() / 1000);
    if (last !== undefined && time < last.time) return plain(503, 'the clock of this witness went back behind its last cosignature', about);
    // Anyone can post a known checkpoint again: once a second is enough to say it anew.
    if (last !== undefined && time === last.time && checkpoint.size === last.checkpoint.size) return this.#answer(last, about);
    const cosignature = cosign(signed.text, time, this.#key);
    const remembered = { checkpoint, time, note: addSignatures(formatNote(signed), [cosignature]) };
    try {
      this.#memory.remember(remembered);
    } catch (error) {
      this.#log.error({ ...about, code: (error as NodeJS.ErrnoException).code ?? 'unknown' }, 'a checkpoint could not be remembered, so it was not cosigned');
      return plain(503, 'this witness cannot remember what it cosigns, so it cosigns nothing', about);
    }
    return this.#answer(remembered, about);
  }

  #answer({ note, time }: Remembered, about: Readonly<Record<string, unknown>>): Answer {
    const own = parseNote(note).signatures.filter(({ name, keyId }) => name === this.#key.name && keyId === this.#key.keyId);
    return { status: 200, type: 'text/plain; charset=utf-8', body: own.map(formatSignature).join(''), log: { ...about, time } };
  }

  #reportFork(checkpoint: Checkpoint, signed: Note, lastRoot: Buffer): void {
    const fork = `${checkpoint.origin} ${checkpoint.size} ${checkpoint.root.toString('hex')}`;
    if (this.#told.has(fork)) return;
    if (this.#told.size < MOST_TOLD) this.#told.add(fork);
    const kept = this.#memory.keepConflict(checkpoint, formatNote(signed));
    this.#log.error(
      { origin: checkpoint.origin, size: checkpoint.size, root: checkpoint.root.toString('base64'), cosigned: lastRoot.toString('base64'), kept },
      'the log signed two different trees of one size: it forked, was restored from an old copy, or its key is in other hands',
    );
  }
}
