import type { Effect } from '../../../model/command.ts';
import type { ChangedRelation } from '../../facts.ts';
import type { Around } from '../around.ts';
import type { Ast } from '../ast.ts';
import { objectOf, resolve } from '../relations.ts';

/** The rows that change are the target's alone, as many as the server says, and a rollback takes all of it back; or why not. */
export type Target = { readonly relation: ChangedRelation } | { readonly why: string };

export type Verb = 'insert' | 'update' | 'delete';

/**
 * Judges the relation that a statement changes, with everything below it.
 * @param verbs what the statement does to it
 * @param undone whether it is to be run and, when too many rows change, taken back: then all has to be decided before COMMIT
 */
export function targetOf(around: Around, range: Ast, verbs: ReadonlySet<Verb>, undone: boolean): Target {
  const known = resolve(around, range);
  const relation = known?.relation;
  if (known?.system) return { why: 'a table of the system' };
  if (relation === undefined) return { why: 'the table is not in the catalog snapshot' };
  if (relation.kind === 'v' || relation.kind === 'm') return { why: 'a view' };
  for (const each of [relation, ...around.names.index.descendants(relation.oid)]) {
    const of = each === relation ? 'the table' : 'a partition or child of the table';
    if (each.kind === 'f') return { why: `${of} is a foreign table` };
    if (each.kind !== 'r' && each.kind !== 'p') return { why: `${of} is of a kind that is not known` };
    if (each.triggers) return { why: `${of} has triggers` };
    if (each.rules) return { why: `${of} has rules` };
    if (undone && each.deferrable) return { why: `${of} has constraints that are checked only at commit` };
    if (each.cascades?.some(({ on }) => on !== 'truncate' && verbs.has(on))) return { why: 'foreign keys of other tables change their rows with it' };
  }
  return { relation: { oid: relation.oid, schema: relation.schema, name: relation.name } };
}

/** The first effect that a count of the target's rows says nothing about, or that a rollback would leave behind. */
export function otherEffect(around: Around, range: Ast, verbs: ReadonlySet<Verb>, effects: readonly Effect[]): string | undefined {
  const known = resolve(around, range);
  const own = known && objectOf(known);
  for (const { class: granted, verb, object, why } of effects) {
    if (granted === 'read' && verb === 'select') continue;
    const isOwn = object !== undefined && object.kind === own?.kind && object.schema === own.schema && object.name === own.name;
    if (granted === 'write' && isOwn && verbs.has(verb as Verb)) continue;
    if (granted === 'unknown') return why ?? 'a part of the statement is not understood';
    if (verb === 'trigger') return 'the table has triggers, computed defaults or checks that call functions';
    if (verb === 'lock') return 'a subquery locks rows';
    return verb === 'call' ? 'it calls a function that may do more' : 'it does more than change rows of one table';
  }
  return undefined;
}
