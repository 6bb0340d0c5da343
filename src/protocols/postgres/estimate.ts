import type { Effect } from '../../model/command.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { touched } from './bound.ts';
import type { Link } from './link.ts';
import { lookup } from './lookup.ts';

/** Kinds of relations that hold rows, themselves or in their partitions: ordinary, partitioned, materialized view, foreign. */
const WITH_ROWS: ReadonlySet<string> = new Set(['r', 'p', 'm', 'f']);

/** What only brings rows: the number of those that are there says nothing of it. */
const ADDS_ROWS: ReadonlySet<string> = new Set(['insert', 'copy']);

/**
 * Asks how many rows the target takes the tables that a command changes to hold, with what inherits from them: what ANALYZE and VACUUM last
 * found, no count. One row; null when the target has no word on one of the tables (a partitioned table has none of its own). Undefined when the
 * command changes no table, or only adds rows. Names pg_catalog outright, operators too, as all look-ups in the client's session.
 */
const estimateQuery = (effects: readonly Effect[], catalog: Catalog): string | undefined => {
  const changing = effects.filter(({ class: granted, verb }) => (granted === 'write' && !ADDS_ROWS.has(verb)) || granted === 'schema');
  const oids = [...touched(changing, catalog).values()].filter(({ kind }) => WITH_ROWS.has(kind)).map(({ oid }) => oid);
  if (oids.length === 0) return undefined;
  return `WITH RECURSIVE meant(oid) AS (SELECT pg_catalog.unnest(ARRAY[${oids.join(',')}]::pg_catalog.oid[])
      UNION SELECT i.inhrelid FROM meant m JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) m.oid)
    SELECT CASE WHEN pg_catalog.bool_or(c.reltuples OPERATOR(pg_catalog.<) 0::pg_catalog.float4) THEN NULL
      ELSE pg_catalog.sum(c.reltuples::pg_catalog.float8)::pg_catalog.int8::pg_catalog.text END
    FROM meant m JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) m.oid WHERE c.relkind OPERATOR(pg_catalog.<>) 'p'::pg_catalog."char"`;
};

/**
 * For people who approve what is not counted: the target's own estimate, null when it has none. Only while the target owes nothing. It is of
 * whole tables, so that it tells nothing of a predicate, and is never told to the client.
 */
export const estimatedRows = async (link: Link, effects: readonly Effect[], catalog: Catalog): Promise<number | null | undefined> => {
  const query = estimateQuery(effects, catalog);
  if (query === undefined) return undefined;
  const told = (await lookup(link, 'lookup', query))[0]?.[0];
  const rows = Number(told ?? Number.NaN);
  return Number.isSafeInteger(rows) && rows >= 0 ? rows : null;
};
