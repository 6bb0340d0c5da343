import { createHash, type Hash } from 'node:crypto';
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
import type { FormMasking } from './otherwise.ts';
import { markers } from './treatments.ts';

/** Parts of names of fields that hold secrets, in lower case and without what stands between words. */
const secretWords: readonly string[] = ['password', 'passwd', 'passphrase', 'pwd', 'secret', 'token', 'authorization', 'apikey', 'accesskey', 'privatekey', 'encryptionkey', 'masterkey', 'signingkey', 'sharedkey', 'authkey', 'subscriptionkey', 'credential', 'assertion', 'signature', 'cookie'];
/** Whole names of the same kind. */
const secretNames: ReadonlySet<string> = new Set(['pass', 'pin', 'otp', 'jwt', 'key', 'auth', 'cvv', 'cvc']);

/** Whether a field is called as secrets are: `password`, `clientSecret`, `X-Api-Key`, `refresh_token`. */
export function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replace(/[-_. ]/g, '');
  return secretNames.has(plain) || secretWords.some((word) => plain.includes(word));
}

/** Bytes that are looked at in one go: of a body that is not understood somewhere, what stands before that stretch is kept. */
const stretch = 4096;
/** So much of a body without a form of its own is seen before it is known whether it is JSON by another name; more where it begins with white space. */
const beginning = 512;
const longestBeginning = 64 * 1024;
/** Smaller bodies have no digest in the record: whoever reads it could find the body by trying. */
const digested = 4096;
const unreadable = Buffer.from('<unreadable>');

const marked: PlacedMask = { name: 'recorded', transform: 'redact', treatment: markers };

const pathsOf = new WeakMap<BodyMasks, FieldPaths>();

/**
 * What is written down of a body that passes: typed markers in the place of masked fields and of fields that are called as secrets are, names of kinds
 * in the place of what any detector finds. Text in which fields cannot be told, where some are masked, and bytes that nobody knows are only
 * counted; of the latter there is a digest as well. Never throws for what a body says.
 */
export class BodyRecorder {
  readonly #masks: BodyMasks;
  readonly #about: RecordedAbout;
  readonly #most: number;
  /** What came before the form was known. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #masking: FormMasking | undefined;
  #hash: Hash | undefined;
  #known = false;
  #came = 0;
  #kept = 0;
  #rest = 0;

  /** @param most bytes of the recorded form that are worth making: what comes behind them is only counted */
  constructor(masks: BodyMasks, about: RecordedAbout, most: number) {
    this.#masks = masks;
    this.#about = about;
    this.#most = most;
  }

  push(chunk: Uint8Array): Uint8Array | undefined {
    this.#came += chunk.length;
    if (this.#known) return this.#take(chunk);
    // The chunk is the caller's, who may not write to it any more: maskers give parts of it out as well.
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < beginning) return undefined;
    const begun = this.#held.length === 1 ? chunk : Buffer.concat(this.#held, this.#heldBytes);
    if (this.#heldBytes < longestBeginning && begun.every((byte) => byte <= 0x20)) return undefined;
    return this.#begin(begun);
  }

  end(): Uint8Array | undefined {
    const pieces: Uint8Array[] = [];
    if (!this.#known && this.#heldBytes > 0) take(pieces, this.#begin(Buffer.concat(this.#held, this.#heldBytes)));
    if (this.#masking) {
      try {
        take(pieces, this.#masking.end());
      } catch (error) {
        if (!(error instanceof BodyNotMasked)) throw error;
        pieces.push(unreadable);
      }
    } else if (this.#came > 0 && this.#kept === 0) {
      const digest = this.#hash && this.#came >= digested ? ` sha256:${this.#hash.digest('hex')}` : '';
      pieces.push(Buffer.from(`<body:${essence(this.#about.mediaType) || 'unknown'} ${this.#came}${digest}>`));
    }
    if (this.#rest > 0) pieces.push(Buffer.from(`<${this.#rest} bytes more>`));
    return pieces.length === 0 ? undefined : Buffer.concat(pieces);
  }

  #begin(body: Uint8Array): Uint8Array | undefined {
    this.#known = true;
    this.#held = [];
    const form = seenForm(this.#about, body);
    const charset = charsetOf(this.#about.charset);
    const coded = this.#about.coded === true;
    if (!coded && charset !== undefined && form.kind !== 'other' && (form.kind !== 'text' || this.#masks.fields.length === 0)) {
      this.#masking = formMasking(form, charset, { paths: recordedPaths(this.#masks), finds: recordedFinds }, new Tallies());
    } else if (!coded && form.kind === 'other') this.#hash = createHash('sha256');
    return this.#take(body);
  }

  #take(bytes: Uint8Array): Uint8Array | undefined {
    this.#hash?.update(bytes);
    if (!this.#masking) {
      if (this.#kept > 0) this.#rest += bytes.length;
      return undefined;
    }
    const pieces: Uint8Array[] = [];
    let size = 0;
    for (let at = 0; at < bytes.length; at += stretch) {
      try {
        const out = this.#masking.push(bytes.subarray(at, at + stretch));
        take(pieces, out);
        size += out?.length ?? 0;
      } catch (error) {
        if (!(error instanceof BodyNotMasked)) throw error;
        pieces.push(unreadable);
        this.#masking = undefined;
      }
      if (this.#masking && this.#kept + size > this.#most) this.#masking = undefined;
      if (!this.#masking) {
        this.#rest += Math.max(0, bytes.length - at - stretch);
        this.#kept = Math.max(1, this.#kept);
        break;
      }
    }
    if (pieces.length === 0) return undefined;
    const out = Buffer.concat(pieces);
    this.#kept += out.length;
    return out;
  }
}

/** What a message says of a body that is written down. */
export interface RecordedAbout extends AboutBody {
  /** It is in a Content-Encoding: only counted. */
  readonly coded?: boolean;
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
