import type { Catalog } from '../sql/catalog.ts';
import type { CopyFacts } from '../sql/facts.ts';
import { BinaryCopyParser } from './copying-binary.ts';
import { copyForm, CopyMalformed, CopyTooLong, TextCopyParser } from './copying.ts';
import type { MaskSet } from './plan.ts';
import type { ProtectedColumn } from './protection.ts';
import { containsMask, refusal } from './writeback.ts';
import type { GuardRefusal } from './writeback.ts';

/** Looks at COPY data on its way to a table, chunk by chunk. */
export interface CopyInGuard {
  /** The payload of one CopyData message; undefined at CopyDone. After a refusal nothing more may be given. */
  push(chunk: Uint8Array | undefined): GuardRefusal | undefined;
}

/**
 * A guard for the data of a COPY FROM STDIN, or undefined when none of its columns is protected.
 * Memory is bounded by one field of a protected column (1 MiB; a longer one is refused); the verdict does not depend on
 * how the data is cut into messages. Data that is not what the statement says it is, is refused.
 * A COPY whose columns are not known is refused at its first byte.
 */
export function createCopyInGuard(facts: CopyFacts, masks: MaskSet, catalog: Catalog): CopyInGuard | undefined {
  if (!masks.columns) return undefined;
  const protection = masks.protection(catalog);
  const columns: readonly (ProtectedColumn | undefined)[] = facts.columns.map((column) => protection.of(column));
  const first = masks.names[0] ?? '';
  if (facts.columns.length === 0) return { push: () => ({ reason: 'the columns that COPY writes are not known', mask: first }) };
  const covered = columns.find((column) => column !== undefined);
  if (covered === undefined) return undefined;
  let refused: GuardRefusal | undefined;
  let header = facts.header === true;
  let inHeader: boolean = header;
  const reader = {
    wants: (field: number): boolean => !header && columns[field] !== undefined,
    field: (at: number, value: string | { readonly binary: Uint8Array } | null): void => {
      const column = columns[at];
      if (!inHeader && column !== undefined && refused === undefined && containsMask(column, value)) refused = refusal(column);
    },
    row: (): void => {
      header = inHeader = false;
    },
  };
  const parser = facts.format === 'binary' ? new BinaryCopyParser(reader) : new TextCopyParser(copyForm(facts), reader);
  return {
    push: (chunk) => {
      if (refused !== undefined) return refused;
      try {
        if (chunk === undefined) parser.end();
        else parser.push(chunk);
      } catch (error) {
        if (error instanceof CopyTooLong) refused = { reason: `a field of ${covered.label} is too long to be checked`, mask: covered.mask.name };
        else if (error instanceof CopyMalformed) refused = { reason: 'the COPY data is not of the form that the statement says', mask: covered.mask.name };
        else throw error;
      }
      return refused;
    },
  };
}
