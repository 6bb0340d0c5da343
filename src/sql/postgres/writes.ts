import type { Around } from './around.ts';
import { embedded, list, open, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { expression } from './expressions.ts';
import { from } from './from.ts';
import { common, outputNames, query } from './query.ts';
import { rangeOf, readRelation, resolve, writeRelation } from './relations.ts';
import { addItem, scopeIn } from './scope.ts';
import type { Item, Scope } from './scope.ts';
import { hasSystemColumns, returningOf, rowVersions } from './visible.ts';

/** The target of a writing statement as something to read columns from: reading is noted only when one is. */
function targetItem(around: Around, range: Ast, name?: string): Item {
  const alias = embedded(range, 'alias');
  const known = resolve(around, range);
  let read: ((column: string) => void) | undefined;
  return {
    name: name ?? (alias && text(alias, 'aliasname')) ?? text(range, 'relname'),
    columns: known?.columns,
    relation: true,
    ...(known && hasSystemColumns(known.kind) ? { systemColumns: 'bare' } : {}),
    ...(known?.system ? { among: new Set() } : {}),
    read: (column) => {
      // Not in the catalog: the write itself was noted as unknown.
      if (known) (read ??= readRelation(around, known))(column);
    },
    ...(known && name === undefined && !alias ? { schema: known.schema } : {}),
  };
}

function returning(around: Around, fields: Ast, range: Ast, scope: Scope): readonly string[] | undefined {
  const { clause, targets } = returningOf(fields);
  if (targets.length === 0) return [];
  const inside = scopeIn(scope);
  const versions = rowVersions(clause, (name) => scope.items.some((item) => item.name === name));
  for (const name of [versions.old, versions.new]) if (name !== undefined) inside.items.push(targetItem(around, range, name));
  // A bare `*` is that of the statement's own items.
  const star = targets.some((target) => {
    const [kind, value] = open(open(target)[1]['val']);
    return kind === 'ColumnRef' && list(value, 'fields').length === 1 && 'A_Star' in (list(value, 'fields')[0] ?? {});
  });
  if (star) for (const item of scope.items) item.read('*');
  expression(around, targets, inside);
  return outputNames(around, targets, scope, inside);
}

export function insert(around: Around, fields: Ast, parent: Scope | undefined): readonly string[] | undefined {
  const scope = scopeIn(parent);
  common(around, embedded(fields, 'withClause'), scope);
  const range = rangeOf(fields, 'relation');
  const write = writeRelation(around, range, 'insert');
  const columns = list(fields, 'cols');
  if (columns.length === 0) write('*');
  for (const column of columns) {
    const [, target] = open(column);
    write(text(target, 'name') ?? '*');
    expression(around, list(target, 'indirection'), scope);
  }
  if ('selectStmt' in fields) query(around, fields['selectStmt'], scope);
  addItem(scope, targetItem(around, range));
  const conflict = embedded(fields, 'onConflictClause');
  if (conflict) {
    const inside = scopeIn(scope);
    const { columns: shown } = targetItem(around, range);
    inside.items.push({ name: 'excluded', columns: shown, relation: true, read: () => undefined });
    // Unqualified names there are the target's.
    inside.items.push(...scope.items);
    expression(around, conflict['infer'], scope);
    if (conflict['action'] === 'ONCONFLICT_UPDATE') {
      assignments(around, list(conflict, 'targetList'), writeRelation(around, range, 'update'), inside);
      expression(around, conflict['whereClause'], inside);
    }
  }
  return returning(around, fields, range, scope);
}

/** The SET list: the columns it writes, and what it computes. */
function assignments(around: Around, targets: readonly Ast[], write: (column: string) => void, scope: Scope): void {
  for (const target of targets) {
    const [, fields] = open(target);
    write(text(fields, 'name') ?? '*');
    expression(around, list(fields, 'indirection').filter((part) => open(part)[0] !== 'String'), scope);
    expression(around, fields['val'], scope);
  }
}

export function update(around: Around, fields: Ast, parent: Scope | undefined): readonly string[] | undefined {
  const scope = scopeIn(parent);
  common(around, embedded(fields, 'withClause'), scope);
  const range = rangeOf(fields, 'relation');
  const write = writeRelation(around, range, 'update');
  addItem(scope, targetItem(around, range));
  for (const item of list(fields, 'fromClause')) from(around, item, scope);
  assignments(around, list(fields, 'targetList'), write, scope);
  expression(around, fields['whereClause'], scope);
  return returning(around, fields, range, scope);
}

export function remove(around: Around, fields: Ast, parent: Scope | undefined): readonly string[] | undefined {
  const scope = scopeIn(parent);
  common(around, embedded(fields, 'withClause'), scope);
  const range = rangeOf(fields, 'relation');
  writeRelation(around, range, 'delete');
  addItem(scope, targetItem(around, range));
  for (const item of list(fields, 'usingClause')) from(around, item, scope);
  expression(around, fields['whereClause'], scope);
  return returning(around, fields, range, scope);
}

export function merge(around: Around, fields: Ast, parent: Scope | undefined): readonly string[] | undefined {
  const scope = scopeIn(parent);
  common(around, embedded(fields, 'withClause'), scope);
  const range = rangeOf(fields, 'relation');
  addItem(scope, targetItem(around, range));
  from(around, fields['sourceRelation'] as Ast, scope);
  expression(around, fields['joinCondition'], scope);
  let writes = false;
  for (const each of list(fields, 'mergeWhenClauses')) {
    const [, when] = open(each);
    expression(around, when['condition'], scope);
    const targets = list(when, 'targetList');
    switch (when['commandType']) {
      case 'CMD_INSERT': {
        const write = writeRelation(around, range, 'insert');
        if (targets.length === 0) write('*');
        assignments(around, targets, write, scope);
        expression(around, list(when, 'values'), scope);
        break;
      }
      case 'CMD_UPDATE':
        assignments(around, targets, writeRelation(around, range, 'update'), scope);
        break;
      case 'CMD_DELETE':
        writeRelation(around, range, 'delete');
        break;
      case 'CMD_NOTHING':
        continue;
      default:
        around.effects.unknown('merge', 'an action of MERGE that is not known');
    }
    writes = true;
  }
  if (!writes) writeRelation(around, range, 'update');
  return returning(around, fields, range, scope);
}
