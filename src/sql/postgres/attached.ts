import type { ObjectRef } from '../../model/command.ts';
import type { Around } from './around.ts';
import { embedded, list, open, qualified, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { call } from './calls.ts';
import { optionText, options } from './copying.ts';
import { Effects } from './effects.ts';
import { expression } from './expressions.ts';
import { query } from './query.ts';
import { NOT_IN_CATALOG } from './relations.ts';
import { readsWholeRows, trigger as triggerFunctions } from './reviewed.ts';
import { addItem, scopeIn } from './scope.ts';
import type { Scope } from './scope.ts';

/**
 * Code that a definition leaves behind, to run later: as a default, a check, a policy, a trigger, a function. It runs with what the
 * target's role may do, for whoever sets it off, and no rule of policy sees it then. So it is judged when it is attached: what is made of
 * vetted functions is known, and anything else is unknown.
 */

/** Notes what an expression that is stored will do, as something done now; only when it happens is different. */
export function deferred(around: Around, node: unknown, scope: Scope): void {
  if (node === undefined) return;
  const apart: Around = { ...around, effects: new Effects(), settings: [] };
  expression(apart, node, scope);
  around.effects.takeDeferred(apart.effects);
}

/** What the constraints of a column, a table or a domain compute: defaults, checks, generated columns, exclusions. */
export function constraint(around: Around, fields: Ast, scope: Scope): void {
  deferred(around, fields['raw_expr'], scope);
  deferred(around, fields['where_clause'], scope);
  for (const exclusion of list(fields, 'exclusions')) {
    const [element, operators] = list(open(exclusion)[1], 'items');
    deferred(around, open(element)[1]['expr'], scope);
    const named = strings(operators ? [operators] : []);
    // The operator compares rows from then on.
    if (named.length > 0) deferred(around, { A_Expr: { kind: 'AEXPR_OP', name: named.map((sval) => ({ String: { sval } })) } }, scope);
  }
}

/** Bounds of a partition: computed at once, with two words of their own. */
export function bounds(around: Around, node: unknown): void {
  const scope = scopeIn(undefined);
  addItem(scope, { name: undefined, columns: ['minvalue', 'maxvalue'], read: () => undefined });
  expression(around, node, scope);
}

/** How a table is divided: computed for each new row. */
export function partitioning(around: Around, fields: Ast, scope: Scope): void {
  for (const node of list(embedded(fields, 'partspec') ?? {}, 'partParams')) deferred(around, open(node)[1]['expr'], scope);
}

/**
 * A function that `object` will run, by name. One of pg_catalog that only computes is nothing; one that was vouched for is named, so
 * that rules about functions see it; any other makes the definition unknown.
 */
export function calls(around: Around, named: readonly Ast[], object: ObjectRef): void {
  if (named.length === 0) return;
  const { schema, name } = qualified(named);
  const isTrigger = object.kind === 'trigger' && triggerFunctions.has(name) && (schema === 'pg_catalog' || (schema === undefined && around.names.functions(undefined, name).known.length === 0 && !around.names.functions(undefined, name).unsure));
  if (isTrigger) return;
  const apart: Around = { ...around, effects: new Effects(), settings: [] };
  call(apart, { funcname: named }, scopeIn(undefined));
  for (const effect of apart.effects.list()) {
    const { function: signature, why = 'it runs a function of which not enough is known' } = effect;
    // What does not exist is named itself: a client is told that the function is missing, not the trigger that it is making.
    const of = why === NOT_IN_CATALOG ? (effect.object ?? object) : object;
    const about = signature === undefined ? { object: of } : { object: of, function: signature };
    if (effect.class === 'unknown') around.effects.add({ class: 'unknown', verb: 'create', ...about, why }, 'transactional');
    else if (effect.verb === 'call') around.effects.add({ class: 'schema', verb: 'create', ...about }, 'transactional');
    else around.effects.add(effect, 'transactional');
  }
}

/** Options of CREATE AGGREGATE, OPERATOR and TYPE that name a function. Estimators of operators are the server's own, or a superuser's. */
const FUNCTION_OPTIONS: ReadonlySet<string> = new Set(
  `sfunc sfunc1 finalfunc combinefunc serialfunc deserialfunc msfunc minvfunc mfinalfunc procedure function subtype_diff canonical
   input output receive send typmod_in typmod_out analyze subscript`
    .trim()
    .split(/\s+/),
);

export function optionCalls(around: Around, definition: readonly Ast[], object: ObjectRef): void {
  for (const node of definition) {
    const [, option] = open(node);
    if (!FUNCTION_OPTIONS.has(text(option, 'defname') ?? '')) continue;
    const [kind, value] = open(option['arg']);
    calls(around, kind === 'TypeName' ? list(value, 'names') : [option['arg'] as Ast], object);
  }
}

/** CREATE TRIGGER: its function runs with every write, and its condition before that. */
export function trigger(around: Around, fields: Ast, object: ObjectRef, table: ObjectRef, columns: readonly string[] | undefined): void {
  const named = list(fields, 'funcname');
  calls(around, named, object);
  const scope = scopeIn(undefined);
  for (const row of ['old', 'new']) addItem(scope, { name: row, columns, relation: true, read: () => undefined });
  deferred(around, fields['whenClause'], scope);
  // It puts what some columns hold in another.
  if (readsWholeRows.has(qualified(named).name)) around.effects.add({ class: 'read', verb: 'select', object: table }, 'read').columns.add('*');
}

/**
 * CREATE RULE: the actions run in the place of, or behind, statements that are not theirs. DO INSTEAD NOTHING with a plain
 * condition is all that is known of them; of any other, what it names is noted too, so that denies hold where `unknown` is granted.
 */
export function rule(around: Around, fields: Ast, object: ObjectRef, columns: readonly string[] | undefined): void {
  const scope = scopeIn(undefined);
  for (const row of ['old', 'new']) addItem(scope, { name: row, columns, relation: true, read: () => undefined });
  deferred(around, fields['whereClause'], scope);
  const actions = list(fields, 'actions');
  if (actions.length === 0) return;
  around.effects.add({ class: 'unknown', verb: 'create', object, why: 'a rule that runs statements of its own' }, 'transactional');
  const apart: Around = { ...around, effects: new Effects(), settings: [], names: around.names.fork() };
  for (const action of actions) if (open(action)[0] !== 'NotifyStmt') query(apart, action, scope);
  around.effects.takeSeen(apart.effects);
}

/**
 * CREATE FUNCTION and PROCEDURE: known when the body is SQL that only computes from its arguments. That a connection vouches for a
 * function says that it may run; who could replace its body would have it run anything.
 */
export function functionBody(around: Around, fields: Ast, object: ObjectRef): void {
  const parameters = list(fields, 'parameters');
  for (const node of parameters) deferred(around, open(node)[1]['defexpr'], scopeIn(undefined));
  const apart: Around = { ...around, effects: new Effects(), settings: [], literalAt: () => undefined };
  const why = replaces(around, fields) ? 'another body for a function that code elsewhere may call' : computes(apart, fields, parameters);
  if (why === undefined) return;
  around.effects.add({ class: 'unknown', verb: 'create', object, why }, 'transactional');
  // Names in it can come to mean something else, so that this proves nothing.
  around.effects.takeSeen(apart.effects);
}

function replaces(around: Around, fields: Ast): boolean {
  if (fields['replace'] !== true) return false;
  const { schema, name } = qualified(list(fields, 'funcname'));
  const { known, unsure } = around.names.functions(schema, name);
  return known.length > 0 || unsure;
}

/** Why a function's body is not one that only computes from its arguments; undefined when it is. */
function computes(apart: Around, fields: Ast, parameters: readonly Ast[]): string | undefined {
  const given = options(list(fields, 'options'));
  const language = given.get('language');
  const written = language === undefined ? 'sql' : optionText(apart, language)?.toLowerCase();
  if (written !== 'sql') return 'a function body that is not SQL';
  const scope = scopeIn(undefined);
  addItem(scope, { name: qualified(list(fields, 'funcname')).name, columns: parameters.flatMap((node) => text(open(node)[1], 'name') ?? []), read: () => undefined });
  const source = strings(list(given.get('as') ?? {}, 'arg'))[0];
  let bodies: readonly unknown[];
  try {
    bodies = 'sql_body' in fields ? [fields['sql_body']] : apart.parse(source ?? '');
  } catch {
    return 'a function body that does not parse';
  }
  if (!bodies.every((body) => run(apart, body, scope))) return 'a function body that is more than queries';
  const sure = apart.effects.list().every((effect) => effect.class === 'read' && effect.object === undefined && effect.function === undefined);
  return sure ? undefined : 'a function body that reaches beyond its arguments';
}

function run(apart: Around, node: unknown, scope: Scope): boolean {
  const [kind, fields] = open(node);
  switch (kind) {
    case 'List':
      return list(fields, 'items').every((each) => run(apart, each, scope));
    case 'ReturnStmt':
      expression(apart, fields['returnval'], scope);
      return true;
    case 'SelectStmt':
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt':
      query(apart, node, scope);
      return true;
    default:
      return false;
  }
}

/** ALTER FUNCTION ... SET or SECURITY: what its body means, or whose rights it has, is another from then on. */
export function alteredFunction(around: Around, fields: Ast, object: ObjectRef): void {
  const changes = list(fields, 'actions').some((node) => /^(?:set|security)$/.test(text(open(node)[1], 'defname') ?? ''));
  if (changes) renamedFunction(around, object);
}

/** A function under another name, or with other settings, can stand in for one that was vouched for or that other code calls. */
export function renamedFunction(around: Around, object: ObjectRef): void {
  around.effects.add({ class: 'unknown', verb: 'alter', object, why: 'code that runs elsewhere may come to be another' }, 'transactional');
}
