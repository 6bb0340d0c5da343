import { embedded, list, open, text } from './ast.ts';
import type { Ast } from './ast.ts';

/*
 * Which names the server gives to things that no statement named. Lineage and effects both ask here, since a name that one of them takes to be there, and the
 * server does not, hides what is meant.
 */

const systemColumns: ReadonlySet<string> = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);
const withoutSystemColumns: ReadonlySet<string> = new Set(['v', 'c']);

/** Whether relations of a kind (`pg_class.relkind`) have system columns: all that are stored somewhere, partitioned and foreign tables and sequences too. */
export const hasSystemColumns = (kind: string): boolean => !withoutSystemColumns.has(kind);

/**
 * Whether a name is one of the system columns. In a join they need the name of the table before them: what the join shows without one are the
 * columns of both sides, and system columns are not among them.
 */
export const isSystemColumn = (name: string): boolean => systemColumns.has(name);

/** What the row before and after the change goes by in RETURNING. */
export interface RowVersions {
  readonly old: string | undefined;
  readonly new: string | undefined;
}

/** As `WITH (OLD AS a, NEW AS b)` says; else `old` and `new`, unless something that the statement reads or writes has the name. */
export function rowVersions(clause: Ast | undefined, isTaken: (name: string) => boolean): RowVersions {
  const options = clause === undefined ? [] : list(clause, 'options').map((node) => open(node)[1]);
  const given = (option: string): string | undefined => {
    const found = options.find((each) => text(each, 'option') === option);
    return found && text(found, 'value');
  };
  const standard = (name: string): string | undefined => (isTaken(name) ? undefined : name);
  return { old: given('RETURNING_OPTION_OLD') ?? standard('old'), new: given('RETURNING_OPTION_NEW') ?? standard('new') };
}

/** RETURNING, in trees of this and of older grammars: its clause where there is one, and its targets. */
export function returningOf(fields: Ast): { readonly clause: Ast | undefined; readonly targets: readonly Ast[] } {
  const clause = embedded(fields, 'returningClause');
  return { clause, targets: clause === undefined ? list(fields, 'returningList') : list(clause, 'exprs') };
}
