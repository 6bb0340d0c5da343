import type { Analysis } from './analysis.ts';
import { NotUnderstood } from './findings.ts';

/** Nodes that can bring a value in. */
const REQUIRED: ReadonlySet<string> = new Set(['ColumnRef', 'SubLink', 'FuncCall']);
/** Modifiers of types are written like columns and calls. */
const PASSED: ReadonlySet<string> = new Set(['typeName', 'TypeName']);

/**
 * Throws unless every column, subquery and call in a query's tree was looked at: a part of the grammar that the walks of this folder forgot must not pass
 * for one that holds nothing.
 */
export function nothingForgotten({ lookedAt }: Analysis, tree: unknown): void {
  const open: unknown[] = [tree];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    for (const [field, value] of Object.entries(node)) {
      if (typeof value !== 'object' || value === null || PASSED.has(field)) continue;
      if (REQUIRED.has(field) && !lookedAt.has(node)) throw new NotUnderstood('a part of the statement that was not looked at');
      open.push(value);
    }
  }
}
