import type { CommandClass, ObjectRef } from '../../model/command.ts';
import type { Around } from './around.ts';
import { list, open, qualified, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';

/** From the grammar's kinds of object to the words of policies. */
const WORDS: Readonly<Record<string, string>> = {
  OBJECT_MATVIEW: 'materialized_view',
  OBJECT_FDW: 'foreign_data_wrapper',
  OBJECT_FOREIGN_SERVER: 'server',
  OBJECT_TABCONSTRAINT: 'constraint',
  OBJECT_DOMCONSTRAINT: 'constraint',
  OBJECT_STATISTIC_EXT: 'statistics',
  OBJECT_TSCONFIGURATION: 'text_search_configuration',
  OBJECT_TSDICTIONARY: 'text_search_dictionary',
  OBJECT_TSPARSER: 'text_search_parser',
  OBJECT_TSTEMPLATE: 'text_search_template',
  OBJECT_LARGEOBJECT: 'large_object',
  OBJECT_FOREIGN_TABLE: 'foreign_table',
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

function isAdminKind(kind: string): boolean {
  return ADMIN_KINDS.has(kind);
}

/** Notes a definition: class schema, or admin for what belongs to the server. */
export function define(around: Around, verb: string, object: { readonly kind: string; readonly schema?: string; readonly name: string }, granted: CommandClass = isAdminKind(object.kind) ? 'admin' : 'schema'): void {
  around.effects.add({ class: granted, verb, object }, 'transactional');
}

/** Kinds whose name is its last part behind the relation it belongs to. */
const ON_RELATION: ReadonlySet<string> = new Set(['rule', 'trigger', 'policy', 'constraint', 'column', 'default']);

/** Kinds whose names live in a schema. */
const IN_SCHEMA: ReadonlySet<string> = new Set([
  'table', 'view', 'materialized_view', 'foreign_table', 'sequence', 'index', 'function', 'procedure', 'routine', 'aggregate', 'type', 'domain',
  'operator', 'collation', 'conversion', 'statistics', 'text_search_configuration', 'text_search_dictionary', 'text_search_parser',
  'text_search_template', 'operator_class', 'operator_family',
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
  // The access method comes before the name.
  const { schema, name } = qualified(kind === 'operator_class' || kind === 'operator_family' ? nodes.slice(1) : nodes);
  return inSchema(around, kind, schema, name);
}

/** The relation that something belongs to which DROP and COMMENT name by it: a trigger, rule, policy, constraint or column. Undefined for anything else. */
export function ownerOf(kind: string, node: unknown): { readonly range: Ast; readonly part: string } | undefined {
  const parts = list(open(node)[1], 'items');
  const [table, part] = strings(parts.slice(-2));
  // The constraint of a domain has a type in front.
  if (!ON_RELATION.has(kind) || table === undefined || part === undefined) return undefined;
  const schema = strings(parts).at(-3);
  return { range: { relname: table, ...(schema === undefined ? {} : { schemaname: schema }) }, part };
}

/** The object that a CREATE makes: without a schema it goes where the session makes things. */
export function newObject(around: Around, kind: string, nodes: readonly Ast[]): ObjectRef {
  const { schema = IN_SCHEMA.has(kind) ? around.names.creation(false) : undefined, name } = qualified(nodes);
  return schema === undefined ? { kind, name } : { kind, schema, name };
}

/** Kinds that a name alone is looked up for among functions. */
const CALLABLE: ReadonlySet<string> = new Set(['function', 'procedure', 'routine', 'aggregate']);

function inSchema(around: Around, kind: string, schema: string | undefined, name: string): ObjectRef {
  if (schema !== undefined) return { kind, schema, name };
  if (!IN_SCHEMA.has(kind)) return { kind, name };
  if (CALLABLE.has(kind)) {
    const { known, unsure } = around.names.functions(undefined, name);
    const schemas = new Set(known.map((each) => each.schema));
    return schemas.size === 1 && !unsure ? { kind, schema: [...schemas][0]!, name } : { kind, name };
  }
  const known = around.names.relation(undefined, name);
  return known ? { kind, schema: known.schema, name } : { kind, name };
}
