import type { Command } from '../model/command.ts';
import type { Decision, Refusal, RefusalCode } from '../model/decision.ts';
import type { Outcome } from '../model/outcome.ts';
import type { Credential, Peer } from '../model/principal.ts';
import type { Session } from '../model/session.ts';
import type { Permit } from './permits.ts';

/** The only door. Protocols see this and nothing behind it. */
export interface Gate {
  /** Credential to session: identity, connection, policy, the session_open record durable. */
  open(attempt: { readonly credential: Credential; readonly connection: string; readonly peer: Peer }): Promise<GatedSession | Refusal>;
  /** Something refused before there was a session. Counted by source network and reason, one record a minute. */
  refusedBeforeLogin(peer: Peer, code: RefusalCode, connection?: string): void;
}

export interface GatedSession {
  readonly session: Session;
  /** Aborts when the session may no longer exist (revoked, policy, age, shutdown); the reason is a Refusal. */
  readonly ended: AbortSignal;
  /** Policy's word on a command, without a record: for a Parse that may never run. */
  judge(command: Command): Decision | Refusal;
  /** The way in: decision, limits, intent handed to the log. */
  admit(command: Command): Passage | Refusal;
  /** A refusal that the protocol itself found (unknown message, write-back, masking): recorded, with the command when there is one. */
  refuse(code: RefusalCode, message: string, command?: Command): Refusal;
  /** Leave for a message of the gateway's own (look-ups, pins, cancels, prepares). Counted in session_close. */
  housekeeping(what: Housekeeping): Permit;
  close(reason: string): void;
}

export type Housekeeping = 'prepare' | 'lookup' | 'pin' | 'cancel' | 'close' | 'sync' | 'fail' | 'describe' | 'terminate';

/** What `admit` returns when it grants. Every byte in either direction belongs to one Passage or to housekeeping. */
export interface Passage {
  readonly decision: Decision;
  /** The intent is durable: answers may be released and effects forwarded. */
  readonly durable: boolean;
  whenDurable(then: (failure?: Refusal) => void): void;
  /** Leave for bytes that cannot take effect yet. In `strict` only once durable; undefined means: ask again when durable. */
  forward(): Permit | undefined;
  /** Leave for bytes that can commit or cannot be undone. Undefined until durable. */
  effect(): Permit | undefined;
  /** Data of a long passage going up (COPY): counted, progress records written. */
  up(bytes: number): void;
  /** Bytes of the answer as the client will get them: counted and recorded. Throws if the intent is not durable. */
  down(bytes: Uint8Array): void;
  /** Exactly once. Calls back when the outcome is written: only then may the end of the answer go to the client. */
  end(outcome: Outcome, written: (failure?: Refusal) => void): void;
}
