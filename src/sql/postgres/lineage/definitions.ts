import type { Relation } from '../../catalog.ts';
import type { ColumnRef, UseRole } from '../../facts.ts';
import { allLiterals, consume, everything } from './analysis.ts';
import type { Analysis } from './analysis.ts';
import { embedded, list, open, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { evaluate, predicate } from './expressions.ts';
import { columnsBehind, deriving, scopeOf } from './derived.ts';
import { clean, NotUnderstood } from './findings.ts';
import { functionBody } from './bodies.ts';
import { part } from './scope.ts';
import type { Scope } from './scope.ts';
import { alterTable, constraint, createTable } from './tables.ts';
import { viewColumns } from './views.ts';
import { relationOf } from './writes.ts';

const empty: Scope = { parts: [], ctes: new Map() };

function touch(analysis: Analysis, columns: readonly ColumnRef[], role: UseRole): void {
  analysis.found.use(columns, role);
}

/** Statements that define, alter or rename things. Throws NotUnderstood for what it does not know. */
export function define(analysis: Analysis, kind: string, fields: Ast, statement: (node: unknown) => void): void {
  switch (kind) {
    case 'ViewStmt':
      if (fields['replace'] === true) replaced(analysis, embedded(fields, 'view') ?? {});
      consume(analysis, everything(analysis.query(fields['query'] as Ast, empty)), 'derive');
      return;
    case 'CreateStmt':
      createTable(analysis, fields);
      return;
    case 'CreateForeignTableStmt':
      analysis.found.secret(allLiterals(analysis));
      // Any table of its server, under any name: one that is protected here, or another foreign table's.
      throw new NotUnderstood('a foreign table, which can show whatever its server has');
    case 'AlterTableStmt':
      if (text(fields, 'objtype') === 'OBJECT_FOREIGN_TABLE') analysis.found.secret(allLiterals(analysis));
      alterTable(analysis, fields);
      return;
    case 'ClusterStmt':
    case 'RepackStmt':
      cluster(analysis, embedded(fields, 'relation'));
      return;
    case 'IndexStmt':
      index(analysis, fields);
      return;
    case 'CreateStatsStmt':
      statistics(analysis, fields);
      return;
    case 'CreateFunctionStmt':
      functionBody(analysis, fields);
      return;
    case 'CreateTrigStmt': {
      // The trigger's function gets whole rows, and what it does with them is not in this statement.
      const relation = relationOf(analysis, embedded(fields, 'relation'));
      for (const { value } of columnsBehind(analysis, relation)) touch(analysis, value.sources, 'derive');
      predicate(analysis, scopeOf(analysis, relation, 'old', 'new'), fields['whenClause']);
      return;
    }
    case 'CreatePolicyStmt':
    case 'AlterPolicyStmt': {
      const relation = relationOf(analysis, embedded(fields, 'table'));
      deriving(analysis, (inside) => {
        predicate(inside, scopeOf(inside, relation), fields['qual']);
        predicate(inside, scopeOf(inside, relation), fields['with_check']);
      });
      return;
    }
    case 'RuleStmt':
      rule(analysis, fields);
      return;
    case 'RenameStmt':
      rename(analysis, fields);
      return;
    case 'AlterObjectSchemaStmt':
      if (tableLike.has(text(fields, 'objectType') ?? '')) touch(analysis, analysis.index.own(relationOf(analysis, embedded(fields, 'relation'))), 'derive');
      return;
    case 'CreateSchemaStmt':
      for (const element of list(fields, 'schemaElts')) statement(element);
      return;
    case 'CreateDomainStmt':
      for (const node of list(fields, 'constraints')) constraint(analysis, anything, undefined, open(node)[1]);
      return;
    case 'DefineStmt':
      if (text(fields, 'kind') === 'OBJECT_COLLATION') return;
      throw new NotUnderstood('a definition of code');
    default:
      throw new NotUnderstood('a statement of a kind that is not known');
  }
}

/** Relations that a name can mean, for what looks it up in another way than queries do. */
function called(analysis: Analysis, range: Ast): readonly Relation[] {
  const schema = text(range, 'schemaname');
  return analysis.index.catalog.relations.filter((each) => each.name === text(range, 'relname') && (schema === undefined || schema === 'pg_temp' || each.schema === schema) && !indexes.has(each.kind));
}

const indexes: ReadonlySet<string> = new Set(['i', 'I']);

/**
 * What a materialized view holds came of its definition as it was when it was filled. It is followed through the views that it stands on: when one of them says something
 * else, nothing tells any more where the values are from.
 */
function replaced(analysis: Analysis, range: Ast): void {
  if (!analysis.index.catalog.relations.some(({ kind }) => kind === 'm')) return;
  for (const view of called(analysis, range)) if (view.kind === 'v') consume(analysis, viewColumns(analysis, view).map(({ value }) => value), 'derive');
}

/** A scope in which any name is a new thing's own, and comes from no column. */
const anything: Scope = { parts: [part({ alias: '', columns: [], rest: clean, relation: false })], ctes: new Map() };

const tableLike: ReadonlySet<string> = new Set(['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_FOREIGN_TABLE']);

/** Rows come in the order of an index from here on, and which columns that has is in no snapshot: it may be any. */
function cluster(analysis: Analysis, range: Ast | undefined): void {
  const relations = range === undefined ? analysis.index.catalog.relations.filter(({ kind }) => clustered.has(kind)) : [relationOf(analysis, range)];
  for (const relation of relations) for (const { value } of columnsBehind(analysis, relation)) touch(analysis, value.sources, 'order');
}

const clustered: ReadonlySet<string> = new Set(['r', 'p', 'm']);

function index(analysis: Analysis, fields: Ast): void {
  const relation = relationOf(analysis, embedded(fields, 'relation'));
  const scope = scopeOf(analysis, relation);
  // An entry that is too large is an error, and the client may choose how large the rest of it is.
  for (const node of list(fields, 'indexIncludingParams')) consume(analysis, [evaluate(analysis, scope, named(text(open(node)[1], 'name') ?? ''))], 'derive');
  for (const node of list(fields, 'indexParams')) {
    const [, element] = open(node);
    if (element['expr'] !== undefined) deriving(analysis, (inside) => void consume(inside, [evaluate(inside, scope, element['expr'])], 'derive'));
    // Building a unique index tells whether two rows hold the same value.
    else if (fields['unique'] === true || list(fields, 'excludeOpNames').length > 0) predicate(analysis, scope, named(text(element, 'name') ?? ''));
  }
  // A scan of the index alone gives the rows in its order.
  for (const node of list(fields, 'indexParams')) {
    const name = text(open(node)[1], 'name');
    if (name !== undefined) consume(analysis, [evaluate(analysis, scope, named(name))], 'order');
  }
  if (fields['whereClause'] !== undefined) deriving(analysis, (inside) => predicate(inside, scope, fields['whereClause']));
}

function named(column: string): unknown {
  return { ColumnRef: { fields: [{ String: { sval: column } }] } };
}

function statistics(analysis: Analysis, fields: Ast): void {
  for (const node of list(fields, 'relations')) {
    const [kind, range] = open(node);
    if (kind !== 'RangeVar') throw new NotUnderstood('statistics over something that is not a table');
    const scope = scopeOf(analysis, relationOf(analysis, range));
    for (const each of list(fields, 'exprs')) {
      const [, element] = open(each);
      const name = text(element, 'name');
      deriving(analysis, (inside) => void consume(inside, [evaluate(inside, scope, name === undefined ? element['expr'] : named(name))], 'derive'));
    }
  }
}

function rule(analysis: Analysis, fields: Ast): void {
  const relation = relationOf(analysis, embedded(fields, 'relation'));
  const scope = scopeOf(analysis, relation, 'old', 'new');
  deriving(analysis, (inside) => {
    predicate(inside, scope, fields['whereClause']);
    for (const action of list(fields, 'actions')) {
      if (open(action)[0] === 'NotifyStmt') continue;
      consume(inside, everything(inside.query(action, scope)), 'derive');
    }
  });
}

/** Renames take a column out from under the name that protects it; what was protected before stays so by OID and number. */
function rename(analysis: Analysis, fields: Ast): void {
  const type = text(fields, 'renameType') ?? '';
  if (type === 'OBJECT_COLUMN') {
    const relation = relationOf(analysis, embedded(fields, 'relation'));
    touch(analysis, analysis.index.own(relation).filter((column) => column.column === text(fields, 'subname')), 'derive');
  } else if (tableLike.has(type)) {
    touch(analysis, analysis.index.own(relationOf(analysis, embedded(fields, 'relation'))), 'derive');
  } else if (type === 'OBJECT_INDEX') {
    // ALTER INDEX renames tables and views as well.
    for (const relation of called(analysis, embedded(fields, 'relation') ?? {})) touch(analysis, analysis.index.own(relation), 'derive');
  } else if (type === 'OBJECT_ATTRIBUTE') {
    // With CASCADE it is renamed in the tables that are made of the type, which no snapshot names.
    if (text(fields, 'behavior') !== 'DROP_CASCADE') return;
    for (const relation of analysis.index.catalog.relations) touch(analysis, analysis.index.own(relation).filter((column) => column.column === text(fields, 'subname')), 'derive');
  } else if (type === 'OBJECT_SCHEMA') {
    for (const relation of analysis.index.inSchema(text(fields, 'subname') ?? '')) touch(analysis, analysis.index.own(relation), 'derive');
  } else if (type === 'OBJECT_DATABASE') {
    throw new NotUnderstood('a renamed database');
  }
}
