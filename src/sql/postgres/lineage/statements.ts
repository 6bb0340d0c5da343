import { allLiterals, consume, everything, measuresLog, workedOut } from './analysis.ts';
import type { Analysis } from './analysis.ts';
import { embedded, list, open, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { literalsOfCode } from './bodies.ts';
import { define } from './definitions.ts';
import { evaluateAll } from './expressions.ts';
import { clean, NotUnderstood } from './findings.ts';
import { nothingForgotten } from './looked-at.ts';
import { select } from './queries.ts';
import { deeper } from './scope.ts';
import type { Columns, Scope } from './scope.ts';
import { copy, insert, merge, remove, update } from './writes.ts';

const empty: Scope = { parts: [], ctes: new Map() };

/** The columns of anything that can stand in a WITH query or in parentheses. */
export function queryOf(analysis: Analysis, node: Ast, outer: Scope): Columns {
  const [kind, fields] = open(node);
  const scope = deeper(outer);
  switch (kind) {
    case 'SelectStmt':
      return select(analysis, fields, scope);
    case 'InsertStmt':
      return insert(analysis, fields, scope);
    case 'UpdateStmt':
      return update(analysis, fields, scope);
    case 'DeleteStmt':
      return remove(analysis, fields, scope);
    case 'MergeStmt':
      return merge(analysis, fields, scope);
    default:
      throw new NotUnderstood('a query of a kind that is not known');
  }
}

/** Statements that touch no column and make nothing from one. */
const untouching: ReadonlySet<string> = new Set([
  'TransactionStmt', 'VariableSetStmt', 'DiscardStmt', 'DeallocateStmt', 'ListenStmt', 'UnlistenStmt', 'NotifyStmt', 'LockStmt', 'TruncateStmt',
  'CheckPointStmt', 'VacuumStmt', 'ReindexStmt', 'ConstraintsSetStmt', 'ClosePortalStmt', 'FetchStmt', 'LoadStmt',
  'DropStmt', 'DropRoleStmt', 'DropdbStmt', 'DropTableSpaceStmt', 'DropOwnedStmt', 'ReassignOwnedStmt', 'DropSubscriptionStmt', 'DropUserMappingStmt',
  'GrantStmt', 'GrantRoleStmt', 'AlterDefaultPrivilegesStmt', 'CommentStmt', 'AlterOwnerStmt', 'AlterObjectDependsStmt',
  'RefreshMatViewStmt', 'CreateSeqStmt', 'AlterSeqStmt', 'CreateEnumStmt', 'AlterEnumStmt',
  'CompositeTypeStmt', 'CreateRangeStmt', 'AlterStatsStmt', 'AlterDatabaseStmt', 'CreateTableSpaceStmt', 'AlterTableSpaceOptionsStmt',
]);

/** Statements in which any literal may be a password or a connection string. */
const secretBearing: ReadonlySet<string> = new Set([
  'CreateRoleStmt', 'AlterRoleStmt', 'CreateForeignServerStmt', 'AlterForeignServerStmt', 'CreateUserMappingStmt', 'AlterUserMappingStmt',
  'CreateSubscriptionStmt', 'AlterSubscriptionStmt', 'CreateFdwStmt', 'AlterFdwStmt', 'ImportForeignSchemaStmt',
  'AlterSystemStmt', 'AlterRoleSetStmt', 'AlterDatabaseSetStmt',
]);

/** One statement. Its result columns, or undefined when it returns none. */
export function statement(analysis: Analysis, node: unknown): Columns | undefined {
  const result = followed(analysis, node);
  if (querying.has(open(node)[0])) nothingForgotten(analysis, node);
  return result;
}

/** Statements that are queries, or hold one. */
const querying: ReadonlySet<string> = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'CopyStmt', 'CreateTableAsStmt']);

function followed(analysis: Analysis, node: unknown): Columns | undefined {
  const [kind, fields] = open(node);
  if (untouching.has(kind)) return undefined;
  if (secretBearing.has(kind)) {
    analysis.found.secret(allLiterals(analysis));
    return undefined;
  }
  switch (kind) {
    case 'SelectStmt':
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt': {
      const result = queryOf(analysis, node as Ast, empty);
      const returns = kind === 'SelectStmt' ? !into(fields) : result.columns.length > 0 || result.rest !== undefined;
      return returns ? result : undefined;
    }
    case 'VariableShowStmt':
      return { columns: (text(fields, 'name') === 'all' ? ['name', 'setting', 'description'] : [text(fields, 'name') ?? '']).map((name) => ({ name, value: clean })) };
    case 'ExplainStmt':
      explained(analysis, fields, answerOf(analysis, fields['query']));
      return { columns: [{ name: 'QUERY PLAN', value: clean }] };
    case 'DeclareCursorStmt':
    case 'PrepareStmt':
      statement(analysis, fields['query']);
      return undefined;
    case 'ExecuteStmt':
      analysis.execute(evaluateAll(analysis, empty, list(fields, 'params')).map((value) => value.atoms));
      return undefined;
    case 'CallStmt':
      consume(analysis, evaluateAll(analysis, empty, [{ FuncCall: embedded(fields, 'funccall') ?? {} }]), 'expression');
      // Its OUT arguments come back as a row, of which nothing is known here but that no column of this statement is in it.
      return { columns: [], rest: clean };
    case 'DoStmt':
      literalsOfCode(analysis, fields);
      throw new NotUnderstood('a block of code');
    case 'AlterFunctionStmt':
      literalsOfCode(analysis, fields);
      return undefined;
    case 'CopyStmt':
      // The command line of a program.
      if (fields['is_program'] === true) analysis.found.secret(allLiterals(analysis));
      copy(analysis, fields);
      return undefined;
    case 'CreateTableAsStmt':
      if (open(fields['query'])[0] !== 'SelectStmt') throw new NotUnderstood('a table made from a prepared statement');
      consume(analysis, everything(queryOf(analysis, fields['query'] as Ast, empty)), 'derive');
      return undefined;
    default:
      define(analysis, kind, fields, (inside) => void statement(analysis, inside));
      return undefined;
  }
}

/** What would be answered: of DECLARE the rows of its query, which EXPLAIN runs in its place. */
function answerOf(analysis: Analysis, node: unknown): Columns | undefined {
  const [kind, fields] = open(node);
  return statement(analysis, kind === 'DeclareCursorStmt' ? fields['query'] : node);
}

/**
 * SERIALIZE tells how many bytes the answer would have, and so how long what is masked in it is. ANALYZE tells how much memory and disk was taken on the way,
 * which is how long values are; of what a function makes of them it would be more. WAL tells how much an update writes.
 */
function explained(analysis: Analysis, fields: Ast, answer: Columns | undefined): void {
  const given = list(fields, 'options').map((node) => open(node)[1]);
  if (given.some((option) => text(option, 'defname') === 'serialize') && answer !== undefined) consume(analysis, everything(answer), 'expression');
  if (given.some((option) => text(option, 'defname') === 'wal' && !isOff(option['arg']))) measuresLog(analysis);
  if (!given.some((option) => text(option, 'defname') === 'analyze' && !isOff(option['arg']))) return;
  analysis.found.measured = true;
  if (answer !== undefined) workedOut(analysis, answer);
}

/** As defGetBoolean in define.c reads what is off. */
function isOff(argument: unknown): boolean {
  const [kind, value] = open(argument);
  if (kind === 'Integer') return Number(value['ival'] ?? 0) === 0;
  return kind === 'Boolean' ? value['boolval'] !== true : /^(?:false|off)$/i.test(text(value, 'sval') ?? '');
}

function into(fields: Ast): boolean {
  for (let query: Ast | undefined = fields; query !== undefined; query = embedded(query, 'larg')) if (query['intoClause'] !== undefined) return true;
  return false;
}

