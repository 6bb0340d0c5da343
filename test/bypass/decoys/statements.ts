import { aimed } from './aimed.ts';
import { levelIn, SPECIAL } from './beliefs.ts';
import { Choices } from './choices.ts';
import { value } from './expressions.ts';
import { query } from './queries.ts';
import { NAMES } from './universe.ts';
import { writing } from './writes.ts';

/** The text of a message: mostly one statement, or one that makes a name and one that uses it. */
export function statement(numbers: readonly number[]): string {
  const choices = new Choices(numbers);
  choices.focus = [choices.one('s', 's', 'a', ...NAMES, ...SPECIAL), choices.one('s', 's', 'x', 'a', ...NAMES, ...SPECIAL)];
  const outermost = (): string => query(choices, undefined, undefined, 'any').text;
  const written = choices.weighted<string>(
    [40, outermost],
    [120, () => aimed(choices)],
    [18, () => writing(choices, undefined, undefined).text],
    [2, () => `EXPLAIN (COSTS OFF) ${outermost()}`],
    [2, () => `COPY (${outermost()}) TO STDOUT`],
    [2, () => `PREPARE x AS ${outermost()}; EXECUTE x`],
    [1, () => `PREPARE x(text) AS SELECT $1, * FROM (${outermost()}) s; EXECUTE x(${value(choices, levelIn(undefined))})`],
    [2, () => `DECLARE x CURSOR FOR ${outermost()}; FETCH 2 FROM x`],
    [1, () => `CREATE TEMP TABLE x AS ${outermost()}`],
    [1, () => `CREATE TEMP VIEW x AS ${outermost()}`],
  );
  // Where rows are put that are written is not the same in every run.
  return /\b(UPDATE|INSERT|DELETE|MERGE)\b/.test(written) ? written.replaceAll(/\bctid\b/g, 'tableoid') : written;
}
