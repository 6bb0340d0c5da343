import type { Relation, UserType } from '../../catalog.ts';
import type { Analysis } from './analysis.ts';
import { list, strings } from './ast.ts';
import type { Ast } from './ast.ts';
import { systemTypes } from '../system.ts';
import { NotUnderstood } from './findings.ts';
import { viewColumns } from './views.ts';

/** Pseudo-types that can be any row. RETURNS TABLE and OUT arguments say record themselves, and come from the body. */
const anyRow: ReadonlySet<string> = new Set(['record', '_record', 'anyelement', 'anyarray', 'anynonarray', 'anycompatible', 'anycompatiblearray', 'anycompatiblenonarray', 'any']);

/** FirstNormalObjectId in transam.h: types of users, and rows of their tables, are from here on. */
const firstNormalOid = 16_384;
/** Levels of composite types and domains that are followed. */
const deepest = 16;

/**
 * An argument or result of a function: through one that is a row of a table, all columns of the table pass, under whatever
 * name the body gives them. They count as derived from.
 */
export function holdsRows(analysis: Analysis, type: Ast, isResult = false): void {
  const names = strings(list(type, 'names'));
  if (type['pct_type'] === true) return ofColumn(analysis, names);
  const schema = names.at(-2);
  const name = names.at(-1) ?? '';
  const isSystem = schema === undefined || schema === 'pg_catalog';
  if (isSystem && anyRow.has(name)) {
    if (!isResult) throw new NotUnderstood('a function with an argument that can be any row');
    return;
  }
  // The type of an array is its element's name behind an underscore.
  const spellings = name.startsWith('_') ? [name, name.slice(1)] : [name];
  const { catalog } = analysis.index;
  let known = spellings.some((each) => systemTypes.has(each));
  for (const each of spellings) {
    // Wherever it is: which of several is meant does not matter, as long as none of them lets anything through.
    for (const relation of catalog.relations) {
      if (relation.name !== each || (schema !== undefined && relation.schema !== schema)) continue;
      known = true;
      ofRelation(analysis, relation, 0);
    }
    for (const user of catalog.types) {
      if (user.name !== each || (schema !== undefined && user.schema !== schema)) continue;
      known = true;
      ofType(analysis, user, 0);
    }
  }
  if (!known && names.length > 0) throw new NotUnderstood('a type that the catalog does not know');
}

/** `table.column%TYPE`. */
function ofColumn(analysis: Analysis, names: readonly string[]): void {
  const [schema, table, column] = [names.at(-3), names.at(-2), names.at(-1)];
  for (const relation of analysis.index.catalog.relations) {
    if (relation.name !== table || (schema !== undefined && relation.schema !== schema)) continue;
    for (const each of relation.columns) if (each.name === column) ofOid(analysis, each.type, 0);
  }
}

const composite = 'c';
const notRows: ReadonlySet<string> = new Set(['i', 'I', 'S']);

function ofRelation(analysis: Analysis, relation: Relation, depth: number): void {
  if (notRows.has(relation.kind)) return;
  if (relation.kind === composite) for (const column of relation.columns) ofOid(analysis, column.type, depth + 1);
  else for (const { value } of relation.kind === 'v' || relation.kind === 'm' ? viewColumns(analysis, relation) : analysis.index.columns(relation)) analysis.found.use(value.sources, 'derive');
}

function ofType(analysis: Analysis, type: UserType, depth: number): void {
  if (type.kind === 'd') ofOid(analysis, type.base ?? 0, depth + 1);
  if (type.kind !== composite) return;
  const row = analysis.index.catalog.relations.find((each) => each.kind === composite && each.schema === type.schema && each.name === type.name);
  if (row !== undefined) ofRelation(analysis, row, depth);
}

/** A type that the snapshot does not list by OID is a table's row, or an array of users' types. */
function ofOid(analysis: Analysis, oid: number, depth: number): void {
  if (oid < firstNormalOid) return;
  const type = analysis.index.catalog.types.find((each) => each.oid === oid);
  if (type === undefined || depth > deepest) throw new NotUnderstood('a function with an argument or result in which a row can lie');
  ofType(analysis, type, depth);
}
