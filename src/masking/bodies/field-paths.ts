import type { TransformConfig } from '../../config/resolved.ts';
import { wins } from '../strictness.ts';
import type { FieldStep } from '../../config/field-pattern.ts';
import type { Treatment } from './treatments.ts';

/** The mask of a field. */
export interface PlacedMask {
  readonly name: string;
  readonly transform: TransformConfig;
  readonly treatment: Treatment;
}

/** Of two masks that cover one value, the one that stands. */
export function stricter(one: PlacedMask | undefined, other: PlacedMask | undefined): PlacedMask | undefined {
  return one === undefined || (other !== undefined && wins(other.transform, one.transform)) ? other : one;
}

/** One pattern of one mask. */
export interface FieldRule {
  readonly steps: readonly FieldStep[];
  readonly mask: PlacedMask;
}

/** How far the patterns have come at one place of a document. */
export interface Place {
  /** The mask of the value there. */
  readonly mask: PlacedMask | undefined;
  /** Nothing below can be masked. */
  readonly dead: boolean;
  /** Steps of the patterns that may come next: indexes into all of them. */
  readonly next: readonly number[];
  /** Known places of members, by the number of their name's class. */
  readonly members: (Place | undefined)[];
  /** Where its elements are; known once asked for. */
  elements: Place | undefined;
}

/** Names that the patterns cannot tell apart. */
export interface NameClass {
  /** -1: too many to be numbered. */
  readonly number: number;
  /** Which of the steps' names it is. */
  readonly steps: readonly boolean[];
  /** It is `private_key`, in which a cloud's key stands. */
  readonly privateKey: boolean;
}

/** Distinct classes and places are few. Where a hostile body makes more than so many, they are computed each time. */
const mostKnown = 4096;
const slots = 1024;
/** Longer names are not remembered. */
const longestName = 32;

/**
 * Follows the patterns of all masks through a document at once, as a machine whose states (places) are made when they are first
 * reached. Names are looked at as they are decoded; those without an escape are found by their bytes in a small memory. Shared by all
 * bodies under the same masks.
 */
export class FieldPaths {
  /** The top of a document. */
  readonly top: Place;
  /** There are no patterns. */
  readonly empty: boolean;
  readonly rules: readonly FieldRule[];
  /** All steps of all patterns, one behind the other; after the last of each stands its end. */
  readonly #steps: readonly { readonly step: FieldStep | undefined; readonly rule: FieldRule }[];
  readonly #classes = new Map<string, NameClass>();
  readonly #places = new Map<string, Place>();
  readonly #lengths = new Int32Array(slots).fill(-1);
  readonly #names = new Uint8Array(slots * longestName);
  readonly #remembered = new Array<NameClass | undefined>(slots);
  /** Where the name was that came behind each, and the last one. */
  readonly #followers = new Uint16Array(slots);
  #last = 0;

  constructor(rules: readonly FieldRule[]) {
    this.rules = rules;
    this.empty = rules.length === 0;
    this.#steps = rules.flatMap((rule) => [...rule.steps.map((step) => ({ step, rule })), { step: undefined, rule }]);
    let at = 0;
    const starts: number[] = [];
    for (const rule of rules) {
      starts.push(at);
      at += rule.steps.length + 1;
    }
    this.top = this.#place(starts);
  }

  /** The class of a name, `bytes[start..end)` between its quotes. `plain`: there is no escape in it. */
  classOf(bytes: Uint8Array, start: number, end: number, plain: boolean): NameClass {
    const length = end - start;
    if (!plain || length > longestName) return this.classOfName(decodedString(bytes, start, end, plain));
    // Objects of one kind have their names in one order: what came behind the last name may come again.
    const guess = this.#followers[this.#last]!;
    if (this.#is(guess, bytes, start, length)) return this.#remembered[(this.#last = guess)]!;
    let hash = length;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    const slot = (hash ^ (hash >>> 13)) & (slots - 1);
    if (!this.#is(slot, bytes, start, length)) {
      const found = this.classOfName(decodedString(bytes, start, end, true));
      for (let at = 0; at < length; at++) this.#names[slot * longestName + at] = bytes[start + at]!;
      this.#lengths[slot] = length;
      this.#remembered[slot] = found;
    }
    this.#followers[this.#last] = slot;
    return this.#remembered[(this.#last = slot)]!;
  }

  /** Whether these bytes are the name that is remembered there. */
  #is(slot: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.#lengths[slot] !== length) return false;
    const base = slot * longestName;
    for (let at = 0; at < length; at++) if (this.#names[base + at] !== bytes[start + at]) return false;
    return true;
  }

  /** The class of a decoded name. */
  classOfName(name: string): NameClass {
    const steps = this.#steps.map(({ step }) => step !== undefined && (step.name === undefined || step.name(name)));
    const privateKey = name === 'private_key';
    const signature = `${privateKey ? '+' : '-'}${steps.map((is) => (is ? '1' : '0')).join('')}`;
    let found = this.#classes.get(signature);
    if (found === undefined) {
      const known = this.#classes.size < mostKnown;
      found = { number: known ? this.#classes.size : -1, steps, privateKey };
      if (known) this.#classes.set(signature, found);
    }
    return found;
  }

  /** The place of a member. */
  member(place: Place, name: NameClass): Place {
    if (place.dead) return place.mask === undefined ? place : this.#nowhere;
    const known = place.members[name.number];
    if (known !== undefined) return known;
    const next: number[] = [];
    for (const at of place.next) {
      const { step } = this.#steps[at]!;
      if (step === undefined) continue;
      if (step.deep) next.push(at);
      if (name.steps[at] === true) next.push(at + 1);
    }
    const made = this.#place(next);
    if (name.number !== -1) place.members[name.number] = made;
    return made;
  }

  /** The place of an element. */
  element(place: Place): Place {
    if (place.elements !== undefined) return place.elements;
    const next: number[] = [];
    for (const at of place.next) {
      const { step } = this.#steps[at]!;
      if (step === undefined) continue;
      if (step.deep) next.push(at);
      if (step.name === undefined) next.push(at + 1);
    }
    return (place.elements = this.#place(next));
  }

  /** The name of the mask whose pattern has this step. */
  maskOfStep(step: number): string {
    return this.#steps[step]!.rule.mask.name;
  }

  readonly #nowhere: Place = { mask: undefined, dead: true, next: [], members: [], elements: undefined };

  #place(next: number[]): Place {
    const sorted = [...new Set(next)].sort((a, b) => a - b);
    const name = sorted.join(' ');
    let found = this.#places.get(name);
    if (found === undefined) {
      let mask: PlacedMask | undefined;
      for (const at of sorted) {
        const { step, rule } = this.#steps[at]!;
        if (step === undefined) mask = stricter(mask, rule.mask);
      }
      found = { mask, dead: sorted.every((at) => this.#steps[at]!.step === undefined), next: sorted, members: [], elements: undefined };
      if (this.#places.size < mostKnown) this.#places.set(name, found);
    }
    return found;
  }
}

/** A string of JSON, decoded, from the bytes between its quotes. */
export function decodedString(bytes: Uint8Array, start: number, end: number, plain: boolean): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return plain ? buffer.toString('utf8', start, end) : (JSON.parse(buffer.toString('utf8', start - 1, end + 1)) as string);
}
