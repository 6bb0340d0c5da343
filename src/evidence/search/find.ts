import type { SQLInputValue } from 'node:sqlite';
import { partsOf } from '../keys.ts';
import { conditionsOf, nameMatches, type SearchFilters } from './filters.ts';
import type { IndexFile } from './index-file.ts';
import { BlockSeal, folded } from './texts.ts';

/** Above so many candidates it is the other way round: they are not known beforehand, and what holds the text is tested. */
const MANY = 100_000;

/** Sequence numbers of the commands that match, newest first, at most `limit`. `keyOf` gives a data key, or undefined when it is gone. `many`: for tests. */
export const findCommands = (index: IndexFile, filters: SearchFilters, limit: number, keyOf: (id: string) => Buffer | undefined, many = MANY): number[] => {
  const conditions = conditionsOf(index, filters);
  if (!conditions) return [];
  const { text, before: _, ...others } = filters;
  if (text === undefined) return numbers(index, `SELECT seq FROM command WHERE ${conditions.sql} ORDER BY seq DESC LIMIT ${limit}`, conditions.values);
  const narrowed = Object.keys(others).length > 0;
  const earlier = (seq: number): boolean => seq < (filters.before ?? Infinity);
  const candidates = narrowed ? ascending(index, `SELECT seq FROM command WHERE ${conditions.sql} LIMIT ${many + 1}`, conditions.values) : undefined;
  if (candidates?.length === 0) return [];
  const few = candidates && candidates.length <= many ? candidates : undefined;
  const needle = Buffer.from(folded(text), 'utf8');
  const seals = new Map<string, BlockSeal | undefined>();
  const found: number[] = [];
  const blocks = index.sql('SELECT id, key, first, last, filter FROM text ORDER BY last DESC');
  for (const { id, key, first, last, filter } of blocks.iterate() as Iterable<{ id: number; key: string; first: number; last: number; filter: Uint8Array }>) {
    // Blocks of different keys overlap: the search is over when none can hold a newer one than those found.
    if (found.length >= limit && last < (found[limit - 1] as number)) break;
    if (first >= (filters.before ?? Infinity) || (few && !anyBetween(few, first, last))) continue;
    if (filters.connection !== undefined && !nameMatches(filters.connection, partsOf(key)?.connection ?? '')) continue;
    if (!seals.has(key)) {
      const secret = keyOf(key);
      seals.set(key, secret && new BlockSeal(secret, key));
    }
    const seal = seals.get(key);
    if (!seal?.mayHold(filter, needle)) continue;
    const { texts } = index.sql('SELECT texts FROM text WHERE id = ?').get(id) as { texts: Uint8Array };
    let seqs = seal.find(texts, needle).filter(earlier);
    if (few) seqs = seqs.filter((seq) => anyBetween(few, seq, seq));
    else if (narrowed && seqs.length > 0) seqs = numbers(index, `SELECT seq FROM command WHERE seq IN (SELECT value FROM json_each(?)) AND ${conditions.sql}`, [JSON.stringify(seqs), ...conditions.values]);
    if (seqs.length === 0) continue;
    found.push(...seqs);
    found.sort((a, b) => b - a);
    found.length = Math.min(found.length, limit);
  }
  return found;
};

/** Whether one of the numbers, which are in ascending order, lies between the two. */
const anyBetween = (numbers: Float64Array, first: number, last: number): boolean => {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) < first) low = middle + 1;
    else high = middle;
  }
  return low < numbers.length && (numbers[low] as number) <= last;
};

/** Many numbers at once: as one text, for a row each would take several times as long. */
const ascending = (index: IndexFile, sql: string, values: readonly SQLInputValue[]): Float64Array => {
  const { list } = index.sql(`SELECT json_group_array(seq) AS list FROM (${sql})`).get(...values) as { list: string };
  return Float64Array.from(JSON.parse(list) as number[]).sort();
};

const numbers = (index: IndexFile, sql: string, values: readonly SQLInputValue[]): number[] => (index.sql(sql).all(...values) as { seq: number }[]).map(({ seq }) => seq);
