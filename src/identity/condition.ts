import { Environment, type ASTNode } from '@marcbachmann/cel-js';
import { inspectCondition } from '../config/conditions.ts';

/** An identity's `when`, compiled once. */
export interface Condition {
  /** True only when the expression says true. A missing claim, a wrong type or any other failure is no match. */
  holds(claims: Readonly<Record<string, unknown>>): boolean;
  /** The claims it looks at, by their first name; `all` when that cannot be told. */
  readonly looksAt: ReadonlySet<string> | 'all';
}

const environment = new Environment().registerVariable('claims', 'map');

/**
 * Compiles a CEL expression over `claims`. Throws an Error that says what is wrong with it: the rules are those of the
 * configuration check, whose bounds keep the work of one login small whatever its claims are.
 */
export const compileCondition = (expression: string): Condition => {
  const { error } = inspectCondition(expression, 'identity');
  if (error !== undefined) throw new Error(error);
  const program = environment.parse(expression);
  const names = new Set<string>();
  const everything = collectClaims(program.ast, names);
  return {
    looksAt: everything ? 'all' : names,
    holds: (claims) => {
      try {
        return program({ claims }) === true;
      } catch {
        return false;
      }
    },
  };
};

/** Collects the claims that a tree looks at; true when it uses `claims` in a way that could look at any. */
const collectClaims = (node: ASTNode, found: Set<string>): boolean => {
  const name = claimName(node);
  if (name !== undefined) {
    found.add(name);
    return false;
  }
  if (isClaims(node)) return true;
  return children(node.args).reduce((everything, child) => collectClaims(child, found) || everything, false);
};

/** `claims.NAME`, `claims["NAME"]` and `"NAME" in claims` look at one claim. */
const claimName = (node: ASTNode): string | undefined => {
  if (node.op === '.' && isClaims(node.args[0])) return node.args[1];
  if (node.op === '[]' && isClaims(node.args[0])) return text(node.args[1]);
  if (node.op === 'in' && isClaims(node.args[1])) return text(node.args[0]);
  return undefined;
};

const isClaims = (node: ASTNode): boolean => node.op === 'id' && node.args === 'claims';
const text = (node: ASTNode): string | undefined => (node.op === 'value' && typeof node.args === 'string' ? node.args : undefined);

/** The nodes among the arguments, which stand in lists of lists for calls and maps. */
const children = (args: unknown): ASTNode[] => {
  if (Array.isArray(args)) return args.flatMap(children);
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : [];
};
