import type { SQLInputValue } from 'node:sqlite';
import { partsOf } from '../keys.ts';
import { conditionsOf, nameMatches, type SearchFilters } from './filters.ts';
import type { IndexFile } from './index-file.ts';
import { BlockSeal, folded } from './texts.ts';

/** Above so many candidates their texts are not looked for one by one. */
const MANY = 20_000;

/** Sequence numbers of the commands that match, newest first, at most `limit`. `keyOf` gives a data key, or undefined when it is gone. */
export const findCommands = (index: IndexFile, filters: SearchFilters, limit: number, keyOf: (id: string) => Buffer | undefined): number[] => {
  const conditions = conditionsOf(index, filters);
  if (!conditions) return [];
  const { text, ...others } = filters;
  if (text === undefined) return numbers(index, `SELECT seq FROM command WHERE ${conditions.sql} ORDER BY seq DESC LIMIT ${limit}`, conditions.values);
  const narrowed = Object.keys(others).length > 0;
  const candidates = narrowed ? numbers(index, `SELECT seq FROM command WHERE ${conditions.sql} ORDER BY seq DESC LIMIT ${MANY + 1}`, conditions.values) : undefined;
  if (candidates?.length === 0) return [];
  const few = candidates && candidates.length <= MANY ? candidates : undefined;
  const accepted = few ? new Set(few) : undefined;
  const needle = Buffer.from(folded(text), 'utf8');
  const seals = new Map<string, BlockSeal | undefined>();
  const found: number[] = [];
  const blocks = index.sql('SELECT id, key, first, last, filter FROM text ORDER BY last DESC');
  for (const { id, key, first, last, filter } of blocks.iterate() as Iterable<{ id: number; key: string; first: number; last: number; filter: Uint8Array }>) {
    // Blocks of different keys overlap: the search is over when none can hold a newer one than those found.
    if (found.length >= limit && last < (found[limit - 1] as number)) break;
    if (few && !anyBetween(few, first, last)) continue;
    if (filters.connection !== undefined && !nameMatches(filters.connection, partsOf(key)?.connection ?? '')) continue;
    if (!seals.has(key)) {
      const secret = keyOf(key);
      seals.set(key, secret && new BlockSeal(secret, key));
    }
    const seal = seals.get(key);
    if (!seal?.mayHold(filter, needle)) continue;
    const { texts } = index.sql('SELECT texts FROM text WHERE id = ?').get(id) as { texts: Uint8Array };
    let seqs = seal.find(texts, needle);
    if (accepted) seqs = seqs.filter((seq) => accepted.has(seq));
    else if (narrowed && seqs.length > 0) seqs = numbers(index, `SELECT seq FROM command WHERE seq IN (${seqs.join(',')}) AND ${conditions.sql}`, conditions.values);
    if (seqs.length === 0) continue;
    found.push(...seqs);
    found.sort((a, b) => b - a);
    found.length = Math.min(found.length, limit);
  }
  return found;
};

/** Whether one of the numbers, which are in descending order, lies between the two. */
const anyBetween = (numbers: readonly number[], first: number, last: number): boolean => {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) > last) low = middle + 1;
    else high = middle;
  }
  return low < numbers.length && (numbers[low] as number) >= first;
};

const numbers = (index: IndexFile, sql: string, values: readonly SQLInputValue[]): number[] => (index.sql(sql).all(...values) as { seq: number }[]).map(({ seq }) => seq);
