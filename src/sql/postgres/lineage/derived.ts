import type { Relation } from '../../catalog.ts';
import type { Analysis } from './analysis.ts';
import { Findings } from './findings.ts';
import { part } from './scope.ts';
import type { Item, Named, Scope } from './scope.ts';
import { viewColumns } from './views.ts';

/** Makes every use found in a part of a definition a derivation: what is compared or computed there is stored as code. */
export function deriving(analysis: Analysis, evaluatePart: (inside: Analysis) => void): void {
  const found = new Findings();
  evaluatePart({ ...analysis, found });
  if (found.doubted !== undefined) analysis.found.doubt(found.doubted);
  for (const { column } of found.uses()) analysis.found.use([column], 'derive');
  for (const operand of found.operands()) {
    if (operand.column === undefined) analysis.found.secret([operand]);
    else analysis.found.meet([operand], [operand.column], operand.role === 'written' ? 'written' : 'compared');
  }
}

const views: ReadonlySet<string> = new Set(['v', 'm']);

/** A relation's columns with those that they are made from. */
export function columnsBehind(analysis: Analysis, relation: Relation): readonly Named[] {
  return views.has(relation.kind) ? viewColumns(analysis, relation) : analysis.index.columns(relation);
}

/** A relation's columns as a definition over it sees them. */
export function scopeOf(analysis: Analysis, relation: Relation, ...aliases: readonly string[]): Scope {
  const columns = columnsBehind(analysis, relation);
  const items: Item[] = aliases.map((alias) => ({ alias, columns, relation: true }));
  return { parts: [part({ alias: relation.name, schema: relation.schema, columns, relation: true }), { items, columns: [] }], ctes: new Map() };
}
