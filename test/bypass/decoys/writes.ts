import { aliasName, levelIn, tableText, text } from './beliefs.ts';
import type { Item, Level } from './beliefs.ts';
import type { Choices } from './choices.ts';
import { condition, value } from './expressions.ts';
import { fromList, from } from './from.ts';
import { query, withClause } from './queries.ts';
import type { Query } from './queries.ts';
import { TABLES } from './universe.ts';
import type { Column, Table } from './universe.ts';

const WRITABLE = TABLES.filter((table) => table.writable);

interface Target {
  readonly table: Table;
  readonly text: string;
  readonly item: Item;
}

function target(choices: Choices): Target {
  const table = WRITABLE[choices.below(WRITABLE.length)]!;
  const alias = choices.chance(40) ? aliasName(choices) : undefined;
  return { table, text: `${tableText(choices, table)}${alias === undefined ? '' : ` AS ${alias}`}`, item: { name: alias ?? table.name, columns: table.columns, isTable: true, ...(alias === undefined ? { schema: table.schema } : {}) } };
}

/** A statement that writes, with RETURNING where its columns are `wanted`. */
export function writing(choices: Choices, parent: Level | undefined, wanted: number | undefined): Query {
  const level = levelIn(parent, { writing: true });
  const ctes = parent === undefined && choices.chance(10) ? withClause(choices, level) : '';
  const written = choices.weighted<Query>(
    [4, () => update(choices, level, wanted)],
    [2, () => remove(choices, level, wanted)],
    [4, () => insert(choices, level, wanted)],
    [wanted === undefined ? 3 : 0, () => merge(choices, level)],
  );
  return { ...written, text: `${ctes}${written.text}` };
}

/** The level of FROM, in which the target's name is taken. */
const beside = (level: Level, target: Item): Level => ({ ...level, taken: [target.name] });

/** A column that may be written without much ado: not the key, and mostly nothing secret. */
function written(choices: Choices, table: Table): Column {
  const others = table.columns.filter((column) => column.name !== table.key && (!column.secret || choices.chance(4)));
  return others[choices.below(others.length)] ?? table.columns[1]!;
}

function set(choices: Choices, level: Level, table: Table): string {
  const column = written(choices, table).name;
  return choices.weighted<string>(
    [6, () => `${column} = ${value(choices, level)}`],
    [1, () => `${column} = DEFAULT`],
    [2, () => `(${column}) = ROW(${value(choices, level)})`],
    [3, () => `(${column}) = (${query(choices, level, 1).text})`],
  );
}

function returning(choices: Choices, level: Level, wanted: number | undefined, mayRename: boolean): { readonly text: string; readonly columns: readonly Column[] } {
  if (wanted === undefined && choices.chance(25)) return { text: '', columns: [] };
  const [old, fresh] = mayRename && choices.chance(15) ? [aliasName(choices), choices.one('n', 'x', 'u')] : ['old', 'new'];
  const inside = levelIn(level, { items: [{ name: old, columns: level.items[0]!.columns }, { name: fresh, columns: level.items[0]!.columns }] });
  const count = wanted ?? 1 + choices.below(2);
  const parts = Array.from({ length: count }, () => (wanted === undefined && choices.chance(10) ? '*' : value(choices, choices.chance(mayRename ? 25 : 2) ? inside : level)));
  const names = old === 'old' && fresh === 'new' ? '' : `WITH (OLD AS ${old}, NEW AS ${fresh}) `;
  return { text: ` RETURNING ${names}${parts.join(', ')}`, columns: parts.map(() => text('r')) };
}

function update(choices: Choices, level: Level, wanted: number | undefined): Query {
  const to = target(choices);
  const source = choices.chance(60) ? ` FROM ${fromList(choices, beside(level, to.item))}` : '';
  const all = levelIn(level.parent, { writing: true, ctes: level.ctes, items: [to.item, ...level.items] });
  const assigned = set(choices, all, to.table);
  const filter = choices.chance(50) ? ` WHERE ${condition(choices, all)}` : '';
  const result = returning(choices, all, wanted, true);
  return { text: `UPDATE ${to.text} SET ${assigned}${source}${filter}${result.text}`, columns: result.columns };
}

function remove(choices: Choices, level: Level, wanted: number | undefined): Query {
  const to = target(choices);
  const source = choices.chance(60) ? ` USING ${fromList(choices, beside(level, to.item))}` : '';
  const all = levelIn(level.parent, { writing: true, ctes: level.ctes, items: [to.item, ...level.items] });
  const filter = choices.chance(60) ? ` WHERE ${condition(choices, all)}` : '';
  const result = returning(choices, all, wanted, true);
  return { text: `DELETE FROM ${to.text}${source}${filter}${result.text}`, columns: result.columns };
}

function insert(choices: Choices, level: Level, wanted: number | undefined): Query {
  const to = target(choices);
  const second = written(choices, to.table).name;
  const key = to.table.key!;
  const rows = choices.chance(50) ? `VALUES (${choices.one("'9'", value(choices, level))}, ${value(choices, level)})` : query(choices, level, 2, 'any').text;
  const all = levelIn(level.parent, { writing: true, ctes: level.ctes, items: [to.item] });
  const both = levelIn(level.parent, { writing: true, ctes: level.ctes, items: [to.item, { name: 'excluded', columns: to.table.columns }] });
  const conflict = choices.weighted<string>([3, () => ''], [2, () => ' ON CONFLICT DO NOTHING'], [4, () => ` ON CONFLICT (${key}) DO UPDATE SET ${set(choices, both, to.table)}${choices.chance(30) ? ` WHERE ${condition(choices, both)}` : ''}`]);
  const result = returning(choices, all, wanted, true);
  return { text: `INSERT INTO ${to.text} (${key}, ${second}) ${rows}${conflict}${result.text}`, columns: result.columns };
}

function merge(choices: Choices, level: Level): Query {
  const to = target(choices);
  const source = from(choices, beside(level, to.item));
  const both = levelIn(level.parent, { writing: true, ctes: level.ctes, items: [to.item, ...source.items] });
  const only = (items: readonly Item[]): Level => levelIn(level.parent, { writing: true, ctes: level.ctes, items: [...items] });
  const also = (inside: Level): string => (choices.chance(30) ? ` AND ${condition(choices, inside)}` : '');
  const branches = choices.weighted<string>(
    [4, () => ` WHEN MATCHED${also(both)} THEN UPDATE SET ${set(choices, both, to.table)}`],
    [1, () => ` WHEN MATCHED${also(both)} THEN DELETE`],
    [3, () => ` WHEN NOT MATCHED${also(only(source.items))} THEN INSERT (${to.table.key!}, ${written(choices, to.table).name}) VALUES (${choices.one("'8'", value(choices, only(source.items)))}, ${value(choices, only(source.items))})`],
    [2, () => ` WHEN NOT MATCHED BY SOURCE${also(only([to.item]))} THEN UPDATE SET ${set(choices, only([to.item]), to.table)}`],
    [1, () => ' WHEN NOT MATCHED THEN DO NOTHING'],
  );
  const result = choices.chance(50) ? returning(choices, both, undefined, true) : { text: '', columns: [] };
  return { text: `MERGE INTO ${to.text} USING ${source.text} ON ${choices.one('true', 'false', condition(choices, both))}${branches}${result.text}`, columns: result.columns };
}
