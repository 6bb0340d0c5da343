import type { TransformConfig } from '../config/resolved.ts';
import { constantOf, fitted } from './constants.ts';
import type { HashKey } from './hash-key.ts';
import { characters } from './oids.ts';

/** What masks the cells of one column: the same bytes for all, or made from each value. */
export type CellMask =
  | { readonly kind: 'constant'; readonly bytes: Uint8Array | null }
  | {
      readonly kind: 'each';
      apply(value: Uint8Array): Uint8Array;
      /** Masks `bytes[start..end)` where it stands, if that gives the same with the length kept; false, and nothing changed, if it would not. */
      inPlace?(bytes: Uint8Array, start: number, end: number): boolean;
    };

/**
 * The mask of a column's cells. Partial, hash and fixed work on types of characters; any other type gets its constant,
 * and a type without one (enum, composite, extension) gets NULL, so that a driver can decode what it gets.
 */
export function cellMask(transform: TransformConfig, type: number, typmod: number, format: 0 | 1, key: HashKey): CellMask {
  if (transform === 'null') return { kind: 'constant', bytes: null };
  if (transform === 'redact' || !characters.has(type)) return { kind: 'constant', bytes: constantOf(type, typmod, format) ?? null };
  if (transform === 'hash') return { kind: 'each', apply: (value) => fitted(Buffer.from(key.pseudonym(value)), type, typmod) };
  if ('fixed' in transform) return { kind: 'constant', bytes: fitted(Buffer.from(transform.fixed), type, typmod) };
  const keep = transform.partial;
  return { kind: 'each', apply: (value) => partial(value, keep), inPlace: (bytes, start, end) => partialInPlace(bytes, start, end, keep) };
}

const star = 0x2a;

/**
 * All characters but the last `keep` become `*`; a value not longer than twice `keep` becomes stars whole, since what is
 * kept would be most of it. Characters are code points, so that the result is UTF-8; it is never longer than the value.
 * Trailing blanks (of `char(n)`) are kept and do not count.
 */
export function partial(value: Uint8Array, keep: number): Uint8Array {
  let end = value.length;
  while (end > 0 && value[end - 1] === 0x20) end--;
  let count = 0;
  for (let at = 0; at < end; at++) if ((value[at]! & 0xc0) !== 0x80) count++;
  const hidden = count <= keep * 2 ? count : count - keep;
  // Where the kept characters start.
  let from = 0;
  for (let seen = 0; from < end; from++) {
    if ((value[from]! & 0xc0) !== 0x80 && seen++ === hidden) break;
  }
  const result = new Uint8Array(hidden + value.length - from);
  result.fill(star, 0, hidden);
  result.set(value.subarray(from), hidden);
  return result;
}

/** The same where every character is one byte: stars are written over it. */
function partialInPlace(bytes: Uint8Array, start: number, end: number, keep: number): boolean {
  let last = end;
  while (last > start && bytes[last - 1] === 0x20) last--;
  for (let at = start; at < last; at++) if (bytes[at]! >= 0x80) return false;
  const count = last - start;
  const until = count <= keep * 2 ? last : last - keep;
  for (let at = start; at < until; at++) bytes[at] = star;
  return true;
}
