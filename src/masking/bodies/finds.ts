import { detectorMasks, overwrite } from '../cells.ts';
import { hasPlaces, Places } from '../detect/places.ts';
import { detect, detectAt, detectEverywhere, detectorKinds, prepare } from '../detectors.ts';
import type { DetectorKind, Detectors, Hit } from '../detectors.ts';
import type { DetectorMask } from '../plan.ts';
import { redacted } from '../constants.ts';
import type { Tallies } from '../tallies.ts';
import { treatmentOf } from './treatments.ts';

/** What stands for a find. */
export interface DetectorTreatment {
  /** Name of the mask. */
  readonly name: string;
  /** The whole value goes: JSON's `null`, an empty field. */
  readonly clears: boolean;
  /** In the place of a find in a text. */
  text(bytes: Uint8Array): Uint8Array;
  /** In the place of a number that is one. */
  readonly number: Uint8Array;
}

/** The detectors that look, and what stands for their finds. */
export interface DetectorTreatments {
  readonly of: ReadonlyMap<DetectorKind, DetectorTreatment>;
  readonly detectors: Detectors;
  /** The same for the value of a member `private_key`: where keys of clouds are looked for, a service account's key is one. */
  readonly inPrivateKey: Detectors;
}

const stars = (bytes: Uint8Array, keep: number): Uint8Array => {
  const made = Buffer.from(bytes);
  // Of whatever kind it is: of a key the line ends stay.
  overwrite(made, { kind: 'private_key', start: 0, end: made.length }, keep, false, false);
  return made;
};

/** Compiles detector masks; where several name one kind, the strictest stands for it. */
export function compileDetectors(masks: readonly DetectorMask[]): DetectorTreatments {
  return treatments(new Map([...detectorMasks(masks)].map(([kind, mask]) => [kind, treatmentOfMask(mask)])));
}

function treatmentOfMask({ name, transform, key }: DetectorMask): DetectorTreatment {
  if (transform === 'null') return { name, clears: true, text: () => Buffer.from(redacted), number: Buffer.from('null') };
  const number = Buffer.from('0');
  // Inside a text, stars of the same length say where the value was.
  if (transform === 'redact') return { name, clears: false, text: (bytes) => stars(bytes, 0), number };
  if (typeof transform === 'object' && 'partial' in transform) return { name, clears: false, text: (bytes) => stars(bytes, transform.partial), number };
  const treatment = treatmentOf(transform, key);
  return { name, clears: false, text: (bytes) => treatment.text(bytes)!, number };
}

/** For records: all kinds, each with its name in its place. */
export const recordedFinds: DetectorTreatments = treatments(
  new Map([...detectorKinds].map((kind) => [kind, { name: kind, clears: false, text: () => Buffer.from(`<${kind}>`), number: Buffer.from(`"<${kind}>"`) }])),
);

function treatments(of: ReadonlyMap<DetectorKind, DetectorTreatment>): DetectorTreatments {
  const detectors = prepare(of.keys());
  const cloud = of.get('cloud_key');
  if (cloud === undefined || of.has('private_key')) return { of, detectors, inPrivateKey: detectors };
  return { of: new Map([...of, ['private_key', cloud]]), detectors, inPrivateKey: prepare([...of.keys(), 'private_key']) };
}

/** Texts shorter than this hold nothing that a detector finds. */
const shortest = 3;
/** Texts outside the chunk up to this length are looked at byte by byte. */
const short = 4096;

/** Runs the detectors over the values of one body. */
export class Finds {
  /** Some detector looks. */
  readonly any: boolean;
  readonly #treatments: DetectorTreatments;
  readonly #tallies: Tallies;
  #chunk: Uint8Array | undefined;
  #places: Places | undefined;

  constructor(treatments: DetectorTreatments, tallies: Tallies) {
    this.any = treatments.of.size > 0;
    this.#treatments = treatments;
    this.#tallies = tallies;
  }

  /** A chunk whose values are looked at next, from front to back. */
  begin(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#places = undefined;
  }

  /** What is found in `bytes[start..end)`. */
  find(bytes: Uint8Array, start: number, end: number, inPrivateKey = false): Hit[] | undefined {
    if (end - start < shortest) return undefined;
    const detectors = inPrivateKey ? this.#treatments.inPrivateKey : this.#treatments.detectors;
    if (bytes === this.#chunk && hasPlaces) {
      // The scanner looks for all kinds alike.
      this.#places ??= new Places(bytes, start, bytes.length);
      return detectAt(this.#places, bytes, start, end, detectors);
    }
    if (end - start <= short) return detectEverywhere(bytes, start, end, detectors);
    // Another look ends the one over the chunk; it begins anew behind this.
    this.#places = undefined;
    return detect(bytes, start, end, detectors);
  }

  /** The text with its finds replaced. Null: it goes as a whole. */
  masked(bytes: Uint8Array, start: number, end: number, hits: readonly Hit[], clearing = true): Uint8Array | null {
    const pieces: Uint8Array[] = [];
    let at = start;
    let clears = false;
    for (const hit of hits) {
      const treatment = this.#count(hit);
      clears ||= treatment.clears;
      pieces.push(bytes.subarray(at, hit.start), treatment.text(bytes.subarray(hit.start, hit.end)));
      at = hit.end;
    }
    if (clears && clearing) return null;
    pieces.push(bytes.subarray(at, end));
    return Buffer.concat(pieces);
  }

  /** What stands for a number in which something was found. */
  number(hits: readonly Hit[]): Uint8Array {
    let made: DetectorTreatment | undefined;
    for (const hit of hits) {
      const treatment = this.#count(hit);
      if (made === undefined || treatment.clears) made = treatment;
    }
    return made!.number;
  }

  #count(hit: Hit): DetectorTreatment {
    const treatment = this.#treatments.of.get(hit.kind)!;
    this.#tallies.of(treatment.name).cells++;
    return treatment;
  }
}
