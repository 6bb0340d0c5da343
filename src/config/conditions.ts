import { Environment, type ASTNode } from '@marcbachmann/cel-js';
import type { Checking } from './checks.ts';
import { didYouMean } from './suggest.ts';

/** Longest condition, in characters. */
const longest = 4096;
const limits = { maxAstNodes: 2000, maxDepth: 40, maxListElements: 500, maxMapEntries: 100, maxCallArguments: 8 };

/** What a rule's `when` can look at. */
const ruleVariables = ['identity', 'claims', 'connection', 'statement', 'session', 'now'] as const;
/** What an identity's `when` can look at. */
const identityVariables = ['claims'] as const;

/** What those variables have whose form is fixed, which policy compiles against. Claims and facts of a statement are open. */
export const conditionMembers: ReadonlyMap<string, readonly string[]> = new Map([
  ['identity', ['name', 'provider', 'subject', 'groups', 'owner', 'requester']],
  ['identity.owner', ['group', 'contact']],
  ['connection', ['name', 'protocol']],
  ['session', ['ageSeconds']],
]);

// What the variables hold is known where they are filled, which looks closer; here it is enough that they exist.
const environment = (variables: readonly string[]): Environment => variables.reduce((known, name) => known.registerVariable(name, 'dyn'), new Environment({ limits }));
const environments = { rule: environment(ruleVariables), identity: environment(identityVariables) };

/** Macros that walk a list; one inside another multiplies the work by the size of what a stranger sent. */
const walks = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** Functions whose result is not bounded by the size of what they are given. */
const unbounded = new Set(['bind', 'json', 'split']);

/** Every `when` parses, names only what there is, and can be both true and false. */
export function checkConditions({ source, places, problems, warnings }: Checking): void {
  const check = (holder: { readonly when?: string }, kind: 'rule' | 'identity'): void => {
    if (holder.when === undefined) return;
    const spot = places.of(holder, 'when');
    const found = inspectCondition(holder.when, kind);
    if (found.error !== undefined) problems.add(spot, found.error, found.suggestion);
    else if (found.always === false) problems.add(spot, 'is never true', 'remove it together with what it stands in');
    else if (found.always === true) warnings.add(spot, 'is always true', 'remove it');
  };
  for (const identity of source.identities) check(identity, 'identity');
  for (const policy of source.policies) policy.rules?.forEach((rule) => check(rule, 'rule'));
}

export interface ConditionFinding {
  readonly error?: string;
  readonly suggestion?: string;
  /** Its value when it looks at nothing. */
  readonly always?: boolean;
}

/** What can be said about a CEL expression without anything to evaluate it on. */
export function inspectCondition(expression: string, kind: 'rule' | 'identity'): ConditionFinding {
  if (expression.length > longest) return { error: `is longer than ${longest} characters` };
  try {
    const program = environments[kind].parse(expression);
    const checked = program.check();
    if (!checked.valid) return explain(checked.error, kind);
    if (checked.type !== 'bool' && checked.type !== 'dyn') return { error: `must be true or false, but is ${checked.type ?? 'something else'}`, suggestion: 'compare it with ==' };
    const seen = { variables: false };
    const refused = walk(program.ast, 0, seen);
    if (refused !== undefined) return refused;
    return seen.variables ? {} : { always: program({}) === true };
  } catch (error) {
    return explain(error, kind);
  }
}

function walk(node: ASTNode, depth: number, seen: { variables: boolean }): ConditionFinding | undefined {
  if (node.op === 'id') seen.variables = true;
  const missing = depth === 0 ? missingMember(node) : undefined;
  if (missing !== undefined) return missing;
  let inside = depth;
  if (node.op === 'rcall' || node.op === 'call') {
    const called = node.args[0];
    // The engine's regular expressions backtrack: a pattern could take exponential time on a branch name that anybody chooses.
    if (called === 'matches') return { error: 'matches() is not available: a pattern could take unbounded time', suggestion: 'use ==, in, startsWith, endsWith or contains' };
    if (unbounded.has(called)) return { error: `${called}() is not available: its result could grow without bound` };
    if (node.op === 'rcall' && walks.has(called)) inside += 1;
    if (inside > 1) return { error: `${called}() inside another walk over a list is not available` };
  }
  for (const child of children(node.args)) {
    const refused = walk(child, inside, seen);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** Inside a walk over a list a variable of the same name may be meant: that is left to the compiler of policies. */
function missingMember(node: ASTNode): ConditionFinding | undefined {
  if (node.op !== '.') return undefined;
  const [holder, name] = node.args;
  const of = pathOf(holder);
  const members = of === undefined ? undefined : conditionMembers.get(of);
  if (members === undefined || members.includes(name)) return undefined;
  return { error: `${of} has no ${name}`, suggestion: didYouMean(name, members) ?? `known: ${members.join(', ')}` };
}

function pathOf(node: ASTNode): string | undefined {
  if (node.op === 'id') return node.args;
  if (node.op !== '.') return undefined;
  const [holder, name] = node.args;
  const of = pathOf(holder);
  return of === undefined ? undefined : `${of}.${name}`;
}

/** The nodes among the arguments, which stand in lists of lists for calls and maps. */
function children(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(children);
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : [];
}

function explain(error: unknown, kind: 'rule' | 'identity'): ConditionFinding {
  const text = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : '';
  const variables = kind === 'rule' ? ruleVariables : identityVariables;
  const unknown = /^Unknown variable: (\S+)$/.exec(text)?.[1];
  if (unknown !== undefined) return { error: `there is no variable ${unknown}`, suggestion: didYouMean(unknown, variables) ?? `known: ${variables.join(', ')}` };
  return { error: `is not a CEL condition: ${text}` };
}
