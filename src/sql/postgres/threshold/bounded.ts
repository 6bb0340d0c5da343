import type { CountPiece, CountQuery } from '../../facts.ts';
import { placesOf } from '../shape.ts';

/** A query that counts the rows which a statement would change, up to a bound. */
export interface BoundedCount {
  /** Answers one row with one `int8`: how many rows, at most `limit + 1`. */
  readonly sql: string;
  /**
   * Numbers of the `$n` that occur in it, in order. They mean what they mean in the client's statement, so that each needs the type that the
   * target has for it there. The others below the highest need any type (text) and no value (NULL).
   */
  readonly parameters: readonly number[];
}

/** The pieces put together from a text of their shape. */
function assembled(text: Uint8Array, pieces: readonly CountPiece[]): string {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const most = Math.max(...pieces.map((piece) => (typeof piece === 'string' ? -1 : piece[1])));
  const places = placesOf(text, most + 1);
  return pieces.map((piece) => (typeof piece === 'string' ? piece : bytes.toString('utf8', places.starts[piece[0]], places.ends[piece[1]]))).join(' ');
}

/**
 * The count to ask before a statement runs, in the same session, with the same values. It stops at `limit + 1`, and is true for the moment
 * at which it is asked only: the caller makes the transaction READ ONLY, bounds its time, and still checks the statement's own answer.
 * @param text the client's text, of the shape that `count` was made for
 * @param limit the most rows that are let through
 */
export function boundedCount(text: Uint8Array, count: CountQuery, limit: number): BoundedCount {
  if (!Number.isSafeInteger(limit) || limit < 0 || limit === Number.MAX_SAFE_INTEGER) throw new RangeError('a limit is a whole number of rows');
  return { sql: `SELECT pg_catalog.count(*) FROM (${assembled(text, count.pieces)} LIMIT ${limit + 1}) AS counted`, parameters: count.parameters };
}

/**
 * What to declare or bind for a count, taken from what goes with the client's statement: its types, values or formats, one for each `$n`.
 * Those that do not occur in the count get `none`.
 */
export function forCount<Value>(parameters: readonly number[], ofStatement: readonly Value[], none: Value): readonly Value[] {
  const occurs = new Set(parameters);
  return Array.from({ length: parameters.at(-1) ?? 0 }, (_, at) => (occurs.has(at + 1) ? (ofStatement[at] ?? none) : none));
}
