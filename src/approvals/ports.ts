import type { Logger } from '../model/logger.ts';
import type { ApprovalState, Verdict } from './approvals.ts';

/** What approvals need of the rest. main.ts fills it. */
export interface ApprovalPorts {
  readonly store: ApprovalStore;
  /** Queues a record in the evidence log; what may not stand in a leaf goes with it in bodies, sealed for their connection. */
  readonly record: (record: ApprovalRecord, bodies: readonly ApprovalBody[]) => ApprovalTicket;
  /** Seals bytes under the key of the connection and the day, so that a purge makes them unreadable. Throws when there is no key to be had. */
  readonly seal: (connection: string, bytes: Uint8Array) => Uint8Array;
  /** Opens what `seal` gave; undefined when its key was destroyed. Throws when it was altered. */
  readonly open: (sealed: Uint8Array) => Uint8Array | undefined;
  /** 32 bytes, `approval.key` of the keys folder: what digests are keyed with. */
  readonly key: Uint8Array;
  readonly clock: ApprovalClock;
  /** What the configuration in force says. Asked each time, since a reload changes it. */
  readonly settings: () => ApprovalSettings;
  readonly logger: Logger;
}

export interface ApprovalClock {
  /** Milliseconds since the epoch. May be set, forwards and back. */
  readonly wall: () => number;
  /** Milliseconds since some moment of this run; never goes back. */
  readonly monotonic: () => number;
  /** Calls back once, after so many milliseconds; does not keep the process alive. Returns what cancels it. */
  readonly after: (milliseconds: number, then: () => void) => () => void;
}

/** Which people have no say, whatever their groups. */
export type Forbidden = 'requester' | 'owner' | 'author';

export interface ApprovalSettings {
  /** `approvals.forbid`. */
  readonly forbid: readonly Forbidden[];
  /** `approvals.breakGlass.groups`; empty: nobody can force. */
  readonly breakGlass: readonly string[];
  /** `control.roles.approver.groups`; undefined when that role is not configured, so that the groups of a rule decide alone. */
  readonly approvers: readonly string[] | undefined;
  /** `control.url`: where people see requests. */
  readonly url: string | undefined;
  /** Commands that one identity may have held on one connection when no limit says so. */
  readonly heldCommands: number;
}

/** How far a record has come: the part of the log's ticket that is needed here. */
export interface ApprovalTicket {
  readonly state: 'queued' | 'written' | 'durable' | 'failed';
  whenDurable(then: (failure?: string) => void): void;
}

/** What people or clients chose: `statement` and `parameters` of a request, `detail` of an answer (`{name, issuer, subject, reason}`). */
export interface ApprovalBody {
  readonly part: string;
  readonly connection: string;
  readonly bytes: Uint8Array;
}

/**
 * A leaf about a request: names of the configuration, counts and codes only. Its use is told by the intent, which names the request.
 * An answer takes effect only once its record is durable.
 */
export type ApprovalRecord = ApprovalBase &
  (
    /** A command waits for people. Again for the same request: what it asks for has changed, or its approval no longer counts. */
    | { readonly event: 'requested'; readonly again?: true; readonly steps: readonly AskedStep[]; /** When it lapses unanswered: ISO 8601, UTC. */ readonly expires: string }
    | { readonly event: 'answered'; readonly verdict: Verdict; readonly provider: string; /** The person's groups that the request or the break-glass list names. */ readonly groups: readonly string[]; readonly channel: string }
    /** Enough people approved, or one forced it: one execution may follow. */
    | { readonly event: 'approved'; readonly steps: readonly AskedStep[] }
    /** `state`: whether it had been approved. */
    | { readonly event: 'expired'; readonly state: 'pending' | 'approved' }
    | { readonly event: 'denied' | 'withdrawn' }
  );

interface ApprovalBase {
  readonly kind: 'approval';
  readonly request: string;
  /** The session that asked first. */
  readonly session: string;
  readonly connection: string;
  readonly identity: string;
  /** Keyed digest (hex) of exactly what is approved. */
  readonly digest: string;
}

/** `rule` as `policy/rule`. */
export interface AskedStep {
  readonly rule: string;
  readonly groups: readonly string[];
  readonly count: number;
}

/** A request as it is kept. What it says is sealed. */
export interface StoredRequest {
  readonly id: string;
  readonly digest: string;
  readonly state: ApprovalState;
  readonly session: string;
  readonly identity: string;
  readonly connection: string;
  /** Milliseconds since the epoch: asked first, asked last, enough had answered. */
  readonly askedAt: number;
  readonly lastAskedAt: number;
  readonly approvedAt: number | undefined;
  readonly expiresAt: number;
  readonly sealed: Uint8Array;
}

export interface StoredAnswer {
  readonly request: string;
  readonly verdict: Verdict;
  readonly provider: string;
  readonly channel: string;
  readonly at: number;
  /** The person and the reason. */
  readonly sealed: Uint8Array;
}

/** What changes with a state. */
export interface Moved {
  readonly expiresAt?: number;
  readonly approvedAt?: number;
  /** When it happened, milliseconds since the epoch. */
  readonly at: number;
}

/**
 * Where requests are kept: durable, and shared by the gateway processes of one data folder. At any time at most one request of a digest is
 * open, that is, pending or approved. Each change is on the disk when its call returns, but for those that begin or renew a request. Throws
 * when the disk does.
 */
export interface ApprovalStore {
  /**
   * Runs `work` with no other writer in between, in this process or another; all of its changes or none.
   *
   * @param unsynced a power cut may undo it: for what is asked again when it is lost, so that nobody makes the disk sync by asking
   */
  exclusively<Result>(work: () => Result, unsynced?: boolean): Result;
  /** Adds a pending request. False when one with its digest is open, or its id is taken. */
  insert(request: StoredRequest): boolean;
  get(id: string): StoredRequest | undefined;
  /** The one that is open. */
  open(digest: string): StoredRequest | undefined;
  /** Newest first. */
  list(filter: { readonly state?: ApprovalState; readonly exceptions?: boolean; readonly limit: number; readonly before?: string }): readonly StoredRequest[];
  /** Asked again: it lives longer, and what it says may have changed. A power cut may undo it. False when it is not pending any more. */
  renew(id: string, change: { readonly lastAskedAt: number; readonly expiresAt: number; readonly sealed?: Uint8Array }): boolean;
  /** Compare and swap: true for exactly one of all who try. */
  move(id: string, from: ApprovalState, to: ApprovalState, change: Moved): boolean;
  addAnswer(answer: StoredAnswer): void;
  /** In the order in which they were given. */
  answers(request: string): readonly StoredAnswer[];
  /** Pending requests in all, and of one identity. */
  pending(identity?: string): number;
  /** Open requests that have expired, the most overdue first. */
  due(now: number, limit: number): readonly StoredRequest[];
  /** When the next open request expires. */
  nextDue(): number | undefined;
  /** Drops requests that ended before a moment, and the oldest beyond so many, or beyond so many bytes of sealed texts, with their answers; a bounded number at a time. */
  forget(endedBefore: number, most: number, mostBytes: number): void;
  /** Calls back soon after another process has changed something. Returns what ends it. */
  watch(then: () => void): () => void;
}
