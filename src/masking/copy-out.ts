import { detectorMasks, overwrite } from './cells.ts';
import { eachBehindLength } from './detect/behind-lengths.ts';
import { detect, detectEverywhere, prepare, type Hit } from './detectors.ts';
import type { AnswerPlan } from './plan.ts';

/** Masks the data of one COPY TO STDOUT. */
export interface CopyOutMasker {
  /** The payload of one CopyData message, which the server fills with one row. Changed in place and given back. */
  mask(data: Uint8Array): Uint8Array;
  /** Finds so far, by name of the mask. */
  readonly counts: ReadonlyMap<string, number>;
}

/**
 * Detectors over COPY data. Protected columns do not come this way: copying them is refused. Lengths are kept, in text,
 * csv and binary alike, so that the form of the data stays whole: a find becomes stars, or nines where it is all digits
 * (in a column of numbers it is still one). Undefined when no detector is configured.
 */
export function createCopyOutMasker(plan: AnswerPlan): CopyOutMasker | undefined {
  if (plan.detect.length === 0) return undefined;
  const masks = detectorMasks(plan.detect);
  const prepared = prepare(masks.keys());
  const counts = new Map<string, number>();
  return {
    counts,
    mask: (data) => {
      const treat = (hits: readonly Hit[] | undefined): void => {
        for (const hit of hits ?? []) {
          const { name, transform } = masks.get(hit.kind)!;
          counts.set(name, (counts.get(name) ?? 0) + 1);
          overwrite(data, hit, typeof transform === 'object' && 'partial' in transform ? transform.partial : 0, true, true);
        }
      };
      // There are some in the binary form alone.
      eachBehindLength(data, 0, data.length, (from, to) => treat(detectEverywhere(data, from, to, prepared)));
      treat(detect(data, 0, data.length, prepared));
      return data;
    },
  };
}
