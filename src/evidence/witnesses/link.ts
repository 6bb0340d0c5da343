import type { WitnessConfig } from '../../config/resolved.ts';
import type { Logger } from '../../model/logger.ts';
import { cosignatureVerifier } from '../tlog/cosignature.ts';
import { parseVkey, type NoteSignature, type Verifier } from '../tlog/note.ts';
import { examine } from './examine.ts';
import type { CheckpointSource, SignedCheckpoint } from './source.ts';
import { submit, type FaultKind, type Submitted } from './submit.ts';

/** One request; a second one follows when the witness tells the size that it knows. */
const REQUEST_MS = 5_000;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 60_000;
/** Faults that are about trust, not about networks: told as errors. */
const GRAVE: ReadonlySet<FaultKind> = new Set(['wrong_key', 'bad_signature', 'wrong_time', 'went_back', 'ahead', 'inconsistent', 'contradicts']);

/** What a witness cosigned last. */
export interface Cosigned {
  readonly size: number;
  /** POSIX seconds, as the witness says. */
  readonly time: number;
}

/** How one witness stands, for metrics and people. */
export interface WitnessStatus {
  readonly name: string;
  readonly url: string;
  /** `cosigning`, `waiting` (nothing was submitted yet), or what is wrong. */
  readonly state: 'cosigning' | 'waiting' | FaultKind;
  readonly detail?: string;
  readonly cosigned?: Cosigned;
  /** How often each thing was wrong since start. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
}

export interface LinkParts {
  readonly config: WitnessConfig;
  readonly source: CheckpointSource;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds that never go back. */
  readonly elapsed: () => number;
}

/** One witness: what it knows, what is wrong with it, when it is asked again. One submission at a time. */
export class WitnessLink {
  readonly config: WitnessConfig;
  readonly verifier: Verifier;
  readonly #parts: LinkParts;
  readonly #faults: Partial<Record<FaultKind, number>> = {};
  #cosigned: Cosigned | undefined;
  #fault: { readonly kind: FaultKind; readonly detail: string } | undefined;
  #failures = 0;
  #notBefore = Number.NEGATIVE_INFINITY;
  #busy = false;

  /** Throws BadNote for a key that is none. */
  constructor(parts: LinkParts) {
    this.config = parts.config;
    this.verifier = cosignatureVerifier(parseVkey(parts.config.key));
    this.#parts = parts;
  }

  get status(): WitnessStatus {
    const { name, url } = this.config;
    return {
      name,
      url,
      state: this.#fault?.kind ?? (this.#cosigned ? 'cosigning' : 'waiting'),
      ...(this.#fault && { detail: this.#fault.detail }),
      ...(this.#cosigned && { cosigned: this.#cosigned }),
      faults: { ...this.#faults },
    };
  }

  get cosigned(): Cosigned | undefined {
    return this.#cosigned;
  }

  /** What it cosigned in an earlier run, read from a note and verified. */
  recall(cosigned: Cosigned): void {
    this.#cosigned = cosigned;
  }

  /** Whether it may be asked now: not while a request runs, nor in the pause after a failure. */
  get ready(): boolean {
    return !this.#busy && this.#parts.elapsed() >= this.#notBefore;
  }

  /** Submits the checkpoint, with one more try when the witness says which size it knows. Gives the cosignature, verified. Never rejects. */
  async ask(checkpoint: SignedCheckpoint, hurry = false): Promise<NoteSignature | undefined> {
    this.#busy = true;
    try {
      const result = await this.#tryTwice(checkpoint, hurry ? REQUEST_MS / 4 : REQUEST_MS);
      if (result.is === 'cosigned') {
        this.#good({ size: checkpoint.size, time: result.time });
        return result.signature;
      }
      if (result.is === 'conflict') this.#failed('bad_answer', 'it names one size after the other');
      else if (result.kind === 'ahead' || result.kind === 'inconsistent') await this.#disagrees(result.kind, result.detail, checkpoint, hurry);
      else this.#failed(result.kind, result.detail);
    } catch (error) {
      this.#failed('no_proof', error instanceof Error ? error.name : 'failed');
    } finally {
      this.#busy = false;
    }
    return undefined;
  }

  /** It has another history, as it says. Whether that is so, or it lies, is in what it shows; a proof is kept. */
  async #disagrees(kind: 'ahead' | 'inconsistent', said: string, checkpoint: SignedCheckpoint, hurry: boolean): Promise<void> {
    const { config, source } = this.#parts;
    const { name, url, ca } = config;
    const shown = await examine({ url, ...(ca === undefined ? {} : { ca }), verifier: this.verifier, checkpoint, source, timeoutMs: hurry ? REQUEST_MS / 4 : REQUEST_MS });
    switch (shown.is) {
      case 'fork':
        source.keepConflict(name, shown.size, shown.note);
        return this.#failed(kind, `${said}; its checkpoint of ${shown.size} records, signed with this log's key, proves it and is kept in tlog/conflicts`);
      case 'contained':
        return this.#failed('contradicts', `${said}, and shows that it cosigned ${shown.size} records, which this log contains: it lies, or is broken`);
      case 'overtaken':
        return;
      case 'nothing':
        return this.#failed(kind, `${said}; ${shown.why}`);
    }
  }

  async #tryTwice(checkpoint: SignedCheckpoint, timeoutMs: number): Promise<Submitted> {
    const known = Math.min(this.#cosigned?.size ?? 0, checkpoint.size);
    const first = await this.#submit(checkpoint, known, timeoutMs);
    if (first.is !== 'conflict') return first;
    const { size } = first;
    if (size > checkpoint.size) {
      return { is: 'fault', kind: 'ahead', detail: `it cosigned a tree of ${size} records, and this log has ${checkpoint.size}: it was restored from an older copy, or another one signs with its key` };
    }
    // An answer that was lost on the way makes it know more than we heard; less is never right.
    if (this.#cosigned !== undefined && size < this.#cosigned.size) this.#count('went_back', `it cosigned a tree of ${this.#cosigned.size} records before, and now says ${size}: it was reset, or is not the one it was`);
    return this.#submit(checkpoint, size, timeoutMs);
  }

  #submit({ note, size }: SignedCheckpoint, old: number, timeoutMs: number): Promise<Submitted> {
    const { config, source, now } = this.#parts;
    const { url, ca } = config;
    return submit({ url, ...(ca === undefined ? {} : { ca }), verifier: this.verifier, note, old, proof: source.consistency(old, size), now: () => Math.floor(now() / 1000), timeoutMs });
  }

  #good(cosigned: Cosigned): void {
    if (this.#fault) this.#parts.log.info({ witness: this.config.name, after: this.#fault.kind }, 'the witness cosigns again');
    this.#cosigned = cosigned;
    this.#fault = undefined;
    this.#failures = 0;
    this.#notBefore = Number.NEGATIVE_INFINITY;
  }

  #failed(kind: FaultKind, detail: string): void {
    if (this.#fault?.kind !== kind) this.#tell(kind, detail);
    this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
    this.#fault = { kind, detail };
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    // Many gateways that lost one witness do not come back to it all at once.
    this.#notBefore = this.#parts.elapsed() + pause * (0.5 + Math.random() / 2);
  }

  /** A fault that does not keep the witness from cosigning. */
  #count(kind: FaultKind, detail: string): void {
    this.#tell(kind, detail);
    this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
  }

  #tell(kind: FaultKind, detail: string): void {
    this.#parts.log[GRAVE.has(kind) ? 'error' : 'warn']({ witness: this.config.name, fault: kind, detail }, 'a witness does not cosign as it should');
  }
}
