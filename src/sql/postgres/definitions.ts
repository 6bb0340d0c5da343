import type { CommandClass } from '../../model/command.ts';
import type { Around } from './around.ts';
import { embedded, list, open, qualified, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { optionText, options } from './copying.ts';
import { Effects, later } from './effects.ts';
import { expression } from './expressions.ts';
import { isAdminKind, kindWord, objectRef } from './objects.ts';
import { made, query } from './query.ts';
import { namedObject, NOT_IN_CATALOG, objectOf, rangeOf, readRelation, resolve, target } from './relations.ts';
import { addItem, scopeIn } from './scope.ts';
import type { Scope } from './scope.ts';

/** CREATE, ALTER, DROP, GRANT: class schema, or admin for what belongs to the server. */

export function define(around: Around, verb: string, object: { readonly kind: string; readonly schema?: string; readonly name: string }, granted: CommandClass = isAdminKind(object.kind) ? 'admin' : 'schema'): void {
  around.effects.add({ class: granted, verb, object }, 'transactional');
}

/** The scope of expressions about one table: its columns and those added to it, without noting that they are read. */
function scopeOf(around: Around, range: Ast, added: readonly string[] = []): Scope {
  const scope = scopeIn(undefined);
  const known = resolve(around, range);
  addItem(scope, { name: text(range, 'relname'), columns: known?.columns && [...known.columns, ...added], relation: true, read: () => undefined });
  return scope;
}

/** What is stored to run later reads what it names; what it calls is judged when it runs. */
export function stored(around: Around, node: unknown): void {
  const apart: Around = { ...around, effects: new Effects(), settings: [] };
  query(apart, node, undefined);
  around.effects.takeReads(apart.effects);
}

export function createTable(around: Around, fields: Ast): void {
  const range = rangeOf(fields, 'relation');
  const columns: string[] = [];
  let more = 'ofTypename' in fields || 'partbound' in fields;
  for (const element of list(fields, 'tableElts')) {
    const [kind, part] = open(element);
    if (kind === 'ColumnDef') {
      columns.push(text(part, 'colname') ?? '');
      for (const constraint of list(part, 'constraints')) references(around, open(constraint)[1]);
    } else if (kind === 'Constraint') references(around, part);
    else if (kind === 'TableLikeClause') {
      more = true;
      const known = resolve(around, rangeOf(part, 'relation'));
      if (known) readRelation(around, known);
    }
  }
  for (const constraint of list(fields, 'constraints')) references(around, open(constraint)[1]);
  // Rows of the new table show when its parent is read.
  for (const parent of list(fields, 'inhRelations')) {
    more = true;
    define(around, 'alter', target(around, open(parent)[1]));
  }
  made(around, range, 'table', { columns: more ? undefined : columns, ifNotExists: fields['if_not_exists'] === true, dropsOnCommit: fields['oncommit'] === 'ONCOMMIT_DROP' });
}

function references(around: Around, constraint: Ast): void {
  if (constraint['contype'] === 'CONSTR_FOREIGN') define(around, 'references', target(around, rangeOf(constraint, 'pktable')));
}

export function createView(around: Around, fields: Ast): void {
  const range = rangeOf(fields, 'view');
  stored(around, fields['query']);
  const aliases = strings(list(fields, 'aliases'));
  made(around, range, 'view', { columns: aliases.length > 0 ? aliases : undefined, definition: fields['query'] as Ast });
}

/** An index's expressions run at once over all rows. */
export function createIndex(around: Around, fields: Ast): void {
  const range = rangeOf(fields, 'relation');
  const table = target(around, range);
  const name = text(fields, 'idxname');
  define(around, 'create', { kind: 'index', name: name ?? table.name, ...(table.schema === undefined ? {} : { schema: table.schema }) });
  define(around, 'alter', table);
  const scope = scopeOf(around, range);
  expression(around, list(fields, 'indexParams'), scope);
  expression(around, fields['whereClause'], scope);
  if (fields['concurrent'] === true) around.effects.timing = later(around.effects.timing, 'commits');
}

/** Code in C and the server's own languages is beyond SQL; any other body is judged when the function is called. */
export function createFunction(around: Around, fields: Ast): void {
  const name = list(fields, 'funcname');
  const given = options(list(fields, 'options'));
  const language = given.get('language');
  const written = language && optionText(around, language)?.toLowerCase();
  // The body is a literal, and the lineage follows it.
  around.dependsOnLiteral();
  const beyond = written === 'c' || written === 'internal';
  define(around, 'create', { ...objectRef(around, fields['is_procedure'] === true ? 'procedure' : 'function', { ObjectWithArgs: { objname: name } }) }, beyond ? 'admin' : 'schema');
  around.names.madeFunction(qualified(name).name);
}

/** ALTER TABLE, VIEW, INDEX, SEQUENCE, FOREIGN TABLE, TYPE. */
export function alterTable(around: Around, fields: Ast): void {
  const { effects, names } = around;
  const range = rangeOf(fields, 'relation');
  const object = objectRef(around, kindWord(fields['objtype']), { RangeVar: range });
  const growing = effects.add({ class: 'schema', verb: 'alter', object }, 'transactional');
  const added = list(fields, 'cmds').flatMap((command) => text(open(open(command)[1]['def'])[1], 'colname') ?? []);
  const scope = scopeOf(around, range, added);
  for (const command of list(fields, 'cmds')) {
    const [, part] = open(command);
    const column = text(part, 'name');
    const [definition, inner] = open(part['def']);
    const subtype = text(part, 'subtype') ?? 'AT_AddColumn';
    if (column !== undefined && /Column|NotNull|Expression|Default|Statistics|Storage|Compression|Identity|SetOptions/.test(subtype)) growing.columns.add(column);
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
        break;
      case 'AT_AttachPartition':
      case 'AT_DetachPartition':
      case 'AT_DetachPartitionFinalize':
        define(around, 'alter', target(around, rangeOf(inner, 'name')));
        if (inner['concurrent'] === true) effects.timing = later(effects.timing, 'commits');
        break;
      case 'AT_AddInherit':
      case 'AT_DropInherit':
        define(around, 'alter', target(around, inner));
        break;
      default:
    }
    if (part['behavior'] === 'DROP_CASCADE') effects.add({ class: 'schema', verb: 'cascade', object }, 'transactional');
    // New columns and checks are computed over all rows at once.
    if (definition === 'ColumnDef' || definition === 'Constraint' || subtype === 'AT_SetExpression') expression(around, part['def'], scope);
  }
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

/** A row security policy. What it calls runs when rows of its table are touched, from the next statement on. */
export function policy(around: Around, fields: Ast): void {
  const range = rangeOf(fields, 'table');
  define(around, 'alter', target(around, range));
  const apart: Around = { ...around, effects: new Effects(), settings: [] };
  expression(apart, fields['qual'], scopeOf(around, range));
  expression(apart, fields['with_check'], scopeOf(around, range));
  if (apart.effects.list().some((effect) => effect.class !== 'read')) changed(around, range, { policies: true });
}

export function drop(around: Around, fields: Ast): void {
  const { effects, names } = around;
  const kind = kindWord(fields['removeType']);
  for (const node of list(fields, 'objects')) {
    const object = objectRef(around, kind, node);
    define(around, 'drop', object);
    if (fields['behavior'] === 'DROP_CASCADE') effects.add({ class: 'schema', verb: 'cascade', object }, 'transactional');
    if (object.schema !== undefined) names.gone(object.schema, object.name);
    if (kind === 'schema') gone(around, object.name);
  }
  if (fields['concurrent'] === true) effects.timing = later(effects.timing, 'commits');
}

function gone(around: Around, schema: string): void {
  for (const relation of around.names.index.catalog.relations) if (relation.schema === schema) around.names.gone(schema, relation.name);
}

export function rename(around: Around, fields: Ast): void {
  const { names } = around;
  const kind = kindWord(fields['renameType']);
  const range = embedded(fields, 'relation');
  if (!range) {
    // A role, schema, database: its name is in `object`, or in `subname` where there is nothing to qualify it with.
    const object = 'object' in fields ? objectRef(around, kind, fields['object']) : { kind, name: text(fields, 'subname') ?? '' };
    define(around, 'alter', object);
    if (kind === 'schema') gone(around, object.name);
    names.madeFunction(text(fields, 'newname') ?? '');
    names.madeType(text(fields, 'newname') ?? '');
    return;
  }
  const known = resolve(around, range);
  const onColumn = kind === 'column' || kind === 'type';
  const object = known ? objectOf(known) : namedObject(range, onColumn ? 'table' : kind);
  const growing = around.effects.add({ class: 'schema', verb: 'alter', object }, 'transactional');
  const column = text(fields, 'subname');
  if (onColumn && column !== undefined) {
    growing.columns.add(column);
    changed(around, range);
  } else if (known && column === undefined) {
    names.gone(known.schema, known.name);
    names.made({ ...known, name: text(fields, 'newname') ?? '' });
  }
}

export function setSchema(around: Around, fields: Ast): void {
  const kind = kindWord(fields['objectType']);
  const range = embedded(fields, 'relation');
  const object = range ? target(around, range, kind) : objectRef(around, kind, fields['object']);
  const newSchema = text(fields, 'newschema') ?? '';
  define(around, 'alter', object);
  define(around, 'create', { kind, schema: newSchema, name: object.name });
  if (object.schema !== undefined) around.names.gone(object.schema, object.name);
  around.names.madeFunction(object.name);
}

/** Privileges on objects; privileges on parameters and large objects are the server's. */
export function grant(around: Around, fields: Ast): void {
  const verb = fields['is_grant'] === true ? 'grant' : 'revoke';
  const kind = kindWord(fields['objtype']);
  const all = fields['targtype'] === 'ACL_TARGET_ALL_IN_SCHEMA';
  for (const node of list(fields, 'objects')) {
    if (all) define(around, verb, { kind, schema: strings([node])[0] ?? '', name: '*' });
    else define(around, verb, objectRef(around, kind, node));
  }
}

/** CREATE SCHEMA with its elements, which go into it. */
export function createSchema(around: Around, fields: Ast, element: (node: Ast) => void): void {
  const role = embedded(fields, 'authrole');
  const name = text(fields, 'schemaname') ?? (role && text(role, 'rolename')) ?? '';
  define(around, 'create', { kind: 'schema', name });
  const { names } = around;
  const before = names.path;
  if (before !== undefined) names.path = [name, ...before];
  for (const each of list(fields, 'schemaElts')) element(each);
  names.path = before;
}

export function refresh(around: Around, fields: Ast): void {
  const range = rangeOf(fields, 'relation');
  const known = resolve(around, range);
  if (known?.relation?.definition === undefined) around.effects.unknown('refresh', NOT_IN_CATALOG, target(around, range, 'materialized_view'));
  around.effects.add({ class: 'write', verb: 'refresh', object: target(around, range, 'materialized_view') }, 'transactional');
}
