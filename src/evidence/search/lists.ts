import type { SQLInputValue } from 'node:sqlite';
import { conditionsOf, idsOf, testOf, type Sql } from './conditions.ts';
import { checkFilters, decisionMatches, nameMatches, verbsMatch, type SearchFilters } from './filters.ts';
import { findCommands, listOf, type FindParts } from './find.ts';
import type { IndexFile } from './index-file.ts';

/** One session as the index has it. Times in milliseconds since the epoch. */
export interface ListedSession {
  /** Place in the list: later sessions have larger numbers. */
  readonly number: number;
  readonly session: string;
  readonly identity: string;
  readonly connection: string;
  readonly protocol: string;
  readonly peer: string;
  readonly opened: number;
  readonly closed: number | null;
  readonly state: 'open' | 'closed' | 'lost';
  readonly commands: number;
  readonly refused: number;
  readonly last: number | null;
}

export interface SessionsAsked {
  readonly filters: SearchFilters;
  /** `past`: those that ended. */
  readonly state: 'all' | 'past';
  /** Only these. */
  readonly only?: readonly string[];
  /** Sessions with a smaller number. */
  readonly before?: number;
  readonly limit: number;
}

/** Commands with a text that are looked at for their sessions: the newest ones. */
const MOST_TEXT_HITS = 2000;
const FEW_NAMES = 3;

/** Bounds of the work; others are for tests. They never change what is listed. */
export interface SessionsEffort {
  /** Sessions of the identities and connections asked for that are each looked at; of more those with the verb are. */
  readonly eachSession: number;
  /** The newest sessions and so many commands of them, which are simply gone through: what is asked for is mostly there. */
  readonly newest: number;
  readonly theirs: number;
  /** Commands with a text whose sessions are looked at before the others: mostly they fill the page. */
  readonly texts: number;
  /** Down from so many commands their sessions are looked up; of more, all sessions are gone through until there are enough. */
  readonly found: number;
}

const EFFORT: SessionsEffort = { eachSession: 5_000, newest: 500, theirs: 20_000, texts: 200, found: 10_000 };

const SESSION = `
SELECT standing.session AS number, session.text AS session, i.text AS identity, c.text AS connection, protocol, peer, opened, closed, state, commands, refused, last
FROM standing JOIN session ON session.id = standing.session JOIN name i ON i.id = standing.identity JOIN name c ON c.id = standing.connection`;

/** Sessions, newest first. With filters of commands: those that have a command which matches all of them. */
export const listSessionsOf = (index: IndexFile, { filters, state, only, before, limit }: SessionsAsked, finding: FindParts, effort = EFFORT): ListedSession[] => {
  checkFilters(filters);
  const parts: string[] = [];
  const values: SQLInputValue[] = [];
  const where = (sql: string, ...more: readonly SQLInputValue[]): void => {
    parts.push(sql);
    values.push(...more);
  };
  if (before !== undefined) where('standing.session < ?', before);
  if (state === 'past') where(`state <> 'open'`);
  for (const kind of ['identity', 'connection'] as const) {
    const pattern = filters[kind];
    if (pattern === undefined) continue;
    const ids = idsOf(index, kind, pattern, nameMatches);
    if (ids.length === 0) return [];
    // Of a few the index gives the newest at once; of many it would give all, to be sorted: going through sessions in their order is quicker.
    where(`${ids.length > FEW_NAMES ? '+' : ''}standing.${kind} IN (${ids.join(',')})`);
  }
  const { identity: _, connection: __, since, until, ...ofCommands } = filters;
  if (only !== undefined) {
    if (only.length === 0) return [];
    where('session.text IN (SELECT value FROM json_each(?))', JSON.stringify(only));
  }
  const asked = Object.keys(ofCommands);
  if (asked.length === 0) {
    if (since !== undefined) where('opened >= ?', since);
    if (until !== undefined) where('opened < ?', until);
  } else if (asked.length === 1 && filters.decision === 'refused' && since === undefined && until === undefined) {
    where('refused > 0');
  } else {
    const standing: Standing = { sql: parts.length === 0 ? '1' : parts.join(' AND '), values: [...values], before };
    const numbers = byManner(index, filters, standing, limit, effort.eachSession) ?? sessionsWith(index, filters, standing, limit, finding, effort);
    if (numbers.length === 0) return [];
    where('standing.session IN (SELECT value FROM json_each(?))', JSON.stringify(numbers));
  }
  return index.sql(`${SESSION} ${parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`} ORDER BY standing.session DESC LIMIT ?`).all(...values, limit) as unknown as ListedSession[];
};

export const sessionOf = (index: IndexFile, session: string): ListedSession | undefined => index.sql(`${SESSION} WHERE session.text = ?`).get(session) as unknown as ListedSession | undefined;

/** What a session itself must be, in SQL. */
interface Standing {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
  readonly before: number | undefined;
}

const bound = (column: string, before: number | undefined): string => (before === undefined ? '' : `AND ${column} < ${before}`);

/** Pairs of verbs and decisions that are each looked up; of more the commands are gone through. */
const MOST_MANNERS = 64;
/**
 * The same for filters by verb and decision alone, from the kinds of commands that each session had: a few rows for a session however many
 * commands it sent. Undefined when it has to be the commands.
 */
const byManner = (index: IndexFile, filters: SearchFilters, { sql: standing, values, before }: Standing, limit: number, few: number): number[] | undefined => {
  const { verb, decision, text, object, rows, since, until } = filters;
  if ([text, object, rows, since, until].some((one) => one !== undefined)) return undefined;
  const verbs = verb === undefined ? [0, ...idsOf(index, 'verb', '*', nameMatches)] : idsOf(index, 'verb', verb, verbsMatch);
  const decisions = idsOf(index, 'decision', decision ?? '*', decision === undefined ? nameMatches : decisionMatches);
  if (verbs.length * decisions.length > MOST_MANNERS) return undefined;
  const [{ n }] = index.sql(`SELECT count(*) AS n FROM (SELECT 1 FROM standing JOIN session ON session.id = standing.session WHERE ${standing} LIMIT ${few + 1})`).all(...values) as unknown as [{ n: number }];
  if (n <= few) {
    const list = (ids: readonly number[]): string => ids.join(',');
    return sessionNumbers(
      index,
      `SELECT standing.session AS n FROM standing JOIN session ON session.id = standing.session WHERE ${standing} AND EXISTS (SELECT 1 FROM manner WHERE manner.session = standing.session AND verb IN (${list(verbs)}) AND decision IN (${list(decisions)})) ORDER BY n DESC LIMIT ?`,
      [...values, limit],
    );
  }
  const found = new Set<number>();
  for (const one of verbs) {
    for (const other of decisions) {
      // CROSS: those with the verb first, newest first, until there are enough.
      const sql = `SELECT manner.session AS n FROM manner CROSS JOIN standing ON standing.session = manner.session CROSS JOIN session ON session.id = manner.session WHERE manner.verb = ? AND manner.decision = ? ${bound('manner.session', before)} AND ${standing} ORDER BY manner.session DESC LIMIT ?`;
      for (const number of sessionNumbers(index, sql, [one, other, ...values, limit])) found.add(number);
    }
  }
  return [...found].sort((a, b) => b - a).slice(0, limit);
};

const sessionNumbers = (index: IndexFile, sql: string, values: readonly SQLInputValue[]): number[] => (index.sql(sql).all(...values) as { n: number }[]).map(({ n }) => n);

/** Numbers of sessions that have a matching command, newest first. */
const sessionsWith = (index: IndexFile, filters: SearchFilters, standing: Standing, limit: number, finding: FindParts, effort: SessionsEffort): number[] => {
  // With what the session must be, or a page could lack sessions that come later.
  const those = ({ sql, values }: Sql, by: string, most: number): number[] =>
    sessionNumbers(
      index,
      `SELECT DISTINCT session AS n FROM command ${by} WHERE ${sql} AND EXISTS (SELECT 1 FROM standing JOIN session ON session.id = standing.session WHERE standing.session = command.session AND ${standing.sql}) ORDER BY session DESC LIMIT ?`,
      [...values, ...standing.values, most],
    );
  const ofCommands = (seqs: readonly number[], most: number): number[] => those({ sql: 'command.seq IN (SELECT value FROM json_each(?))', values: [JSON.stringify(seqs)] }, '', most);
  if (filters.text !== undefined) {
    const few = findCommands(index, filters, effort.texts, finding);
    const near = ofCommands(few, limit);
    if (few.length < effort.texts || (near.length === limit && opensBefore(index, near.at(-1) as number, few.at(-1) as number))) return near;
    return ofCommands(findCommands(index, filters, MOST_TEXT_HITS, finding), limit);
  }
  const conditions = conditionsOf(index, filters);
  if (!conditions) return [];
  const { before = Number.MAX_SAFE_INTEGER } = standing;
  const floor = floorOf(index, before, effort);
  const near = those(testOf(conditions, { sql: 'command.session BETWEEN ? AND ?', values: [floor, before - 1] }), IN_ORDER, limit);
  const left = limit - near.length;
  if (left === 0 || floor <= 1) return near;
  const list = listOf(index, conditions, effort.found);
  const older = { sql: 'command.session BETWEEN 0 AND ?', values: [floor - 1] };
  return [...near, ...(list ? ofCommands([...list], limit).filter((number) => number < floor).slice(0, left) : those(testOf(conditions, older), IN_ORDER, left))];
};

/** Sessions one after the other: SQLite would rather look up all commands and sort. */
const IN_ORDER = 'INDEXED BY command_session';

/** Whether the record that opened a session stands before a command: then no session that is newer has older commands. */
const opensBefore = (index: IndexFile, session: number, command: number): boolean =>
  index.sql('SELECT 1 AS yes FROM session, command WHERE session.id = ? AND command.seq = ? AND (command.segment, command.position) <= (session.segment, session.position)').get(session, command) !== undefined;

/** The oldest of the newest sessions. */
const floorOf = (index: IndexFile, before: number, { newest, theirs }: SessionsEffort): number => {
  const sessions = index.sql('SELECT session AS n, commands + refused AS commands FROM standing WHERE session < ? ORDER BY session DESC LIMIT ?').all(before, newest) as { n: number; commands: number }[];
  let sum = 0;
  const enough = sessions.find(({ commands }) => (sum += commands) >= theirs) ?? sessions.at(-1);
  return enough?.n ?? 0;
};

/** Sequence numbers of the commands of a session: those with a number behind `after`, in order; then, at the end, those without one. */
export const commandsOfSession = (index: IndexFile, session: string, after: number, limit: number): { readonly numbered: readonly number[]; readonly last: number; readonly unnumbered: readonly number[] } => {
  const id = index.sql('SELECT id FROM session WHERE text = ?').get(session)?.['id'] as number | undefined;
  if (id === undefined) return { numbered: [], last: after, unnumbered: [] };
  const rows = index.sql('SELECT seq, number FROM command WHERE session = ? AND number > ? ORDER BY number LIMIT ?').all(id, after, limit) as { seq: number; number: number }[];
  const unnumbered = rows.length < limit ? (index.sql('SELECT seq FROM command WHERE session = ? AND number IS NULL ORDER BY seq LIMIT ?').all(id, MOST_UNNUMBERED) as { seq: number }[]) : [];
  return { numbered: rows.map(({ seq }) => seq), last: rows.at(-1)?.number ?? after, unnumbered: unnumbered.map(({ seq }) => seq) };
};

/** What a protocol refuses outside of any command ends a session, so there are few. */
const MOST_UNNUMBERED = 50;

/** Sequence number of a command by its number in its session. */
export const commandNumbered = (index: IndexFile, session: string, number: number): number | undefined =>
  index.sql('SELECT seq FROM command JOIN session ON session.id = command.session WHERE session.text = ? AND number = ?').get(session, number)?.['seq'] as number | undefined;

/** Where the record that ended a session stands. */
export const endOfSession = (index: IndexFile, session: string): { readonly segment: number; readonly position: number } | undefined => {
  const row = index.sql('SELECT closed_segment AS segment, closed_position AS position FROM standing JOIN session ON session.id = standing.session WHERE session.text = ?').get(session) as { segment: number | null; position: number | null } | undefined;
  return row?.segment == null || row.position === null ? undefined : { segment: row.segment, position: row.position };
};

/** One record that tells of people or of what was put in force. */
export interface ListedDeed {
  readonly seq: number;
  readonly segment: number;
  readonly position: number;
  readonly bodies: number | null;
}

/** Newest first, before a sequence number. */
export const listDeeds = (index: IndexFile, kinds: readonly string[], before: number | undefined, limit: number): ListedDeed[] =>
  index
    .sql(`SELECT seq, segment, position, bodies FROM deed WHERE kind IN (${kinds.map(() => '?').join(',')}) AND seq < ? ORDER BY seq DESC LIMIT ?`)
    .all(...kinds, before ?? Number.MAX_SAFE_INTEGER, limit) as unknown as ListedDeed[];
