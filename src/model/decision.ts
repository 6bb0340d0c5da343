import type { ApprovalDemand } from './approval.ts';
import type { Effect } from './command.ts';

/** Where a rule stands in the configuration. */
export interface Origin {
  readonly file: string;
  readonly line: number;
}

/** The rule, or the class grant, that decided. */
export interface RuleRef {
  readonly policy: string;
  /** Name of the rule; absent when a class of `allow` decided or when nothing matched. */
  readonly rule?: string;
  readonly origin: Origin;
}

/** The ways a decision can fall. */
export type DecisionEffect = 'allow' | 'deny' | 'require_approval';

/** The answer of policy to one Command. A pure value: the same inputs give the same decision. */
export interface Decision {
  readonly effect: DecisionEffect;
  /** Every rule that took part, the deciding one first. Empty when nothing matched: default deny. */
  readonly rules: readonly RuleRef[];
  /** For people: why. Words of the configuration or of ours, never the client's text. */
  readonly reason: string;
  /** The first effect that was not granted, when denied. */
  readonly denied?: Effect;
  /** Rows above which the command must not go on (`rowsPerCommand`), when a limit applies. */
  readonly maxRows?: number;
  /** Who has to approve. Present exactly when the effect is `require_approval`. */
  readonly approval?: ApprovalDemand;
  /**
   * Rows above which this decision holds no longer: the smallest of the numbers in `rows: "> N"` (deny, require_approval) that reach the
   * command in every other way, and of `rowsPerCommand` when it changes rows. Numbers that a known count is above already do not count.
   * While the count is unknown, rules with such a number take part: count, and ask again with `rows`. Whatever is let through must be undone
   * when it turns out to change more. Absent when no count would lift a refusal, or lead to one.
   */
  readonly threshold?: number;
  /** SHA-256 (hex) of the policy set that decided. */
  readonly policyVersion: string;
}

/** A refusal is a value that is returned, never thrown; each protocol words it as its own native error. */
export interface Refusal {
  readonly kind: 'refusal';
  /** A stable word for records, metrics and tests. */
  readonly code: RefusalCode;
  /** For the client: what was refused and by which rule. Never a secret, a token, or another identity's name. */
  readonly message: string;
  readonly hint?: string;
  readonly rule?: RuleRef;
  /** For `not_found`: what the target does not have. */
  readonly object?: { readonly kind: string; readonly name: string };
  /** The session, when there is one: what a person gives to the security team. */
  readonly session?: string;
  /** The approval request that waits for an answer, or that was answered. An id carries no right. */
  readonly approval?: string;
  /** Seconds after which the same may be let through, where that is known. */
  readonly retryAfter?: number;
}

/** Why something was refused. */
export type RefusalCode =
  | 'unauthenticated' // token missing, wrong, expired, foreign
  | 'no_identity' // no identity matches, or two do
  | 'unknown_connection'
  | 'not_granted' // no policy lets this identity reach this connection
  | 'denied' // policy: a deny rule, or nothing that allows
  | 'approval_required'
  | 'cancelled' // the client cancelled a command that was held
  | 'not_understood' // unknown statement without a grant
  | 'not_found' // names something that the target does not have
  | 'masking' // touches a protected column in a way that cannot be masked
  | 'write_back' // a masked value would come back as data
  | 'limit' // rate, rows, sessions, sizes
  | 'protocol' // malformed or unsupported message
  | 'evidence_unavailable'
  | 'revoked' // identity revoked, or policy no longer lets the session exist
  | 'target_unavailable'
  | 'shutting_down'
  | 'internal';

export const refusal = (code: RefusalCode, message: string, more: Omit<Refusal, 'kind' | 'code' | 'message'> = {}): Refusal => ({
  kind: 'refusal',
  code,
  message,
  ...more,
});

/**
 * What a `session_close` says of a session that was ended: the code, and where that stands for many things also which of them. An auditor must be able
 * to tell an identity that was revoked from a policy that changed and from an operator. The words are the gateway's own and names of the configuration.
 */
export const endedBecause = ({ code, message }: Refusal): string => (code === 'revoked' ? `${code}: ${message}` : code);

export const isRefusal = (value: unknown): value is Refusal =>
  typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'refusal';
