import type { RowChange } from '../../facts.ts';
import type { Understood } from '../../understand.ts';

/** Of statements that change rows in ways of their own. */
const WHY: Readonly<Record<string, string>> = {
  select: 'a query that changes rows inside it',
  copy: 'the rows that COPY brings are not known before',
  execute: 'a statement that was prepared with PREPARE',
  prepare: 'a statement that is only prepared',
  explain: 'a statement inside EXPLAIN',
  create_table_as: 'a query that changes rows inside it',
  truncate: 'TRUNCATE takes all rows',
};

/** What can be known of the rows that a whole message changes, before it runs. */
export function messageRowChange(understood: Understood): RowChange {
  const { statements, unparsed } = understood;
  if (unparsed) return { countable: false, why: 'the statement could not be parsed' };
  const [only] = statements;
  if (statements.length !== 1 || only === undefined) return { countable: false, why: 'more than one statement in the message' };
  const { change, tag } = only.facts;
  // A count is made from the statement's own text, not from one that it stands for (EXECUTE).
  if (change && (!change.countable || change.kind === tag)) return change;
  return { countable: false, why: WHY[tag] ?? 'how many rows it changes cannot be counted' };
}
