import type { Around } from './around.ts';
import { list, open, text } from './ast.ts';
import type { Ast } from './ast.ts';
import * as attached from './attached.ts';
import { later } from './effects.ts';
import { expression } from './expressions.ts';
import { define, kindWord } from './objects.ts';
import { made } from './query.ts';
import { rangeOf, readRelation, resolve, target } from './relations.ts';
import { addItem, scopeIn } from './scope.ts';
import type { Scope } from './scope.ts';

/** CREATE and ALTER of tables, and what stands in the place of one. */

/** The scope of expressions about one table: its columns and those added to it, without noting that they are read. */
export function scopeOf(around: Around, range: Ast, added: readonly string[] = [], read: (column: string) => void = () => undefined): Scope {
  const scope = scopeIn(undefined);
  const known = resolve(around, range);
  addItem(scope, { name: text(range, 'relname'), columns: known?.columns && [...known.columns, ...added], relation: true, read });
  return scope;
}

/** The same where what the columns hold is put into another. */
function readingScope(around: Around, range: Ast, added: readonly string[]): Scope {
  const known = resolve(around, range);
  const scope = scopeOf(around, range, added);
  if (known) addItem(scope, { name: undefined, columns: known.columns, relation: true, read: readRelation(around, known) });
  return scope;
}

/** Whether a change of a table computes one column from others and keeps the result: a generated column, a new type USING an expression. */
function copies(subtype: string, column: Ast): boolean {
  if (subtype === 'AT_AddColumn') return list(column, 'constraints').some((node) => open(node)[1]['contype'] === 'CONSTR_GENERATED');
  return subtype === 'AT_SetExpression' || (subtype === 'AT_AlterColumnType' && 'raw_default' in column);
}

/** CREATE TABLE: its columns, what they compute, and the tables that it names. */
export function createTable(around: Around, fields: Ast): void {
  const range = rangeOf(fields, 'relation');
  const columns: string[] = [];
  const constraints: Ast[] = [...list(fields, 'constraints')];
  let more = 'ofTypename' in fields || 'partbound' in fields;
  for (const element of list(fields, 'tableElts')) {
    const [kind, part] = open(element);
    if (kind === 'ColumnDef') {
      columns.push(text(part, 'colname') ?? '');
      constraints.push(...list(part, 'constraints'));
    } else if (kind === 'Constraint') constraints.push(element);
    else if (kind === 'TableLikeClause') {
      more = true;
      const known = resolve(around, rangeOf(part, 'relation'));
      if (known) readRelation(around, known);
    }
  }
  // Rows of the new table show when its parent is read.
  for (const parent of list(fields, 'inhRelations')) {
    more = true;
    define(around, 'alter', target(around, open(parent)[1]));
  }
  const scope = scopeIn(undefined);
  addItem(scope, { name: text(range, 'relname'), columns: more ? undefined : columns, relation: true, read: () => undefined });
  for (const node of constraints) {
    references(around, open(node)[1]);
    attached.constraint(around, open(node)[1], scope);
  }
  attached.partitioning(around, fields, scope);
  attached.bounds(around, fields['partbound']);
  made(around, range, 'table', { columns: more ? undefined : columns, ifNotExists: fields['if_not_exists'] === true, dropsOnCommit: fields['oncommit'] === 'ONCOMMIT_DROP' });
}

function references(around: Around, constraint: Ast): void {
  if (constraint['contype'] === 'CONSTR_FOREIGN') define(around, 'references', target(around, rangeOf(constraint, 'pktable')));
}

/** Commands of ALTER TABLE that are about the column they name, and nothing else. */
const ON_COLUMN = /Column|NotNull|Expression|Default|Statistics|Storage|Compression|Identity|SetOptions/;

/** ALTER TABLE, VIEW, INDEX, SEQUENCE, FOREIGN TABLE, TYPE. */
export function alterTable(around: Around, fields: Ast): void {
  const { effects, names } = around;
  const range = rangeOf(fields, 'relation');
  // ALTER TABLE is also how views and sequences are altered.
  const object = target(around, range, kindWord(fields['objtype']));
  const growing = effects.add({ class: 'schema', verb: 'alter', object }, 'transactional');
  const added = list(fields, 'cmds').flatMap((command) => text(open(open(command)[1]['def'])[1], 'colname') ?? []);
  const scope = scopeOf(around, range, added);
  let whole = false;
  for (const command of list(fields, 'cmds')) {
    const [, part] = open(command);
    const column = text(part, 'name');
    const [definition, inner] = open(part['def']);
    const subtype = text(part, 'subtype') ?? 'AT_AddColumn';
    if (column !== undefined && ON_COLUMN.test(subtype)) growing.columns.add(column);
    else if (subtype !== 'AT_AddColumn') whole = true;
    switch (subtype) {
      case 'AT_DropColumn':
        effects.add({ class: 'schema', verb: 'drop', object: { ...object, kind: 'column' } }, 'transactional').columns.add(column ?? '*');
        break;
      case 'AT_AlterColumnType':
        effects.add({ class: 'write', verb: 'update', object }, 'transactional').columns.add(column ?? '*');
        break;
      case 'AT_AddColumn':
        growing.columns.add(text(inner, 'colname') ?? '*');
        for (const constraint of list(inner, 'constraints')) references(around, open(constraint)[1]);
        break;
      case 'AT_AddConstraint':
        references(around, inner);
        attached.constraint(around, inner, scope);
        break;
      case 'AT_ColumnDefault':
        attached.deferred(around, part['def'], scope);
        break;
      case 'AT_AttachPartition':
      case 'AT_DetachPartition':
      case 'AT_DetachPartitionFinalize':
        define(around, 'alter', target(around, rangeOf(inner, 'name')));
        attached.bounds(around, inner['bound']);
        if (inner['concurrent'] === true) effects.timing = later(effects.timing, 'commits');
        break;
      case 'AT_AddInherit':
      case 'AT_DropInherit':
        define(around, 'alter', target(around, inner));
        break;
      default:
    }
    if (part['behavior'] === 'DROP_CASCADE') effects.add({ class: 'schema', verb: 'cascade', object }, 'transactional');
    // New columns and checks are computed over all rows at once. A check of a new column can be about others.
    const seen = subtype === 'AT_AddColumn' ? scopeOf(around, range, added, (each) => void growing.columns.add(each)) : scope;
    if (definition === 'ColumnDef' || definition === 'Constraint' || subtype === 'AT_SetExpression') expression(around, part['def'], copies(subtype, inner) ? readingScope(around, range, added) : seen);
  }
  // Columns that some commands name are not all that the statement is about.
  if (whole && growing.columns.size > 0) growing.columns.add('*');
  const secures = list(fields, 'cmds').some((command) => /RowSecurity/.test(text(open(command)[1], 'subtype') ?? ''));
  const waiting = resolve(around, range)?.relation?.policyCalls !== undefined;
  changed(around, range, secures && waiting ? { policies: true } : {});
  if (fields['objtype'] === 'OBJECT_TYPE') names.madeType(text(range, 'relname') ?? '');
}

/** After ALTER in the same message the relation's columns are not known from here on; a trigger, rule or policy may have come. */
export function changed(around: Around, range: Ast, got: { readonly triggers?: boolean; readonly rules?: boolean; readonly policies?: boolean } = {}): void {
  const known = resolve(around, range);
  if (known && !known.system) around.names.made({ ...known, columns: undefined, ...got });
}
