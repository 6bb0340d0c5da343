import type { IndexFile } from './index-file.ts';
import { DAY_MS, HOUR_MS } from './ledger.ts';

/** Answers from the ledger's sums. Times in milliseconds since the epoch. */

export interface HourSum {
  readonly hour: number;
  readonly allowed: number;
  readonly refused: number;
}

/** The last hours, oldest first, without a gap. */
export const hoursUntil = (index: IndexFile, now: number, hours: number): HourSum[] => {
  const last = Math.floor(now / HOUR_MS);
  const first = last - hours + 1;
  const rows = index
    .sql(`SELECT hour, sum(iif(d.text IN ('allow', 'require_approval'), count, 0)) AS allowed, sum(iif(d.text IN ('allow', 'require_approval'), 0, count)) AS refused FROM hourly JOIN name d ON d.id = decision WHERE hour BETWEEN ? AND ? GROUP BY hour`)
    .all(first, last) as unknown as HourSum[];
  const found = new Map(rows.map((row) => [row.hour, row]));
  return Array.from({ length: hours }, (_, i) => {
    const sum = found.get(first + i);
    return { hour: (first + i) * HOUR_MS, allowed: sum?.allowed ?? 0, refused: sum?.refused ?? 0 };
  });
};

export interface DeniedSum {
  readonly identity: string;
  readonly connection: string;
  readonly code: string;
  readonly count: number;
  readonly last: number;
}

/** Who was refused most. */
export const mostDenied = (index: IndexFile, now: number, hours: number, limit: number): DeniedSum[] =>
  index
    .sql(
      `SELECT coalesce(i.text, '') AS identity, coalesce(c.text, '') AS connection, d.text AS code, sum(count) AS count, max(last) AS last
       FROM hourly JOIN name d ON d.id = decision LEFT JOIN name i ON i.id = identity LEFT JOIN name c ON c.id = connection
       WHERE hour > ? AND d.text NOT IN ('allow', 'require_approval') GROUP BY identity, connection, decision ORDER BY count DESC, last DESC LIMIT ?`,
    )
    .all(Math.floor(now / HOUR_MS) - hours, limit) as unknown as DeniedSum[];

export interface FirstSeen {
  readonly identity: string;
  readonly session: string;
  readonly opened: number;
}

/** The first session of each identity. One look into an index for each identity. */
const FIRST = `SELECT i.text AS identity, session.text AS session, opened FROM name i JOIN standing ON standing.session = (SELECT min(session) FROM standing WHERE identity = i.id) JOIN session ON session.id = standing.session WHERE i.kind = 'identity'`;

/** Identities whose first session is not older than that, newest first. */
export const identitiesSince = (index: IndexFile, since: number, limit: number): FirstSeen[] => index.sql(`${FIRST} AND opened >= ? ORDER BY opened DESC LIMIT ?`).all(since, limit) as unknown as FirstSeen[];

export interface IdentityUse {
  readonly identity: string;
  readonly first: number;
  readonly last: number;
}

/** First and last use of every identity that is on record. */
export const identityUse = (index: IndexFile): IdentityUse[] => {
  const lasts = new Map((index.sql(`SELECT i.text AS identity, max(last) AS last FROM daily JOIN name i ON i.id = daily.identity GROUP BY daily.identity`).all() as { identity: string; last: number }[]).map(({ identity, last }) => [identity, last]));
  return (index.sql(FIRST).all() as unknown as FirstSeen[]).map(({ identity, opened }) => {
    const newest = index.sql(`SELECT max(session) AS n FROM standing WHERE identity = (SELECT id FROM name WHERE kind = 'identity' AND text = ?)`).get(identity)?.['n'] as number;
    const last = index.sql('SELECT opened FROM standing WHERE session = ?').get(newest)?.['opened'] as number;
    return { identity, first: opened, last: Math.max(last, lasts.get(identity) ?? 0) };
  });
};

export interface VerbUse {
  readonly connection: string;
  readonly verb: string;
  readonly allowed: number;
  readonly refused: number;
  readonly last: number;
}

/** What an identity did since then, most first. */
export const useOf = (index: IndexFile, identity: string, since: number, limit: number): VerbUse[] =>
  index
    .sql(
      `SELECT coalesce(c.text, '') AS connection, coalesce(v.text, '') AS verb, sum(allowed) AS allowed, sum(refused) AS refused, max(last) AS last
       FROM daily LEFT JOIN name c ON c.id = connection LEFT JOIN name v ON v.id = verb
       WHERE identity = (SELECT id FROM name WHERE kind = 'identity' AND text = ?) AND day >= ? GROUP BY connection, verb ORDER BY sum(allowed) + sum(refused) DESC LIMIT ?`,
    )
    .all(identity, Math.floor(since / DAY_MS), limit) as unknown as VerbUse[];

/** Objects that the last commands of an identity touched, most first. */
export const objectsOf = (index: IndexFile, identity: string, ofLast: number, limit: number): { readonly object: string; readonly commands: number }[] =>
  index
    .sql(
      `SELECT o.text AS object, count(*) AS commands FROM (SELECT seq FROM command WHERE identity = (SELECT id FROM name WHERE kind = 'identity' AND text = ?) ORDER BY seq DESC LIMIT ?) AS recent
       CROSS JOIN object ON object.seq = recent.seq JOIN name o ON o.id = object.object GROUP BY object.object ORDER BY commands DESC LIMIT ?`,
    )
    .all(identity, ofLast, limit) as unknown as { object: string; commands: number }[];

export interface ConnectionUse {
  readonly connection: string;
  readonly commands: number;
  readonly refused: number;
  readonly last: number;
}

/** Commands of each connection in the last 24 hours, and its last one. */
export const connectionUse = (index: IndexFile, now: number): ConnectionUse[] => {
  const lasts = index
    .sql(`SELECT c.text AS connection, (SELECT max(last) FROM daily WHERE connection = c.id AND day = (SELECT max(day) FROM daily WHERE connection = c.id)) AS last FROM name c WHERE c.kind = 'connection'`)
    .all() as { connection: string; last: number }[];
  const recent = index
    .sql(
      `SELECT c.text AS connection, sum(count) AS commands, sum(iif(d.text IN ('allow', 'require_approval'), 0, count)) AS refused FROM hourly JOIN name c ON c.id = connection JOIN name d ON d.id = decision WHERE hour > ? GROUP BY connection`,
    )
    .all(Math.floor(now / HOUR_MS) - 24) as { connection: string; commands: number; refused: number }[];
  const counts = new Map(recent.map((one) => [one.connection, one]));
  return lasts.map(({ connection, last }) => ({ connection, commands: counts.get(connection)?.commands ?? 0, refused: counts.get(connection)?.refused ?? 0, last }));
};
