import type { Gap } from './completeness.ts';
import type { PurgeFindings } from './purges.ts';
import type { ClockStep } from './timeline.ts';

/** Where something was found that must not be. */
export interface Fault {
  readonly what: string;
  /** The segment, or another file of the folder. */
  readonly segment?: string;
  /** Byte in a segment. */
  readonly position?: number;
  /** Line in another file. */
  readonly line?: number;
  readonly sequence?: number;
}

/** What verification found. Integrity: nothing that is there was altered. Completeness: nothing that should be there is missing. */
export interface Verdict {
  readonly log: string | undefined;
  readonly records: number;
  readonly segments: number;
  readonly first: string | undefined;
  readonly last: string | undefined;
  /** SHA-256(0x00 || leaf) of the last record: two copies that agree on sequence and this agree on all before. */
  readonly head: string | undefined;
  /** Root (base64) of the RFC 6962 tree over all records. */
  readonly root: string;
  readonly integrity: {
    readonly ok: boolean;
    /** The first, and the others that were found besides. */
    readonly fault?: Fault;
    readonly further?: readonly Fault[];
  };
  readonly completeness: {
    /** `complete`: ends with a stop, nothing missing. `open`: nothing missing up to the end, where the log is in use, crashed or cut. */
    readonly verdict: 'complete' | 'open' | 'incomplete';
    readonly gaps: readonly Gap[];
    /** All gaps, named or not. */
    readonly gapCount: number;
    readonly openSessions: number;
    readonly openCommands: number;
    /** Bytes behind the last record that are no record: what a crash cut, or somebody altered there. */
    readonly tornTail?: Fault & { readonly bytes: number };
  };
  readonly checkpoints: CheckpointFindings;
  readonly clock: { readonly setBack: number; readonly steps: readonly ClockStep[]; readonly stepCount: number };
  /** Logs of the deployment that this one tells of. */
  readonly roster: readonly string[];
  /** The log whose place this one took. */
  readonly follows?: string;
  readonly selfChecks: { readonly passed: number; readonly failed: number };
  readonly counts: {
    readonly sessions: number;
    readonly commands: number;
    readonly refusals: number;
    /** Requests for approval, answers to them (`forced`: by break-glass), commands that an approval let through. */
    readonly approvals: { readonly requests: number; readonly answers: number; readonly forced: number; readonly used: number };
    readonly runs: number;
    readonly crashes: number;
    readonly unknownKinds: number;
    readonly recovered: { readonly indeterminate: number; readonly session_lost: number; readonly torn_tail: number; readonly unrecorded: number };
  };
  readonly purges: PurgeFindings;
  readonly bodies: { readonly frames: number; readonly references: number; readonly committed: number; readonly withoutKey: number; readonly lost: number; readonly unchecked: number; readonly unreferred: number };
}

/** What signed checkpoints say about the records. */
export interface CheckpointFindings {
  /** Checkpoints that agree with the tree computed from the records. */
  readonly agree: number;
  /** Records up to the largest that agrees and is signed by a key of the log; what comes after stands on the chain alone. */
  readonly covered: number;
  readonly latestTime?: string;
  /**
   * Whose word the signatures are. `given`: a key that the auditor brought. `log`: only keys that the log itself names, which proves
   * less: who made the whole folder up could name any. `none`: no key is known, signatures were not checked.
   */
  readonly key: 'given' | 'log' | 'none';
  /** The key that signs now, and how often it was changed. */
  readonly vkey?: string;
  readonly rotations: number;
  /** Checkpoints that the auditor kept, or the lock of the keys folder, that agree. */
  readonly kept: number;
  /** Records up to the largest checkpoint that the policy's witnesses cosigned, and who did. */
  readonly witnessed?: { readonly size: number; readonly by: readonly string[]; readonly of: number; readonly time?: string };
  /** Hash tiles that were compared. */
  readonly tiles: number;
  readonly tilesMissing: number;
  /** More checkpoints than are remembered: not compared. */
  readonly unchecked: number;
}

/** The folder, or what was given with it, is not something that can be verified at all. */
export class NotEvidence extends Error {}
