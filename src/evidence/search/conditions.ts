import type { SQLInputValue } from 'node:sqlite';
import { decisionMatches, nameMatches, objectMatches, ROWS, verbsMatch, type SearchFilters } from './filters.ts';
import type { IndexFile } from './index-file.ts';

/** A piece of SQL, and what stands for its question marks. */
export interface Sql {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** One condition on a column of `command` that has an index. */
interface Test extends Sql {
  readonly column: 'identity' | 'connection' | 'verb' | 'decision' | 'rows';
  /** Its rows come out of the column's index in the order of their numbers: one name was asked for. */
  readonly ordered: boolean;
}

/** What a command must be, but for its text. */
export interface Conditions {
  readonly tests: readonly Test[];
  /** Ids of objects, one of which it must touch. */
  readonly objects: readonly number[] | undefined;
  /** Times, where they have another order than sequence numbers. */
  readonly times: readonly Sql[];
  /** Sequence numbers, both included. */
  readonly from: number;
  readonly to: number;
}

/** Undefined when nothing can match. */
export const conditionsOf = (index: IndexFile, filters: SearchFilters): Conditions | undefined => {
  const tests: Test[] = [];
  const asked = [
    ['identity', filters.identity, nameMatches],
    ['connection', filters.connection, nameMatches],
    ['verb', filters.verb, verbsMatch],
    ['decision', filters.decision, decisionMatches],
  ] as const;
  for (const [column, pattern, matches] of asked) {
    if (pattern === undefined) continue;
    const ids = idsOf(index, column, pattern, matches);
    if (ids.length === 0) return undefined;
    tests.push({ column, sql: `${column} IN (${ids.join(',')})`, values: [], ordered: ids.length === 1 });
  }
  const [, sign, count] = ROWS.exec(filters.rows ?? '') ?? [];
  if (sign !== undefined) tests.push({ column: 'rows', sql: `rows ${sign} ?`, values: [Number(count)], ordered: sign === '=' });
  const objects = filters.object === undefined ? undefined : idsOf(index, 'object', filters.object, objectMatches);
  if (objects?.length === 0) return undefined;
  const newest = Number(index.sql('SELECT max(seq) AS seq FROM command').get()?.['seq'] ?? -1);
  let [from, to] = [0, Math.min(newest, (filters.before ?? Infinity) - 1)];
  const times: Sql[] = [];
  for (const [sign, order, bound] of [['>=', '', filters.since], ['<', 'DESC', filters.until]] as const) {
    if (bound === undefined) continue;
    if (index.get('disorder') !== 0) {
      times.push({ sql: `+time ${sign} ?`, values: [bound] });
      continue;
    }
    // The clock never went back, so times and numbers have one order, and numbers are found at once.
    const edge = index.sql(`SELECT seq FROM command WHERE time ${sign} ? ORDER BY time ${order}, seq ${order} LIMIT 1`).get(bound)?.['seq'];
    if (edge === undefined) return undefined;
    if (sign === '<') to = Math.min(to, edge as number);
    else from = edge as number;
  }
  return from > to ? undefined : { tests, objects, times, from, to };
};

/** As a test on rows of `command`, which are found by their numbers, or in another way that is said first. */
export const testOf = ({ tests, objects, times, from, to }: Conditions, foundBy?: Sql): Sql => {
  const range = [from, to] as const;
  // In a range of numbers the objects are one short list; of rows found elsewhere each is asked for its own.
  const touched = objects && (foundBy ? touches(objects) : { sql: `command.seq IN (SELECT seq FROM object WHERE object IN (${objects.join(',')}) AND seq BETWEEN ? AND ?)`, values: range });
  return joined(' AND ', [...(foundBy ? [foundBy] : []), { sql: `${foundBy ? '+' : ''}command.seq BETWEEN ? AND ?`, values: range }, ...tests.map(unindexed), ...times, ...(touched ? [touched] : [])]);
};

const touches = (objects: readonly number[]): Sql => ({ sql: `EXISTS (SELECT 1 FROM object WHERE object IN (${objects.join(',')}) AND object.seq = command.seq)`, values: [] });

/** Above so many rows of several names they are not sorted: all rows are gone through instead, in the order that they have. */
const FEW = 50_000;
/** Down from so many rows each is looked at for what else was asked. Of more the lists of numbers are compared, which are short and in order. */
const RARE = 2_000;

/** As a query for the sequence numbers of all commands that match, from indexes. Order and limit are for who asks. `rare`, `few`: for tests. */
export const queryOf = (index: IndexFile, { tests, objects, times, from, to }: Conditions, rare = RARE, few = FEW): Sql => {
  const range: Sql = { sql: 'seq BETWEEN ? AND ?', values: [from, to] };
  const counted = tests.map((test) => ({ ...test, rows: countUpTo(index, `command INDEXED BY command_${test.column} WHERE ${test.sql}`, test.values, test.ordered ? rare : few) })).sort((a, b) => a.rows - b.rows);
  const [rarest, ...others] = counted;
  const touched = objects?.join(',');
  if (rarest && rarest.rows <= rare) {
    return joined(' ', [{ sql: `SELECT seq FROM command INDEXED BY command_${rarest.column} WHERE`, values: [] }, joined(' AND ', [rarest, { ...range, sql: `+${range.sql}` }, ...others.map(unindexed), ...times, ...(objects ? [touches(objects)] : [])])]);
  }
  const lists: Sql[] = [];
  const gone: Sql[] = [...times];
  for (const test of counted) {
    // The range belongs to the index where that has its rows in order; it must not be taken for a way of its own.
    if (test.ordered) lists.push(joined(' AND ', [{ sql: `SELECT seq FROM command INDEXED BY command_${test.column} WHERE ${test.sql}`, values: test.values }, range]));
    else if (test.rows <= few) lists.push(joined(' AND ', [{ sql: `SELECT seq FROM command INDEXED BY command_${test.column} WHERE ${test.sql}`, values: test.values }, { ...range, sql: `+${range.sql}` }]));
    else gone.push(unindexed(test));
  }
  if (touched !== undefined) {
    // A limit keeps the list apart, so that it is looked up and sorted; SQLite would rather go through all objects in the order of numbers.
    const isFew = objects?.length !== 1 && countUpTo(index, `object WHERE object IN (${touched})`, [], few) <= few;
    // A command may touch several of them.
    const list = joined(' AND ', [{ sql: `SELECT DISTINCT seq FROM object WHERE object IN (${touched})`, values: [] }, range]);
    lists.push(isFew ? { ...list, sql: `SELECT seq FROM (${list.sql} LIMIT ${few})` } : list);
  }
  if (gone.length > 0 || lists.length === 0) lists.push(joined(' ', [{ sql: 'SELECT seq FROM command WHERE', values: [] }, joined(' AND ', [range, ...gone])]));
  return joined(' INTERSECT ', lists);
};

/** A plus keeps SQLite from the index of a column: the rows are found in another way. */
const unindexed = ({ sql, values }: Sql): Sql => ({ sql: sql.startsWith('+') ? sql : `+${sql}`, values });

const joined = (by: string, parts: readonly Sql[]): Sql => ({ sql: parts.map(({ sql }) => sql).join(by), values: parts.flatMap(({ values }) => values) });

/** Rows, counted no further than to see that they are not few. */
const countUpTo = (index: IndexFile, from: string, values: readonly SQLInputValue[], few: number): number => Number(index.sql(`SELECT count(*) AS n FROM (SELECT 1 FROM ${from} LIMIT ${few + 1})`).get(...values)?.['n']);

/** Ids of the names of a kind that match. */
export const idsOf = (index: IndexFile, kind: string, pattern: string, matches: (pattern: string, name: string) => boolean): number[] =>
  (index.sql('SELECT id, text FROM name WHERE kind = ?').all(kind) as { id: number; text: string }[]).filter(({ text }) => matches(pattern, text)).map(({ id }) => id);
