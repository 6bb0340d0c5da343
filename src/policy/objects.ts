import { isRequestKind } from '../apis/kinds.ts';
import type { Effect, ObjectRef } from '../model/command.ts';
import { insideSchemas, isKind, kindSynonyms, outsideSchemas, widerKinds } from '../sql/kinds.ts';
import { COVERS, NONE, TOUCHES, weaker, type Level } from './level.ts';
import { parseNamePattern, type NamePart } from './names.ts';
import { compileRequestObject } from './request-objects.ts';

/** Decides how far one entry of a list reaches an effect. */
export type Reach = (effect: Effect) => Level;

/** Kinds that a word in `objects` can name, in alphabetical order: for messages and the reference page. */
const knownKinds: readonly string[] = [...outsideSchemas, ...insideSchemas].toSorted();

const kindOf = (word: string): string | undefined =>
  isKind(word) ? word : Object.hasOwn(kindSynonyms, word) ? kindSynonyms[word] : undefined;

/**
 * Compiles one entry of `match.objects`. What statements and what requests name are different worlds: `policy` is a kind in one and can be a name
 * in the other. So an entry is read for both, and the effect says which counts. Answers an error in words when neither can read it.
 */
export function compileObject(entry: string): Reach | string {
  const ofStatements = compileStatementObject(entry);
  const ofRequests = compileRequestObject(entry);
  if (typeof ofStatements === 'string' && (typeof ofRequests === 'string' || !namesRequests(entry))) return ofStatements;
  return (effect) => {
    const reach = effect.request === undefined ? ofStatements : ofRequests;
    return typeof reach === 'string' ? NONE : reach(effect);
  };
}

/** Such an entry is about requests, whatever it says to a reader of statements: `object:reports/*.csv`, `reports/*`. */
const namesRequests = (entry: string): boolean => entry.includes('/') || isRequestKind(/^([a-z_]+):/.exec(entry)?.[1] ?? '');

/**
 * For what statements name: a kind word (`database`), `kind:pattern` (`table:billing.*`), or a pattern on `name` or
 * `schema.name`.
 */
function compileStatementObject(entry: string): Reach | string {
  const kind = kindOf(entry);
  if (kind !== undefined) return (effect) => reachKind(effect, kind);
  const prefixed = /^([a-z_]+):(.*)$/s.exec(entry);
  if (prefixed === null) return compileNamed(entry, undefined);
  const only = kindOf(prefixed[1] ?? '');
  if (only === undefined) return `names the unknown kind ${JSON.stringify(prefixed[1])}; known kinds are ${knownKinds.join(', ')}`;
  return compileNamed(prefixed[2] ?? '', only);
}

function compileNamed(pattern: string, kind: string | undefined): Reach | string {
  const parts = parseNamePattern(pattern);
  if (typeof parts === 'string') return parts;
  if (parts.length > 2) return 'has more than two parts; objects are written name or schema.name';
  const name = parts[parts.length - 1] as NamePart;
  const schema = parts.length === 2 ? (parts[0] as NamePart) : undefined;
  return (effect) => {
    const object = effect.object;
    if (object === undefined) return reachWithoutObject(effect);
    const level = kind === undefined ? reachName(object, schema, name) : weaker(sameKind(object, kind), reachName(object, schema, name));
    if (level !== NONE) return level;
    // What acts on a schema as a whole acts on what is in it.
    return kind === undefined || insideSchemas.has(kind) ? reachContents(effect, object, schema) : NONE;
  };
}

/** A kind that is not in our list could be any: it rules nothing out. */
function sameKind(object: ObjectRef, kind: string): Level {
  if (object.kind === kind || widerKinds.get(object.kind) === kind) return COVERS;
  // DROP ROUTINE takes functions and procedures, DROP TYPE also a domain.
  return isKind(object.kind) && widerKinds.get(kind) !== object.kind ? NONE : TOUCHES;
}

function reachKind(effect: Effect, kind: string): Level {
  const object = effect.object;
  if (object === undefined) return reachWithoutObject(effect);
  const same = sameKind(object, kind);
  if (same !== NONE) return same;
  return insideSchemas.has(kind) ? reachContents(effect, object, undefined) : NONE;
}

/**
 * An effect that names no object. What is not understood, or changes something that was not named, could reach any object; a
 * call is judged by its function; anything else (`select 1`, `set`) has none.
 */
export function reachWithoutObject(effect: Effect): Level {
  if (effect.class === 'unknown') return TOUCHES;
  return effect.function === undefined && (effect.class === 'write' || effect.class === 'schema' || effect.class === 'admin') ? TOUCHES : NONE;
}

/** How far a pattern reaches a named object. A schema that is not known satisfies no pattern but `*`, and rules out none. */
export function reachName(object: ObjectRef, schema: NamePart | undefined, name: NamePart): Level {
  const named: Level = object.name === '*' ? (name.any ? COVERS : TOUCHES) : name.test(object.name) ? COVERS : NONE;
  if (named === NONE || schema === undefined) return named;
  if (object.schema !== undefined) return schema.test(object.schema) ? named : NONE;
  if (outsideSchemas.has(object.kind)) return NONE;
  return schema.any ? named : TOUCHES;
}

/** Dropping or altering a schema touches everything in it: `drop schema billing cascade` is caught by a deny on `billing.invoices`. An empty one has nothing to touch. */
export function reachContents(effect: Effect, object: ObjectRef, schema: NamePart | undefined): Level {
  if (object.kind !== 'schema' || effect.alone === true || (effect.verb !== 'drop' && effect.verb !== 'alter')) return NONE;
  return schema === undefined || object.name === '*' || schema.test(object.name) ? TOUCHES : NONE;
}
