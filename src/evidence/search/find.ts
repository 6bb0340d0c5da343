import type { SQLInputValue } from 'node:sqlite';
import { partsOf } from '../keys.ts';
import { conditionsOf, idsOf, queryOf, testOf, type Conditions } from './conditions.ts';
import { nameMatches, type SearchFilters } from './filters.ts';
import type { IndexFile } from './index-file.ts';
import type { BlockRow, OpenedFilters } from './opened-filters.ts';
import { bitsOf, folded, type BlockSeal } from './texts.ts';

/** What a search uses beside the index. */
export interface FindParts {
  /** A data key, or undefined when it is gone. */
  readonly keyOf: (id: string) => Buffer | undefined;
  /** Kept from search to search. */
  readonly filters: OpenedFilters;
}

/** Bounds of the work; others are for tests. They never change what is found. */
export interface Effort {
  /** Numbers of records, the newest, whose commands are simply gone through: what is asked for is mostly there. */
  readonly near: number;
  /** Blocks of texts that are opened before those commands are listed which the other filters leave. */
  readonly unlisted: number;
  /** Above so many they are not listed: what holds the text is tested. */
  readonly listed: number;
}

const EFFORT: Effort = { near: 50_000, unlisted: 4, listed: 40_000 };

/** Sequence numbers of the commands that match, newest first, at most `limit`. */
export const findCommands = (index: IndexFile, filters: SearchFilters, limit: number, parts: FindParts, effort = EFFORT): number[] => {
  const conditions = conditionsOf(index, filters);
  if (!conditions) return [];
  return filters.text === undefined ? newest(index, conditions, limit, effort.near) : withText(index, conditions, { ...filters, text: filters.text }, limit, parts, effort);
};

/** Newest first, without a text. */
const newest = (index: IndexFile, conditions: Conditions, limit: number, near: number): number[] => {
  const from = Math.max(conditions.from, conditions.to - near + 1);
  const test = testOf({ ...conditions, from });
  const found = numbers(index, `SELECT seq FROM command WHERE ${test.sql} ORDER BY seq DESC LIMIT ?`, [...test.values, limit]);
  if (found.length === limit || from === conditions.from) return found;
  const { sql, values } = queryOf(index, { ...conditions, to: from - 1 });
  return [...found, ...numbers(index, `${sql} ORDER BY seq DESC LIMIT ?`, [...values, limit - found.length])];
};

const withText = (index: IndexFile, conditions: Conditions, filters: SearchFilters & { readonly text: string }, limit: number, { keyOf, filters: opened }: FindParts, { unlisted, listed }: Effort): number[] => {
  const needle = Buffer.from(folded(filters.text), 'utf8');
  const bits = bitsOf(needle);
  const narrowed = conditions.tests.length + conditions.times.length > 0 || conditions.objects !== undefined;
  const onConnections = connectionsAsked(index, filters);
  const seals = new Map<string, BlockSeal | undefined>();
  const sealOf = (key: string): BlockSeal | undefined => {
    if (!seals.has(key)) seals.set(key, onConnections(partsOf(key)?.connection ?? '') ? opened.sealOf(key, keyOf) : undefined);
    return seals.get(key);
  };
  const found: number[] = [];
  let looked = 0;
  let candidates: Float64Array | undefined;
  opened.begin(index);
  const blocks = index.sql('SELECT id, key, first, last, count FROM text WHERE first <= ? ORDER BY last DESC');
  for (const block of blocks.iterate(conditions.to) as Iterable<BlockRow>) {
    const { id, key, first, last } = block;
    // Blocks of different keys overlap: the search is over when none can hold a newer one than those found.
    if (last < conditions.from || (found.length >= limit && last < (found[limit - 1] as number))) break;
    if (candidates && !anyBetween(candidates, first, last)) continue;
    const seal = sealOf(key);
    if (!seal || !opened.mayHold(index, block, seal, bits)) continue;
    looked += 1;
    if (narrowed && looked === unlisted + 1) {
      candidates = listOf(index, conditions, listed);
      if (candidates && !anyBetween(candidates, first, last)) continue;
    }
    const { texts } = index.sql('SELECT texts FROM text WHERE id = ?').get(id) as { texts: Uint8Array };
    let seqs = seal.find(texts, needle).filter((seq) => seq >= conditions.from && seq <= conditions.to);
    if (candidates) seqs = seqs.filter((seq) => anyBetween(candidates as Float64Array, seq, seq));
    else if (narrowed && seqs.length > 0) seqs = matching(index, conditions, seqs);
    if (seqs.length === 0) continue;
    found.push(...seqs);
    found.sort((a, b) => b - a);
    found.length = Math.min(found.length, limit);
  }
  return found;
};

/** Tells by the connection of a block whether anything in it can be asked for: by its name, and by what the identities asked for ever used. */
const connectionsAsked = (index: IndexFile, { connection, identity }: SearchFilters): ((name: string) => boolean) => {
  const ids = identity === undefined ? undefined : JSON.stringify(idsOf(index, 'identity', identity, nameMatches));
  const used = ids === undefined ? [] : (index.sql('SELECT DISTINCT c.text AS name FROM daily LEFT JOIN name c ON c.id = daily.connection WHERE daily.identity IN (SELECT value FROM json_each(?))').all(ids) as { name: string | null }[]).map(({ name }) => name);
  // A command of which no connection is known says nothing of where its text lies.
  const few = ids === undefined || used.includes(null) ? undefined : new Set(used);
  return (name) => (few?.has(name) ?? true) && (connection === undefined || nameMatches(connection, name));
};

/** Those of some commands, in ascending order, that match. */
const matching = (index: IndexFile, conditions: Conditions, seqs: readonly number[]): number[] => {
  const { sql, values } = testOf({ ...conditions, from: seqs[0] as number, to: seqs.at(-1) as number }, { sql: 'command.seq IN (SELECT value FROM json_each(?))', values: [JSON.stringify(seqs)] });
  return numbers(index, `SELECT seq FROM command WHERE ${sql}`, values);
};

/** All commands that match, in ascending order; undefined when they are too many. */
export const listOf = (index: IndexFile, conditions: Conditions, most: number): Float64Array | undefined => {
  const { sql, values } = queryOf(index, conditions);
  // Many numbers at once: as one text, for a row each would take several times as long.
  const { list } = index.sql(`SELECT json_group_array(seq) AS list FROM (${sql} ORDER BY seq LIMIT ?)`).get(...values, most + 1) as { list: string };
  const seqs = Float64Array.from(JSON.parse(list) as number[]);
  return seqs.length > most ? undefined : seqs.sort();
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

const numbers = (index: IndexFile, sql: string, values: readonly SQLInputValue[]): number[] => (index.sql(sql).all(...values) as { seq: number }[]).map(({ seq }) => seq);
