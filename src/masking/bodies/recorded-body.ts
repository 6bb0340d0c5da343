import { Tallies } from '../tallies.ts';
import { charsetOf } from './charset.ts';
import type { FieldRule, PlacedMask } from './field-paths.ts';
import { FieldPaths } from './field-paths.ts';
import { recordedFinds } from './finds.ts';
import { looksLikeJson } from './json-looks.ts';
import type { AboutBody } from './masker.ts';
import { formMasking } from './masker.ts';
import type { BodyMasks } from './masks.ts';
import { essence, formOf } from './media-types.ts';
import type { BodyForm } from './media-types.ts';
import { BodyNotMasked } from './not-masked.ts';
import { markers } from './treatments.ts';

/** Parts of names of fields that hold secrets, in lower case and without what stands between words. */
const secretWords: readonly string[] = ['password', 'passwd', 'passphrase', 'pwd', 'secret', 'token', 'authorization', 'apikey', 'accesskey', 'privatekey', 'credential', 'assertion', 'signature', 'cookie'];
/** Whole names of the same kind. */
const secretNames: ReadonlySet<string> = new Set(['pass', 'pin', 'otp', 'jwt', 'key', 'auth', 'cvv', 'cvc']);

/** Whether a field is called as secrets are: `password`, `clientSecret`, `X-Api-Key`, `refresh_token`. */
export function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replace(/[-_. ]/g, '');
  return secretNames.has(plain) || secretWords.some((word) => plain.includes(word));
}

/** Bytes that are looked at in one go: of a body that is not understood somewhere, what stands before that stretch is kept. */
const stretch = 4096;
const unreadable = Buffer.from('<unreadable>');

const marked: PlacedMask = { name: 'recorded', transform: 'redact', treatment: markers };

const pathsOf = new WeakMap<BodyMasks, FieldPaths>();

/**
 * What is written down of a request body (or of its beginning, where recording ends before it): typed markers in the place of masked fields and of fields
 * that are called as secrets are, names of kinds in the place of what any detector finds. Text in which fields cannot be told, where
 * some are masked, and bytes that nobody knows are only counted.
 */
export function recordedBody(masks: BodyMasks, about: AboutBody, body: Uint8Array): Uint8Array {
  if (body.length === 0) return body;
  const form = seenForm(about, body);
  const charset = charsetOf(about.charset);
  if (charset === undefined || form.kind === 'other' || (form.kind === 'text' && masks.fields.length > 0)) return Buffer.from(`<body:${essence(about.mediaType) || 'unknown'} ${body.length}>`);
  const masking = formMasking(form, charset, { paths: recordedPaths(masks), finds: recordedFinds }, new Tallies());
  const pieces: Uint8Array[] = [];
  try {
    for (let at = 0; at < body.length; at += stretch) take(pieces, masking.push(body.subarray(at, at + stretch)));
    take(pieces, masking.end());
  } catch (error) {
    if (!(error instanceof BodyNotMasked)) throw error;
    pieces.push(unreadable);
  }
  return Buffer.concat(pieces);
}

function take(pieces: Uint8Array[], out: Uint8Array | undefined): void {
  if (out !== undefined) pieces.push(out);
}

/** JSON is seen as such under whatever name it comes: many clients send it as text. */
function seenForm(about: AboutBody, body: Uint8Array): BodyForm {
  const form = formOf(about.mediaType);
  return (form.kind === 'other' || form.kind === 'text') && looksLikeJson(body) ? { kind: 'json', sequence: 'loose' } : form;
}

function recordedPaths(masks: BodyMasks): FieldPaths {
  let found = pathsOf.get(masks);
  if (found === undefined) {
    const rules: FieldRule[] = [...masks.paths.rules.map(({ steps }) => ({ steps, mask: marked })), { steps: [{ deep: true, name: isSecretName }], mask: marked }];
    pathsOf.set(masks, (found = new FieldPaths(rules)));
  }
  return found;
}
