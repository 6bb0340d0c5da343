import { aliasName, columnName, levelIn, someTable, tableText, text } from './beliefs.ts';
import type { Item, Level } from './beliefs.ts';
import type { Choices } from './choices.ts';
import { condition, value } from './expressions.ts';
import { query, someCte } from './queries.ts';
import type { Column } from './universe.ts';

interface Element {
  readonly text: string;
  readonly items: readonly Item[];
  /** A join without parentheses around it. */
  readonly isJoin?: boolean;
}

/** The elements of FROM; what they name is put into the level. */
export function fromList(choices: Choices, level: Level): string {
  const parts: string[] = [];
  for (let left = choices.one(1, 1, 1, 2, 1, 2); left > 0; left--) {
    const each = from(choices, level);
    parts.push(each.text);
    level.items.push(...each.items);
  }
  return parts.join(', ');
}

/** One element of FROM, seen from a level that has those before it. */
export function from(choices: Choices, level: Level): Element {
  if (choices.spent) {
    const name = choices.fresh();
    return { text: `b AS ${name}`, items: [{ name, columns: [text('b')] }] };
  }
  return choices.weighted<Element>(
    [40, () => table(choices, level)],
    [12, () => derived(choices, level)],
    [14, () => join(choices, level)],
    [9, () => called(choices, level)],
    [3, () => values(choices, level)],
    [3, () => tableExpression(choices, level)],
  );
}

const used = (level: Level, name: string): boolean => level.taken.includes(name) || level.items.some((item) => item.name === name);

/** An alias that is free at this level. */
function alias(choices: Choices, level: Level): string {
  let name = aliasName(choices);
  for (let tries = 0; used(level, name); tries++) name = tries > 4 ? choices.fresh() : aliasName(choices);
  return name;
}

/** Column aliases for the first of the columns, or none. */
function renamed(choices: Choices, columns: readonly Column[]): { readonly list: string; readonly columns: readonly Column[] } {
  if (columns.length === 0 || !choices.chance(30)) return { list: '', columns };
  const names = new Set<string>();
  for (let left = 1 + choices.below(columns.length); left > 0; left--) names.add(columnName(choices));
  const given = [...names];
  return { list: `(${given.join(', ')})`, columns: columns.map((column, at) => (at < given.length ? { ...column, name: given[at]! } : column)) };
}

function table(choices: Choices, level: Level): Element {
  const cte = choices.chance(50) ? someCte(choices, level) : undefined;
  if (cte !== undefined) return named(choices, level, cte.name, cte, '');
  const known = someTable(choices);
  const sample = known.rows && choices.chance(5) ? ` TABLESAMPLE BERNOULLI (${choices.one('100', `100 + 0 * length(${value(choices, level)})`)})${choices.one(' REPEATABLE (1)', ` REPEATABLE (length(${value(choices, level)}))`)}` : '';
  return named(choices, level, `${choices.chance(4) ? 'ONLY ' : ''}${tableText(choices, known)}`, { ...known, isTable: true }, sample);
}

/** By its own name where that is free, or by another. */
function named(choices: Choices, level: Level, written: string, item: Item, behind: string): Element {
  if (!used(level, item.name) && choices.chance(45)) return { text: `${written}${behind}`, items: [item] };
  const name = alias(choices, level);
  const { list, columns } = renamed(choices, item.columns);
  return { text: `${written} AS ${name}${list}${behind}`, items: [{ name, columns, isTable: item.isTable === true }] };
}

function derived(choices: Choices, level: Level): Element {
  const lateral = choices.chance(40);
  // Without LATERAL the elements before it are not seen; that a text of theirs stands there all the same is the decoy.
  const around = lateral || choices.chance(12) ? level : levelIn(level.parent);
  const inner = query(choices, levelIn(around, { ctes: level.ctes }), undefined, 'any');
  const called = alias(choices, level);
  const { list, columns } = renamed(choices, inner.columns);
  return { text: `${lateral ? 'LATERAL ' : ''}(${inner.text}) AS ${called}${list}`, items: [{ name: called, columns }] };
}

function join(choices: Choices, level: Level): Element {
  const left = from(choices, level);
  const right = from(choices, levelIn(level.parent, { items: [...level.items, ...left.items], ctes: level.ctes, taken: level.taken }));
  const both = [...left.items, ...right.items];
  const shared = left.items.flatMap((item) => item.columns).find((column) => right.items.some((item) => item.columns.some((each) => each.name === column.name)));
  const kind = choices.one('JOIN', 'LEFT JOIN', 'JOIN', 'RIGHT JOIN', 'FULL JOIN');
  const way = choices.weighted<'on' | 'using' | 'natural' | 'cross'>([6, () => 'on'], [shared === undefined ? 0 : 4, () => 'using'], [1, () => 'natural'], [3, () => 'cross']);
  const usingAlias = way === 'using' && choices.chance(30) ? alias(choices, levelIn(level.parent, { items: [...level.items, ...both] })) : undefined;
  const middle = way === 'natural' ? `NATURAL ${kind}` : way === 'cross' ? 'CROSS JOIN' : kind;
  const sight = levelIn(level.parent, { items: choices.chance(10) ? [...level.items, ...both] : both, ctes: level.ctes });
  const on = way === 'on' ? ` ON ${kind === 'FULL JOIN' ? 'true' : condition(choices, sight)}` : way === 'using' ? ` USING (${shared!.name})${usingAlias === undefined ? '' : ` AS ${usingAlias}`}` : '';
  // A join on the right side needs parentheses; nothing else may have them.
  const text = `${left.text} ${middle} ${right.isJoin ? `(${right.text})` : right.text}${on}`;
  if (usingAlias === undefined && choices.chance(25)) {
    const called = alias(choices, level);
    const { list, columns } = renamed(choices, both.flatMap((item) => item.columns));
    return { text: `(${text}) AS ${called}${list}`, items: [{ name: called, columns }] };
  }
  const using: readonly Item[] = usingAlias === undefined ? [] : [{ name: usingAlias, columns: [shared!] }];
  const wrapped = choices.chance(30);
  return { text: wrapped ? `(${text})` : text, isJoin: !wrapped, items: [...both.map((item) => ({ ...item, isTable: false })), ...using] };
}

const FUNCTIONS: readonly ((choices: Choices, level: Level) => readonly [call: string, columns: readonly string[] | undefined])[] = [
  () => ["generate_series(1, 2)", undefined],
  (choices, level) => [`unnest(ARRAY[${value(choices, level)}, 'f'])`, undefined],
  (choices) => [`unnest(${choices.one("'q w'::tsvector", "ARRAY[('fs', 'fa')::c]", "'{1,2}'::text[]", 'k.s', 'ARRAY(SELECT k.t FROM k)', "ARRAY['z'::d]", 's.s', 'u.u')})`, choices.one(['s', 'a'], ['lexeme', 'positions', 'weights'])],
  () => [`jsonb_each_text('{"s": "fj"}')`, ['key', 'value']],
  () => [`json_array_elements_text('["e"]')`, ['value']],
  (choices, level) => [`string_to_table(${value(choices, level)}, 'b')`, undefined],
  (choices, level) => [`regexp_split_to_table(${value(choices, level)}, 'x')`, undefined],
  () => ["json_object_keys('{\"s\": 1}')", undefined],
  () => ["json_populate_record(NULL::c, '{\"s\": \"r\"}')", ['s', 'a']],
  () => ["jsonb_populate_recordset(NULL::u, '[{\"u\": \"r\"}]')", ['t', 'u']],
  () => ["coalesce('o', 'p')", undefined],
  () => ['current_schema()', undefined],
  () => ["upper('o')", undefined],
];

/** Functions in FROM: scalar ones give their alias to their column, others do not. */
function called(choices: Choices, level: Level): Element {
  const name = alias(choices, level);
  if (choices.chance(15)) {
    const record = choices.one(`json_to_record('{"s": "jr"}')`, `jsonb_to_recordset('[{"s": "jr"}]')`);
    return { text: `${record} AS ${name}(s text, ${choices.one('u', 'x')} text)`, items: [{ name, columns: [text('s')] }] };
  }
  const [call, fields] = FUNCTIONS[choices.below(FUNCTIONS.length)]!(choices, level);
  const ordinality = choices.chance(15);
  const isList = choices.chance(15);
  const second = isList ? FUNCTIONS[choices.below(FUNCTIONS.length)]!(choices, level)[0] : undefined;
  const own = (fields ?? [name]).map((each) => text(each));
  const { list, columns } = renamed(choices, own);
  const source = second === undefined ? choices.one(call, `ROWS FROM (${call})`) : `ROWS FROM (${call}, ${second})`;
  return { text: `${choices.one('', 'LATERAL ')}${source}${ordinality ? ' WITH ORDINALITY' : ''} AS ${name}${list}`, items: [{ name, columns: columns.filter((column) => !['positions', 'weights', 'ordinality'].includes(column.name)) }] };
}

function values(choices: Choices, level: Level): Element {
  const name = alias(choices, level);
  const around = levelIn(level.parent, { ctes: level.ctes });
  const { list, columns } = renamed(choices, [text('column1'), text('column2')]);
  return { text: `(VALUES (${value(choices, around)}, ${value(choices, around)}), ('v', 'v')) AS ${name}${list}`, items: [{ name, columns }] };
}

function tableExpression(choices: Choices, level: Level): Element {
  const name = alias(choices, level);
  const first = columnName(choices);
  if (choices.chance(50)) {
    return {
      text: `XMLTABLE('/r' PASSING ${choices.one("'<r><s>1</s></r>'", `xmlelement(name r, ${value(choices, level)})`)} COLUMNS ${first} text PATH 's' DEFAULT (${value(choices, level)}), o FOR ORDINALITY) AS ${name}`,
      items: [{ name, columns: [text(first)] }],
    };
  }
  return {
    text: `JSON_TABLE('{"s": [1, 2]}'::jsonb, '$' AS p PASSING ${value(choices, level)} AS s COLUMNS (${first} text PATH '$.z' DEFAULT ${choices.one("'n'", "upper('n')")} ON EMPTY, NESTED PATH '$.s[*]' COLUMNS (n1 text PATH '$'))) AS ${name}`,
    items: [{ name, columns: [text(first), text('n1')] }],
  };
}
