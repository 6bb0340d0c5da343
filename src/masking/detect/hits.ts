/** What a detector looks for, as in `mask[].detect`. */
export type DetectorKind = 'us_ssn' | 'credit_card' | 'email' | 'phone' | 'iban' | 'ip' | 'jwt' | 'cloud_key' | 'private_key';

/** All of them. The place of one here is its number. */
export const kindNames = ['us_ssn', 'credit_card', 'email', 'phone', 'iban', 'ip', 'jwt', 'cloud_key', 'private_key'] as const satisfies readonly DetectorKind[];

/** Numbers of kinds. */
export const us_ssn = 0;
export const credit_card = 1;
export const email = 2;
export const phone = 3;
export const iban = 4;
export const ip = 5;
export const jwt = 6;
export const cloud_key = 7;
export const private_key = 8;

/** A find: the bytes `[start..end)`. */
export interface Hit {
  readonly kind: DetectorKind;
  readonly start: number;
  readonly end: number;
}

/** More finds than this in one text are let go of when the next text is looked at. */
const MOST_KEPT = 1024;

/**
 * The finds of one text, in order and without overlap, as three lists of numbers that serve for one text after the other: cells are looked at
 * by the million, and an object for each find would cost more than finding it.
 */
export class Hits {
  count = 0;
  /** The first `count` of each list count. */
  kinds: number[] = [];
  starts: number[] = [];
  ends: number[] = [];

  clear(): void {
    this.count = 0;
    if (this.kinds.length <= MOST_KEPT) return;
    this.kinds = [];
    this.starts = [];
    this.ends = [];
  }

  /** True, so that whoever looks can say that something was found. */
  add(kind: number, start: number, end: number): true {
    const at = this.count++;
    this.kinds[at] = kind;
    this.starts[at] = start;
    this.ends[at] = end;
    return true;
  }

  /** As objects of their own; undefined when there is nothing. */
  list(): Hit[] | undefined {
    if (this.count === 0) return undefined;
    return Array.from({ length: this.count }, (_, at) => ({ kind: kindNames[this.kinds[at]!]!, start: this.starts[at]!, end: this.ends[at]! }));
  }
}
