import type { Tallies, Tally } from '../tallies.ts';
import type { FieldPaths, Place, PlacedMask } from './field-paths.ts';
import { decodedString } from './field-paths.ts';
import type { Finds } from './finds.ts';
import { action } from './json-tokenizer.ts';
import type { Action, JsonVisitor } from './json-tokenizer.ts';
import { kind, quote } from './treatments.ts';
import type { Kind } from './treatments.ts';

const no = Buffer.from('null');

/** Masks the values of JSON documents: by fields, and what no field mask covers (names too) by detectors. */
export class JsonMasking implements JsonVisitor {
  readonly #paths: FieldPaths;
  readonly #finds: Finds;
  readonly #tallies: Tallies;
  readonly #looks: boolean;
  readonly #tally = new Map<PlacedMask, Tally>();
  /** For each open object or array, its place and that of the value which it is. */
  readonly #containers: Place[] = [];
  #depth = 0;
  #container: Place;
  /** The place of the next value. */
  #value: Place;
  /** Its name is `private_key`. */
  #privateKey = false;

  constructor(paths: FieldPaths, finds: Finds, tallies: Tallies) {
    this.#paths = paths;
    this.#finds = finds;
    this.#looks = finds.any;
    this.#tallies = tallies;
    this.#container = this.#value = paths.top;
  }

  begin(chunk: Uint8Array): void {
    if (this.#looks) this.#finds.begin(chunk);
  }

  name(bytes: Uint8Array, start: number, end: number, plain: boolean): Uint8Array | undefined {
    if (!this.#looks && this.#container.dead) {
      this.#value = this.#paths.element(this.#container);
      return undefined;
    }
    const of = this.#paths.classOf(bytes, start, end, plain);
    this.#value = this.#paths.member(this.#container, of);
    if (!this.#looks) return undefined;
    this.#privateKey = of.privateKey;
    return this.#looked(bytes, start, end, plain, false);
  }

  begins(of: Kind): Action {
    const { mask } = this.#value;
    if (mask === undefined || of === kind.nothing) return this.#looks && of <= kind.number ? action.take : action.pass;
    let tally = this.#tally.get(mask);
    if (tally === undefined) this.#tally.set(mask, (tally = this.#tallies.of(mask.name)));
    tally.cells++;
    return mask.treatment.constants[of] === undefined ? action.take : action.drop;
  }

  dropped(of: Kind): Uint8Array {
    return this.#value.mask!.treatment.constants[of]!;
  }

  taken(of: Kind, bytes: Uint8Array, start: number, end: number, plain: boolean): Uint8Array | undefined {
    const { mask } = this.#value;
    if (mask !== undefined && of === kind.string) {
      const made = mask.treatment.text(plain ? bytes.subarray(start, end) : Buffer.from(decodedString(bytes, start, end, false)));
      return made === null ? no : quote(made);
    }
    if (of === kind.string) return this.#looked(bytes, start, end, plain, true);
    const hits = this.#finds.find(bytes, start, end);
    return hits === undefined ? undefined : this.#finds.number(hits);
  }

  opens(array: boolean): void {
    this.#containers[this.#depth++] = this.#container;
    this.#containers[this.#depth++] = this.#value;
    this.#container = this.#value;
    if (array) this.#value = this.#paths.element(this.#container);
    this.#privateKey = false;
  }

  closes(): void {
    this.#value = this.#containers[--this.#depth]!;
    this.#container = this.#containers[--this.#depth]!;
  }

  /** A string or name that only detectors look at. */
  #looked(bytes: Uint8Array, start: number, end: number, plain: boolean, clearing: boolean): Uint8Array | undefined {
    const inPrivateKey = clearing && this.#privateKey;
    if (plain) {
      const hits = this.#finds.find(bytes, start, end, inPrivateKey);
      return hits === undefined ? undefined : this.#quoted(this.#finds.masked(bytes, start, end, hits, clearing));
    }
    const text = Buffer.from(decodedString(bytes, start, end, false));
    const hits = this.#finds.find(text, 0, text.length, inPrivateKey);
    return hits === undefined ? undefined : this.#quoted(this.#finds.masked(text, 0, text.length, hits, clearing));
  }

  #quoted(made: Uint8Array | null): Uint8Array {
    return made === null ? no : quote(made);
  }
}
