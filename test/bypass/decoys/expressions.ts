import { levelIn } from './beliefs.ts';
import type { Level } from './beliefs.ts';
import type { Choices } from './choices.ts';
import { orderBy, query } from './queries.ts';
import { reference, wholeRow } from './references.ts';

const LITERALS = ["'x'", "'1'", "'bs'", "''", "'pp'", 'NULL'] as const;

/** An expression of type text. */
export function value(choices: Choices, level: Level): string {
  if (choices.spent) return "'c'";
  const next = (): string => value(choices, level);
  return choices.weighted<string>(
    [42, () => reference(choices, level)],
    [6, () => choices.one(...LITERALS)],
    [7, () => `(${subquery(choices, level)})`],
    [5, () => `(SELECT ${aggregate(choices, level)})`],
    [3, () => `${choices.one('upper', 'lower', 'md5', 'btrim')}(${next()})`],
    [2, () => `left(${next()}, 1)`],
    [2, () => `concat(${next()}, ${next()})`],
    [2, () => `coalesce(${next()}, ${next()})`],
    [2, () => `nullif(${next()}, ${next()})`],
    [1, () => `greatest(${next()}, ${next()})`],
    [2, () => `(${next()} || ${next()})`],
    [3, () => `CASE WHEN ${condition(choices, level)} THEN ${next()} ELSE ${next()} END`],
    [1, () => `CASE ${next()} WHEN ${next()} THEN ${next()} END`],
    [3, () => `(${condition(choices, level)})::text`],
    [1, () => `length(${next()})::text`],
    [3, () => wholeRow(choices, level)],
    [1, () => `(ROW(${next()}, ${next()})::c).${choices.one('s', 'a')}`],
    [1, () => `(ARRAY[${next()}, ${next()}])[1]`],
    [2, () => `(ARRAY(${subquery(choices, level)}))[1]`],
    [1, () => `(ARRAY[${next()}])[length(${next()})]`],
    [1, () => `json_build_object('k', ${next()})::text`],
    [1, () => `JSON_OBJECT('k' : ${next()})::text`],
    [1, () => `xmlforest(${titled(choices, level)})::text`],
    [1, () => `xmlelement(name s, xmlattributes(${titled(choices, level)}))::text`],
    [1, () => `extract(year FROM ('2020-01-01'::timestamptz AT TIME ZONE CASE WHEN ${condition(choices, level)} THEN 'UTC' ELSE 'GMT' END))::text`],
    [1, () => `JSON_VALUE('{"s": 1}'::jsonb, '$.s' PASSING ${next()} AS s DEFAULT upper('z') ON EMPTY)`],
    [1, () => `(${next()}) COLLATE "C"`],
    [1, () => `format('%s', VARIADIC ARRAY[${next()}])`],
  );
}

/** With the name that XML wants: its own, or one that is given. */
function titled(choices: Choices, level: Level): string {
  const made = reference(choices, level);
  return /^\w+(\.\w+)*$/.test(made) ? made : `${made} AS s`;
}

/** A query of one text and one row. */
function subquery(choices: Choices, level: Level): string {
  return query(choices, level, 1).text;
}

/** An aggregate with its FROM behind it. */
function aggregate(choices: Choices, level: Level): string {
  return query(choices, level, 1, 'aggregate').text.replace(/^SELECT /, '');
}

/** An aggregate call over the rows of a level. */
export function aggregated(choices: Choices, level: Level): string {
  const filter = choices.chance(20) ? ` FILTER (WHERE ${condition(choices, level)})` : '';
  const order = choices.chance(25) ? ` ${orderBy(choices, level, [])}` : '';
  return choices.weighted<string>(
    [4, () => `count(*)${filter}::text`],
    [2, () => `string_agg(${value(choices, level)}, ','${order})${filter}`],
    [1, () => `max(${value(choices, level)})${filter}`],
    [1, () => `count(DISTINCT ${value(choices, level)})${filter}::text`],
    [1, () => `json_agg(${reference(choices, level)}${order})${filter}::text`],
    [1, () => `(mode() WITHIN GROUP (ORDER BY ${value(choices, level)}))${filter}`],
    [1, () => `JSON_ARRAYAGG(${value(choices, level)})::text`],
  );
}

/** A window function over the rows of a level. */
export function windowed(choices: Choices, level: Level): string {
  const over = level.windows.length > 0 && choices.chance(60) ? level.windows[0]! : `(${choices.one('', `PARTITION BY ${value(choices, level)} `)}${orderBy(choices, level, [])})`;
  return choices.one(`(row_number() OVER ${over})::text`, `(count(*) OVER ${over})::text`, `(lag(${value(choices, level)}) OVER ${over})`);
}

/** An expression of type boolean. */
export function condition(choices: Choices, level: Level): string {
  if (choices.spent) return 'true';
  const next = (): string => value(choices, level);
  return choices.weighted<string>(
    [2, () => 'true'],
    [8, () => `${next()} = ${next()}`],
    [3, () => `${next()} < ${next()}`],
    [3, () => `(${next()}) IS ${choices.one('', 'NOT ')}NULL`],
    [2, () => `${next()} IS NOT DISTINCT FROM ${next()}`],
    [2, () => `${next()} LIKE '${choices.one('p', 'x', '')}%'`],
    [1, () => `${next()} BETWEEN ${next()} AND ${next()}`],
    [2, () => `${next()} IN (${next()}, ${next()})`],
    [1, () => `${next()} = ANY (ARRAY[${next()}, 'x'])`],
    [3, () => `${next()} IN (${query(choices, level, 1).text})`],
    [1, () => `${next()} < ALL (${query(choices, level, 1).text})`],
    [4, () => `EXISTS (${query(choices, level, undefined).text})`],
    [1, () => `(${next()}, ${next()}) = (${next()}, ${next()})`],
    [1, () => `(${next()}, ${next()}) IN (${query(choices, level, 2).text})`],
    [2, () => `(${condition(choices, level)} ${choices.one('AND', 'OR')} ${condition(choices, level)})`],
    [1, () => `NOT (${condition(choices, level)})`],
  );
}

/** An expression that no level of its own is around, as a whole number. */
export function number(choices: Choices, level: Level): string {
  return choices.weighted<string>([6, () => choices.one('1', '2', '100')], [2, () => `length(${value(choices, level)})`], [1, () => `(SELECT count(*) FROM t WHERE ${condition(choices, levelIn(level))})`]);
}
