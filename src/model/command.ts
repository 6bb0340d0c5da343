import type { RequestFacts } from './request.ts';

/**
 * The classes in which policies grant (`policies[].allow`). `admin` (roles, replication, server files, signals to other
 * sessions) is never granted by class, only by a rule that matches it.
 */
export type CommandClass = 'read' | 'write' | 'schema' | 'session' | 'unknown' | 'admin';

/** A thing that a command touches, by the names of its own world: a table, a role, a path, a namespace. */
export interface ObjectRef {
  /** What kind of thing: `table view sequence schema database function role ...`, lower case, from the protocol's own words. */
  readonly kind: string;
  /** The schema or namespace, when it has one and it is known. */
  readonly schema?: string;
  readonly name: string;
  /** The target's own catalog has it. Only such names may stand in evidence leaves; any other is the client's text. */
  readonly known?: boolean;
}

/**
 * One thing that a command would do. A command is allowed only when each of its effects is.
 * Names come from the catalog or from the command's own object names; literals never appear here.
 */
export interface Effect {
  readonly class: CommandClass;
  /** `select insert update delete merge truncate create alter drop grant ...`, lower case. */
  readonly verb: string;
  readonly object?: ObjectRef;
  /** Columns read or written through this effect, bare names of `object`. `*` stands for all that could not be told apart. */
  readonly columns?: readonly string[];
  /** For a call: the function as `schema.name(argument types)`, as far as known. */
  readonly function?: string;
  /** Nothing goes with its object: the target refuses it where something would. */
  readonly alone?: true;
  /** The target has nothing of this name now: it would answer with its own error. */
  readonly missing?: true;
  /** Of an HTTP request: what rules about requests match. Client's text: in no record's leaf. */
  readonly request?: RequestFacts;
  /** For class `unknown`: why it could not be understood. Words of ours, never the client's text. */
  readonly why?: string;
}

/** When a command takes effect; decides which bytes wait for the durable intent. */
export type Timing =
  /** Cannot change anything: only its answer waits. */
  | 'read'
  /** Changes data inside a transaction: takes effect when that commits. */
  | 'transactional'
  /** Commits by itself or ends a transaction: waits before it is sent. */
  | 'commits'
  /** Takes effect at once and cannot be undone (sequences, advisory locks, signals, files): waits before it is sent. */
  | 'immediate';

/** One judgeable unit, as the pipeline and policy see it: protocol-free. */
export interface Command {
  /** `postgres`, `http`, ... */
  readonly protocol: string;
  /** The main word, for people: `select`, `insert`, `multiple`. */
  readonly verb: string;
  readonly effects: readonly Effect[];
  readonly timing: Timing;
  /** What conditions in policies see as `statement`: small, JSON, without literals. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** The recorded form of the text: sensitive literals already replaced, comments dropped. Sealed before it is written. */
  readonly recorded: string;
  /** The same in UTF-8, where it is kept because the command comes again and again. */
  readonly recordedBytes?: Uint8Array | undefined;
  /** The recorded form of the bound values, already redacted in the same way. */
  readonly parameters?: readonly (string | null)[];
  /** Bytes of the original command, for the record. */
  readonly bytes: number;
}
