import type { Effect } from '../model/command.ts';
import { COVERS, NONE, TOUCHES, type Level } from './level.ts';
import { parseNamePattern, type NamePart } from './names.ts';
import type { Reach } from './objects.ts';

/** How PostgreSQL spells types that people write otherwise. */
const spellings: Readonly<Record<string, string>> = {
  int: 'integer', int4: 'integer', int2: 'smallint', int8: 'bigint', bool: 'boolean', float8: 'double precision', float4: 'real',
  decimal: 'numeric', varchar: 'character varying', char: 'character', bpchar: 'character', timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone', timetz: 'time with time zone', time: 'time without time zone', varbit: 'bit varying',
};

interface Called {
  /** Parts of the name as far as known: `schema`, `name`. */
  readonly parts: readonly string[];
  /** Normalised argument types; absent when not known. */
  readonly args: string | undefined;
  /** The text cannot be taken apart surely: a name with dots, quotes or parentheses in it. */
  readonly ambiguous: boolean;
}

/**
 * Compiles one entry of `match.functions`: a pattern on `name` or `schema.name`, or one exact signature `schema.name(types)`.
 * Other overloads of an exact signature are touched, not covered: types have many spellings, and a deny must not miss one.
 * Answers an error in words when the entry cannot be read.
 */
export function compileFunction(entry: string): Reach | string {
  const open = entry.indexOf('(');
  if (open >= 0 && !entry.endsWith(')')) return 'has no closing parenthesis';
  const parts = parseNamePattern(open < 0 ? entry : entry.slice(0, open));
  if (typeof parts === 'string') return parts;
  if (parts.length > 2) return 'has more than two parts; functions are written name or schema.name, with or without (types)';
  const name = parts[parts.length - 1] as NamePart;
  const schema = parts.length === 2 ? (parts[0] as NamePart) : undefined;
  const args = open < 0 ? undefined : normaliseTypes(entry.slice(open + 1, -1));
  return (effect) => {
    if (effect.function === undefined) return effect.class === 'unknown' ? unknownCall(effect) : NONE;
    const called = parseCalled(effect.function);
    const level = reachCalled(called, schema, name);
    if (level === NONE || args === undefined) return level;
    return called.args === args ? level : TOUCHES;
  };
}

/** What is not understood may call anything, unless it says what it touches instead. */
const unknownCall = (effect: Effect): Level => (effect.object === undefined ? TOUCHES : NONE);

function reachCalled(called: Called, schema: NamePart | undefined, name: NamePart): Level {
  if (called.ambiguous) {
    // Enough to refuse, never to grant.
    return called.parts.some((_, at) => name.test(called.parts.slice(at).join('.'))) ? TOUCHES : NONE;
  }
  const [first = '', second] = called.parts;
  if (second === undefined) return name.test(first) ? (schema === undefined || schema.any ? COVERS : TOUCHES) : NONE;
  return name.test(second) && (schema === undefined || schema.test(first)) ? COVERS : NONE;
}

function parseCalled(text: string): Called {
  const open = text.indexOf('(');
  const parts = (open < 0 ? text : text.slice(0, open)).split('.');
  const args = open < 0 ? undefined : normaliseTypes(text.slice(open + 1, text.endsWith(')') ? -1 : undefined));
  return { parts, args, ambiguous: parts.length > 2 || text.includes('"') || text.indexOf('(') !== text.lastIndexOf('(') };
}

function normaliseTypes(list: string): string {
  return list
    .split(',')
    .map((type) => type.trim().replace(/\s+/g, ' ').toLowerCase())
    .map((type) => (Object.hasOwn(spellings, type) ? (spellings[type] ?? type) : type))
    .join(',');
}
