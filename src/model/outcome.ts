/** What came of a Command. Counts and codes only; texts and answers are sealed bodies. */
export interface Outcome {
  /**
   * `ok`: the target said done. `error`: the target refused or failed. `withheld`: it ran, and its answer was not given
   * to the client. `aborted`: the client left or cancelled before the end. `unused`: it was let through but never run.
   * `indeterminate`: the gateway or the link died in between, so nobody can say.
   */
  readonly status: 'ok' | 'error' | 'withheld' | 'aborted' | 'unused' | 'indeterminate';
  /** The target's own code: a SQLSTATE, an HTTP status. */
  readonly code?: string;
  /** The target's own completion words without client text: `SELECT`, `INSERT 0`, `COPY`. */
  readonly tag?: string;
  /** Rows returned to the client. */
  readonly rowsReturned?: number;
  /** Rows that the target says it changed. */
  readonly rowsAffected?: number;
  /** Bytes of the answer as the client got it. */
  readonly bytesDown?: number;
  /** Bytes of data that followed the command (COPY, request bodies). */
  readonly bytesUp?: number;
  /** Cells replaced, by rule. */
  readonly masked?: Readonly<Record<string, number>>;
}
