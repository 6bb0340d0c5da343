import { decoy, harmless, shot } from './aimed.ts';
import type { Aim } from './aimed.ts';
import type { Level } from './beliefs.ts';
import type { Choices } from './choices.ts';
import { levelIn } from './beliefs.ts';
import { query } from './queries.ts';

/** A query of one value and mostly one row, with a shot at one place of it and decoys around. Which of them the server sees from there is the question. */
export function aimedPlace(choices: Choices, level: Level, aim: Aim): string {
  const shoot = (): string => shot(choices, aim);
  const told = (): string => choices.one(`(${shoot()}) IS NOT NULL`, `(${shoot()})::text LIKE 'p%'`, `EXISTS (SELECT ${shoot()})`, `EXISTS (SELECT WHERE (${shoot()})::text = 'pp')`);
  const lure = (): string => decoy(choices, aim);
  const other = (): string => harmless(choices);
  const count = (body: string): string => `SELECT count(*) FROM ${body}`;
  const first = (body: string): string => `SELECT ${choices.one('', '', '', 'DISTINCT ')}${shoot()} FROM ${body} LIMIT 1`;
  const { column, item } = aim;
  return choices.weighted<string>(
    // What stands before it in FROM, and is not seen by ON, by TABLESAMPLE, without LATERAL.
    [4, () => count(`${lure()}, ${other()} JOIN ${other()} ON ${told()}`)],
    [3, () => count(`${lure()}, b AS f TABLESAMPLE BERNOULLI (100 + 0 * coalesce(length((${shoot()})::text), 0))`)],
    [3, () => count(`${lure()}, b AS f TABLESAMPLE BERNOULLI (50) REPEATABLE (length((${shoot()})::text))`)],
    [4, () => `SELECT f.z FROM ${lure()}, (SELECT ${shoot()} AS z) AS f LIMIT 1`],
    [2, () => `SELECT f.z FROM ${lure()}, LATERAL (SELECT ${shoot()} AS z) AS f LIMIT 1`],
    [2, () => `SELECT f.z FROM ${lure()}, (VALUES (${shoot()})) AS f(z) LIMIT 1`],
    [2, () => `SELECT f.z FROM ${lure()} CROSS JOIN (SELECT ${shoot()} AS z) AS f LIMIT 1`],
    // What stands behind it, or inside something with a name of its own.
    [2, () => `SELECT f.z FROM LATERAL (SELECT ${shoot()} AS z) AS f, ${lure()} LIMIT 1`],
    [2, () => `SELECT f FROM string_to_table((${shoot()})::text, 'b') AS f, ${lure()} LIMIT 1`],
    [4, () => first(`(${lure()} CROSS JOIN ${other()}) AS j`)],
    [2, () => first(`(${other()} CROSS JOIN ${lure()}) AS ${choices.one('j', item, column)}(${choices.one(column, 'z')})`)],
    [2, () => count(`${lure()} CROSS JOIN (${other()} JOIN ${other()} ON ${told()})`)],
    [2, () => count(`(${other()} JOIN ${other()} ON ${told()}) CROSS JOIN ${lure()}`)],
    [2, () => count(`(${lure()} JOIN ${other()} ON ${told()}) AS j`)],
    [2, () => count(`(${lure()} CROSS JOIN ${other()}) AS j JOIN ${other()} ON ${told()}`)],
    [2, () => first(`b AS x(${column}) JOIN b AS y(${column}) USING (${column})${choices.one('', ' AS j', ` AS ${item}`)}`)],
    [2, () => first(`b AS x(z, o) JOIN b AS y(z, ${column}) USING (z) AS ${choices.one('j', item)}`)],
    // Joins that show no system columns, views that have none, functions whose columns are not called as they are.
    [5, () => first(`${lure()} ${choices.one('CROSS JOIN', 'NATURAL JOIN', 'NATURAL LEFT JOIN')} ${lure()}`)],
    [5, () => first(lure())],
    [2, () => first(`${lure()} CROSS JOIN ${other()}`)],
    [2, () => first(`${other()}, ${lure()}`)],
    [2, () => first(`LATERAL ROWS FROM (${choices.one("unnest('q'::tsvector)", 'generate_series(1, 1)', "unnest(ARRAY[('s', 'a')::c])")}, generate_series(1, 1))${choices.one('', ' WITH ORDINALITY')} AS ${choices.one(column, item)}`)],
    // Outputs that have the name.
    [3, () => `SELECT 'd' AS ${column} FROM ${lure()} ORDER BY ${shoot()} LIMIT 1`],
    [2, () => `SELECT count(*) AS ${column} FROM ${other()} GROUP BY ${shoot()} LIMIT 1`],
    [3, () => `SELECT count(*) FROM (SELECT DISTINCT ON (${column}) ${choices.one('', 'q.*, ', 'f.*, ')}${choices.one(shoot(), 'x.s')} AS ${column} FROM q, t AS x, ${choices.one(lure(), 'b AS f', `u AS f(${column})`)}) AS f`],
    [2, () => `SELECT count(*) FROM (SELECT ${shoot()} AS ${column} FROM ${choices.one(lure(), `t AS f(${column})`)} ${choices.one('GROUP', 'ORDER')} BY ${choices.one('1', column)}) AS f`],
    [1, () => `(SELECT 'd' AS ${column} FROM ${lure()} LIMIT 1) UNION ALL (SELECT ${shoot()} LIMIT 0) ORDER BY ${column}`],
    [1, () => `(SELECT 'd' AS ${column} FROM ${lure()} LIMIT 0) UNION ALL (SELECT ${shoot()}) LIMIT 1`],
    [1, () => `SELECT row_number() OVER w FROM ${lure()} WINDOW w AS (ORDER BY ${shoot()}) LIMIT 1`],
    [1, () => `SELECT string_agg('d', ',' ORDER BY ${shoot()}) FILTER (WHERE ${told()}) FROM ${lure()}`],
    [2, () => `SELECT count(*) FROM ${lure()} WHERE ${told()}`],
    [1, () => `SELECT 'd' FROM ${lure()} LIMIT length((${shoot()})::text)`],
    [1, () => `SELECT 'd' FROM ${lure()} LIMIT (SELECT length((${shoot()})::text))`],
    // WITH, which hides tables and is not in FROM by itself.
    [2, () => `WITH ${choices.one(item, column)}(${column}) AS (SELECT 'd') SELECT ${shoot()} FROM ${choices.one(item, column, `${item} AS x`, other())} LIMIT 1`],
    [2, () => `WITH x AS (SELECT ${shoot()} AS z) SELECT x.z FROM x, ${lure()} LIMIT 1`],
    [1, () => `WITH RECURSIVE x(z) AS (SELECT 'd' UNION SELECT ${choices.one(shoot(), 'x.z')} FROM x)${choices.one('', ` SEARCH DEPTH FIRST BY z SET ${column}`, ` CYCLE z SET ${column} USING o`)} SELECT ${choices.one('x.z', shoot())}::text FROM x LIMIT 1`],
    [1, () => `SELECT f.z FROM ${lure()}, JSON_TABLE('1'::jsonb, '$' PASSING ${shoot()} AS p COLUMNS (z text PATH '$')) AS f LIMIT 1`],
    [1, () => `SELECT f.z FROM XMLTABLE('/r' PASSING '<r/>' COLUMNS z text PATH 's' DEFAULT (${shoot()})) AS f, ${lure()} LIMIT 1`],
    // The same one level further in, and among whatever else there is.
    [4, () => `SELECT (${aimedPlace(choices, level, aim)}) FROM ${choices.one(lure(), other())} LIMIT 1`],
    [3, () => `SELECT f.* FROM ${choices.one(lure(), other())}, ${choices.one('', 'LATERAL ')}(${aimedPlace(choices, level, aim)}) AS f LIMIT 1`],
    [1, () => count(`${lure()}, ${other()} JOIN ${other()} ON EXISTS (${aimedPlace(choices, level, aim)})`)],
    [2, () => query(choices, levelIn(level), 1, 'rows').text],
  );
}
