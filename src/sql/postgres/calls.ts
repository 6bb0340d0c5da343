import type { ObjectRef } from '../../model/command.ts';
import type { UserFunction } from '../catalog.ts';
import { constantText, isConstant } from './around.ts';
import type { Around } from './around.ts';
import { list, open, qualified, strings } from './ast.ts';
import type { Ast } from './ast.ts';
import { isSystemType } from './names.ts';
import { NOT_IN_CATALOG, objectOf } from './relations.ts';
import { informationSchemaFunctions, reviewed, vettedExtensions } from './reviewed.ts';
import type { Scope } from './scope.ts';
import { setConfig } from './session.ts';
import { otherFunctions, vettedFunctions } from './vetted.ts';

const NOT_VETTED = 'a function that is not on the vetted list';

/** Notes what calling a function can do. Its arguments are the caller's to look at. */
export function call(around: Around, fields: Ast, scope: Scope): void {
  const { schema, name } = qualified(list(fields, 'funcname'));
  const args = list(fields, 'args');
  if (schema === 'pg_catalog') builtIn(around, name, args, scope);
  else if (schema === 'information_schema' && informationSchemaFunctions.has(name)) return;
  else {
    const { known, unsure } = around.names.functions(schema, name);
    const isBuiltIn = schema === undefined && (vettedFunctions.has(name) || reviewed.has(name));
    if (isBuiltIn) builtIn(around, name, args, scope);
    // `jsonb(x)`: a conversion in the form of a call.
    if (!isBuiltIn && schema === undefined && known.length === 0 && !unsure && args.length === 1 && isSystemType(name)) return;
    if (!isBuiltIn || known.length > 0 || unsure) usersOwn(around, schema, name, args.length, known, unsure);
  }
}

/** `expression.name`: a column, or a call of the function of that name when there is no such column. Answers whether there is one. */
export function attribute(around: Around, name: string): boolean {
  const { known, unsure } = around.names.functions(undefined, name);
  const callable = known.filter((each) => argumentCount(each) > 0);
  if (callable.length > 0 || unsure) usersOwn(around, undefined, name, 1, callable, unsure);
  else if (reviewed.has(name) && !vettedFunctions.has(name)) builtIn(around, name, [], undefined);
  else return vettedFunctions.has(name);
  return true;
}

function functionObject(schema: string | undefined, name: string): ObjectRef {
  return schema === undefined ? { kind: 'function', name } : { kind: 'function', schema, name };
}

function usersOwn(around: Around, schema: string | undefined, name: string, given: number, known: readonly UserFunction[], unsure: boolean): void {
  const { effects } = around;
  if (unsure) {
    effects.unknown('call', 'a function made in the same message', functionObject(schema, name));
    return;
  }
  // Defaults can fill up, but nothing takes arguments away.
  const reachable = known.filter((each) => argumentCount(each) >= given || /variadic/i.test(each.arguments));
  if (reachable.length === 0) {
    const why = known.length > 0 ? 'no function of this name takes so many arguments' : schema === undefined && otherFunctions.has(name) ? NOT_VETTED : NOT_IN_CATALOG;
    effects.unknown('call', why, functionObject(schema, name));
    return;
  }
  for (const each of reachable) runs(around, each);
}

/** Notes that a function of a user's runs: known only when it is of a vetted extension or was vouched for. */
export function runs({ effects, granted }: Around, called: UserFunction): void {
  if (called.extension !== undefined && vettedExtensions.has(called.extension)) return;
  const signature = `${called.schema}.${called.name}(${called.arguments})`;
  const object = functionObject(called.schema, called.name);
  if (granted.has(called)) effects.add({ class: 'write', verb: 'call', object, function: signature }, 'immediate');
  else effects.add({ class: 'unknown', verb: 'call', object, function: signature, why: 'a function that nobody vouched for' }, 'immediate');
}

/** Arguments of a signature as the catalog prints it. */
function argumentCount(each: UserFunction): number {
  if (each.arguments === '') return 0;
  // Quoted type names may hold commas.
  return each.arguments.replace(/"(?:[^"]|"")*"/g, '').split(',').length;
}

function builtIn(around: Around, name: string, args: readonly Ast[], scope: Scope | undefined): void {
  const { effects } = around;
  const found = reviewed.get(name);
  if (found === undefined) {
    if (!vettedFunctions.has(name)) {
      effects.add({ class: 'unknown', verb: 'call', object: functionObject('pg_catalog', name), function: `pg_catalog.${name}`, why: NOT_VETTED }, 'immediate');
    } else if (name === 'current_setting' && constantText(around, args[0]) === undefined) {
      effects.add({ class: 'session', verb: 'show', object: functionObject('pg_catalog', name), function: `pg_catalog.${name}` }, 'read');
    }
    return;
  }
  if (name === 'set_config') {
    const named = isColumn(args[0], 'name') ? (scope?.settingName ?? args[0]) : args[0];
    setConfig(around, named, args);
    return;
  }
  // The form with three queries computes; the one with two runs the text of its second argument.
  if (name === 'ts_rewrite' && args.length === 3) return;
  const { class: granted, verb, timing, why } = found;
  // A payload that is computed carries data to other sessions.
  const carries = name === 'pg_notify' && !args.every(isConstant);
  const moves = name === 'nextval' || name === 'setval';
  const sequence = moves ? sequenceOf(around, args[0]) : undefined;
  effects.add(
    { class: carries ? 'session' : granted, verb, object: sequence ?? functionObject('pg_catalog', name), function: `pg_catalog.${name}`, ...(why === undefined ? {} : { why }) },
    timing,
  );
  // One that is computed, given by its number, or not in the catalog could be any.
  if (moves && sequence === undefined) effects.add({ class: granted, verb, object: { kind: 'sequence', name: '*' }, function: `pg_catalog.${name}` }, timing);
  // The text of a literal is no name: it could be any channel.
  if (name === 'pg_notify') effects.add({ class: carries ? 'session' : granted, verb, object: { kind: 'channel', name: '*' }, function: `pg_catalog.${name}` }, timing);
}

function isColumn(node: unknown, name: string): boolean {
  const [kind, fields] = open(node);
  return kind === 'ColumnRef' && strings(list(fields, 'fields')).join('.') === name;
}

/** The sequence that a literal names, as `regclass` reads it. */
function sequenceOf(around: Around, argument: unknown): ObjectRef | undefined {
  const written = constantText(around, argument);
  if (written === undefined) return undefined;
  const parts = [...written.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^\s".]+))\s*(?:\.|$)/gy)].map((match) => match[1]?.replaceAll('""', '"') ?? (match[2] ?? '').toLowerCase());
  const name = parts.at(-1);
  if (name === undefined) return undefined;
  const known = around.names.relation(parts.at(-2), name);
  // Only names that the catalog has: the text of a literal is no name.
  return known && objectOf(known);
}
