import type { Around } from './around.ts';
import { embedded, list, open, qualified, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import * as attached from './attached.ts';
import { optionText, options } from './copying.ts';
import { Effects, later } from './effects.ts';
import { expression } from './expressions.ts';
import { define, kindWord, newObject, objectRef, ownerOf } from './objects.ts';
import { made, query } from './query.ts';
import { namedObject, NOT_IN_CATALOG, objectOf, rangeOf, resolve, target } from './relations.ts';
import { scopeIn } from './scope.ts';
import { changed, scopeOf } from './tables.ts';

/** CREATE, ALTER, DROP, GRANT: class schema, or admin for what belongs to the server. */

/** What is stored to run later reads what it names; what it calls is judged when it runs. */
export function stored(around: Around, node: unknown): void {
  const apart: Around = { ...around, effects: new Effects(), settings: [] };
  query(apart, node, undefined);
  around.effects.takeReads(apart.effects);
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

/** Code in C and the server's own languages is beyond SQL; any other body is judged here and, by its name, when it is called. */
export function createFunction(around: Around, fields: Ast): void {
  const name = list(fields, 'funcname');
  const given = options(list(fields, 'options'));
  const language = given.get('language');
  const written = language && optionText(around, language)?.toLowerCase();
  // The body is a literal, and the lineage follows it.
  around.dependsOnLiteral();
  const beyond = written === 'c' || written === 'internal';
  const object = newObject(around, fields['is_procedure'] === true ? 'procedure' : 'function', name);
  define(around, 'create', object, beyond ? 'admin' : 'schema');
  if (!beyond) attached.functionBody(around, fields, object);
  around.names.madeFunction(qualified(name).name);
}

/** A row security policy. What it calls runs when rows of its table are touched, from the next statement on. */
export function policy(around: Around, fields: Ast): void {
  const range = rangeOf(fields, 'table');
  define(around, 'alter', target(around, range));
  const apart: Around = { ...around, effects: new Effects(), settings: [] };
  expression(apart, fields['qual'], scopeOf(around, range));
  expression(apart, fields['with_check'], scopeOf(around, range));
  if (apart.effects.list().some((effect) => effect.class !== 'read')) changed(around, range, { policies: true });
  around.effects.takeDeferred(apart.effects);
}

export function drop(around: Around, fields: Ast): void {
  const { effects, names } = around;
  const kind = kindWord(fields['removeType']);
  for (const node of list(fields, 'objects')) {
    const object = objectRef(around, kind, node);
    // Without CASCADE the server drops a schema only when nothing is in it, whatever the catalog said a moment ago.
    if (kind === 'schema' && fields['behavior'] === 'DROP_RESTRICT') effects.add({ class: 'schema', verb: 'drop', object, alone: true }, 'transactional');
    else define(around, 'drop', object);
    const owner = ownerOf(kind, node);
    if (owner) define(around, 'alter', target(around, owner.range));
    if (fields['behavior'] === 'DROP_CASCADE') effects.add({ class: 'schema', verb: 'cascade', object }, 'transactional');
    if (object.schema !== undefined) names.gone(object.schema, object.name);
    if (kind === 'schema') gone(around, object.name);
  }
  if (fields['concurrent'] === true) effects.timing = later(effects.timing, 'commits');
}

function gone(around: Around, schema: string): void {
  for (const relation of around.names.index.catalog.relations) if (relation.schema === schema) around.names.gone(schema, relation.name);
}

/** COMMENT ON: what it says of a part of a table it says of the table. */
export function comment(around: Around, fields: Ast): void {
  const kind = kindWord(fields['objtype']);
  define(around, 'comment', objectRef(around, kind, fields['object']));
  const owner = ownerOf(kind, fields['object']);
  if (!owner) return;
  const { columns } = around.effects.add({ class: 'schema', verb: 'comment', object: target(around, owner.range) }, 'transactional');
  if (kind === 'column') columns.add(owner.part);
}

/** Kinds of object that are run by their name. */
const CODE: ReadonlySet<string> = new Set(['function', 'procedure', 'routine', 'aggregate', 'operator']);

export function rename(around: Around, fields: Ast): void {
  const { names } = around;
  const kind = kindWord(fields['renameType']);
  const range = embedded(fields, 'relation');
  if (!range) {
    // A role, schema, database: its name is in `object`, or in `subname` where there is nothing to qualify it with.
    const object = 'object' in fields ? objectRef(around, kind, fields['object']) : { kind, name: text(fields, 'subname') ?? '' };
    define(around, 'alter', object);
    if (kind !== 'constraint') define(around, 'create', { ...object, name: text(fields, 'newname') ?? '' });
    if (CODE.has(kind) || (kind === 'schema' && names.index.catalog.functions.some(({ schema }) => schema === object.name))) attached.renamedFunction(around, object);
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
    growing.columns.add(text(fields, 'newname') ?? '*');
    changed(around, range);
  } else if (column === undefined) {
    const name = text(fields, 'newname') ?? '';
    define(around, 'create', { ...object, name });
    if (!known) return;
    names.gone(known.schema, known.name);
    names.made({ ...known, name });
  }
}

export function setSchema(around: Around, fields: Ast): void {
  const kind = kindWord(fields['objectType']);
  const range = embedded(fields, 'relation');
  const object = range ? target(around, range, kind) : objectRef(around, kind, fields['object']);
  const newSchema = text(fields, 'newschema') ?? '';
  define(around, 'alter', object);
  define(around, 'create', { kind, schema: newSchema, name: object.name });
  if (CODE.has(kind)) attached.renamedFunction(around, object);
  if (object.schema !== undefined) around.names.gone(object.schema, object.name);
  around.names.madeFunction(object.name);
}

/** CREATE and ALTER of a domain: checks and defaults compute with every value of it. */
export function domain(around: Around, constraints: readonly Ast[]): void {
  const scope = scopeIn(undefined);
  scope.items.push({ name: undefined, columns: ['value'], read: () => undefined });
  for (const node of constraints) {
    const [kind, fields] = open(node);
    if (kind === 'Constraint') attached.constraint(around, fields, scope);
    else attached.deferred(around, node, scope);
  }
}

/** CREATE TRIGGER and CREATE RULE. */
export function onTable(around: Around, fields: Ast, kind: 'trigger' | 'rule'): void {
  const range = rangeOf(fields, 'relation');
  const table = target(around, range);
  const columns = resolve(around, range)?.columns;
  const object = { ...table, kind, name: `${table.name}.${text(fields, kind === 'trigger' ? 'trigname' : 'rulename') ?? ''}` };
  define(around, 'create', object);
  define(around, 'alter', table);
  if (kind === 'trigger') attached.trigger(around, fields, object, table, columns);
  else attached.rule(around, fields, object, columns);
  changed(around, range, kind === 'trigger' ? { triggers: true } : { rules: true });
}

/** CREATE STATISTICS: ANALYZE computes its expressions. */
export function statistics(around: Around, fields: Ast): void {
  for (const relation of list(fields, 'relations')) {
    const range = open(relation)[1];
    const { columns } = around.effects.add({ class: 'schema', verb: 'alter', object: target(around, range) }, 'transactional');
    const scope = scopeOf(around, range, [], (column) => void columns.add(column));
    for (const node of list(fields, 'exprs')) {
      const [, element] = open(node);
      const column = text(element, 'name');
      if (column !== undefined) columns.add(column);
      attached.deferred(around, element['expr'], scope);
    }
  }
}

/** Privileges on objects; privileges on parameters and large objects are the server's. */
export function grant(around: Around, fields: Ast): void {
  const verb = fields['is_grant'] === true ? 'grant' : 'revoke';
  const kind = kindWord(fields['objtype']);
  const all = fields['targtype'] === 'ACL_TARGET_ALL_IN_SCHEMA';
  for (const node of list(fields, 'objects')) {
    if (all) define(around, verb, { kind, schema: strings([node])[0] ?? '', name: '*' });
    else {
      // ON TABLE takes views and sequences as well.
      const [type, range] = open(node);
      define(around, verb, type === 'RangeVar' ? target(around, range, kind) : objectRef(around, kind, node));
    }
  }
}

/**
 * Whether privileges on schemas change so that names without a schema may be looked up elsewhere: the server passes over schemas of the path that
 * the role may not use. Where that can be so, what the rest of the message means by such names is not known.
 */
export function opensSchema(around: Around, fields: Ast): boolean {
  const privileges = list(fields, 'privileges').map((node) => text(open(node)[1], 'priv_name'));
  if (fields['objtype'] !== 'OBJECT_SCHEMA' || (privileges.length > 0 && !privileges.includes('usage'))) return false;
  for (const schema of strings(list(fields, 'objects'))) if (fields['is_grant'] === true ? mayOpen(around, schema) : mayClose(around, schema)) around.names.path = undefined;
  return true;
}

/** ALTER SCHEMA ... OWNER TO: who owned it may lose the use of it, and who gets it may win that. */
export function giveSchema(around: Around, object: unknown): void {
  const schema = text(open(object)[1], 'sval') ?? '';
  if (mayOpen(around, schema) || mayClose(around, schema)) around.names.path = undefined;
}

/** It could be in the path, where only the right to use it was missing. */
const mayOpen = ({ names }: Around, schema: string): boolean => names.path?.includes(schema) !== true && names.index.catalog.relations.some((relation) => relation.schema === schema);

const mayClose = ({ names }: Around, schema: string): boolean => names.path?.includes(schema) === true;

/** CREATE SCHEMA with its elements, which go into it. */
export function createSchema(around: Around, fields: Ast, element: (node: Ast) => void): void {
  const role = embedded(fields, 'authrole');
  // AUTHORIZATION CURRENT_USER does not say how it is called.
  const name = text(fields, 'schemaname') ?? (role && text(role, 'rolename'));
  define(around, 'create', { kind: 'schema', name: name ?? '*' });
  const { names } = around;
  const before = names.path;
  if (before !== undefined) names.path = name === undefined ? undefined : [name, ...before];
  for (const each of list(fields, 'schemaElts')) element(each);
  names.path = before;
}

export function refresh(around: Around, fields: Ast): void {
  const range = rangeOf(fields, 'relation');
  const known = resolve(around, range);
  if (known?.relation?.definition === undefined) around.effects.unknown('refresh', NOT_IN_CATALOG, target(around, range, 'materialized_view'));
  around.effects.add({ class: 'write', verb: 'refresh', object: target(around, range, 'materialized_view') }, 'transactional');
}
