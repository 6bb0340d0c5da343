import type { LimitsConfig, MaskConfig } from '../config/resolved.ts';
import type { Command } from '../model/command.ts';
import type { Decision } from '../model/decision.ts';
import type { Principal } from '../model/principal.ts';
import type { Explanation } from './explanation.ts';

/** All policies in force, compiled. Pure: no I/O, no clock. */
export interface PolicySet {
  /** SHA-256 (hex) of the policies and of who is in which group: names the set in records. */
  readonly version: string;
  /**
   * What the policies say to this principal on this connection. Undefined when none names both, or when the configuration does not know
   * the identity or the connection: not granted. Groups are those that the configuration gives the identity now, so that asking
   * again after a reload gives the new answer for a session that began before it.
   */
  forSession(principal: Principal, connection: string): SessionPolicy | undefined;
}

/** What a decision depends on besides the command. */
export interface DecisionContext {
  readonly now: Date;
  /** How long the session has been open, in milliseconds. */
  readonly sessionAgeMs?: number;
  /** Rows that the command changes, once that is known. Unknown counts against the command. */
  readonly rows?: number;
  /** Rows that the same identity has changed there within the last hour under thresholds: rules about rows count them as well. */
  readonly recentRows?: number;
}

/** What a question about one command at one moment is held against, beside the command itself. */
export interface Asking {
  readonly masks: readonly MaskConfig[];
  /** What the policies would say to this one instead. */
  decide(command: Command): Decision;
}

/** The policies that apply to one session, all together. */
export interface SessionPolicy {
  /**
   * Decides one command. Pure; microseconds, and a fraction of one when the same `effects` array was decided before: the array
   * must not change.
   */
  decide(command: Command, context: DecisionContext): Decision;
  /** The same decision with everything that was considered, for people. Not fast. */
  explain(command: Command, context: DecisionContext): Explanation;
  /** Every mask that applies; they add up. */
  readonly masks: readonly MaskConfig[];
  /** Some rule can ask people for approval. */
  readonly mayAsk: boolean;
  /** Some rule looks into the bodies of requests. */
  readonly readsBodies: boolean;
  /** The strictest of each limit. */
  readonly limits: LimitsConfig;
  /** Names of the policies that apply, sorted. */
  readonly policies: readonly string[];
}
