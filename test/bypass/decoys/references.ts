import { columnName, focused, place, someColumn, someItem, UNNAMED } from './beliefs.ts';
import type { Level } from './beliefs.ts';
import type { Choices } from './choices.ts';
import { NAMES } from './universe.ts';
import type { Column } from './universe.ts';

/** A reference to a column, a field or a row as a text: one that is believed to mean something, or any that could. */
export function reference(choices: Choices, level: Level): string {
  return choices.weighted<string>(
    [80, () => believed(choices, level)],
    [11, () => focused(choices)],
    [2, () => choices.one(...NAMES)],
    [5, () => `${choices.chance(70) ? (place(choices, level)?.item.name ?? 'x') : choices.one(...NAMES, 'x', 'y', 'z', 'old', 'new')}.${focused(choices)}`],
    [1, () => `(${choices.one(...NAMES)}).${columnName(choices)}`],
    [1, () => `(${choices.one(...NAMES)}.${columnName(choices)}).${choices.one('s', 'a')}`],
    [1, () => `${choices.one('public', 's', 't')}.${choices.one(...NAMES)}.${columnName(choices)}`],
    [1, () => `${choices.one(...NAMES)}::text`],
    [2, () => system(choices, level)],
  );
}

/** System columns whose values are the same wherever rows were put in the same way. */
function system(choices: Choices, level: Level): string {
  const name = level.writing ? 'tableoid' : choices.one('ctid', 'tableoid', 'ctid');
  return `${choices.chance(20) ? `${someItem(choices, level)?.name ?? 't'}.` : ''}${name}::text`;
}

function believed(choices: Choices, level: Level): string {
  const found = place(choices, level);
  const column = found && someColumn(choices, found.item);
  if (found === undefined || column === undefined) return "'c'";
  const { item, at } = found;
  const ambiguous = at.items.filter((each) => each.columns.some(({ name }) => name === column.name)).length > 1;
  const name = choices.weighted(
    [10, () => `${item.name}.${column.name}`],
    [ambiguous ? 1 : 14, () => column.name],
    [1, () => `(${item.name}).${column.name}`],
    [1, () => `(${item.name}.*).${column.name}`],
    [1, () => (item.schema === undefined ? `${item.name}.${column.name}` : `${item.schema}.${item.name}.${column.name}`)],
  );
  return asText(choices, name, column);
}

/** A column as a text, whatever it is made of. */
function asText(choices: Choices, name: string, column: Column): string {
  switch (column.kind) {
    case 'text':
      return name;
    case 'row':
      return choices.one(`(${name}).s`, `(${name}).a`, `${name}::text`);
    case 'rows':
      return choices.one(`(${name}[1]).s`, `(${name}[1]).a`, `${name}::text`);
    case 'number':
      return `${name}::text`;
    case 'texts':
      return `${name}[1]`;
    case 'json':
      return choices.one(`(${name}['s'])::text`, `(${name} ->> 's')`, `${name}::text`);
  }
}

/** A bare column, secret or not: as an output it is masked, and a decoy under whatever name it gets. */
export function column(choices: Choices, level: Level): { readonly text: string; readonly secret: boolean } | undefined {
  const item = level.items[choices.below(Math.max(1, level.items.length))];
  const found = item?.columns[choices.below(item.columns.length)];
  if (item === undefined || found === undefined || found.kind !== 'text' || found.name === UNNAMED) return undefined;
  return { text: `${item.name}.${found.name}`, secret: found.secret };
}

/** A whole row, as a text or as what takes rows. */
export function wholeRow(choices: Choices, level: Level): string {
  const item = someItem(choices, level);
  const name = item?.name ?? 't';
  return choices.one(`${name}::text`, `ROW(${name}.*)::text`, `to_jsonb(${name})::text`, `(${name} IS NULL)::text`, `${name}.*::text`, `(${name} = ${name})::text`, `num_nulls(${name})::text`);
}
