import type { Effect } from '../model/command.ts';
import { isKind } from '../sql/kinds.ts';
import { COVERS, NONE, TOUCHES, type Level } from './level.ts';
import { parseNamePattern, type NamePart } from './names.ts';
import { reachContents, reachName, reachWithoutObject, type Reach } from './objects.ts';

/** Kinds whose columns a command can name. A kind that we do not know could have some, too. */
const withColumns: ReadonlySet<string> = new Set(['table', 'view', 'materialized_view', 'foreign_table', 'type', 'column']);

interface ColumnPattern {
  readonly schema: NamePart | undefined;
  readonly table: NamePart;
  readonly column: NamePart;
}

/**
 * Compiles `match.columns`: `table.column`, `schema.table.column`, `*.column`. The list is compiled as one, since a grant needs
 * every column of the effect covered by some entry. Answers an error in words, with the entry, when one cannot be read.
 */
export function compileColumns(entries: readonly string[]): Reach | { readonly entry: string; readonly error: string } {
  const patterns: ColumnPattern[] = [];
  for (const entry of entries) {
    const pattern = parseColumn(entry);
    if (typeof pattern === 'string') return { entry, error: pattern };
    patterns.push(pattern);
  }
  return (effect) => reachColumns(effect, patterns);
}

function parseColumn(entry: string): ColumnPattern | string {
  const parts = parseNamePattern(entry);
  if (typeof parts === 'string') return parts;
  if (parts.length === 1) return `names no table; write *.${entry} for this column of any table`;
  if (parts.length > 3) return 'has more than three parts; columns are written table.column or schema.table.column';
  return {
    schema: parts.length === 3 ? parts[0] : undefined,
    table: parts[parts.length - 2] as NamePart,
    column: parts[parts.length - 1] as NamePart,
  };
}

function reachColumns(effect: Effect, patterns: readonly ColumnPattern[]): Level {
  const object = effect.object;
  if (object === undefined) return reachWithoutObject(effect);
  if (object.kind === 'schema') return patterns.some((pattern) => reachContents(effect, object, pattern.schema) !== NONE) ? TOUCHES : NONE;
  if (isKind(object.kind) && !withColumns.has(object.kind)) return NONE;
  const known = effect.columns === undefined || effect.columns.includes('*') ? undefined : effect.columns;
  let touched = false;
  let whole = false;
  const covered = new Set<string>();
  for (const pattern of patterns) {
    const table = reachName(object, pattern.schema, pattern.table);
    if (table === NONE) continue;
    if (pattern.column.any) {
      touched = true;
      whole ||= table === COVERS;
    } else if (known === undefined) touched = true;
    else {
      for (const column of known) {
        if (!pattern.column.test(column)) continue;
        touched = true;
        if (table === COVERS) covered.add(column);
      }
    }
  }
  // An effect that is known to use no column at all is covered only by a pattern that takes every column.
  if (whole || (known !== undefined && known.length > 0 && known.every((column) => covered.has(column)))) return COVERS;
  return touched ? TOUCHES : NONE;
}
