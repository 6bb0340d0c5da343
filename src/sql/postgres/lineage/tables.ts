import type { Relation } from '../../catalog.ts';
import type { ColumnRef } from '../../facts.ts';
import { consume, literalFrom } from './analysis.ts';
import type { Analysis } from './analysis.ts';
import { embedded, list, offset, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { columnsBehind, deriving, scopeOf } from './derived.ts';
import { evaluate, predicate } from './expressions.ts';
import { NotUnderstood } from './findings.ts';
import type { Value } from './findings.ts';
import { part } from './scope.ts';
import type { Named, Scope } from './scope.ts';
import { relationOf } from './writes.ts';

const tableLike: ReadonlySet<string> = new Set(['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_FOREIGN_TABLE']);

/** CREATE TABLE: no data yet, but expressions over its own and its parents' columns, and references to other tables. */
export function createTable(analysis: Analysis, fields: Ast): void {
  const range = embedded(fields, 'relation') ?? {};
  const schema = text(range, 'schemaname') ?? creationSchema(analysis.names.searchPath);
  const table = text(range, 'relname') ?? '';
  const parentRelations = list(fields, 'inhRelations').map((node) => relationOf(analysis, open(node)[1]));
  const parents = parentRelations.flatMap((parent) => analysis.index.columns(parent));
  // The rows of the default partition are held against the bounds, by columns that no snapshot names.
  if (fields['partbound'] !== undefined) for (const parent of parentRelations) {
    analysis.found.use(analysis.index.own(parent), 'predicate');
    bounds(analysis, parent, fields['partbound']);
  }
  const columns: Named[] = [...parents];
  const constraints: (readonly [fields: Ast, of?: readonly ColumnRef[]])[] = [];
  for (const node of [...list(fields, 'tableElts'), ...list(fields, 'constraints')]) {
    const [kind, element] = open(node);
    if (kind === 'ColumnDef') {
      const name = text(element, 'colname') ?? '';
      const made: ColumnRef = { relation: 0, number: 0, schema, table, column: name };
      columns.push({ name, value: { sources: [made], direct: true, total: true, atoms: [] } });
      const merged = parents.filter((parent) => parent.name === name).flatMap(({ value }) => value.sources);
      for (const each of list(element, 'constraints')) constraints.push([open(each)[1], [made, ...merged]]);
    } else if (kind === 'Constraint') {
      constraints.push([element]);
    } else if (kind === 'TableLikeClause') {
      // The structure only; the new columns have the names of the old ones.
      for (const column of analysis.index.own(relationOf(analysis, embedded(element, 'relation')))) {
        columns.push({ name: column.column, value: { sources: [{ relation: 0, number: 0, schema, table, column: column.column }], direct: true, total: true, atoms: [] } });
      }
    } else {
      throw new NotUnderstood('a table element of a kind that is not known');
    }
  }
  const scope: Scope = { parts: [part({ alias: table, columns, relation: true })], ctes: new Map() };
  for (const [each, of] of constraints) constraint(analysis, scope, undefined, each, of);
  for (const node of list(embedded(fields, 'partspec') ?? {}, 'partParams')) {
    const [, element] = open(node);
    if (element['expr'] !== undefined) deriving(analysis, (inside) => void consume(inside, [evaluate(inside, scope, element['expr'])], 'derive'));
  }
}

/** The bounds of a partition are values of its parent's key, and which columns are in that no snapshot says. */
function bounds(analysis: Analysis, parent: Relation, node: unknown): void {
  const { found } = analysis;
  found.meet(constants(node).flatMap((constant) => literalFrom(analysis, offset(constant))), analysis.index.own(parent), 'compared');
}

/** The constants in a tree. */
function constants(node: unknown): readonly Ast[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([field, value]) => (field === 'A_Const' ? [value as Ast] : constants(value)));
}

/** Where a table goes that is named without a schema. The path is the effective one: what PostgreSQL looks through first by itself makes no tables. */
function creationSchema(searchPath: readonly string[]): string {
  return searchPath.find((schema) => schema !== 'pg_catalog' && !schema.startsWith('pg_temp_')) ?? '';
}

/** What a default gives is written to its column, as a literal in an INSERT is. */
function given(analysis: Analysis, scope: Scope, of: readonly ColumnRef[], expression: unknown): void {
  deriving(analysis, (inside) => {
    const value = evaluate(inside, scope, expression);
    consume(inside, [value], 'derive');
    if (value.atoms.length > 0) inside.found.meet(value.atoms, of, 'written');
  });
}

/** A column with those behind it: the default of a view's column is stored there, and that of a child's is seen through its parents. */
function columnAndBehind(analysis: Analysis, relation: Relation, name: string): readonly ColumnRef[] {
  return columnsBehind(analysis, relation).find((each) => each.name === name)?.value.sources ?? [];
}

/**
 * A constraint or default. `of` are the columns that a default is for. `existing` is the column or table that holds data already: checking it there tells something
 * about the values.
 */
export function constraint(analysis: Analysis, scope: Scope, existing: { readonly column?: string } | undefined, fields: Ast, of: readonly ColumnRef[] = []): void {
  const type = text(fields, 'contype') ?? '';
  const keys = [...strings(list(fields, 'keys')), ...strings(list(fields, 'fk_attrs'))];
  switch (type) {
    case 'CONSTR_DEFAULT':
    case 'CONSTR_GENERATED':
      given(analysis, scope, of, fields['raw_expr']);
      return;
    case 'CONSTR_CHECK':
      deriving(analysis, (inside) => predicate(inside, scope, fields['raw_expr']));
      return;
    case 'CONSTR_UNIQUE':
    case 'CONSTR_PRIMARY':
    case 'CONSTR_NOTNULL':
      if (existing !== undefined) for (const key of keys.length > 0 ? keys : column(existing)) predicate(analysis, scope, named(key));
      // Of an index that is there already no snapshot says which columns it has. They may not be NULL in a primary key.
      if (type === 'CONSTR_PRIMARY' && text(fields, 'indexname') !== undefined) for (const { columns } of scope.parts) for (const { value } of columns) analysis.found.use(value.sources, 'predicate');
      return;
    case 'CONSTR_EXCLUSION':
      for (const node of list(fields, 'exclusions')) {
        const [, element] = open(list({ node }, 'node')[0]);
        const name = text(element, 'name');
        deriving(analysis, (inside) => predicate(inside, scope, name === undefined ? element['expr'] : named(name)));
      }
      if (fields['where_clause'] !== undefined) deriving(analysis, (inside) => predicate(inside, scope, fields['where_clause']));
      return;
    case 'CONSTR_FOREIGN':
      if (existing !== undefined) for (const key of keys.length > 0 ? keys : column(existing)) predicate(analysis, scope, named(key));
      referenced(analysis, fields);
      return;
    case 'CONSTR_NULL':
    case 'CONSTR_IDENTITY':
    case 'CONSTR_ATTR_DEFERRABLE':
    case 'CONSTR_ATTR_NOT_DEFERRABLE':
    case 'CONSTR_ATTR_DEFERRED':
    case 'CONSTR_ATTR_IMMEDIATE':
    case 'CONSTR_ATTR_ENFORCED':
    case 'CONSTR_ATTR_NOT_ENFORCED':
      return;
    default:
      throw new NotUnderstood('a constraint of a kind that is not known');
  }
}

function column(existing: { readonly column?: string }): readonly string[] {
  return existing.column === undefined ? [] : [existing.column];
}

function named(name: string): unknown {
  return { ColumnRef: { fields: [{ String: { sval: name } }] } };
}

/** A foreign key lets whoever can insert ask whether a value exists in the columns that it points to. */
function referenced(analysis: Analysis, fields: Ast): void {
  const relation = relationOf(analysis, embedded(fields, 'pktable'));
  const names = strings(list(fields, 'pk_attrs'));
  // Without names it is the primary key, which is one or several of the columns that cannot be NULL.
  const notNull = new Set(relation.columns.filter((each) => each.notNull).map((each) => each.number));
  analysis.found.use(analysis.index.own(relation).filter((each) => (names.length > 0 ? names.includes(each.column) : notNull.has(each.number))), 'predicate');
}

/** ALTER TABLE commands that read no value and move none. */
const harmless: ReadonlySet<string> = new Set([
  'AT_DropNotNull', 'AT_SetStatistics', 'AT_SetOptions', 'AT_ResetOptions', 'AT_SetStorage', 'AT_SetCompression', 'AT_DropColumn', 'AT_DropConstraint',
  'AT_AlterConstraint', 'AT_ChangeOwner', 'AT_DropCluster', 'AT_SetLogged', 'AT_SetUnLogged', 'AT_SetAccessMethod', 'AT_SetTableSpace',
  'AT_SetRelOptions', 'AT_ResetRelOptions', 'AT_EnableTrig', 'AT_EnableAlwaysTrig', 'AT_EnableReplicaTrig', 'AT_DisableTrig', 'AT_EnableTrigAll',
  'AT_DisableTrigAll', 'AT_EnableTrigUser', 'AT_DisableTrigUser', 'AT_EnableRule', 'AT_EnableAlwaysRule', 'AT_EnableReplicaRule', 'AT_DisableRule',
  'AT_ReplicaIdentity', 'AT_EnableRowSecurity', 'AT_DisableRowSecurity', 'AT_ForceRowSecurity', 'AT_NoForceRowSecurity', 'AT_AddIdentity', 'AT_SetIdentity',
  'AT_DropIdentity',
]);

export function alterTable(analysis: Analysis, fields: Ast): void {
  const type = text(fields, 'objtype') ?? '';
  // The rows of tables that are made of a type are converted with it, and an error tells of their values.
  if (type === 'OBJECT_TYPE' && list(fields, 'cmds').some((node) => text(open(node)[1], 'subtype') === 'AT_AlterColumnType')) {
    throw new NotUnderstood('a type whose tables are converted with it');
  }
  // Indexes and sequences hold no column of a user's; types have no rows.
  if (!tableLike.has(type)) return;
  const relation = relationOf(analysis, embedded(fields, 'relation'));
  for (const node of list(fields, 'cmds')) alter(analysis, relation, open(node)[1]);
}

function alter(analysis: Analysis, relation: Relation, fields: Ast): void {
  const type = text(fields, 'subtype') ?? '';
  if (harmless.has(type)) return;
  const scope = scopeOf(analysis, relation);
  const name = text(fields, 'name') ?? '';
  const [, definition] = open(fields['def']);
  switch (type) {
    case 'AT_AddColumn': {
      const made: ColumnRef = { relation: 0, number: 0, schema: relation.schema, table: relation.name, column: text(definition, 'colname') ?? '' };
      // A child's own column of that name shows through its parent from then on, also to whom waits for the table and was judged without it.
      for (const each of analysis.index.descendants(relation)) analysis.found.use(analysis.index.own(each).filter((own) => own.column === made.column), 'derive');
      for (const each of list(definition, 'constraints')) constraint(analysis, withColumn(analysis, relation, scope, made), undefined, open(each)[1], [made]);
      return;
    }
    case 'AT_ColumnDefault':
    case 'AT_SetExpression':
    case 'AT_DropExpression':
      if (fields['def'] !== undefined) given(analysis, scope, columnAndBehind(analysis, relation, name), fields['def']);
      return;
    case 'AT_SetNotNull':
      predicate(analysis, scope, named(name));
      return;
    case 'AT_AlterColumnType':
      // The old values are converted, and an error names the one that cannot be.
      predicate(analysis, scope, named(name));
      if (definition['raw_default'] !== undefined) given(analysis, scope, columnAndBehind(analysis, relation, name), definition['raw_default']);
      return;
    case 'AT_AddConstraint':
      constraint(analysis, scope, {}, definition);
      return;
    case 'AT_ValidateConstraint':
      analysis.found.use(analysis.index.own(relation), 'predicate');
      return;
    case 'AT_ClusterOn':
      for (const { value } of columnsBehind(analysis, relation)) analysis.found.use(value.sources, 'order');
      return;
    case 'AT_AttachPartition':
    case 'AT_DetachPartition':
    case 'AT_DetachPartitionFinalize':
    case 'AT_AddInherit':
    case 'AT_DropInherit': {
      // A child is protected as its parent is, so that leaving it would take the protection away.
      const other = embedded(definition, 'name') ?? definition;
      if (text(other, 'relname') !== undefined) analysis.found.use(analysis.index.own(relationOf(analysis, other)), 'derive');
      analysis.found.use(analysis.index.own(relation), 'derive');
      bounds(analysis, relation, definition['bound']);
      return;
    }
    default:
      throw new NotUnderstood('an ALTER TABLE of a kind that is not known');
  }
}

/** The scope with one more column, that has a name but no number yet. */
function withColumn(analysis: Analysis, relation: Relation, scope: Scope, made: ColumnRef): Scope {
  const value: Value = { sources: [made], direct: true, total: true, atoms: [] };
  const columns = [...analysis.index.columns(relation), { name: made.column, value }];
  return { ...scope, parts: [part({ alias: relation.name, schema: relation.schema, columns, relation: true })] };
}
