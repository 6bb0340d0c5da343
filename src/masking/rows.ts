import { createCellDetector, holdsLengths } from './cells.ts';
import type { CellDetector } from './cells.ts';
import { isDigit } from './detect/characters.ts';
import { hasPlaces, Places } from './detect/places.ts';
import type { AnswerPlan, ColumnMask } from './plan.ts';
import { Rewrite, SHARED } from './rewrite.ts';
import { Tallies } from './tallies.ts';
import type { Tally } from './tallies.ts';
import { cellMask } from './transforms.ts';
import type { CellMask } from './transforms.ts';

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
  /** The same for whole DataRow messages, one behind the other with nothing between, headers included. */
  maskRun(messages: Buffer): Buffer | 'withhold';
  /** What `maskRun` gave last, where that was not `messages`, is no longer needed: the next run may be written into the same memory. */
  reuse(): void;
  /** Cells masked so far, by name of the mask. */
  readonly counts: ReadonlyMap<string, number>;
}

/** What happens to the cells of one column; undefined: they stay. Of one shape, since it is asked for with every cell. */
type Step = { readonly masked: Masked | undefined; readonly detector: CellDetector | undefined; /** Places do not say of its cells that there is nothing to look at. */ readonly lengths: boolean } | undefined;

interface Masked {
  readonly tally: Tally;
  readonly mask: CellMask;
}

/**
 * Binds the plan of a statement to the description of its answer. A description that has another number of columns
 * than the statement, or that attributes a column to a protected one which the plan does not mask, or to a relation that
 * the catalog did not have, gives a masker that withholds every row.
 */
export function createRowMasker(plan: AnswerPlan, description: readonly DescribedColumn[]): RowMasker {
  const tallies = new Tallies();
  const steps = stepsOf(plan, description, tallies);
  if (steps === undefined) return { pass: false, mask: () => 'withhold', maskRun: () => 'withhold', reuse: () => {}, counts: new Map() };
  const pass = steps.every((step) => step === undefined);
  let given: Buffer | undefined;
  let spare: Buffer | undefined;
  return {
    pass,
    mask: (row) => (pass ? row : maskRow(steps, row)),
    maskRun: (messages) => {
      if (pass) return messages;
      const rewrite = new Rewrite(messages, spare);
      spare = undefined;
      const masked = maskMessages(steps, messages, rewrite);
      given = rewrite.memory;
      return masked;
    },
    reuse: () => {
      if (given !== undefined && given.length >= SHARED) spare = given;
      given = undefined;
    },
    get counts() {
      return tallies.counts();
    },
  };
}

function stepsOf(plan: AnswerPlan, description: readonly DescribedColumn[], tallies: Tallies): readonly Step[] | undefined {
  if (plan.from !== undefined) return undefined;
  if (plan.complete && plan.columns.length !== description.length) return undefined;
  const steps: Step[] = [];
  for (const [at, column] of description.entries()) {
    const planned: ColumnMask | undefined = plan.columns[at];
    if (planned !== undefined) {
      // A constant may be NULL or of the type, but nothing that is made from the derived value.
      const transform = planned.constant && typeof planned.transform === 'object' && 'partial' in planned.transform ? 'redact' : planned.constant && planned.transform === 'hash' ? 'redact' : planned.transform;
      steps.push({ masked: { tally: tallies.of(planned.name), mask: cellMask(transform, column.type, column.typmod, column.format, planned.key) }, detector: undefined, lengths: false });
      continue;
    }
    if (column.table !== 0 && (!plan.knows(column.table, column.column) || plan.protects(column.table, column.column) !== undefined)) return undefined;
    const detector = plan.detect.length === 0 ? undefined : createCellDetector(plan.detect, column.type, column.format, tallies);
    steps.push(detector && { masked: undefined, detector, lengths: holdsLengths(column.type, column.format) });
  }
  return steps;
}

/** Lengths are read many times a row, for which a view of this kind takes one load and one check. */
const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

const placesOf = (steps: readonly Step[], bytes: Buffer): Places | undefined => (hasPlaces && steps.some((step) => step?.detector !== undefined) ? new Places(bytes, 0, bytes.length) : undefined);

function maskRow(steps: readonly Step[], row: Uint8Array): Uint8Array | 'withhold' {
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.length);
  const rewrite = new Rewrite(bytes);
  const growth = maskCells(steps, bytes, viewOf(bytes), 0, bytes.length, placesOf(steps, bytes), rewrite);
  if (growth === undefined) return 'withhold';
  const result = rewrite.end();
  return result === bytes ? row : result;
}

const dataRow = 0x44;
/** The type and the length of a message, which counts itself. */
const header = 5;

function maskMessages(steps: readonly Step[], messages: Buffer, rewrite: Rewrite): Buffer | 'withhold' {
  const places = placesOf(steps, messages);
  const view = viewOf(messages);
  const end = messages.length;
  for (let at = 0; at < end; ) {
    if (at + header > end || messages[at] !== dataRow) return 'withhold';
    const size = view.getInt32(at + 1);
    if (size < header - 1 || size > end - at - 1) return 'withhold';
    const sized = rewrite.place(at + 1);
    const growth = maskCells(steps, messages, view, at + header, at + 1 + size, places, rewrite);
    if (growth === undefined) return 'withhold';
    if (growth !== 0) rewrite.int32(sized, size + growth);
    at += 1 + size;
  }
  return rewrite.end();
}

/** Masks the cells of the row `bytes[from..end)`. Returns by how much it grows; undefined when it does not fit the steps. */
function maskCells(steps: readonly Step[], bytes: Buffer, view: DataView, from: number, end: number, places: Places | undefined, rewrite: Rewrite): number | undefined {
  const count = steps.length;
  if (end - from < 2 || view.getUint16(from) !== count) return undefined;
  let growth = 0;
  let at = from + 2;
  for (let index = 0; index < count; index++) {
    if (at + 4 > end) return undefined;
    const size = view.getInt32(at);
    at += 4;
    if (size === -1) continue;
    if (size < 0 || size > end - at) return undefined;
    const next = at + size;
    const step = steps[index];
    if (step !== undefined && (step.detector === undefined || step.lengths || places === undefined || !isQuiet(places, bytes, at, size))) {
      const { masked, detector } = step;
      const value = masked !== undefined ? maskedCell(masked, bytes, at, size) : detector?.(bytes, places, at, next);
      if (value !== undefined) {
        rewrite.cell(at - 4, next, value);
        growth += (value === null ? 0 : value.length) - size;
      }
    }
    at = next;
  }
  return at === end ? growth : undefined;
}

/**
 * Nothing in a cell is worth a look of its detector. Its first number may have no place: the last byte of the length before it can be a digit.
 * Asked for nearly every cell, so that most of it is numbers that are at hand.
 */
const isQuiet = (places: Places, bytes: Buffer, from: number, size: number): boolean => places.noneBefore(from + size) && !(isDigit(size & 0xff) && size !== 0 && isDigit(bytes[from]));

/** A cell's new value; undefined when it was changed in place. */
function maskedCell({ mask, tally }: Masked, bytes: Buffer, at: number, size: number): Uint8Array | null | undefined {
  tally.cells++;
  if (mask.kind === 'each' && mask.inPlace?.(bytes, at, at + size) === true) return undefined;
  const value = mask.kind === 'constant' ? mask.bytes : mask.apply(bytes.subarray(at, at + size));
  if (value === null || value.length !== size) return value;
  bytes.set(value, at);
  return undefined;
}
