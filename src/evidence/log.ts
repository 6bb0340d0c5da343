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
  /** The disk is behind, and what would write more waits for it: resolves when it has caught up, or did not in 30 s. Undefined: it is not. Never rejects. */
  readonly room: Promise<void> | undefined;
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

/** What is recorded of a command as it passes, in pieces: its `answer`, and the `data` that the client sent behind it (a request's body, rows of COPY). */
export type RecordedStream = 'answer' | 'data';

export const isStream = (part: string): part is RecordedStream => part === 'answer' || part === 'data';

/** Something that a client or target chose: a statement's recorded form, a piece of an answer. Sealed under the key of its connection and day. */
export interface Body {
  /** `statement`, `parameters`, `answer`, `data`, `reason`, `detail`. */
  readonly part: string;
  readonly connection: string;
  /** The log's from here on: not to be written to any more. */
  readonly bytes: Uint8Array;
}

/** A long answer, or long data, sealed and written as it passes; the outcome's leaf commits to all pieces of its command. */
export interface Recording {
  /** Takes masked bytes; keeps up to the cap and digests the rest. Copies what it keeps. */
  write(bytes: Uint8Array): void;
  /** Flushes what is buffered. Call before the outcome is appended; its result goes into the outcome's record. */
  finish(): RecordingSummary;
  /** More of it would be kept: it is not at its cap yet. */
  readonly keeps: boolean;
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
  | { readonly kind: 'intent'; readonly session: string; readonly command: number; readonly connection: string; readonly verb: string; readonly effects: readonly RecordedEffect[]; readonly timing: string; readonly decision: RecordedDecision; readonly bytes: number; readonly masks: readonly string[]; /** The request whose approval it runs under. Present exactly when the decision asks for approval. */ readonly approval?: string }
  | { readonly kind: 'progress'; readonly session: string; readonly command: number; readonly bytesUp: number; readonly bytesDown: number }
  | { readonly kind: 'outcome'; readonly session: string; readonly command: number; readonly outcome: Outcome; readonly answer?: RecordingSummary; /** What the client sent behind the command, in its recorded form. */ readonly data?: RecordingSummary }
  | { readonly kind: 'session_close'; readonly session: string; readonly reason: string; readonly commands: number; readonly refused: number; readonly housekeeping: Readonly<Record<string, number>> }
  | { readonly kind: 'refusal'; readonly session?: string; readonly command?: number; readonly connection?: string; readonly code: string; /** Of a login: which check failed, a word of ours. */ readonly reason?: string; readonly verb?: string; readonly effects?: readonly RecordedEffect[]; readonly decision?: RecordedDecision; /** Before authentication: how many, in the minute that ends now, from this source network. */ readonly count?: number; readonly network?: string; readonly identity?: string; /** The request that waits for an answer, or that was denied. */ readonly approval?: string }
  | { readonly kind: 'config_change'; readonly config: string; readonly policy: string; readonly accepted: boolean; /** Lines such as "mask removed: analysts/pii". Names of the configuration only. */ readonly changes: readonly string[] }
  /** `identity`: its name, or `sha256:` and the fingerprint of a client certificate. */
  | { readonly kind: 'revocation'; readonly identity: string; readonly by: string }
  | { readonly kind: 'instance'; readonly event: 'start' | 'stop'; readonly instance: string; readonly build: string; readonly config: string; /** Names of the logs of the deployment that this process knows of: one of them that cannot be shown later is missing. */ readonly roster?: readonly string[]; /** In the first record of a log that takes the place of one that could not go on: its name, and the last checkpoint that was signed of it. */ readonly follows?: { readonly log: string; readonly size: number; readonly root: string } }
  /** Each minute while the process runs, so that silence is visible. */
  | { readonly kind: 'heartbeat'; readonly sessions: number; /** Records under the last signed checkpoint, and its age in seconds. */ readonly size?: number; readonly age?: number }
  /** The wall clock was set: against the monotonic clock of this run, or back behind the last record of the run before. */
  | { readonly kind: 'clock'; readonly from: string; readonly to: string; readonly by: number }
  /** The key that signs checkpoints. `rotated`: `note` is a signed note of the old key that names the new one. */
  | { readonly kind: 'key_event'; readonly event: 'first' | 'rotated'; readonly vkey: string; readonly note?: string }
  /** The gateway verified its own log: up to `size`, whose root (base64) was computed from the records. */
  | { readonly kind: 'self_check'; readonly scope: 'start' | 'sample' | 'full'; readonly ok: boolean; readonly size: number; readonly root?: string; readonly found?: string }
  | ApprovalRecord
  | HoldRecord
  | PurgeRecord
  | AccessRecord
  | ControlRecord
  | { readonly kind: 'recovery'; readonly session?: string; readonly command?: number; readonly what: 'indeterminate' | 'session_lost' | 'torn_tail' | 'unrecorded'; readonly bytes?: number; /** `unrecorded`: how many commands, from `command` on, were refused because their record could not be written. Without a session: how many records of the kind `of`. */ readonly count?: number; readonly of?: string };

/**
 * Something happened to a request for approval. An answer takes effect only once its record is durable. Who answered and why is in a sealed
 * body (`detail`: `{name, issuer, subject, reason}`); the record itself holds names of the configuration only.
 */
export type ApprovalRecord = ApprovalBase &
  (
    /** A command waits for people. `again`: the same request, what it asks for has changed, or its approval no longer counts. */
    | { readonly event: 'requested'; readonly again?: true; readonly steps: readonly RecordedStep[]; /** When it lapses unanswered: ISO 8601, UTC. */ readonly expires: string }
    | { readonly event: 'answered'; readonly verdict: 'approve' | 'deny' | 'force'; /** Name in `control.login`. */ readonly provider: string; /** The person's groups that counted, as the configuration names them. */ readonly groups: readonly string[]; readonly channel: string }
    /** Enough people approved, or one forced it: one execution may follow. `steps`: what was asked for at that moment. */
    | { readonly event: 'approved'; readonly steps: readonly RecordedStep[] }
    /** `state`: whether it had been approved. */
    | { readonly event: 'expired'; readonly state: 'pending' | 'approved' }
    | { readonly event: 'denied' | 'withdrawn' }
  );

type ApprovalBase = {
  readonly kind: 'approval';
  readonly request: string;
  /** The session that asked first. Others may wait for the same request. */
  readonly session: string;
  readonly connection: string;
  readonly identity: string;
  /** Keyed digest (hex) of exactly what is approved. */
  readonly digest: string;
};

/** One rule's word on who approves. */
export type RecordedStep = {
  readonly rule: string;
  readonly groups: readonly string[];
  readonly count: number;
};

/** A legal hold begins or ends: what it covers is not purged meanwhile. Each part that is given narrows it; none given: everything. */
export type HoldRecord = {
  readonly kind: 'hold';
  readonly event: 'add' | 'remove';
  readonly name: string;
  /** Who asked for it on the command line: the user of the operating system, as told by that command. */
  readonly by: string;
  readonly reason: string;
  readonly connections?: readonly string[];
  readonly sessions?: readonly string[];
  /** First and last UTC day, inclusive. */
  readonly from?: string;
  readonly to?: string;
};

/** Keys of bodies are destroyed: `begin` is durable before the first one goes, `done` follows the last. */
export type PurgeRecord = {
  readonly kind: 'purge';
  readonly event: 'begin' | 'done';
  /** Digest of the plan; the same in all records of one purge. */
  readonly plan: string;
  readonly by: string;
  /** Ids of the keys that this record is about: at most 400, so a large purge has several `begin`. Of `done`: none. */
  readonly keys: readonly string[];
  /** Keys in all. */
  readonly count: number;
  /** Of `done`: keys that were there and were destroyed. The others were gone already. */
  readonly destroyed?: number;
};

/** Somebody read what is sealed, or searched in it. Durable before anything is shown. */
export type AccessRecord = {
  readonly kind: 'access';
  readonly act: 'show' | 'replay' | 'search' | 'export';
  readonly by: string;
  readonly channel?: Channel;
  /** The session whose recording was read. */
  readonly recording?: string;
  /** Which filters a search had; what they said is in a sealed body. */
  readonly filters?: readonly string[];
  /** How many records are shown. */
  readonly count: number;
};

/**
 * Through what somebody came: a session of the page, an ID token at a terminal, an API token, or the command line as the user of the gateway.
 * Absent in records that were made before it was told.
 */
export type Channel = 'page' | 'terminal' | 'token' | 'command_line';

/**
 * A person or an API token did something in the control plane, or tried to. Durable before it takes effect. Who it was, and their words, are in
 * a sealed body (`detail`: `{name, issuer, subject, detail}`); the record itself holds names of the configuration and ids of ours.
 */
export type ControlRecord = {
  readonly kind: 'control';
  /** `refused`: somebody who is known may not do that. `bootstrap`: the first administrator was made. */
  readonly event: 'sign_in' | 'sign_out' | 'action' | 'refused' | 'bootstrap_link' | 'bootstrap';
  /** Of an action, done or refused: its operationId. */
  readonly action?: string;
  readonly by: 'person' | 'token' | 'command_line';
  readonly channel?: Channel;
  /** Name in `control.login`. */
  readonly provider?: string;
  /** Groups of the person that the configuration names for a role. */
  readonly groups?: readonly string[];
  /** Id of the API token. */
  readonly token?: string;
  /** What it was done to: a name of the configuration, or an id of ours. */
  readonly target?: string;
};

export interface RecordedPrincipal {
  readonly identity: string;
  readonly provider: string;
  readonly owner: { readonly group?: string; readonly contact?: string };
  readonly groups: readonly string[];
  readonly token: string;
  /** Salted commitments to subject and requester, whose values are in a sealed body. */
  readonly tokenExpiresAt: number;
  /** Where it came by a client certificate: which, and who signed it. */
  readonly certificate?: { readonly fingerprint: string; readonly serial: string; readonly issuer: string };
}

/** The words for it where a session came by a certificate; none for one by a token. */
export const byCertificate = ({ certificate }: RecordedPrincipal): string => (certificate === undefined ? '' : `, by the certificate ${certificate.fingerprint} of ${certificate.issuer}`);

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
