import type { RuleConfig } from '../config/resolved.ts';
import type { CommandClass, Effect } from '../model/command.ts';
import { compileColumns } from './columns.ts';
import { compileFunction } from './functions.ts';
import { COVERS, NONE, stronger, TOUCHES, weaker, type Level } from './level.ts';
import { compileObject, type Reach } from './objects.ts';
import { compileRequest } from './requests.ts';

/** One key of `match`, compiled. */
export interface MatchKey {
  readonly key: 'verbs' | 'objects' | 'columns' | 'functions' | 'classes' | 'request';
  readonly entries: readonly string[];
  readonly reach: Reach;
}

/** What a rule matches, without its condition: decided for one effect at a time. */
export interface CompiledMatch {
  /** Every key must match; within a list, one entry is enough. */
  readonly keys: readonly MatchKey[];
  /** Matches only commands that change more rows than this. */
  readonly rows: number | undefined;
  readonly reach: Reach;
  /** It looks into the body of a request. */
  readonly readsBody: boolean;
  /** What the rule says is too little to grant this effect, in words; undefined when it may grant. */
  mayNotGrant(effect: Effect): string | undefined;
}

const classes: ReadonlySet<string> = new Set<CommandClass>(['read', 'write', 'schema', 'session', 'unknown', 'admin']);

/** Compiles `match`. Calls `problem` for each entry that cannot be read; such an entry matches nothing. */
export function compileMatch(match: RuleConfig['match'], problem: (message: string) => void): CompiledMatch {
  const keys: MatchKey[] = [];
  if (match.verbs !== undefined) keys.push({ key: 'verbs', entries: match.verbs, reach: compileVerbs(match.verbs) });
  if (match.classes !== undefined) {
    for (const word of match.classes) if (!classes.has(word)) problem(`match.classes: ${JSON.stringify(word)} is not a class; classes are ${[...classes].join(', ')}`);
    keys.push({ key: 'classes', entries: match.classes, reach: compileClasses(new Set(match.classes)) });
  }
  if (match.objects !== undefined) keys.push({ key: 'objects', entries: match.objects, reach: compileList('objects', match.objects, compileObject, problem) });
  if (match.functions !== undefined) keys.push({ key: 'functions', entries: match.functions, reach: compileList('functions', match.functions, compileFunction, problem) });
  if (match.columns !== undefined) {
    const reach = compileColumns(match.columns);
    if (typeof reach === 'function') keys.push({ key: 'columns', entries: match.columns, reach });
    else problem(`match.columns: ${JSON.stringify(reach.entry)} ${reach.error}`);
  }
  if (match.request !== undefined) keys.push({ key: 'request', entries: requestWords(match.request), reach: compileRequest(match.request, problem) });
  const mayNotGrant = compileGrantLimit(match);
  return {
    keys,
    rows: match.rows,
    mayNotGrant,
    readsBody: match.request?.fields !== undefined || match.request?.graphql !== undefined,
    reach: (effect) => {
      let level: Level = COVERS;
      for (const key of keys) {
        level = weaker(level, key.reach(effect));
        if (level === NONE) return NONE;
      }
      return level === COVERS && mayNotGrant(effect) !== undefined ? TOUCHES : level;
    },
  };
}

/**
 * What is not understood is granted only by a rule that says `classes: [unknown]`, and `admin` only by one that says more than
 * "anything": a rule about reads, or about everyone at night, must not hand out roles.
 */
function compileGrantLimit(match: RuleConfig['match']): CompiledMatch['mayNotGrant'] {
  const namesUnknown = match.classes?.includes('unknown') === true;
  const namesAdmin =
    match.classes?.includes('admin') === true ||
    match.objects !== undefined || match.functions !== undefined || match.columns !== undefined ||
    (match.verbs !== undefined && !match.verbs.includes('*'));
  return (effect) => {
    if (effect.class === 'unknown' && !namesUnknown) return 'what is not understood is granted only by a rule with classes: [unknown]';
    if (effect.class === 'admin' && !namesAdmin) return 'admin is granted only by a rule that names it by class, verb, object or function';
    return undefined;
  };
}

function compileVerbs(entries: readonly string[]): Reach {
  const verbs = new Set(entries.map((verb) => verb.toLowerCase()));
  if (verbs.has('*')) return () => COVERS;
  return (effect) => {
    if (verbs.has(effect.verb)) return COVERS;
    if (effect.verb === 'unknown') return TOUCHES;
    // A request goes by its method too, which says too little to hand out rights by.
    if (effect.request === undefined || !verbs.has(effect.request.method.toLowerCase())) return NONE;
    return effect.class === 'admin' ? TOUCHES : COVERS;
  };
}

/** The parts of `match.request`, for people. */
const requestWords = (request: NonNullable<RuleConfig['match']['request']>): readonly string[] =>
  Object.entries(request).map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(' ') : Object.entries(value as Readonly<Record<string, readonly string[]>>).map(([name, patterns]) => `${name}=${patterns.join('|')}`).join(' ')}`);

function compileClasses(named: ReadonlySet<string>): Reach {
  // An effect that was not understood could be of any class.
  return (effect) => (named.has(effect.class) ? COVERS : effect.class === 'unknown' ? TOUCHES : NONE);
}

function compileList(key: string, entries: readonly string[], compile: (entry: string) => Reach | string, problem: (message: string) => void): Reach {
  const reaches: Reach[] = [];
  for (const entry of entries) {
    const reach = compile(entry);
    if (typeof reach === 'string') problem(`match.${key}: ${JSON.stringify(entry)} ${reach}`);
    else reaches.push(reach);
  }
  return (effect) => {
    let level: Level = NONE;
    for (const reach of reaches) {
      level = stronger(level, reach(effect));
      if (level === COVERS) return COVERS;
    }
    return level;
  };
}
