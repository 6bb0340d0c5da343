import type { Ast } from '../ast.ts';

/** Calls `visit` for each wrapped node in a tree, from the outside in; what it answers `false` for is not entered. */
export function walk(tree: unknown, visit: (kind: string, fields: Ast) => boolean | void): void {
  if (typeof tree !== 'object' || tree === null) return;
  if (Array.isArray(tree)) {
    for (const each of tree) walk(each, visit);
    return;
  }
  for (const [name, value] of Object.entries(tree)) {
    if (typeof value !== 'object' || value === null) continue;
    const c = name.charCodeAt(0);
    const isNode = c >= 65 && c <= 90 && !Array.isArray(value);
    if (!isNode || visit(name, value as Ast) !== false) walk(value, visit);
  }
}
