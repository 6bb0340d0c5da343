import type { Catalog } from '../sql/catalog.ts';
import type { Understood } from '../sql/understand.ts';
import type { MaskSet } from './plan.ts';

/**
 * Whether what decides which rows a message changes looks at a protected column, so that a count of them would tell about its values. True
 * wherever that is not known. Columns that are only written, and bare columns of RETURNING, decide nothing.
 */
export function predicateTouchesProtected(understood: Understood, masks: MaskSet, catalog: Catalog): boolean {
  if (!masks.columns) return false;
  const protection = masks.protection(catalog);
  return understood.statements.some(
    ({ facts: { lineage } }) => !lineage.understood || lineage.uses.some(({ column, role }) => role !== 'written' && protection.of(column) !== undefined),
  );
}
