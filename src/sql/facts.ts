import type { Effect, Timing } from '../model/command.ts';

/** A column by the target's own identity and by name. `relation` is the OID (0 when unknown). */
export interface ColumnRef {
  readonly relation: number;
  readonly number: number;
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

/** One statement of a message, understood. Immutable and free of literals, so that it can be cached by literal-stripped text. */
export interface StatementFacts {
  /** The statement's own tag, lower case: `select insert create_table copy set begin ...`. */
  readonly tag: string;
  /** Everything it can do. Contains an effect of class `unknown` for each thing that was not understood. */
  readonly effects: readonly Effect[];
  readonly timing: Timing;
  /** Its part in transaction control. */
  readonly transaction: TransactionControl;
  /** Of SAVEPOINT, RELEASE and ROLLBACK TO: the name (folded as the server folds). */
  readonly savepoint?: string;
  /** Settings it changes; the gateway tracks or pins them. */
  readonly settings: readonly SettingChange[];
  /** SQL-level PREPARE, EXECUTE, DEALLOCATE, DECLARE, FETCH, MOVE, CLOSE: the name it defines or uses (folded as the server folds). */
  readonly named?: NamedObject;
  /** WHERE CURRENT OF: the cursors whose rows it changes. */
  readonly currentOf?: readonly string[];
  /** COPY with the client: `in` expects CopyData, `out` sends it. */
  readonly copy?: CopyFacts;
  /** Defines, alters or drops objects: the catalog snapshot is stale after it. */
  readonly changesCatalog: boolean;
  /** Of a SELECT, UPDATE or DELETE itself (not of what is inside it): whether it has the clause. */
  readonly clauses?: { readonly where: boolean; readonly limit: boolean };
  /**
   * Gives a setting a value that may be a secret: what stands behind the first `=` or TO is kept out of records. It can be a bare word,
   * so that no literal tells where it is.
   */
  readonly hidesValue?: true;
  /** What can be known of the rows it changes before it runs: of a message's only statement, when that is itself INSERT, UPDATE, DELETE or MERGE. */
  readonly change?: RowChange;
  readonly lineage: Lineage;
  /**
   * The same statement as it would be if names without a schema meant what stands behind, on the search path, what they mean now: the second of their name, the third, and so on.
   * Another session can drop or rename what stands in front while the statement waits to be run. Absent when no name has more than one meaning.
   */
  readonly otherMeanings?: readonly StatementFacts[];
}

/** The rows that a statement changes. Countable ones are rows of one table, nothing else changes with them, and a rollback takes all of it back. */
export type RowChange =
  /** To be asked of the target: `boundedCount` in `postgres/threshold/bounded.ts`. */
  | { readonly countable: true; readonly kind: 'delete' | 'update' | 'merge'; readonly relation: ChangedRelation; readonly count: CountQuery }
  /** The text lists them. At most so many: ON CONFLICT can leave some out. */
  | { readonly countable: true; readonly kind: 'insert'; readonly relation: ChangedRelation; readonly rows: number }
  /** `why` in words of ours. */
  | { readonly countable: false; readonly why: string };

export interface ChangedRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

/** A SELECT with one row for each row that would change. Free of literals: it is put together from a text of the same shape. */
export interface CountQuery {
  readonly pieces: readonly CountPiece[];
  /** Numbers of the `$n` in it, in order. */
  readonly parameters: readonly number[];
}

/** Words of ours, or a range of the text's tokens: ordinals from 0, both ends included. */
export type CountPiece = string | readonly [first: number, last: number];

export type TransactionControl =
  | 'none' | 'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'rollback_to'
  | 'prepare' | 'commit_prepared' | 'rollback_prepared';

export interface SettingChange {
  /** Lower case name; `*` for RESET ALL and DISCARD ALL. */
  readonly name: string;
  readonly action: 'set' | 'reset';
  readonly local: boolean;
  /** Ordinal of the literal that is the value, when it is one literal. */
  readonly literal?: number;
  /** The value when it is a bare word (`on`, `DEFAULT`). */
  readonly word?: string;
}

export interface NamedObject {
  readonly kind: 'prepare' | 'execute' | 'deallocate' | 'declare' | 'fetch' | 'close';
  /** Absent for ALL. */
  readonly name?: string;
  /** For PREPARE and DECLARE: the facts of the statement inside. */
  readonly inner?: StatementFacts;
  /** DECLARE ... WITH HOLD: the cursor outlives its transaction. */
  readonly held?: true;
}

export interface CopyFacts {
  readonly direction: 'in' | 'out';
  readonly format: 'text' | 'csv' | 'binary';
  /** Columns in the order in which fields come; empty when unknown. */
  readonly columns: readonly ColumnRef[];
  readonly delimiter?: string;
  readonly nullString?: string;
  readonly header?: boolean;
  readonly quote?: string;
  readonly escape?: string;
}

/**
 * Where values come from and go to. Independent of which columns are protected: `masking/` puts the two together.
 * `understood: false` means that nothing may be concluded: an identity with masks is refused.
 */
export interface Lineage {
  readonly understood: boolean;
  /** Why not, in words of ours. */
  readonly why?: string;
  /** One for each result column, in order; absent when the statement returns none. For EXECUTE and FETCH see `named`. */
  readonly outputs?: readonly Output[];
  /** Every use of a column other than being a bare output. */
  readonly uses: readonly ColumnUse[];
  /** Literals and parameters that are written to, compared with, or otherwise meet a column, or stand in a secret-bearing place. */
  readonly operands: readonly Operand[];
  /** Columns to which the word NULL is assigned. */
  readonly nulled?: readonly ColumnRef[];
  /** Columns to which the word FALSE is assigned. */
  readonly falsified?: readonly ColumnRef[];
  /** Columns of which a function makes something whose size tells of the value: how often `replace` found its text in it. */
  readonly computed?: readonly ColumnRef[];
  /** EXPLAIN ANALYZE: the memory and disk that values take on their way are told. */
  readonly measured?: true;
  /** For EXECUTE: what each argument, in order, is made from; argument n meets what `$n` meets in the prepared statement. */
  readonly arguments?: readonly (readonly Pick<Operand, 'kind' | 'index'>[])[];
}

export interface Output {
  readonly name: string;
  /** Every column whose value can flow into this output, views and CTEs followed; both the view's column and the base column. */
  readonly sources: readonly ColumnRef[];
  /** The value is a source column as it is (renamed at most): it may be masked by a transform that keeps its type. */
  readonly direct: boolean;
  /** Only provably total functions and literals stand between source and output: may be masked by a constant. */
  readonly total: boolean;
  /** How large it is tells of what is in a column, so that whether it still fits does; or it is of several, and whoever writes one can make it fail by what is in another. */
  readonly sized?: true;
}

export interface ColumnUse {
  readonly column: ColumnRef;
  readonly role: UseRole;
}

export type UseRole =
  | 'predicate' // WHERE, HAVING, JOIN, FILTER, CASE condition
  | 'order' // ORDER BY, GROUP BY, DISTINCT, PARTITION BY, LIMIT
  | 'set_operation' // UNION, INTERSECT, EXCEPT
  | 'expression' // cast, operator, non-total function, aggregate, window, subquery value
  | 'beside_unknown' // in FROM beside columns of unknown number and name
  | 'by_place' // found by its place among columns that a table decides
  | 'further_out' // of a query around it, and of the same name as what is meant
  | 'lateral' // taken by a LATERAL query, or one of IN, from what it is joined with
  | 'derive' // stored elsewhere: INSERT SELECT, CTAS, SET source, view or function body, generated column, index
  | 'copy' // COPY TO
  | 'written'; // assigned by INSERT, UPDATE, MERGE, COPY FROM

/** A literal (by ordinal in the lexer's list) or a parameter (`$n`) and what it meets. */
export interface Operand {
  readonly kind: 'literal' | 'parameter';
  /** Literal: ordinal from 0. Parameter: n of `$n`. */
  readonly index: number;
  /** `code`: the literal is the body of a function or of a DO block. */
  readonly role: 'written' | 'compared' | 'secret' | 'code';
  /** The column it goes to or meets; absent for secrets and code. */
  readonly column?: ColumnRef;
  /** Takes the place of another literal (by ordinal) inside the column's values: of another length, it makes how long they become tell what is in them. */
  readonly insteadOf?: number;
}
