import type { ObjectRef } from '../../model/command.ts';
import type { Around } from './around.ts';
import { list, open, qualified, strings, text } from './ast.ts';

/** From the grammar's kinds of object to the words of policies. */
const WORDS: Readonly<Record<string, string>> = {
  OBJECT_MATVIEW: 'materialized_view',
  OBJECT_FDW: 'foreign_data_wrapper',
  OBJECT_FOREIGN_SERVER: 'server',
  OBJECT_TABCONSTRAINT: 'constraint',
  OBJECT_DOMCONSTRAINT: 'constraint',
  OBJECT_STATISTIC_EXT: 'statistics',
  OBJECT_TSCONFIGURATION: 'text_search',
  OBJECT_TSDICTIONARY: 'text_search',
  OBJECT_TSPARSER: 'text_search',
  OBJECT_TSTEMPLATE: 'text_search',
  OBJECT_PARAMETER_ACL: 'setting',
  OBJECT_DEFACL: 'default_privileges',
  OBJECT_ATTRIBUTE: 'type',
  OBJECT_OPCLASS: 'operator_class',
  OBJECT_OPFAMILY: 'operator_family',
};

export function kindWord(objectType: unknown): string {
  const type = typeof objectType === 'string' ? objectType : 'OBJECT_ACCESS_METHOD';
  return WORDS[type] ?? type.replace(/^OBJECT_/, '').toLowerCase();
}

/** Objects that are the server's rather than a schema's: changing them is class admin. */
const ADMIN_KINDS: ReadonlySet<string> = new Set([
  'role', 'tablespace', 'extension', 'language', 'foreign_data_wrapper', 'server', 'user_mapping', 'subscription', 'publication',
  'publication_namespace', 'publication_rel', 'event_trigger', 'access_method', 'setting', 'transform',
]);

export function isAdminKind(kind: string): boolean {
  return ADMIN_KINDS.has(kind);
}

/** Kinds whose name is its last part behind the relation it belongs to. */
const ON_RELATION: ReadonlySet<string> = new Set(['rule', 'trigger', 'policy', 'constraint', 'column', 'default']);

/** Kinds whose names live in a schema. */
const IN_SCHEMA: ReadonlySet<string> = new Set([
  'table', 'view', 'materialized_view', 'foreign_table', 'sequence', 'index', 'function', 'procedure', 'routine', 'aggregate', 'type', 'domain',
  'operator', 'collation', 'conversion', 'statistics', 'text_search', 'operator_class', 'operator_family',
]);

/** The object of a name as DROP, COMMENT, ALTER and the like give it. */
export function objectRef(around: Around, kind: string, node: unknown): ObjectRef {
  const [type, fields] = open(node);
  if (type === 'RangeVar') return inSchema(around, kind, text(fields, 'schemaname'), text(fields, 'relname') ?? '');
  if (type === 'String') return { kind, name: text(fields, 'sval') ?? '' };
  const nodes = type === 'ObjectWithArgs' ? list(fields, 'objname') : type === 'TypeName' ? list(fields, 'names') : list(fields, 'items');
  if (ON_RELATION.has(kind)) {
    const parts = strings(nodes);
    const schema = parts.at(-3);
    return { kind, name: parts.slice(-2).join('.'), ...(schema === undefined ? {} : { schema }) };
  }
  // DROP CAST, OPERATOR CLASS and the like give types or methods first.
  const [firstKind, first] = open(nodes[0]);
  if (firstKind === 'TypeName') return objectRef(around, kind, { TypeName: first });
  if (kind === 'operator_class' || kind === 'operator_family') return objectRef(around, kind.replace('operator_', ''), { ObjectWithArgs: { objname: nodes.slice(1) } });
  const { schema, name } = qualified(nodes);
  return inSchema(around, kind, schema, name);
}

function inSchema(around: Around, kind: string, schema: string | undefined, name: string): ObjectRef {
  if (schema !== undefined) return { kind, schema, name };
  if (!IN_SCHEMA.has(kind)) return { kind, name };
  const known = around.names.relation(undefined, name);
  return known ? { kind, schema: known.schema, name } : { kind, name };
}
