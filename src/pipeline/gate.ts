import type { ConnectionConfig } from '../config/resolved.ts';
import type { MaskSet } from '../masking/plan.ts';
import type { Bound } from '../model/approval.ts';
import type { Command } from '../model/command.ts';
import type { Decision, Refusal, RefusalCode } from '../model/decision.ts';
import type { Outcome } from '../model/outcome.ts';
import type { CertificateCredential, Credential, Peer } from '../model/principal.ts';
import type { Session } from '../model/session.ts';
import type { HeldCommand } from './held.ts';
import type { Permit } from './permits.ts';

/** The only door. Protocols see this and nothing behind it. */
export interface Gate {
  /** Credential to session: identity, connection, policy, limits; its session_open record is durable when this resolves. */
  open(attempt: { readonly credential: Credential; readonly connection: string; readonly peer: Peer }): Promise<GatedSession | Refusal>;
  /** The identity that a client certificate stands for by itself: what shows a token as well has to be of the same. */
  identityOf(certificate: CertificateCredential, peer: Peer): string | undefined;
  /** Something refused before anybody was known. Counted by source network and reason: one record a minute for each. */
  refusedBeforeLogin(peer: Peer, code: RefusalCode, connection?: string): void;
}

/** One open session, as a protocol sees it. */
export interface GatedSession {
  readonly session: Session;
  /** The connection as configured now; a reload may replace it between two reads. */
  readonly connection: ConnectionConfig;
  /** The masks that apply now; a reload may replace them between two reads. */
  readonly masks: MaskSet;
  /** Evidence is behind: the protocol asks again when this resolves, before it admits anything. Undefined: it is not. Never rejects. */
  readonly room: Promise<void> | undefined;
  /** Aborts when the session may no longer exist (revoked, policy, age, shutdown). Its `reason` is a Refusal. */
  readonly ended: AbortSignal;
  /** Aborts when the gateway stops: the session ends as soon as it is between transactions. Its `reason` is a Refusal. */
  readonly draining: AbortSignal;
  /**
   * Policy's word on a command, without an intent: for a Parse that may never run. A refusal is recorded; what people would be asked, and what
   * depends on the rows that it changes, is not one.
   */
  judge(command: Command): Refusal | NeedsApproval | NeedsCount | undefined;
  /** The way in: decision, limits, intent handed to the log. A refusal is recorded. `known`: the command comes back. */
  admit(command: Command, known?: Known): Passage | Refusal | NeedsApproval | NeedsCount;
  /** The way in for what people have to approve: lets it through if they have, holds it, or refuses it with the request that they see. */
  ask(needs: NeedsApproval, asking: Asking): Passage | Refusal | HeldCommand;
  /** Some policy of this session can ask people: the protocol keeps ready what an approval is bound to. */
  readonly mayAsk: boolean;
  /** Some rule of this session looks into the bodies of requests: the protocol reads them whole before it asks. */
  readonly readsBodies: boolean;
  /** A refusal that the protocol itself found (unknown message, write-back, masking): recorded, with the command when there is one. */
  refuse(code: RefusalCode, message: string, command?: Command): Refusal;
  /** Leave for a message of the gateway's own (look-ups, pins, cancels, prepares). Counted in session_close. */
  housekeeping(what: Housekeeping): Permit;
  /** Exactly once counts; later calls do nothing. `reason` is a word of ours. */
  close(reason: string): void;
}

/** Policy wants people's approval. Nothing is recorded yet: the protocol says what exactly it would be for, by `ask`. */
export interface NeedsApproval {
  readonly kind: 'needs_approval';
  readonly command: Command;
  /** Data that follows the command is to be kept, up to so many bytes, and asked about with it. */
  readonly coverData?: number;
}

export const isNeedsApproval = (value: unknown): value is NeedsApproval => typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'needs_approval';

/** Policy's word depends on how many rows the command changes: the protocol counts, or says why it cannot, and admits it again. */
export interface NeedsCount {
  readonly kind: 'needs_count';
  readonly command: Command;
  /** Up to so many rows it is decided in one way, above it in another: counting up to one more is enough. */
  readonly threshold: number;
}

export const isNeedsCount = (value: unknown): value is NeedsCount => typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'needs_count';

/**
 * Rows that a command changes, or why nobody can tell before it has (words of ours). `undoable`: the protocol can run it so that it is undone
 * when it has changed too many, which is enough where nothing but `rowsPerCommand` depends on the number.
 */
export type RowCount = number | { readonly uncountable: string; readonly undoable?: boolean };

/** What is known of a command that comes back. */
export interface Known {
  /** It was held, and was told to come again. */
  readonly again?: HeldCommand;
  readonly rows?: RowCount;
  /** It comes back with the data that was kept of it: it was counted when it came. */
  readonly kept?: boolean;
}

/** What people are asked for. */
export interface Asking {
  readonly bound: Bound;
  /** Where the command stands: `free`, in a `transaction`, or in a `series` of which something was sent on. */
  readonly place: 'free' | 'transaction' | 'series';
  /** It was held, and was told to come again. */
  readonly again?: HeldCommand;
  /** Rows that it would change now, where they were counted: the approval covers little more. */
  readonly rows?: number;
}

/** The kinds of messages that the gateway sends of its own, or that run nothing. `count`: rows before a command runs; `guard`: what makes it undoable. */
export type Housekeeping = 'prepare' | 'lookup' | 'count' | 'guard' | 'pin' | 'cancel' | 'close' | 'sync' | 'fail' | 'describe' | 'terminate';

/** Bytes of an answer, looked at only where they are recorded: until then a message need not be a view of its own. */
export interface Part {
  readonly size: number;
  readonly bytes: Uint8Array;
}

export const part = (bytes: Uint8Array): Part => ({ size: bytes.length, bytes });

/** What `admit` returns when it grants. Every byte in either direction belongs to one Passage or to housekeeping. */
export interface Passage {
  readonly command: Command;
  readonly decision: Decision;
  /** It may not change more rows than this: the protocol runs it so that it can be undone, and undoes it. */
  readonly mostRows: number | undefined;
  /** The intent is durable: answers may be released and effects forwarded. */
  readonly durable: boolean;
  /** Calls back once durable, or with a refusal when evidence failed. At once when it is already. */
  whenDurable(then: (failure?: Refusal) => void): void;
  /** Leave for bytes that cannot take effect yet. In `strict` only once durable; undefined means: ask again when durable. */
  forward(): Permit | undefined;
  /** Leave for bytes that can commit or cannot be undone. Undefined until durable. */
  effect(): Permit | undefined;
  /**
   * Data of the command going up (COPY, a request's body): counted; a progress record each 16 MiB or minute. `recorded`: its recorded form, kept
   * up to the cap like an answer.
   */
  up(bytes: number, recorded?: Uint8Array): void;
  /**
   * Bytes of the answer as the client will get them: counted and recorded up to the cap. Throws if the intent is not durable. `counted`: how many of
   * them are of the answer itself; 0 for what is only written down with it.
   */
  down(bytes: Uint8Array | Part, counted?: number): void;
  /** What is recorded of it has to wait for the disk: no more of the answer is to be read until this resolves. Undefined: it has not. Never rejects. */
  readonly room: Promise<void> | undefined;
  /** Exactly once. Calls back when the outcome is written: only then may the end of the answer go to the client. */
  end(outcome: Outcome, written: (failure?: Refusal) => void): void;
}
