import { oid } from '../oids.ts';
import { couldBeMask } from '../writeback.ts';
import type { FieldPaths, Place, PlacedMask } from './field-paths.ts';
import { decodedString } from './field-paths.ts';
import { action } from './json-tokenizer.ts';
import type { Action, JsonVisitor } from './json-tokenizer.ts';
import { kind } from './treatments.ts';
import type { Kind } from './treatments.ts';

/** Looks for masked values at masked fields. */
export class Judging implements JsonVisitor {
  /** The first mask of which a value came. */
  found: PlacedMask | undefined;
  readonly #paths: FieldPaths;
  readonly #containers: Place[] = [];
  #container: Place;
  #value: Place;
  /** An object or array that is empty so far, at a masked field. */
  #empty: PlacedMask | undefined;

  constructor(paths: FieldPaths, top: Place = paths.top) {
    this.#paths = paths;
    this.#container = this.#value = top;
  }

  begin(): void {
    // Nothing is kept of a chunk.
  }

  name(bytes: Uint8Array, start: number, end: number, plain: boolean): undefined {
    this.#empty = undefined;
    this.#value = this.#paths.member(this.#container, this.#paths.classOf(bytes, start, end, plain));
    return undefined;
  }

  begins(of: Kind): Action {
    const { mask } = this.#value;
    this.#empty = undefined;
    if (mask === undefined) return action.pass;
    if (of === kind.object || of === kind.array) {
      if (mask.transform !== 'null') this.#empty = mask;
      return action.pass;
    }
    return action.take;
  }

  taken(of: Kind, bytes: Uint8Array, start: number, end: number, plain: boolean): undefined {
    const mask = this.#value.mask!;
    const text = decodedString(bytes, start, end, plain);
    const comesBack = of === kind.string ? couldBeMask(mask, oid.text, text) : of === kind.number ? couldBeMask(mask, oid.numeric, text) : of === kind.boolean ? couldBeMask(mask, oid.bool, text) : couldBeMask(mask, oid.text, null);
    if (comesBack) this.found ??= mask;
    return undefined;
  }

  dropped(): Uint8Array {
    return new Uint8Array(0);
  }

  opens(array: boolean): void {
    this.#containers.push(this.#container, this.#value);
    this.#container = this.#value;
    if (array) this.#value = this.#paths.element(this.#container);
  }

  closes(): void {
    this.found ??= this.#empty;
    this.#empty = undefined;
    this.#value = this.#containers.pop()!;
    this.#container = this.#containers.pop()!;
  }
}
