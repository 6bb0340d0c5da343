import type { Outcome } from '../model/outcome.ts';

/**
 * The port through which the pipeline writes evidence. One implementation: the append-only log of this folder.
 * A leaf holds names, counts, codes and commitments only; whatever a client or target chose goes in as a body, sealed.
 */
export interface EvidenceLog {
  /**
   * Queues one record and its bodies in order. Returns at once; the ticket tells how far it has come.
   * Throws nothing: when the log cannot take it (poisoned, disk below the reserve) the ticket has failed already.
   */
  append(record: EvidenceRecord, bodies?: readonly Body[]): Ticket;
  /** Room and health: undefined when commands may be admitted, else why not. Costs nothing to ask. */
  readonly unavailable: string | undefined;
  close(): Promise<void>;
}

/** How far a queued record has come. */
export interface Ticket {
  /** Sequence number in this log, from 0, without gaps. */
  readonly sequence: number;
  /** `queued`, then `written` (survives the end of the process), then `durable` (survives a power cut). */
  readonly state: 'queued' | 'written' | 'durable' | 'failed';
  /** Calls back once it is at least written (or failed: then with the reason). At once when it is already. */
  whenWritten(then: (failure?: string) => void): void;
  /** Calls back once it is durable (or failed). Asking makes the log sync; a record nobody asks for is synced within 100 ms. */
  whenDurable(then: (failure?: string) => void): void;
}

/** Something that a client or target chose: a statement's recorded form, a piece of an answer. Sealed under the key of its connection and day. */
export interface Body {
  /** `statement`, `parameters`, `answer`, `detail`. */
  readonly part: string;
  readonly connection: string;
  readonly bytes: Uint8Array;
}

/** A piece of a long answer, sealed and written as it passes; the outcome's leaf commits to all pieces of its command. */
export interface Recording {
  /** Takes masked bytes; keeps up to the cap and digests the rest. Copies what it keeps. */
  write(bytes: Uint8Array): void;
  /** Flushes what is buffered. Call before the outcome is appended; its result goes into the outcome's record. */
  finish(): RecordingSummary;
}

export interface RecordingSummary {
  /** Bytes of the whole answer, recorded or not. */
  readonly bytes: number;
  /** Bytes recorded. */
  readonly recorded: number;
  /** Whether the cap cut it. */
  readonly truncated: boolean;
  /** SHA-256 (hex) over a random salt (kept in the sealed pieces) and the whole masked answer. */
  readonly digest: string;
  /** Commitments of the sealed pieces, in order. */
  readonly pieces: readonly string[];
}

/** Fields every record has besides its kind's own are added by the log: version, log name, sequence, time, chain. */
export type EvidenceRecord =
  | { readonly kind: 'session_open'; readonly session: string; readonly connection: string; readonly protocol: string; readonly principal: RecordedPrincipal; readonly peer: { readonly address: string; readonly tls: boolean }; readonly policy: string; readonly config: string; readonly mode: 'effect' | 'strict' }
  | { readonly kind: 'intent'; readonly session: string; readonly command: number; readonly connection: string; readonly verb: string; readonly effects: readonly RecordedEffect[]; readonly timing: string; readonly decision: RecordedDecision; readonly bytes: number; readonly masks: readonly string[] }
  | { readonly kind: 'progress'; readonly session: string; readonly command: number; readonly bytesUp: number; readonly bytesDown: number }
  | { readonly kind: 'outcome'; readonly session: string; readonly command: number; readonly outcome: Outcome; readonly answer?: RecordingSummary }
  | { readonly kind: 'session_close'; readonly session: string; readonly reason: string; readonly commands: number; readonly refused: number; readonly housekeeping: Readonly<Record<string, number>> }
  | { readonly kind: 'refusal'; readonly session?: string; readonly command?: number; readonly connection?: string; readonly code: string; /** Of a login: which check failed, a word of ours. */ readonly reason?: string; readonly verb?: string; readonly effects?: readonly RecordedEffect[]; readonly decision?: RecordedDecision; /** Before authentication: how many, in the minute that ends now, from this source network. */ readonly count?: number; readonly network?: string; readonly identity?: string }
  | { readonly kind: 'config_change'; readonly config: string; readonly policy: string; readonly accepted: boolean; /** Lines such as "mask removed: analysts/pii". Names of the configuration only. */ readonly changes: readonly string[] }
  | { readonly kind: 'revocation'; readonly identity: string; readonly by: string }
  | { readonly kind: 'instance'; readonly event: 'start' | 'stop'; readonly instance: string; readonly build: string; readonly config: string }
  | { readonly kind: 'recovery'; readonly session?: string; readonly command?: number; readonly what: 'indeterminate' | 'session_lost' | 'torn_tail' | 'unrecorded'; readonly bytes?: number; /** `unrecorded`: how many commands, from `command` on, were refused because their record could not be written. */ readonly count?: number };

export interface RecordedPrincipal {
  readonly identity: string;
  readonly provider: string;
  readonly owner: { readonly group?: string; readonly contact?: string };
  readonly groups: readonly string[];
  readonly token: string;
  /** Salted commitments to subject and requester, whose values are in a sealed body. */
  readonly tokenExpiresAt: number;
}

/** An effect with catalog names only: a name that the catalog does not know is left out (its text is in the sealed body). */
export interface RecordedEffect {
  readonly class: string;
  readonly verb: string;
  readonly object?: string;
  readonly function?: string;
}

export interface RecordedDecision {
  readonly effect: string;
  readonly rules: readonly string[];
  readonly policy: string;
}
