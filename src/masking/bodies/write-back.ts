import { oid } from '../oids.ts';
import { couldBeMask } from '../writeback.ts';
import { fieldOfForm, formDecoded } from './forms.ts';
import type { FieldPaths } from './field-paths.ts';
import { Judging } from './judging.ts';
import { isPatch, operationsOf, patchedMask } from './json-patch.ts';
import { looksLikeJson } from './json-looks.ts';
import { JsonTokenizer } from './json-tokenizer.ts';
import type { Sequence } from './json-tokenizer.ts';
import type { BodyMasks } from './masks.ts';
import type { AboutBody } from './masker.ts';
import { essence, formOf, leniently } from './media-types.ts';
import { BodyNotMasked } from './not-masked.ts';

/** What comes back in a request body, or could. */
export interface ComesBack {
  /** Name of the mask that could have made it. */
  readonly mask: string;
  /** What is wrong with the form of the body, where nobody knows what is in it. Words of ours. */
  readonly unread?: string;
  /** An operation of a JSON Patch would have the target show what the mask hides. */
  readonly shows?: true;
}

/** Bytes that are looked at in one go. */
const STRETCH = 64 * 1024;

/**
 * Finds a value at a masked field that the mask could have made, so that writing it would put it in the place of the real one. A value that is equal
 * by chance counts too. JSON is looked at under whatever name it comes; of a body that says it is JSON or a form and is not, nothing is known, and the
 * first mask answers for it. Where it yields, others may have their turn: a large body takes its time.
 */
export function* bodyWriteBack(masks: BodyMasks, about: AboutBody, body: Uint8Array): Generator<undefined, ComesBack | undefined> {
  if (masks.fields.length === 0 || body.length === 0) return undefined;
  const mediaType = leniently(about.mediaType);
  const form = formOf(mediaType);
  let says = form.kind === 'json' || form.kind === 'form';
  try {
    if (form.kind === 'form') return named(yield* formMask(masks.paths, body));
    if (form.kind === 'json' && essence(mediaType) === 'application/json-patch+json') return yield* patchedMask(masks.paths, operationsOf(body));
    if (form.kind !== 'json' && !looksLikeJson(body)) return undefined;
    const found = named(yield* jsonMask(masks.paths, body, form.kind === 'json' ? form.sequence : 'loose'));
    // Some servers take a patch by any name of JSON.
    if (found || !isPatch(body)) return found;
    says = true;
    return yield* patchedMask(masks.paths, operationsOf(body));
  } catch (error) {
    if (!(error instanceof BodyNotMasked)) throw error;
    return says ? { mask: masks.fields[0]!.name, unread: error.what } : undefined;
  }
}

const named = (mask: string | undefined): ComesBack | undefined => (mask === undefined ? undefined : { mask });

function* jsonMask(paths: FieldPaths, body: Uint8Array, sequence: Sequence): Generator<undefined, string | undefined> {
  const judging = new Judging(paths);
  const tokenizer = new JsonTokenizer(judging, sequence);
  for (let start = 0; start < body.length; start += STRETCH) {
    tokenizer.push(body.subarray(start, start + STRETCH));
    if (start + STRETCH < body.length) yield;
  }
  tokenizer.end();
  return judging.found?.name;
}

function* formMask(paths: FieldPaths, body: Uint8Array): Generator<undefined, string | undefined> {
  let rested = 0;
  for (let start = 0; start <= body.length; ) {
    const found = body.indexOf(0x26, start);
    const end = found === -1 ? body.length : found;
    const sign = body.subarray(start, end).indexOf(0x3d);
    const name = formDecoded(body, start, sign === -1 ? end : start + sign).toString();
    const value = sign === -1 ? '' : formDecoded(body, start + sign + 1, end).toString();
    const mask = fieldOfForm(paths, name);
    if (mask !== undefined && end > start && couldBeMask(mask, oid.text, value === '' ? null : value)) return mask.name;
    start = end + 1;
    if (start - rested < STRETCH) continue;
    rested = start;
    yield;
  }
  return undefined;
}
