import { caseless } from '../apis/alike.ts';
import { isRequestKind } from '../apis/kinds.ts';
import type { Effect, ObjectRef } from '../model/command.ts';
import { MAX_PATTERN, compileGlob } from './glob.ts';
import { COVERS, NONE, TOUCHES, type Level } from './level.ts';

/** Kinds whose names are paths, which some servers read in any case. */
const anyCase: ReadonlySet<string> = new Set(['path', 'resource']);

/**
 * One entry of `match.objects` for what requests name: a kind (`bucket`), `kind:pattern`, or a pattern on the name. Names are `bucket/dir/file.txt`,
 * `project/topic`, a path: `*` in a pattern stands for anything, slashes too. Answers an error in words when it cannot be read.
 */
export function compileRequestObject(entry: string): ((effect: Effect) => Level) | string {
  if (isRequestKind(entry)) return (effect) => (effect.object === undefined ? withoutObject(effect) : effect.object.kind === entry ? COVERS : NONE);
  if (entry.length > MAX_PATTERN) return `is longer than ${MAX_PATTERN} characters`;
  const prefixed = /^([a-z_]+):(.*)$/s.exec(entry);
  const kind = prefixed?.[1];
  if (kind !== undefined && !isRequestKind(kind)) return `names the unknown kind ${JSON.stringify(kind)}`;
  const pattern = prefixed?.[2] ?? entry;
  if (pattern === '') return 'has an empty part';
  const matches = compileGlob(pattern);
  const folded = compileGlob(caseless(pattern));
  const before = pattern.split('*', 1)[0] ?? '';
  return (effect) => {
    const { object } = effect;
    if (object === undefined) return withoutObject(effect);
    if (kind !== undefined && object.kind !== kind) return emptied(effect, object, before);
    if (matches(object.name)) return COVERS;
    if (anyCase.has(object.kind) && folded(caseless(object.name))) return TOUCHES;
    // `bucket/*`: some of what is in it, not said which.
    if (object.name.endsWith('*') && couldMeet(object.name.slice(0, -1), before)) return TOUCHES;
    return kind === undefined ? emptied(effect, object, before) : NONE;
  };
}

/** What is not understood, or changes something that was not named, could reach any object. */
const withoutObject = (effect: Effect): Level => (effect.class === 'read' || effect.class === 'session' ? NONE : TOUCHES);

/** Deleting what holds other things deletes those: a bucket's objects, a container's blobs. */
const emptied = (effect: Effect, object: ObjectRef, before: string): Level => (effect.verb === 'delete' && couldMeet(object.name.endsWith('*') ? object.name.slice(0, -1) : `${object.name}/`, before) ? TOUCHES : NONE);

/** Whether something can begin with both. */
const couldMeet = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);
