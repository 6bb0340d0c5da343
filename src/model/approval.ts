import type { RuleRef } from './decision.ts';

/** What a decision asks for before the command may run. Every step must be met; one person may count for several. Durations in milliseconds. */
export interface ApprovalDemand {
  readonly steps: readonly ApprovalStep[];
  /** How long the command is held on its connection. The shortest of all rules. */
  readonly hold: number;
  /** How long an approval can be used after it was given. The shortest of all rules. */
  readonly expires: number;
  /** How long it may be held inside a transaction; 0: it is refused there at once. The shortest of all rules. */
  readonly holdInTransaction: number;
  /** The approval covers the data that follows the command, which is kept until people have answered, up to so many bytes. The smallest of all rules. */
  readonly coverData?: number;
}

/** One rule's word on who approves. */
export interface ApprovalStep {
  readonly rule: RuleRef;
  /** `provider/group`: a person of one of them counts. */
  readonly groups: readonly string[];
  /** How many people. */
  readonly count: number;
}

/** JSON as it is bound: no numbers beyond 2^53, no undefined. */
export type BoundValue = string | number | boolean | null | readonly BoundValue[] | { readonly [key: string]: BoundValue };

/** Data that follows a command and was kept for people to approve. */
export interface CoveredData {
  readonly bytes: number;
  /** As the gateway reads them; undefined where it cannot. */
  readonly rows?: number;
  /** Of all bytes, hex: what people can compare with that of a file. */
  readonly sha256: string;
}

/**
 * What an approval is given for, as the protocol sees it. The pipeline adds connection and identity. Any difference in any of it is another
 * command, for which nothing was approved.
 */
export interface Bound {
  /** Everything that changes what the bytes mean: database, effective role, resolved search_path, settings, formats, in a transaction or not. */
  readonly context: { readonly [key: string]: BoundValue };
  /** The raw bytes, in order: the text of the whole message, texts that it names, bound values (null: no value). */
  readonly parts: readonly (Uint8Array | null)[];
  /** For approvers: what names in the command stand for (a prepared statement, a cursor), in recorded form. */
  readonly standsFor?: readonly { readonly name: string; readonly recorded: string }[];
  /** For approvers: what comes with the command and is bound as well (header fields and body of a request), in recorded form. */
  readonly shown?: string;
  /** Data that follows the command, and is bound as well. */
  readonly data?: CoveredData;
  /** For approvers, in words of ours: what the digest does not cover ("the rows that COPY brings"). */
  readonly notCovered?: string;
  /** For approvers, not a part of the digest: rows that the target itself takes the changed tables to hold; null when it cannot tell. */
  readonly estimatedRows?: number | null;
}
