import { Tallies } from '../tallies.ts';
import { charsetOf } from './charset.ts';
import type { Charset } from './charset.ts';
import { CsvMasker } from './csv-masker.ts';
import { EventMasker } from './event-masker.ts';
import { Finds } from './finds.ts';
import { FieldPaths } from './field-paths.ts';
import { FormMasker } from './form-masker.ts';
import { JsonMasking } from './json-masking.ts';
import { JsonTokenizer } from './json-tokenizer.ts';
import { strictest } from './masks.ts';
import type { BodyMasks } from './masks.ts';
import { formOf } from './media-types.ts';
import type { BodyForm } from './media-types.ts';
import { Otherwise, Redaction } from './otherwise.ts';
import type { FormMasking } from './otherwise.ts';
import { TextMasker } from './text-masker.ts';

export type { BodyMasks } from './masks.ts';
export { BodyNotMasked } from './not-masked.ts';

const noFields = new FieldPaths([]);

/** What a message says of its body. */
export interface AboutBody {
  /** As in Content-Type, with or without parameters; empty when there is none. */
  readonly mediaType: string;
  /** The parameter of that name. */
  readonly charset?: string;
  /** It is a part of a body (status 206, Content-Range). A part says nothing of what it belongs to: the text of a string may be a whole document, a row of values a header. */
  readonly partial?: boolean;
}

/** Masks one body, chunk by chunk. Keeps no more than a bounded part of it. */
export interface BodyMasker {
  /**
   * What may go out now; undefined: nothing yet. It may be the chunk itself or a part of it, so that the chunk is not to be written to
   * any more; the masker does not write to it. Throws BodyNotMasked when the body cannot be understood: nothing of this chunk was given,
   * and nothing more may be.
   */
  push(chunk: Uint8Array): Uint8Array | undefined;
  /** The rest. Throws BodyNotMasked for a body that ends too early. */
  end(): Uint8Array | undefined;
  /** Values replaced so far, by name of the mask. A redacted body counts as one for each. */
  readonly masked: Readonly<Record<string, number>>;
}

/**
 * The masker for a body with this Content-Type, in no Content-Encoding. `pass`: no mask concerns it. `refused`: some mask demands
 * what cannot be done with such a body; a message without a body needs no masker and is not to be refused for it.
 */
export function openBodyMasker(masks: BodyMasks, about: AboutBody): BodyMasker | 'pass' | { readonly refused: string } {
  if (masks.empty) return 'pass';
  const form = formOf(about.mediaType);
  const charset = charsetOf(about.charset);
  const all = [...masks.fields, ...masks.detect];
  // Whom this form does not serve.
  const unserved = charset === undefined || about.partial === true || form.kind === 'other' ? all : form.kind === 'text' || (form.kind === 'csv' && !form.header) ? masks.fields : [];
  const otherwise = strictest(unserved);
  if (unserved.length > 0) {
    if (otherwise === 'refuse') return { refused: about.partial === true ? 'masking demands whole bodies, and this is a part of one' : charset === undefined ? 'masking demands a body in UTF-8, ASCII or Latin-1' : 'masking demands a body of a type whose fields or text are known' };
    if (otherwise === 'redact') return new Redaction(form, unserved.map(({ name }) => name));
    if (unserved.length === all.length || masks.detect.length === 0) return 'pass';
  }
  const tallies = new Tallies();
  const inner = formMasking(form, charset!, masks, tallies);
  return new Otherwise(inner, masks, form, () => Object.fromEntries(tallies.counts()));
}

/** The masker of one form, which gives up on what it does not understand. */
export function formMasking(form: BodyForm, charset: Charset, masks: Pick<BodyMasks, 'paths' | 'finds'>, tallies: Tallies): FormMasking {
  const finds = new Finds(masks.finds, tallies);
  switch (form.kind) {
    case 'json':
      return new JsonTokenizer(new JsonMasking(masks.paths, finds, tallies), form.sequence);
    case 'csv':
      return new CsvMasker({ delimiter: form.delimiter, charset }, form.header ? masks.paths : noFields, finds, tallies);
    case 'form':
      return new FormMasker(masks.paths, finds, tallies);
    case 'events':
      return new EventMasker(masks.paths, finds, tallies);
    default:
      return new TextMasker(finds);
  }
}
