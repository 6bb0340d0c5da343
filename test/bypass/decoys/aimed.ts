import { levelIn, SPECIAL, text } from './beliefs.ts';
import type { Choices } from './choices.ts';
import { from } from './from.ts';
import { aimedPlace } from './places.ts';
import { NAMES } from './universe.ts';

/** Names that columns get from what they are made of. */
const TITLES: readonly string[] = ['text', '"case"', '"coalesce"', 'bool', 'upper', '"row"', '"array"', 'int4'];

/** A protected column (or row) in FROM, under the names that a shot uses. */
export interface Aim {
  readonly item: string;
  readonly column: string;
  /** It is a row, of which the shot takes a field. */
  readonly isRow: boolean;
}

/**
 * A statement over a protected column under some name, with that name used at one place deep inside, among others of the same name: either something
 * harmless is meant there, or the protected column.
 */
export function aimed(choices: Choices): string {
  const isRow = choices.chance(20);
  const aim: Aim = isRow
    ? { item: choices.one('s', 's', 's', 'x', 'old'), column: choices.one('t', 't', 'b', 'x', 'last_value'), isRow }
    : { item: choices.one(...NAMES, 's', 't', 'x', 'old', 'unnamed_subquery', 'coalesce', 't', 't'), column: choices.one('s', 's', 's', ...NAMES, ...SPECIAL, 'ctid', 'ctid', 'tableoid', 'unnest', 'n', 'column1', 'column2', 'column2', choices.one(...TITLES)), isRow };
  choices.focus = [aim.column, aim.item];
  const { item, column } = aim;
  const cte = isRow ? false : choices.chance(12);
  const source = isRow
    ? choices.one(`(SELECT t AS ${column} FROM t) AS ${item}`, `(SELECT q.*, t AS ${column} FROM q, t) AS ${item}`)
    : cte ? item : choices.one(`(SELECT s AS ${column} FROM t) AS ${item}`, `(SELECT a AS o, s AS ${column} FROM t) AS ${item}`, `t AS ${item}(o, ${column})`, `vs AS ${item}(${column})`, `p AS ${item}(o, ${column})`, `(t CROSS JOIN u) AS ${item}(o, ${column})`);
  const head = cte ? `WITH ${item}(${column}) AS (SELECT s FROM t) ` : '';
  const level = levelIn(undefined, { items: [{ name: item, columns: [text(column, true)] }] });
  const inside = (): string => aimedPlace(choices, level, aim);
  return choices.weighted<string>(
    [24, () => `${head}SELECT (${inside()}) FROM ${source}`],
    // Another column of the table is read for sure: then the facts name the columns that are.
    [12, () => `SELECT ${item}.o, (${inside()}) FROM t AS ${item}(o, ${column})`],
    [6, () => `SELECT t.a, (${aimedPlace(choices, level, { item: 't', column: 's', isRow: false })}) FROM t`],
    [4, () => `SELECT (${choices.one(`${item}.${column}`, column, `o.${column}`)})::text FROM (${choices.one('q', 'u', 'b')} CROSS JOIN ${choices.one('t', 't', 'v')}) AS ${item}(${choices.one('c1, c2, c3, c4', `c1, c2, c3, c4, ${column}`, `${column}, c2, c3`, `c1, ${column}`)})`],
    [2, () => `UPDATE ${choices.one('u', 'b', 's.t')} SET ${choices.one('t', 's')} = '1' FROM t AS ${item}(o, ${column}) WHERE ${item}.o > '' RETURNING ${shot(choices, aim)}`],
    [2, () => `${head}SELECT 'c' FROM ${source} WHERE EXISTS (${inside()})`],
    [2, () => `${head}SELECT 'c' FROM ${source} ORDER BY (${inside()})`],
    [2, () => `${head}SELECT f.* FROM ${source}, LATERAL (${inside()}) AS f`],
    [2, () => `${head}SELECT 'c' FROM ${source}, (${inside()}) AS f`],
    [2, () => `${head}SELECT (${shot(choices, aim)}), 'c' FROM ${source}, ${decoy(choices, aim)}`],
    [2, () => `${head}UPDATE u SET t = (${inside()}) FROM ${source} RETURNING t`],
    [2, () => `${head}UPDATE k SET ${choices.one('b', 'u', 's')}[${subscript(choices, aim)}] = ${choices.one('DEFAULT', "'1'", 'NULL')} FROM ${source} RETURNING b, u, s`],
    [1, () => `INSERT INTO k (b[${subscript(choices, aim)}], a) SELECT '1', 'c' FROM ${source} RETURNING b`],
    [1, () => `INSERT INTO k (b[(SELECT ${subscript(choices, aim)} FROM ${source} LIMIT 1)], a) VALUES ('1', 'c') RETURNING b`],
    [1, () => `INSERT INTO u (u) VALUES ('uu') ON CONFLICT (u) DO UPDATE SET t = (SELECT (${inside()}) FROM ${source} LIMIT 1) RETURNING t`],
    [1, () => `MERGE INTO k USING ${source} ON true WHEN MATCHED THEN UPDATE SET b[${subscript(choices, aim)}] = '1'`],
    [3, () => `${choices.one(`UPDATE ${choices.one('u', 'b', 's.t')} SET t = '1' FROM`, `DELETE FROM ${choices.one('u', 'b', 's.t')} USING`, `UPDATE s.t AS y SET b = '1' FROM`)} ${source} RETURNING ${choices.one('', 'WITH (OLD AS s, NEW AS x) ', 'WITH (OLD AS o) ')}${shot(choices, aim)}`],
    [1, () => `WITH ${choices.one('x', column, item)} AS (${inside()}) SELECT * FROM ${choices.one(source, column, item, 'x')}`],
  );
}

/** The name of what is protected, in one of the ways to write it. */
export function shot(choices: Choices, { item, column, isRow }: Aim): string {
  if (isRow) return choices.one(`(${column}).s`, `(${item}.${column}).s`, `(${column}).s`, `(${item}.${column}).s`, `(${column}).*`, `(${item}.${column}).*`, `((${item}).${column}).s`, `(${item}).s`);
  return choices.weighted<string>([10, () => column], [7, () => `${item}.${column}`], [1, () => `(${item}).${column}`], [1, () => `${item}::text`], [1, () => `(${column}).s`], [1, () => `public.${item}.${column}`]);
}

const subscript = (choices: Choices, aim: Aim): string => choices.one(`(${shot(choices, aim)})::text`, `length((${shot(choices, aim)})::text)`, `(${shot(choices, aim)})`);

/** An element of FROM that has, or seems to have, what a shot names. */
export function decoy(choices: Choices, { item, column, isRow }: Aim): string {
  const name = choices.one(item, item, choices.fresh());
  if (isRow && choices.chance(75)) return choices.one(`s.${choices.one('t', 't', 'b')}`, `b AS ${column}`, `s.t AS ${column}`, `s.t AS ${item}`);
  return choices.weighted<string>(
    [5, () => `(SELECT 'd' AS ${column}) AS ${name}`],
    [4, () => `b AS ${name}(${column})`],
    [TITLES.includes(column) ? 12 : 1, () => `(SELECT ${choices.one('(SELECT 1)::text', "(SELECT 'd')::text", '(SELECT f.* FROM b AS f LIMIT 1)', `(SELECT ${column}.* FROM u AS ${column} LIMIT 1)`, `(SELECT (x).s FROM k AS x)`, "'d'::text", "('d' || 'e')::text", "CASE WHEN true THEN 'd' ELSE upper('d') END", "CASE WHEN true THEN upper('d') END", "(CASE WHEN true THEN 'd' END)::text", "nullif('d', 'e')", "coalesce('d')::text", "ARRAY['d']", "(ARRAY['d'])[1]", "ROW('d')", 'true', 'EXISTS (SELECT 1)', "(ARRAY(SELECT 'd'))[1]", "greatest('d')", "('d' COLLATE \"C\")::text", "(ROW('d', 'e')::c).a", 'current_schema', '(VALUES (1))', "-('1'::int)", "'d' IS NULL")}) AS ${name}`],
    [3, () => `${choices.one('u', 'v', 'vj', 'm', 'q', 'p1', 's.b')} AS ${name}`],
    [5, () => `${choices.one("unnest('q w'::tsvector)", "unnest(ARRAY[('fs', 'fa')::c])", 'unnest(ARRAY(SELECT t FROM k))', "unnest('{1}'::text[])", 'generate_series(1, 1)', "upper('d')", "json_array_elements_text('[1]')", "json_populate_record(NULL::c, '{}')", "coalesce('d', 'e')")} AS ${choices.one(column, column, name)}`],
    [1, () => `json_to_record('{"d": 1}') AS ${name}(${column} text)`],
    [1, () => `JSON_TABLE('{"d": 1}'::jsonb, '$' COLUMNS (${column} text PATH '$.d')) AS ${name}`],
    [1, () => `JSON_TABLE('{"d": 1}'::jsonb, '$' COLUMNS (NESTED PATH '$' COLUMNS (${choices.one(column, 'z')} text PATH '$.d'), ${choices.one(column, 'o')} text PATH '$.o')) AS ${name}${choices.one('(w)', '', `(${column})`)}`],
    [2, () => `(${choices.one('q', 'b', 'u')} CROSS JOIN ${choices.one('q', 's.t', `b AS f(${column})`, `u AS ${item}`)}) AS ${name}${choices.one('', '(c1, c2, c3, c4)', `(c1, c2, c3, ${column})`, `(${column})`, `(c1, ${column})`, '(c1, c2)')}`],
    [column === 'column2' ? 12 : 2, () => `${choices.one('(SELECT)', '(SELECT 1)', 'u')} AS r, LATERAL (VALUES (${choices.one('r.*, ', '(r).*, ', "'e', ")}'d')) AS ${name}${choices.one('', `(${column})`)}`],
    [1, () => `XMLTABLE('/r' PASSING '<r/>' COLUMNS ${column} text PATH 's' DEFAULT 'd') AS ${name}`],
    [1, () => `(VALUES ('d')) AS ${name}(${column})`],
    [1, () => `(b AS ${name}(${column}) CROSS JOIN u AS f)`],
    [1, () => `(b AS f(${column}) CROSS JOIN u) AS ${name}`],
    [1, () => `(SELECT q.*, 'd' AS ${column} FROM q) AS ${name}`],
    [1, () => `${choices.one('b', 's.b')} AS ${column}`],
  );
}

/** An element of FROM that has little to do with it. */
export function harmless(choices: Choices): string {
  if (choices.chance(12)) return from(choices, levelIn(undefined)).text;
  return `${choices.one('u', 'a', 'm', 's.b', 'v', 'h')} AS ${choices.fresh()}`;
}
