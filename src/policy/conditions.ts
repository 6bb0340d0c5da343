import type { ASTNode } from '@marcbachmann/cel-js';
import { Environment } from '@marcbachmann/cel-js/evaluator';
import { registerInstant, zonedFunctions } from './instant.ts';
import { COVERS, NONE, TOUCHES, type Level } from './level.ts';
import { ConnectionVariable, IdentityVariable, OwnerVariable, SessionVariable, type Variables } from './variables.ts';
import { zoneNamed } from './zones.ts';

/** Variables that change within a session. A condition that reads none of them is decided once for each session. */
export type LiveVariable = 'now' | 'session' | 'statement';

/** A `when`, compiled once. */
export interface Condition {
  readonly source: string;
  readonly reads: ReadonlySet<LiveVariable>;
  /** True covers, false does not; an error touches: it counts for a refusal and never for a grant. */
  evaluate(variables: Variables): { readonly level: Level; readonly error?: string };
}

/** Longest expression, in characters. */
const MAX_SOURCE = 4096;

/** Macros that walk a list. One inside another is refused: work would grow with the square of a token's size. */
const walks: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** Functions whose cost or result size is not bounded by the size of what they are given. */
const refused: Readonly<Record<string, string>> = {
  matches: 'regular expressions can take exponential time; use ==, in, startsWith, endsWith or contains',
  bind: 'cel.bind can double a text at each step',
  json: 'there is no JSON to parse in a condition',
  split: 'use startsWith, endsWith or contains',
};

const environment = registerInstant(
  new Environment({ limits: { maxAstNodes: 300, maxDepth: 40, maxListElements: 200, maxMapEntries: 50, maxCallArguments: 8 } })
    .registerType('Owner', { ctor: OwnerVariable, fields: { group: 'string', contact: 'string' } })
    .registerType('Identity', { ctor: IdentityVariable, fields: { name: 'string', provider: 'string', subject: 'string', groups: 'list<string>', owner: 'Owner', requester: 'string' } })
    .registerType('Connection', { ctor: ConnectionVariable, fields: { name: 'string', protocol: 'string' } })
    .registerType('Session', { ctor: SessionVariable, fields: { ageSeconds: 'int' } })
    .registerVariable('identity', 'Identity')
    .registerVariable('connection', 'Connection')
    .registerVariable('session', 'Session')
    .registerVariable('claims', 'map<string, dyn>')
    .registerVariable('statement', 'map<string, dyn>'),
).registerVariable('now', 'Instant');

/** Compiles a CEL expression. Answers what is wrong with it in words when it cannot be used. */
export function compileCondition(source: string): Condition | string {
  if (source.length > MAX_SOURCE) return `is longer than ${MAX_SOURCE} characters`;
  const reads = new Set<LiveVariable>();
  let program: ReturnType<Environment['parse']>;
  try {
    program = environment.parse(source);
    inspect(program.ast, reads, 0);
    const checked = program.check();
    if (!checked.valid) return firstLine(checked.error);
    if (checked.type !== 'bool' && checked.type !== 'dyn') return `must be true or false, but is ${checked.type}`;
  } catch (error) {
    return firstLine(error);
  }
  return {
    source,
    reads,
    evaluate(variables) {
      try {
        const value: unknown = program(variables);
        if (value === true) return holds;
        return value === false ? fails : { level: TOUCHES, error: 'is neither true nor false' };
      } catch (error) {
        return { level: TOUCHES, error: firstLine(error) };
      }
    },
  };
}

const holds = { level: COVERS } as const;
const fails = { level: NONE } as const;

/** Walks the tree once: which live variables it reads, and that nothing in it can be costly. Throws what is wrong. */
function inspect(node: ASTNode, reads: Set<LiveVariable>, depth: number): void {
  if (node.op === 'id' && (node.args === 'now' || node.args === 'session' || node.args === 'statement')) reads.add(node.args);
  let inside = depth;
  if (node.op === 'call' || node.op === 'rcall') {
    const called = node.args[0];
    const why = Object.hasOwn(refused, called) ? refused[called] : undefined;
    if (why !== undefined) throw new Error(`${called}() is not available: ${why}`);
    const args = node.op === 'rcall' ? node.args[2] : node.args[1];
    if (node.op === 'rcall' && walks.has(called)) inside += 1;
    if (inside > 1) throw new Error(`${called}() inside another walk over a list is not available`);
    if (node.op === 'rcall' && zonedFunctions.has(called) && args[0] !== undefined) checkZone(args[0]);
  }
  for (const child of children(node.args)) inspect(child, reads, inside);
}

function checkZone(argument: ASTNode): void {
  const name = literal(argument);
  if (name === undefined) throw new Error('a time zone is a text written in place, such as "UTC" or "Europe/Berlin"');
  if (zoneNamed(name) === undefined) throw new Error(`there is no time zone ${JSON.stringify(name)}`);
}

const literal = (node: ASTNode | undefined): string | undefined => (node?.op === 'value' && typeof node.args === 'string' ? node.args : undefined);

/** The nodes among the arguments, which stand in arrays of arrays for calls and maps. */
function children(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(children);
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : [];
}

/** The library's messages go on with an excerpt over several lines, which could show a value. */
const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
