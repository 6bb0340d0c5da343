import { cellMask } from './transforms.ts';
import type { CellMask } from './transforms.ts';
import { createCellDetector } from './cells.ts';
import type { CellDetector } from './cells.ts';
import type { AnswerPlan, ColumnMask } from './plan.ts';

/** One column of a RowDescription. */
export interface DescribedColumn {
  readonly name: string;
  /** OID of the relation that the server attributes it to, 0 for none. */
  readonly table: number;
  readonly column: number;
  readonly type: number;
  readonly typmod: number;
  readonly format: 0 | 1;
}

/** Masks the rows of one answer. */
export interface RowMasker {
  /** No row is changed: DataRow frames may pass unread. */
  readonly pass: boolean;
  /**
   * Masks one DataRow body (int16 count, then int32 length and bytes for each column). Returns the body to send: `row`
   * itself, perhaps changed in place, where lengths stay; else a new one. `withhold`: the row does not fit the description,
   * or the description does not fit the plan; no row of this answer may be sent.
   */
  mask(row: Uint8Array): Uint8Array | 'withhold';
  /** Cells masked so far, by name of the mask. */
  readonly counts: ReadonlyMap<string, number>;
}

/** What happens to the cells of one column. */
type Step =
  | { readonly kind: 'keep' }
  | { readonly kind: 'mask'; readonly name: string; readonly mask: CellMask }
  | { readonly kind: 'detect'; readonly detector: CellDetector };

/**
 * Binds the plan of a statement to the description of its answer. A description that has another number of columns
 * than the statement, or that attributes a column to a protected one which the plan does not mask, or to a relation that
 * the catalog did not have, gives a masker that withholds every row.
 */
export function createRowMasker(plan: AnswerPlan, description: readonly DescribedColumn[]): RowMasker {
  const counts = new Map<string, number>();
  const steps = stepsOf(plan, description, (name) => counts.set(name, (counts.get(name) ?? 0) + 1));
  if (steps === undefined) return { pass: false, mask: () => 'withhold', counts };
  const pass = steps.every((step) => step.kind === 'keep');
  return { pass, counts, mask: (row) => (pass ? row : maskRow(steps, row, counts)) };
}

function stepsOf(plan: AnswerPlan, description: readonly DescribedColumn[], count: (name: string) => void): readonly Step[] | undefined {
  if (plan.from !== undefined) return undefined;
  if (plan.complete && plan.columns.length !== description.length) return undefined;
  const steps: Step[] = [];
  for (const [at, column] of description.entries()) {
    const planned: ColumnMask | undefined = plan.columns[at];
    if (planned !== undefined) {
      // A constant may be NULL or of the type, but nothing that is made from the derived value.
      const transform = planned.constant && typeof planned.transform === 'object' && 'partial' in planned.transform ? 'redact' : planned.constant && planned.transform === 'hash' ? 'redact' : planned.transform;
      steps.push({ kind: 'mask', name: planned.name, mask: cellMask(transform, column.type, column.typmod, column.format, planned.key) });
      continue;
    }
    if (column.table !== 0 && (!plan.knows(column.table) || plan.protects(column.table, column.column) !== undefined)) return undefined;
    const detector = plan.detect.length === 0 ? undefined : createCellDetector(plan.detect, column.type, column.format, count);
    steps.push(detector === undefined ? { kind: 'keep' } : { kind: 'detect', detector });
  }
  return steps;
}

function maskRow(steps: readonly Step[], row: Uint8Array, counts: Map<string, number>): Uint8Array | 'withhold' {
  const length = row.length;
  if (length < 2 || ((row[0]! << 8) | row[1]!) !== steps.length) return 'withhold';
  // New contents of cells whose length changes, and by how much the row grows.
  let replaced: (Uint8Array | null | undefined)[] | undefined;
  let growth = 0;
  let at = 2;
  for (let index = 0; index < steps.length; index++) {
    if (at + 4 > length) return 'withhold';
    const size = (row[at]! << 24) | (row[at + 1]! << 16) | (row[at + 2]! << 8) | row[at + 3]!;
    at += 4;
    if (size === -1) continue;
    if (size < 0 || at + size > length) return 'withhold';
    const step = steps[index]!;
    if (step.kind === 'mask') {
      const bytes = step.mask.kind === 'constant' ? step.mask.bytes : step.mask.apply(row.subarray(at, at + size));
      counts.set(step.name, (counts.get(step.name) ?? 0) + 1);
      if (bytes !== null && bytes.length === size) row.set(bytes, at);
      else {
        (replaced ??= [])[index] = bytes;
        growth += (bytes === null ? 0 : bytes.length) - size;
      }
    } else if (step.kind === 'detect') {
      const bytes = step.detector(row, at, at + size);
      if (bytes !== undefined) {
        (replaced ??= [])[index] = bytes;
        growth += (bytes === null ? 0 : bytes.length) - size;
      }
    }
    at += size;
  }
  if (at !== length) return 'withhold';
  return replaced === undefined ? row : rebuild(row, replaced, growth);
}

function rebuild(row: Uint8Array, replaced: readonly (Uint8Array | null | undefined)[], growth: number): Uint8Array {
  const result = Buffer.allocUnsafe(row.length + growth);
  // Everything between two replaced cells is copied in one piece.
  let copied = 0;
  let out = 0;
  let at = 2;
  const count = (row[0]! << 8) | row[1]!;
  for (let index = 0; index < count; index++) {
    const size = (row[at]! << 24) | (row[at + 1]! << 16) | (row[at + 2]! << 8) | row[at + 3]!;
    const bytes = replaced[index];
    if (bytes !== undefined) {
      result.set(row.subarray(copied, at), out);
      out += at - copied;
      out = result.writeInt32BE(bytes === null ? -1 : bytes.length, out);
      if (bytes !== null) {
        result.set(bytes, out);
        out += bytes.length;
      }
      copied = at + 4 + Math.max(size, 0);
    }
    at += 4 + Math.max(size, 0);
  }
  result.set(row.subarray(copied), out);
  return result;
}
