import type { Tallies } from '../tallies.ts';
import type { FieldPaths } from './field-paths.ts';
import type { Finds } from './finds.ts';
import { fieldOfForm, formDecoded, formEncoded } from './forms.ts';
import { bounded } from './not-masked.ts';
import { Piecewise } from './piecewise.ts';

const ampersand = 0x26;
const equals = 0x3d;

/** Masks `application/x-www-form-urlencoded`: values by their decoded names, and what no field mask covers (names too) by detectors. */
export class FormMasker extends Piecewise {
  readonly #paths: FieldPaths;
  readonly #finds: Finds;
  readonly #tallies: Tallies;

  constructor(paths: FieldPaths, finds: Finds, tallies: Tallies) {
    super();
    this.#paths = paths;
    this.#finds = finds;
    this.#tallies = tallies;
  }

  protected take(bytes: Uint8Array, seen: number): number {
    let start = 0;
    for (let at = bytes.indexOf(ampersand, seen); at !== -1; at = bytes.indexOf(ampersand, start)) {
      this.#pair(bytes, start, at);
      this.out.keep(bytes, at, at + 1);
      start = at + 1;
    }
    return start;
  }

  protected finish(bytes: Uint8Array): void {
    this.#pair(bytes, 0, bytes.length);
  }

  #pair(bytes: Uint8Array, start: number, end: number): void {
    bounded(end - start);
    if (start === end) return;
    const sign = bytes.subarray(start, end).indexOf(equals);
    const nameEnd = sign === -1 ? end : start + sign;
    const valueStart = sign === -1 ? end : nameEnd + 1;
    const name = formDecoded(bytes, start, nameEnd);
    const value = formDecoded(bytes, valueStart, end);
    this.#written(this.#found(name), bytes, start, nameEnd);
    this.out.keep(bytes, nameEnd, valueStart);
    const mask = this.#paths.empty ? undefined : fieldOfForm(this.#paths, name.toString());
    if (mask === undefined || sign === -1) {
      this.#written(this.#found(value), bytes, valueStart, end);
      return;
    }
    this.#tallies.of(mask.name).cells++;
    this.#written(mask.treatment.text(value), bytes, valueStart, end);
  }

  /** Undefined: nothing is found. */
  #found(text: Uint8Array): Uint8Array | null | undefined {
    const hits = this.#finds.any ? this.#finds.find(text, 0, text.length) : undefined;
    return hits && this.#finds.masked(text, 0, text.length, hits);
  }

  #written(made: Uint8Array | null | undefined, bytes: Uint8Array, from: number, to: number): void {
    if (made === undefined) this.out.keep(bytes, from, to);
    else if (made !== null) this.out.put(formEncoded(made));
  }
}
