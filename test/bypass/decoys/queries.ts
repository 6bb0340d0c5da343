import { allCtes, columnName, levelIn, text, UNNAMED } from './beliefs.ts';
import type { Item, Level } from './beliefs.ts';
import type { Choices } from './choices.ts';
import { aggregated, condition, number, value, windowed } from './expressions.ts';
import { fromList } from './from.ts';
import { writing } from './writes.ts';
import { column } from './references.ts';
import type { Column } from './universe.ts';

export interface Query {
  readonly text: string;
  readonly columns: readonly Column[];
}

/** A query of so many texts (any number where that is open); with `one` of one row. `parent` is what it sees around it. */
export function query(choices: Choices, parent: Level | undefined, wanted: number | undefined, shape: 'rows' | 'aggregate' | 'any' = wanted === 1 && parent !== undefined ? 'rows' : 'any'): Query {
  const level = levelIn(parent);
  const ctes = shape !== 'aggregate' && choices.chance(8) ? withClause(choices, level) : '';
  if (shape === 'aggregate') {
    const body = fromList(choices, level);
    return { text: `SELECT ${aggregated(choices, level)} FROM ${body}${where(choices, level)}`, columns: [text('string_agg')] };
  }
  if (shape === 'any' && ctes === '' && choices.chance(6)) return combined(choices, level, wanted);
  const single = shape === 'rows';
  const body = fromList(choices, level);
  const filter = where(choices, level);
  const grouped = choices.chance(7);
  if (!grouped && choices.chance(6)) level.windows.push('w');
  const windows = level.windows.length > 0 ? ` WINDOW w AS (${choices.one('', `PARTITION BY ${value(choices, level)} `)}${orderBy(choices, level, [])})` : '';
  if (grouped) return groupedQuery(choices, level, `${ctes}SELECT `, ` FROM ${body}${filter}`, wanted, single);
  const { list, columns } = targets(choices, level, wanted);
  const distinct = choices.weighted([20, () => ''], [1, () => 'DISTINCT '], [2, () => `DISTINCT ON (${choices.one(value(choices, level), '1', value(choices, level), '1')}) `]);
  const sorted = choices.chance(25) ? ` ${orderBy(choices, level, columns)}` : '';
  const limit = single ? ' LIMIT 1' : choices.chance(10) ? ` LIMIT ${number(choices, levelIn(parent))}` : '';
  const lock = !single && distinct === '' && windows === '' && choices.chance(2) ? ' FOR SHARE' : '';
  return { text: `${ctes}SELECT ${distinct}${list} FROM ${body}${filter}${windows}${sorted}${limit}${lock}`, columns };
}

function where(choices: Choices, level: Level): string {
  return choices.chance(30) ? ` WHERE ${condition(choices, level)}` : '';
}

/** Whether something can refer to what the level shows. */
const isSeen = (level: Level): boolean => level.parent !== undefined;

/** Targets, some with names that mean something else too. */
function targets(choices: Choices, level: Level, wanted: number | undefined): { readonly list: string; readonly columns: readonly Column[] } {
  if (wanted === undefined && choices.chance(15)) {
    const item = level.items[0];
    if (choices.chance(50) || item === undefined) return { list: '*', columns: level.items.flatMap((each) => each.columns) };
    return { list: choices.one(`${item.name}.*`, `(${item.name}).*`), columns: item.columns };
  }
  const columns: Column[] = [];
  const parts: string[] = [];
  const count = wanted ?? 1 + choices.below(3);
  while (parts.length < count) {
    if (wanted === undefined && level.items.length > 0 && choices.chance(4)) {
      const item = level.items[choices.below(level.items.length)]!;
      parts.push(`${item.name}.*`);
      columns.push(...item.columns);
      continue;
    }
    const plain = choices.chance(25) ? column(choices, level) : undefined;
    const each = plain?.text ?? (level.windows.length > 0 || choices.chance(3) ? windowed(choices, level) : value(choices, level));
    const name = plain !== undefined || choices.chance(isSeen(level) ? 70 : 35) ? columnName(choices) : undefined;
    const bare = /^(?:\w+\.)*(\w+)$/.exec(each)?.[1];
    const secret = plain?.secret ?? level.items.some((item) => item.columns.some((known) => known.secret && known.name === bare));
    columns.push(text(name ?? bare ?? UNNAMED, secret));
    parts.push(name === undefined ? each : `${each} AS ${name}`);
  }
  return { list: parts.join(', '), columns };
}

function groupedQuery(choices: Choices, level: Level, head: string, body: string, wanted: number | undefined, single: boolean): Query {
  const key = value(choices, level);
  const name = columnName(choices);
  const by = choices.weighted<string>([5, () => key], [3, () => name], [2, () => '1'], [1, () => `GROUPING SETS ((${key}), ())`], [1, () => `ROLLUP (${key})`]);
  const having = choices.chance(30) ? ` HAVING ${choices.one(`${aggregated(choices, level)} < '9'`, `${aggregated(choices, level)} IS NOT NULL`)}` : '';
  const columns = [text(name), ...Array.from({ length: (wanted ?? 2) - 1 }, (_, at) => text(`n${at}`))];
  const others = columns.slice(1).map((column) => `, ${aggregated(choices, level)} AS ${column.name}`).join('');
  const sorted = choices.chance(40) || single ? ` ORDER BY ${choices.one('1', name, key)}` : '';
  return { text: `${head}${key} AS ${name}${others}${body} GROUP BY ${by}${having}${sorted}${single ? ' LIMIT 1' : ''}`, columns };
}

function combined(choices: Choices, level: Level, wanted: number | undefined): Query {
  const count = wanted ?? 1 + choices.below(2);
  const left = query(choices, level, count, 'any');
  const right = choices.chance(25) ? { text: `VALUES (${Array.from({ length: count }, () => value(choices, level)).join(', ')})` } : query(choices, level, count, 'any');
  const sorted = choices.chance(30) ? ` ORDER BY ${choices.one('1', left.columns[0]?.name.replace(UNNAMED, '1') ?? '1')}` : '';
  return { text: `(${left.text}) ${choices.one('UNION ALL', 'UNION', 'EXCEPT', 'INTERSECT')} (${right.text})${sorted}`, columns: left.columns };
}

/** ORDER BY: by an expression, the name or the number of an output, or any name. */
export function orderBy(choices: Choices, level: Level, outputs: readonly Column[]): string {
  const output = outputs[choices.below(Math.max(1, outputs.length))];
  return `ORDER BY ${choices.weighted<string>([3, () => `(${value(choices, level)})::text`], [3, () => (output === undefined || output.name === UNNAMED ? value(choices, level) : output.name)], [1, () => (output === undefined ? value(choices, level) : '1')], [1, () => columnName(choices)])}${choices.one('', ' DESC')}`;
}

/** WITH: queries whose names are those of tables, and of each other. */
export function withClause(choices: Choices, level: Level): string {
  const parts: string[] = [];
  let recursive = false;
  for (let left = 1 + choices.below(2); left > 0; left--) {
    const name = choices.one('t', 'b', 's', 'a', 'x', 'v');
    if (parts.some((part) => part.startsWith(`${name}(`) || part.startsWith(`${name} `))) continue;
    const aliases = [columnName(choices), choices.one('n1', 'b', 'u')];
    if (choices.chance(12)) {
      recursive = true;
      const start = query(choices, levelIn(level.parent, { ctes: [...level.ctes] }), 2, 'any');
      const extra = choices.one('', ' SEARCH DEPTH FIRST BY n1 SET o', ' CYCLE n1 SET s USING a');
      parts.push(`${name}(r, n1) AS ((${start.text}) UNION (SELECT ${name}.r, ${choices.one('left', 'right')}(${name}.n1, 1) FROM ${name} LIMIT 3))${extra}`);
      level.ctes.push({ name, columns: [text('r'), text('n1')] });
      continue;
    }
    if (level.parent === undefined && choices.chance(15)) {
      const written = writing(choices, level, 1);
      parts.push(`${name}(${aliases[0]!}) AS (${written.text})`);
      level.ctes.push({ name, columns: [text(aliases[0]!)] });
      continue;
    }
    const inner = query(choices, level, choices.chance(50) ? 2 : undefined, 'any');
    const named = inner.columns.length === 2 && choices.chance(60) && aliases[0] !== aliases[1];
    const columns = named ? inner.columns.map((column, at) => ({ ...column, name: aliases[at]! })) : inner.columns;
    parts.push(`${name}${named ? `(${aliases.join(', ')})` : ' '} AS ${choices.one('', 'MATERIALIZED ', 'NOT MATERIALIZED ')}(${inner.text})`);
    level.ctes.push({ name, columns });
  }
  return `WITH ${recursive || choices.chance(10) ? 'RECURSIVE ' : ''}${parts.join(', ')} `;
}

/** A common table expression that is in sight. */
export function someCte(choices: Choices, level: Level): Item | undefined {
  const all = allCtes(level);
  return all.length === 0 ? undefined : all[choices.below(all.length)];
}
