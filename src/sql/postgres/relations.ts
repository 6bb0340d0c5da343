import type { CommandClass, ObjectRef } from '../../model/command.ts';
import type { Relation } from '../catalog.ts';
import type { Around } from './around.ts';
import { embedded, list, open, text } from './ast.ts';
import type { Ast } from './ast.ts';
import type { Growing } from './effects.ts';
import { runs } from './calls.ts';
import type { Known } from './names.ts';
import { followView } from './query.ts';
import { guardedColumns, guardedRelations } from './reviewed.ts';
import { badColumns } from './types.ts';

/** Why of an effect on something that the catalog snapshot does not list: it may be stale. */
export const NOT_IN_CATALOG = 'not in the catalog snapshot';

const KINDS: Readonly<Record<string, string>> = { r: 'table', p: 'table', v: 'view', m: 'materialized_view', f: 'foreign_table', S: 'sequence', c: 'type', i: 'index', I: 'index', t: 'table' };

export function objectOf(known: Known): ObjectRef {
  return { kind: KINDS[known.kind] ?? 'table', schema: known.schema, name: known.name };
}

/** An object by the name that a RangeVar gives it, for what is not in the catalog or need not be. */
export function namedObject(range: Ast, kind: string, fallback?: string): ObjectRef {
  const schema = text(range, 'schemaname') ?? fallback;
  const name = text(range, 'relname') ?? '';
  return schema === undefined ? { kind, name } : { kind, schema, name };
}

/** The relation that a RangeVar names (common table expressions left out). */
export function resolve(around: Around, range: Ast): Known | undefined {
  return around.names.relation(text(range, 'schemaname'), text(range, 'relname') ?? '');
}

/** The object of a RangeVar: the catalog's, else by its own name. */
export function target(around: Around, range: Ast, kind = 'table'): ObjectRef {
  const known = resolve(around, range);
  return known ? objectOf(known) : namedObject(range, kind);
}

/**
 * Notes that a relation is read, with all that reading it makes run. Columns are added by the caller as they are found.
 * @param told the caller adds all that there are, so that none means none (`count(*)`)
 */
export function readRelation(around: Around, known: Known, told = false): (column: string) => void {
  const object = objectOf(known);
  const { effects, names } = around;
  if (known.system) return readSystem(around, known, object);
  const { relation } = known;
  const children = relation ? names.index.descendants(relation.oid) : [];
  const foreign = known.kind === 'f' || children.some((child) => child.kind === 'f');
  const growing = effects.add({ class: 'read', verb: 'select', object }, foreign ? 'immediate' : 'read', told);
  if (known.kind === 'v') followView(around, known);
  policies(around, known, 'select');
  const why = relation && badColumns(names.index, relation, false);
  if (why !== undefined) effects.unknown('select', why, object);
  return (column) => addColumn(growing, known, column);
}

/** Row security runs the functions of its policies for each row. */
function policies(around: Around, known: Known, verb: string): void {
  const { effects, names } = around;
  if (known.policies) effects.unknown(verb, 'row security that calls functions since this message', objectOf(known));
  const { relation } = known;
  if (relation?.rowSecurity !== true) return;
  for (const oid of relation.policyCalls ?? []) {
    const called = names.index.functionsByOid.get(oid);
    if (called) runs(around, called);
    else effects.unknown(verb, 'row security with a function that is not in the catalog snapshot', objectOf(known));
  }
}

function readSystem(around: Around, known: Known, object: ObjectRef): (column: string) => void {
  const { effects } = around;
  if (guardedRelations.has(known.name)) {
    const growing = effects.add({ class: 'admin', verb: 'select', object, why: 'holds secrets, sampled values or files of the server' }, 'read');
    return (column) => growing.columns.add(column);
  }
  const growing = effects.add({ class: 'read', verb: 'select', object }, 'read');
  const guarded = guardedColumns.get(known.name);
  return (column) => {
    growing.columns.add(column);
    if (guarded !== undefined && (column === '*' || guarded.has(column))) {
      effects.add({ class: 'admin', verb: 'select', object, why: 'holds secrets, or what other sessions run' }, 'read').columns.add(column === '*' ? [...guarded][0]! : column);
    }
  };
}

/** `*` becomes the columns that the catalog knows. */
function addColumn(growing: Growing, known: Known, column: string): void {
  if (column !== '*' || known.columns === undefined || known.columns.length === 0) growing.columns.add(column);
  else for (const each of known.columns) growing.columns.add(each);
}

export type WriteVerb = 'insert' | 'update' | 'delete' | 'truncate';

/**
 * Notes that rows of a relation are written: the relation, what its triggers, rules and foreign keys do, and for a view
 * what is behind it. Returns where written columns are added.
 */
export function writeRelation(around: Around, range: Ast, verb: WriteVerb): (column: string) => void {
  const { effects } = around;
  const known = resolve(around, range);
  if (known === undefined) {
    const object = namedObject(range, 'table');
    effects.unknown(verb, NOT_IN_CATALOG, object);
    const growing = effects.add({ class: 'write', verb, object }, 'transactional');
    return (column) => growing.columns.add(column);
  }
  return writeKnown(around, known, verb, new Set());
}

function writeKnown(around: Around, known: Known, verb: WriteVerb, seen: Set<number>): (column: string) => void {
  const { effects, names } = around;
  const object = objectOf(known);
  const granted: CommandClass = known.system ? 'admin' : 'write';
  const foreign = known.kind === 'f';
  const growing = effects.add(
    { class: granted, verb, object, ...(known.system ? { why: 'changes the system catalog' } : {}) },
    foreign ? 'immediate' : known.system ? 'immediate' : 'transactional',
  );
  const { relation } = known;
  if (known.triggers) effects.add({ class: 'write', verb: 'trigger', object }, 'transactional');
  // Rules are those of the relation named; they may do anything instead.
  if (known.rules || relation?.rules) effects.unknown('rule', 'a rule of the table rewrites the statement', object);
  if (relation) {
    sideEffects(around, relation, verb);
    for (const child of names.index.descendants(relation.oid)) sideEffects(around, child, verb);
    if (verb === 'delete' || verb === 'update' || verb === 'truncate') cascade(around, relation, verb, seen);
    const why = badColumns(names.index, relation, false);
    if (why !== undefined) effects.unknown(verb, why, object);
  }
  if (verb !== 'truncate') policies(around, known, verb);
  if (known.kind === 'v') writeBehind(around, known, verb, seen);
  return (column) => addColumn(growing, known, column);
}

/** Code of the table's owner that runs with the write: triggers, defaults, checks of domains. */
function sideEffects(around: Around, relation: Relation, verb: WriteVerb): void {
  const { effects, names } = around;
  const object = objectOf(names.index.known(relation));
  const foreign = relation.kind === 'f';
  if (foreign) effects.add({ class: 'write', verb, object }, 'immediate');
  const computes = verb !== 'delete' && verb !== 'truncate' && (relation.columns.some((column) => column.foreignDefault) || badColumns(names.index, relation, true) !== undefined);
  if (relation.triggers || computes) effects.add({ class: 'write', verb: 'trigger', object }, 'transactional');
}

function cascade(around: Around, relation: Relation, verb: WriteVerb, seen: Set<number>): void {
  if (seen.has(relation.oid)) return;
  seen.add(relation.oid);
  for (const each of relation.cascades ?? []) {
    // TRUNCATE does not run the actions of foreign keys: it refuses, or is told to go on (truncateCascade).
    if (verb === 'truncate' || each.on !== verb) continue;
    const referencing = around.names.index.byOid.get(each.relation);
    if (referencing) writeKnown(around, around.names.index.known(referencing), each.verb, seen)('*');
  }
}

/** The base relation that a write through an automatically updatable view goes to. */
function writeBehind(around: Around, view: Known, verb: WriteVerb, seen: Set<number>): void {
  followView(around, view);
  if (seen.has(view.oid) || view.relation?.definition === undefined) return;
  seen.add(view.oid);
  const { names } = around;
  let from: readonly Ast[] = [];
  try {
    const [kind, select] = open(around.parse(view.relation.definition)[0]);
    if (kind === 'SelectStmt') from = list(select, 'fromClause');
  } catch {
    // followView has noted that the definition does not parse.
  }
  const [kind, range] = open(from[0]);
  if (from.length !== 1 || kind !== 'RangeVar') return;
  const base = names.inside(view).printed(text(range, 'schemaname'), text(range, 'relname') ?? '');
  if (base) writeKnown(around, base, verb, seen)('*');
}

/** TRUNCATE ... CASCADE empties all tables that reference this one, whatever their foreign keys say, and those that reference them. */
export function truncateCascade(around: Around, range: Ast): void {
  const { effects, names: { index } } = around;
  effects.add({ class: 'write', verb: 'cascade', object: target(around, range) }, 'transactional');
  const open = [resolve(around, range)?.relation];
  const seen = new Set(open);
  for (let next = open.pop(); next; next = open.pop()) {
    for (const { on, relation } of [next, ...index.descendants(next.oid)].flatMap(({ cascades = [] }) => cascades)) {
      const referencing = on === 'truncate' ? index.byOid.get(relation) : undefined;
      if (!referencing || seen.has(referencing)) continue;
      seen.add(referencing);
      open.push(referencing);
      writeKnown(around, index.known(referencing), 'truncate', new Set());
    }
  }
}

/** A RangeVar field that is embedded in its statement. */
export function rangeOf(node: Ast, field: string): Ast {
  return embedded(node, field) ?? {};
}
