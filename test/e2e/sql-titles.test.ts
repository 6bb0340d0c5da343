import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { loadCatalog } from '../../src/protocols/postgres/catalog.ts';
import type { Catalog } from '../../src/sql/catalog.ts';
import { createPostgresUnderstander } from '../../src/sql/postgres/understand.ts';
import type { Understander } from '../../src/sql/understand.ts';
import { postgresVersions, startPostgres, type Postgres } from '../kit/postgres.ts';
import { directWire, type Wire } from './wire.ts';

/*
 * A column that nobody named gets a name from the server, and what stands around it can be meant by that name. The names that the lineage gives are held against
 * those of servers, for all pairs of what makes a name and what passes one on.
 */

/** Expressions of type text, or that are converted. */
const NAMED: readonly string[] = [
  "'a'", 'NULL', '1', '1.5', 'true', '$1', 't.s', 's', 't', 'public.t.s', '(t).s', '(t.s)', 'upper(s)', 'pg_catalog.upper(s)', 'max(s) OVER ()', 'row_number() OVER ()',
  'current_date', 'current_time(0)', 'localtimestamp(1)', 'current_user', 'session_user', 'user', 'current_role', 'current_catalog', 'current_schema',
  "date '2020-01-01'", "interval '1' day", 's::varchar(3)', 'CAST(s AS pg_catalog.text)', "'{a}'::text[]", "('{a}'::text[])[1]", "('{a}'::text[])[1:1]", 's COLLATE "C"', '(s COLLATE "C")::varchar',
  'coalesce(s)', 'nullif(s, s)', "greatest(s, 'a')", 'least(s)', 'ARRAY[s]', 'ARRAY(SELECT s)', '(ARRAY[s])[1]', 'ROW(s)', '(s, s)', 'EXISTS(SELECT s)', 's IN (SELECT s)', "s = ANY('{a}')",
  's || s', '- 1', 's IS NULL', 's LIKE s', 'NOT true', 's BETWEEN s AND s', "extract(year FROM date '2020-01-01')", 'substring(s FROM 1 FOR 1)', 'substring(s, 1)', 'trim(both from s)', 'trim(leading from s)', 'position(s IN s)',
  'overlay(s PLACING s FROM 1)', "timestamp '2020-01-01' AT TIME ZONE 'UTC'", 'collation for (s)', 'normalize(s)', 's IS NORMALIZED', 'pg_catalog.timezone(s, now())',
  'CASE WHEN true THEN s END', 'CASE s WHEN s THEN s ELSE upper(s) END', "CASE WHEN true THEN s ELSE 'a' END", 'CASE WHEN true THEN s ELSE s::varchar END', 'xmlelement(name a, s)', 'xmlforest(s)', "xmlparse(content 'a')", "xmlserialize(content xml 'a' AS text)", 'xmlconcat(NULL)', 'xmlpi(name a)', "xmlroot(xml '<a/>', version '1.0')", "xml '<a/>' IS DOCUMENT", "xmlexists('a' PASSING '<a/>')",
  '(SELECT s)', '(SELECT s AS n)', '(SELECT upper(s))', "(SELECT 'a')", '(SELECT NULL::text)', '(VALUES (s))', '(SELECT * FROM (SELECT s) q)', '(SELECT q.* FROM (SELECT s AS n) q)', "(SELECT 'a' UNION SELECT s)", '(SELECT s UNION SELECT 1::text)', '(TABLE o)', '(SELECT o FROM o)', '((SELECT s))', '(WITH w(n) AS (SELECT s) SELECT * FROM w)', '(SELECT x FROM o AS z(x))', '(SELECT j.* FROM (o CROSS JOIN (SELECT) e) AS j(n))',
  'grouping_of', 'ctid', 't.ctid', 'tableoid',
];
/** Since 16 and 17. */
const NEWER: readonly string[] = [
  'json_object()', "json_object('a': s)", 'json_array(s)', 'json_array(SELECT s)', 'json_objectagg(s: s)', 'json_arrayagg(s)', 's IS JSON', "json('{}')", 'json_scalar(s)', "json_serialize('{}')", "json_exists(jsonb '{}', '$')", "json_query(jsonb '{}', '$')", "json_value(jsonb '1', '$')", 'any_value(s)', "date '2020-01-01' AT LOCAL",
];
const PASSING: readonly ((inside: string) => string)[] = [
  (e) => e, (e) => `(${e})::text`, (e) => `CAST((${e})::text AS varchar(5))`, (e) => `(${e})::text COLLATE "C"`, (e) => `CASE WHEN false THEN NULL ELSE ${e} END`, (e) => `CASE WHEN false THEN NULL ELSE (SELECT ${e}) END`, (e) => `(SELECT ${e})`, (e) => `(SELECT ${e})::text`, (e) => `(SELECT (${e})::text COLLATE "C")`,
  (e) => `coalesce((${e})::text)`, (e) => `(ARRAY[${e}])[1]`, (e) => `(SELECT q.* FROM (SELECT ${e}) q)`, (e) => `(SELECT * FROM (SELECT ${e}) q)::text`, (e) => `(SELECT * FROM (SELECT ${e}) q(n))`, (e) => `(SELECT ${e} UNION ALL SELECT NULL)`,
];

/** Elements of FROM: what `*` shows of them, in which order and by which names. */
const ELEMENTS: readonly string[] = [
  't', 't a', 't a(x)', 't a(x, y)', 'o a(x)', '(SELECT s, 1 FROM t) q', '(SELECT s, 1 FROM t) q(n)', '(VALUES (1, 2)) q', '(VALUES (1, 2)) q(n)', 'gen', 'vw', 'vw a(x)', 'child', 'parent', 'sq', 'generate_series(1, 2)', 'generate_series(1, 2) g', 'generate_series(1, 2) g(n)',
  "unnest('{a}'::text[])", "unnest('{a}'::text[]) u", "unnest('{a}'::text[]) u(n)", "unnest('{a}'::text[]) WITH ORDINALITY", "unnest('{a}'::text[]) WITH ORDINALITY u(n)", "unnest('{a}'::text[], '{1}'::int[])", "unnest('{a}'::text[], '{1}'::int[]) u(n)", "unnest('{}'::o[])", "unnest('{}'::o[]) u", "unnest('{}'::t[]) u", "unnest(ARRAY[ROW('a')::o]) u", "unnest('a b'::tsvector) u",
  'ROWS FROM (generate_series(1, 2), generate_series(1, 3)) r', 'ROWS FROM (generate_series(1, 2), generate_series(1, 3)) WITH ORDINALITY r(a)', "json_each('{}')", "json_each('{}') j", "json_each('{}') j(a)", "json_array_elements('[]')", "json_array_elements('[]') j", "json_object_keys('{}') k", "jsonb_path_query('{}', '$') p",
  "json_to_record('{}') AS r(a int, b text)", "json_to_recordset('[]') AS r(a int)", "ROWS FROM (json_to_record('{}') AS (a int), generate_series(1, 2)) r", "regexp_matches('a', 'b')", "regexp_matches('a', 'b') m", 'current_date', 'current_date d', 'upper(current_user) u', "string_to_table('a', 'b') x", "pg_catalog.string_to_table('a', 'b')",
  "XMLTABLE('/a' PASSING '<a/>' COLUMNS s text, n FOR ORDINALITY)", "XMLTABLE('/a' PASSING '<a/>' COLUMNS s text) x(y)",
];
const SINCE_17: readonly string[] = ["JSON_TABLE('{}', '$' COLUMNS (a int, NESTED PATH '$.b' COLUMNS (c int), d text)) j", "JSON_TABLE('{}', '$' COLUMNS (a int)) j(x)"];
/** Queries that see a CTE with the columns that SEARCH or CYCLE add, at the level of WITH and inside. */
const STARRED: readonly string[] = [
  'SELECT * FROM w', 'SELECT w.* FROM w', 'SELECT (w).* FROM w', 'SELECT x.* FROM w x(a)', 'SELECT * FROM w x(a)', 'SELECT * FROM w CROSS JOIN t', 'SELECT * FROM (w CROSS JOIN t) j(a, b)', 'TABLE w', 'SELECT * FROM w AS a JOIN w AS b USING (n)',
  'SELECT * FROM (SELECT * FROM w) q', 'SELECT * FROM (SELECT w.* FROM w) q', 'SELECT * FROM (SELECT (w).* FROM w) q', 'SELECT * FROM (SELECT x.* FROM w x(a)) q', 'SELECT * FROM (SELECT * FROM w CROSS JOIN t) q', 'SELECT * FROM (SELECT * FROM (w CROSS JOIN t) j(a, b)) q', 'SELECT * FROM (SELECT *, added FROM w) q',
  'SELECT * FROM w UNION ALL SELECT * FROM w', '(SELECT * FROM w) ORDER BY 1', 'SELECT * FROM (TABLE w) q', 'SELECT * FROM t, LATERAL (SELECT * FROM w) q', ', z AS (SELECT * FROM w) SELECT * FROM z', ', z AS (SELECT * FROM w UNION ALL SELECT * FROM w) SELECT * FROM z, w', 'SELECT * FROM (SELECT * FROM w NATURAL JOIN (SELECT 1 AS n) i) q',
];
const ADDED: readonly string[] = ['SEARCH DEPTH FIRST BY n SET added', 'CYCLE n SET added USING p', 'SEARCH BREADTH FIRST BY n SET added CYCLE n SET met USING p'];

const JOINS: readonly ((left: string, right: string) => string)[] = [
  (l, r) => `${l}, ${r}`, (l, r) => `${l} CROSS JOIN ${r}`, (l, r) => `(${l} CROSS JOIN ${r}) j`, (l, r) => `(${l} CROSS JOIN ${r}) j(x, y)`, (l, r) => `${l} NATURAL JOIN ${r}`, (l, r) => `${l} NATURAL LEFT JOIN ${r}`, (l, r) => `(${l} NATURAL JOIN ${r}) j(x)`,
  (l, r) => `${l} JOIN ${r} USING (s)`, (l, r) => `${l} FULL JOIN ${r} USING (s)`, (l, r) => `${l} JOIN ${r} USING (s) AS u`, (l, r) => `(${l} JOIN ${r} USING (s)) j(x, y)`, (l, r) => `(${l} JOIN ${r} USING (s)) JOIN t z USING (s)`, (l, r) => `${l} JOIN LATERAL (SELECT * FROM ${r}) x ON true`,
];

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let target: Postgres;
    let wire: Wire;
    let catalog: Catalog;
    let understander: Understander;
    before(async () => {
      target = await startPostgres({ version });
      await target.query(`CREATE TABLE t(s text, grouping_of int); CREATE TABLE o(only_one text); CREATE TABLE gen(s text, g text GENERATED ALWAYS AS (upper(s)) STORED, gone int);
        ALTER TABLE gen DROP COLUMN gone; ALTER TABLE gen ADD last int; CREATE VIEW vw AS SELECT grouping_of AS n, s FROM t; ALTER VIEW vw RENAME n TO m;
        CREATE TABLE parent(a int, s text); CREATE TABLE child(b int) INHERITS (parent); ALTER TABLE parent ADD c int; CREATE SEQUENCE sq`);
      const client = await target.client();
      const raw = { getTypeParser: () => (value: unknown) => value };
      catalog = await loadCatalog(async (sql) => (await client.query<(string | null)[]>({ text: sql, rowMode: 'array', types: raw })).rows);
      await client.end();
      wire = await directWire(target, 'postgres');
      understander = createPostgresUnderstander();
    });
    after(async () => {
      wire?.close();
      await understander?.close();
      await target?.stop();
    });

    /** Names by the lineage and by the server; undefined where one of them does not take the text, or the lineage does not know all names. */
    const names = async (text: string): Promise<'refused' | 'unknown' | { readonly ours: readonly string[]; readonly theirs: readonly string[] }> => {
      const said = (await wire.query(text)).find(({ kind }) => kind === 'RowDescription');
      if (said?.kind !== 'RowDescription') return 'refused';
      const { statements } = await understander.understand(Buffer.from(text), catalog, { searchPath: ['public'] }, { id: '', signatures: [] });
      const { outputs } = statements[0]!.facts.lineage;
      return outputs === undefined ? 'unknown' : { ours: outputs.map(({ name }) => name), theirs: said.fields.map(({ name }) => name) };
    };

    const hold = async (texts: readonly string[]): Promise<{ readonly held: number; readonly summary: string }> => {
      const count = { held: 0, refused: 0, unknown: 0 };
      const wrong: string[] = [];
      for (const text of texts) {
        const found = await names(text);
        if (typeof found === 'string') count[found]++;
        else {
          count.held++;
          if (found.ours.join() !== found.theirs.join()) wrong.push(`${text}: ${found.ours.join()} for ${found.theirs.join()}`);
        }
      }
      assert.deepEqual(wrong, []);
      return { held: count.held, summary: `${count.held} held against the server, ${count.refused} that it does not take, ${count.unknown} whose names the lineage does not know` };
    };

    test('columns without a name get that of the server', async (context) => {
      const { held, summary } = await hold([...NAMED, ...NEWER].flatMap((named) => PASSING.map((pass) => `SELECT ${pass(named).replaceAll('$1', "'p'")} FROM t`)));
      context.diagnostic(summary);
      assert.ok(held > 1400, summary);
    });

    test('* shows what the server shows', async (context) => {
      const elements = [...ELEMENTS, ...(version < 17 ? [] : SINCE_17)];
      const { held, summary } = await hold([...elements, ...elements.flatMap((one) => ['t', 'gen', 'vw', 'child', '(SELECT 1 AS s, 2 AS s2) q', "json_each('{}') e(s)"].flatMap((other) => JOINS.flatMap((join) => [join(one, other), join(other, one)])))].map((from) => `SELECT * FROM ${from}`));
      context.diagnostic(summary);
      assert.ok(held > 1500, summary);
    });

    test('* shows what SEARCH and CYCLE add where the server does', async (context) => {
      const { held, summary } = await hold(ADDED.flatMap((added) => STARRED.map((query) => `WITH RECURSIVE w(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM w WHERE n < 2) ${added} ${query}`)));
      context.diagnostic(summary);
      assert.ok(held > 50, summary);
    });
  });
}
