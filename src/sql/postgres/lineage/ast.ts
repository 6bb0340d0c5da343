import { embedded, text } from '../ast.ts';
import type { Ast } from '../ast.ts';

/**
 * Reading libpg-query's tree for lineage. What differs from `../ast.ts` is stricter, on purpose: a list where one node is expected has a
 * kind that nobody knows, and lists inside lists are no names, so that a tree of another shape is not understood rather than taken for empty.
 */
export { embedded, text };
export type { Ast };

const none: readonly Ast[] = [];

/** What a wrapped node is, and its fields. An empty object (a NULL in a list) has the kind `''`. */
export function open(node: unknown): readonly [kind: string, fields: Ast] {
  if (typeof node === 'object' && node !== null) {
    const kind = Object.keys(node)[0];
    if (kind !== undefined) return [kind, (node as Ast)[kind] as Ast];
  }
  return ['', {}];
}

/** The wrapped nodes of a list field; a List node is opened. */
export function list(node: Ast, field: string): readonly Ast[] {
  const value = node[field];
  if (Array.isArray(value)) return value as readonly Ast[];
  if (typeof value === 'object' && value !== null) {
    const items = ((value as Ast)['List'] as Ast | undefined)?.['items'];
    if (Array.isArray(items)) return items as readonly Ast[];
  }
  return none;
}

/** Byte offset of a node in its text; an absent field is offset 0. */
export function offset(node: Ast): number {
  const value = node['location'];
  return typeof value === 'number' ? value : 0;
}

/** The strings of a list of String nodes: a qualified name, a list of column names. */
export function strings(nodes: readonly Ast[]): readonly string[] {
  const result: string[] = [];
  for (const node of nodes) {
    const [kind, fields] = open(node);
    if (kind === 'String') result.push(text(fields, 'sval') ?? '');
  }
  return result;
}

export function isStar(node: Ast | undefined): boolean {
  return node !== undefined && 'A_Star' in node;
}
