import type { ConnectionConfig } from '../config/resolved.ts';
import type { MaskSet } from '../masking/plan.ts';
import type { Command } from '../model/command.ts';
import type { Decision, Refusal, RefusalCode } from '../model/decision.ts';
import type { Outcome } from '../model/outcome.ts';
import type { Credential, Peer } from '../model/principal.ts';
import type { Session } from '../model/session.ts';
import type { Permit } from './permits.ts';

/** The only door. Protocols see this and nothing behind it. */
export interface Gate {
  /** Credential to session: identity, connection, policy, limits; its session_open record is durable when this resolves. */
  open(attempt: { readonly credential: Credential; readonly connection: string; readonly peer: Peer }): Promise<GatedSession | Refusal>;
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
  /** Aborts when the session may no longer exist (revoked, policy, age, shutdown). Its `reason` is a Refusal. */
  readonly ended: AbortSignal;
  /** Aborts when the gateway stops: the session ends as soon as it is between transactions. Its `reason` is a Refusal. */
  readonly draining: AbortSignal;
  /** Policy's word on a command, without an intent: for a Parse that may never run. A refusal is recorded. */
  judge(command: Command): Refusal | undefined;
  /** The way in: decision, limits, intent handed to the log. A refusal is recorded. */
  admit(command: Command): Passage | Refusal;
  /** A refusal that the protocol itself found (unknown message, write-back, masking): recorded, with the command when there is one. */
  refuse(code: RefusalCode, message: string, command?: Command): Refusal;
  /** Leave for a message of the gateway's own (look-ups, pins, cancels, prepares). Counted in session_close. */
  housekeeping(what: Housekeeping): Permit;
  /** Exactly once counts; later calls do nothing. `reason` is a word of ours. */
  close(reason: string): void;
}

/** The kinds of messages that the gateway sends of its own, or that run nothing. */
export type Housekeeping = 'prepare' | 'lookup' | 'pin' | 'cancel' | 'close' | 'sync' | 'fail' | 'describe' | 'terminate';

/** What `admit` returns when it grants. Every byte in either direction belongs to one Passage or to housekeeping. */
export interface Passage {
  readonly command: Command;
  readonly decision: Decision;
  /** The intent is durable: answers may be released and effects forwarded. */
  readonly durable: boolean;
  /** Calls back once durable, or with a refusal when evidence failed. At once when it is already. */
  whenDurable(then: (failure?: Refusal) => void): void;
  /** Leave for bytes that cannot take effect yet. In `strict` only once durable; undefined means: ask again when durable. */
  forward(): Permit | undefined;
  /** Leave for bytes that can commit or cannot be undone. Undefined until durable. */
  effect(): Permit | undefined;
  /** Data of a long passage going up (COPY): counted; a progress record each 16 MiB or minute. */
  up(bytes: number): void;
  /** Bytes of the answer as the client will get them: counted and recorded up to the cap. Throws if the intent is not durable. */
  down(bytes: Uint8Array): void;
  /** Exactly once. Calls back when the outcome is written: only then may the end of the answer go to the client. */
  end(outcome: Outcome, written: (failure?: Refusal) => void): void;
}
