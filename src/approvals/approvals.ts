import type { ApprovalDemand, Bound, CoveredData } from '../model/approval.ts';
import type { Command } from '../model/command.ts';
import type { Decision, Refusal } from '../model/decision.ts';
import type { Person } from '../model/person.ts';
import type { Session } from '../model/session.ts';

/**
 * Requests for approval and their answers. One for each deployment: equal commands that wait are one request, one approval lets one
 * execution through, the oldest command that still waits first.
 */
export interface Approvals {
  /**
   * A command that needs approval has arrived (or comes back after its wait, with `waiter`). Nothing waits: what takes time is told by
   * the waiter. Records are handed to the log before this returns.
   */
  ask(asked: Ask): Asked;
  /** Requests for people, newest first. */
  list(filter: ApprovalFilter): readonly ApprovalView[];
  get(id: string): ApprovalView | undefined;
  /** A person's answer. Resolves when its record is durable; only then does anything follow from it. Rejects with AnswerRefused. */
  answer(answer: Answer): Promise<ApprovalView>;
  /** Called with each change, for channels and pages. Returns what ends it. */
  onChange(listener: (view: ApprovalView) => void): () => void;
  close(): void;
}

/** A command that needs approval. */
export interface Ask {
  readonly session: Session;
  readonly command: Command;
  readonly decision: Decision & { readonly approval: ApprovalDemand };
  readonly bound: Bound;
  /** Where it stands: free to be held, inside a transaction, or in a series of which something was sent on (refused at once). */
  readonly place: 'free' | 'transaction' | 'series';
  /** Rows that it would change now, and the most that an approval covers: bound as well. */
  readonly rows?: number;
  readonly maxRows?: number;
  /** `rowsPerCommand`, where it will not hold for the command: its rows could not be counted, so that an approval has no maximum. */
  readonly liftsRowLimit?: number;
  /** `limits.heldCommands` of the identity on the connection, when there is one. */
  readonly mostHeld?: number;
  /** The waiter that was told `again`: what was approved is kept for it. */
  readonly waiter?: Waiter;
}

export type Asked =
  /** An approval was there; it is used up now, in the store, before the intent. */
  | { readonly kind: 'approved'; readonly request: string }
  /** It is held. The protocol keeps reading what the client says. */
  | { readonly kind: 'held'; readonly waiter: Waiter }
  /** Not held: `approval_required` with the request and its link, or denied. */
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** One command that is held on its live connection. */
export interface Waiter {
  /** May become another while it waits: when the approval let an equal, older command through. Read it, and the notice, each time. */
  readonly request: string;
  /** For the client, in words of ours: what is waited for, until when, and where people see it. */
  readonly notice: string;
  /** When the hold ends without an answer, milliseconds since the epoch. */
  readonly until: number;
  /** `again`: it was approved; the command is judged anew and asks with this waiter. Else why it will not run. Settles once. */
  readonly over: Promise<'again' | Refusal>;
  /** The client is gone, has cancelled, or the session ends: it waits no longer. What was kept for it goes to the next. Harmless when over. */
  leave(why: 'client_left' | 'cancelled' | 'ended'): void;
}

export type ApprovalState =
  | 'pending' // waits for people
  | 'approved' // can be used until it expires
  | 'denied'
  | 'used' // let one execution through
  | 'expired' // nobody answered in time, or nobody used it in time
  | 'withdrawn'; // every client that waited has cancelled

export interface ApprovalFilter {
  readonly state?: ApprovalState;
  /** Only those that somebody forced (break-glass). */
  readonly exceptions?: boolean;
  readonly limit: number;
  /** Requests older than this id: for the next page. */
  readonly before?: string;
}

/** A request as people see it: the recorded form of the command, never its raw bytes. */
export interface ApprovalView {
  readonly id: string;
  readonly state: ApprovalState;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  /** When it expires: unanswered, or approved and unused. */
  readonly expiresAt: number;
  readonly session: string;
  readonly identity: string;
  readonly owner: { readonly group?: string; readonly contact?: string };
  readonly requester?: string;
  readonly connection: string;
  readonly protocol: string;
  readonly verb: string;
  /** Effects by name, as in evidence: `{class, verb, object}`. */
  readonly effects: readonly { readonly class: string; readonly verb: string; readonly object?: string }[];
  /** Why it needs approval: the first rule's reason. */
  readonly reason: string;
  readonly steps: readonly { readonly rule: string; readonly file: string; readonly line: number; readonly groups: readonly string[]; readonly count: number; readonly approvedBy: readonly string[] }[];
  /** Recorded form of text and values; undefined when its key was destroyed. `hidden`: how many literals are not shown. */
  readonly text: string | undefined;
  readonly parameters?: readonly (string | null)[];
  readonly hidden: number;
  /** Data that follows the command and is approved with it. */
  readonly data?: CoveredData;
  readonly notCovered?: string;
  readonly inTransaction: boolean;
  /** Rows that it would change, where they could be counted, and the most that an approval covers. */
  readonly rows?: number;
  readonly maxRows?: number;
  /** Rows that the target itself takes the changed tables to hold, where the command's own were not counted; null when it cannot tell. */
  readonly estimatedRows?: number | null;
  /** `rowsPerCommand`, which does not hold for it: its rows could not be counted. */
  readonly liftsRowLimit?: number;
  /** Live commands that wait for this answer. */
  readonly waiting: number;
  readonly answers: readonly AnswerView[];
  /** Keyed digest of exactly what is approved, hex. */
  readonly digest: string;
  readonly url?: string;
}

export interface AnswerView {
  readonly by: string;
  /** Who that is: names are for people to read, and two people may have the same. */
  readonly issuer: string;
  readonly subject: string;
  readonly provider: string;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly at: number;
  readonly channel: string;
}

/** `force` is break-glass: a group of `approvals.breakGlass` lets it through alone, with a reason, as a recorded exception. */
export type Verdict = 'approve' | 'deny' | 'force';

export interface Answer {
  readonly request: string;
  readonly person: Person;
  readonly verdict: Verdict;
  /** Mandatory; one line, at most 500 characters. A reason to deny reaches the client. */
  readonly reason: string;
  /** `terminal`, `page`, name of a channel. */
  readonly channel: string;
  /** The digest that the person was shown: it must be the request's. */
  readonly digest?: string;
}

export type AnswerRefusedCode = 'unknown' | 'over' | 'not_approver' | 'forbidden' | 'reason' | 'already' | 'digest' | 'evidence';

/** Why an answer does not count, in words for the person who gave it. */
export class AnswerRefused extends Error {
  override name = 'AnswerRefused';
  readonly code: AnswerRefusedCode;
  constructor(code: AnswerRefusedCode, message: string) {
    super(message);
    this.code = code;
  }
}
