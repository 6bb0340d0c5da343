import type { Analysis } from './analysis.ts';
import { embedded, list, open, strings } from './ast.ts';
import type { Ast } from './ast.ts';
import type { Value } from './findings.ts';

/*
 * `unnest` of an array of rows gives the columns of the row, and of a tsvector three columns, whatever alias it has. Only where elements are known to be no rows has its
 * result the one column that goes by the alias.
 */

/** Types of pg_catalog that are no rows. */
const scalars: ReadonlySet<string> = new Set([
  'bool', 'bytea', 'char', 'bpchar', 'varchar', 'text', 'name', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'money', 'oid', 'date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval',
  'uuid', 'json', 'jsonb', 'xml', 'inet', 'cidr', 'macaddr', 'bit', 'varbit', 'regclass', 'regtype',
]);

/** OIDs of arrays of those types (pg_type.dat). */
const scalarArrays: ReadonlySet<number> = new Set([1000, 1001, 1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 791, 1028, 1182, 1183, 1270, 1115, 1185, 1187, 1231, 2951, 199, 3807, 143, 1041, 651, 1040, 1561, 1563]);

/** OIDs of the types themselves. */
const scalarOids: ReadonlySet<number> = new Set([16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 142, 650, 700, 701, 790, 829, 869, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266, 1560, 1562, 1700, 2205, 2206, 2950, 3802]);

const makeTextArrays: ReadonlySet<string> = new Set(['string_to_array', 'regexp_split_to_array', 'regexp_match']);

/** Whether an expression can only be an array of something that is no row. `column` says what a reference to a column is. */
export function isScalarArray(analysis: Analysis, node: unknown, column: (node: unknown) => Value): boolean {
  const [kind, fields] = open(node);
  switch (kind) {
    case 'TypeCast': {
      const type = embedded(fields, 'typeName') ?? {};
      const name = typeName(analysis, type);
      return list(type, 'arrayBounds').length > 0 ? isScalar(analysis, name) : name.startsWith('_') && isScalar(analysis, name.slice(1));
    }
    case 'A_ArrayExpr':
      return isScalarElement(analysis, { A_ArrayExpr: fields }, column);
    case 'FuncCall': {
      const name = strings(list(fields, 'funcname'));
      return name.length === 1 && makeTextArrays.has(name[0]!) && !analysis.index.hasFunction(name[0]!);
    }
    case 'ColumnRef':
      return isOf(analysis, scalarArrays, column(node));
    default:
      return false;
  }
}

/** Of the elements of an array one that is no row is enough, since all are of one type. A string becomes what the others are. */
function isScalarElement(analysis: Analysis, node: Ast, column: (node: unknown) => Value): boolean {
  const [kind, fields] = open(node);
  if (kind === 'A_Const') return fields['sval'] === undefined && fields['isnull'] !== true;
  if (kind === 'ColumnRef') return isOf(analysis, scalarOids, column(node));
  if (kind === 'A_ArrayExpr') {
    const elements = list(fields, 'elements');
    return elements.some((each) => isScalarElement(analysis, each, column)) || elements.every((each) => open(each)[0] === 'A_Const');
  }
  if (kind !== 'TypeCast') return false;
  const type = embedded(fields, 'typeName') ?? {};
  return list(type, 'arrayBounds').length === 0 && isScalar(analysis, typeName(analysis, type));
}

function isOf(analysis: Analysis, oids: ReadonlySet<number>, { direct, sources }: Value): boolean {
  return direct && sources.length > 0 && sources.every((source) => oids.has(analysis.index.typeOf(source)));
}

/** The name of a type where it is one of pg_catalog, or the only one of its name; else an empty one. */
function typeName(analysis: Analysis, type: Ast): string {
  const names = strings(list(type, 'names'));
  const name = names.at(-1) ?? '';
  const plain = name.startsWith('_') ? name.slice(1) : name;
  if (names.length === 2 && names[0] === 'pg_catalog' && scalars.has(plain)) return name;
  // Of its own name a user's type can hide one of pg_catalog only where the path says so; that is left to be not known.
  return names.length === 1 && scalars.has(plain) && !analysis.index.hasType(plain) ? name : isEnum(analysis, plain) ? name : '';
}

function isScalar(analysis: Analysis, name: string): boolean {
  return scalars.has(name) || isEnum(analysis, name);
}

function isEnum(analysis: Analysis, name: string): boolean {
  const { catalog } = analysis.index;
  const all = catalog.types.filter((type) => type.name === name);
  return all.length > 0 && all.every((type) => type.kind === 'e') && !catalog.relations.some((relation) => relation.name === name);
}
