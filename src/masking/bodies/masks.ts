import type { MaskConfig } from '../../config/resolved.ts';
import type { HashKey } from '../hash-key.ts';
import type { DetectorMask } from '../plan.ts';
import { compileDetectors } from './finds.ts';
import type { DetectorTreatments } from './finds.ts';
import { fieldPattern } from '../../config/field-pattern.ts';
import { FieldPaths } from './field-paths.ts';
import type { PlacedMask } from './field-paths.ts';
import { treatmentOf } from './treatments.ts';

/** What becomes of a body that a mask cannot be applied to. */
export type Otherwise = MaskConfig['otherwise'];

/** A mask that names fields. */
export interface FieldMask extends PlacedMask {
  readonly otherwise: Otherwise;
}

/** A mask that names detectors, for bodies. */
export interface BodyDetectorMask extends DetectorMask {
  readonly otherwise: Otherwise;
}

/** The masks of a session that say something about bodies, compiled once. Keeps no state of a body. */
export interface BodyMasks {
  /** Nothing is masked: every body passes. */
  readonly empty: boolean;
  readonly fields: readonly FieldMask[];
  readonly detect: readonly BodyDetectorMask[];
  /** The strictest of all masks'. */
  readonly otherwise: Otherwise;
  /** Where the fields lie. */
  readonly paths: FieldPaths;
  /** What stands for finds of each kind. */
  readonly finds: DetectorTreatments;
}

const strictness: Readonly<Record<Otherwise, number>> = { pass: 0, redact: 1, refuse: 2 };

/** The strictest; of none `pass`. */
export function strictest(masks: readonly { readonly otherwise: Otherwise }[]): Otherwise {
  return masks.reduce<Otherwise>((most, { otherwise }) => (strictness[otherwise] > strictness[most] ? otherwise : most), 'pass');
}

/** Compiles the fields and detectors of masks. Throws when a field pattern is malformed. */
export function compileBodies(masks: readonly MaskConfig[], key: HashKey): BodyMasks {
  const naming = masks.filter((mask) => mask.fields.length > 0).map((mask) => ({ patterns: mask.fields, mask: { name: mask.name, transform: mask.transform, otherwise: mask.otherwise, treatment: treatmentOf(mask.transform, key) } }));
  const detect = masks.filter((mask) => mask.detect.length > 0).map((mask) => ({ name: mask.name, kinds: mask.detect, transform: mask.transform, key, otherwise: mask.otherwise }));
  const fields = naming.map(({ mask }) => mask);
  return {
    empty: fields.length === 0 && detect.length === 0,
    fields,
    detect,
    otherwise: strictest([...fields, ...detect]),
    paths: new FieldPaths(naming.flatMap(({ patterns, mask }) => patterns.map((pattern) => ({ steps: fieldPattern(pattern), mask })))),
    finds: compileDetectors(detect),
  };
}
