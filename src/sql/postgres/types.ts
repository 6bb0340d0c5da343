import type { Relation, UserType } from '../catalog.ts';
import type { Around } from './around.ts';
import { list, qualified } from './ast.ts';
import type { Ast } from './ast.ts';
import type { CatalogIndex } from './names.ts';

/** Levels of composite and domain types that are followed. */
const DEEPEST = 16;

/** Notes what converting to a type makes run: a domain's CHECK, a cast of users' own. */
export function useType(around: Around, type: Ast): void {
  const names = list(type, 'names');
  if (names.length === 0) return;
  const { schema, name } = qualified(names);
  const found = around.names.type(schema, name);
  if (found === 'system') return;
  const object = schema === undefined ? { kind: 'type', name } : { kind: 'type', schema, name };
  if (found === 'unknown') {
    around.effects.unknown('cast', 'a type that is not in the catalog snapshot', object);
    return;
  }
  const { index } = around.names;
  const why = index.castTypes.has(found.name) ? CAST : 'columns' in found ? found.relation && badColumns(index, found.relation, true) : badType(index, found, 0);
  if (why !== undefined) around.effects.unknown('cast', why, { kind: 'type', schema: found.schema, name: found.name });
}

const CAST = 'a cast of users\' own converts from or to this type';
const CHECK = 'a domain whose CHECK calls functions that are not vetted';

/**
 * Why a relation's columns cannot be touched without running something that is not vetted, or undefined.
 * `checks` also counts what runs only when a value is made: a domain's CHECK.
 */
export function badColumns(index: CatalogIndex, relation: Relation, checks: boolean, depth = 0): string | undefined {
  for (const column of relation.columns) {
    const type = index.typesByOid.get(column.type);
    if (type === undefined) continue;
    if (index.castTypes.has(type.name)) return CAST;
    const why = checks ? badType(index, type, depth + 1) : undefined;
    if (why !== undefined) return why;
  }
  return undefined;
}

function badType(index: CatalogIndex, type: UserType, depth: number): string | undefined {
  if (depth > DEEPEST) return 'types nested too deeply';
  if (type.foreignCheck) return CHECK;
  if (type.kind === 'd') {
    const base = type.base === undefined ? undefined : index.typesByOid.get(type.base);
    return base && badType(index, base, depth + 1);
  }
  if (type.kind === 'c') {
    const row = index.relations.get(type.name)?.find((each) => each.schema === type.schema && each.kind === 'c');
    return row && badColumns(index, row, true, depth + 1);
  }
  return undefined;
}
