import type { MaskConfig } from '../../../config/resolved.ts';
import { HashKey } from '../../hash-key.ts';
import { openBodyMasker } from '../masker.ts';
import type { AboutBody } from '../masker.ts';
import { compileBodies } from '../masks.ts';
import type { BodyMasks } from '../masks.ts';
import { BodyRecorder, type RecordedAbout } from '../recorded-body.ts';
import { bodyWriteBack, type ComesBack } from '../write-back.ts';

export const key = new HashKey(Buffer.alloc(32, 1));

/** Masks as a policy holds them, named `test/1` and on. */
export function bodyMasks(masks: readonly Partial<Pick<MaskConfig, 'fields' | 'detect' | 'transform' | 'otherwise'>>[]): BodyMasks {
  return compileBodies(
    masks.map((mask, at) => ({ name: `test/${at + 1}`, columns: [], fields: [], detect: [], otherwise: 'refuse', mode: 'strict', transform: 'redact', origin: { file: 'test', line: 1 }, ...mask })),
    key,
  );
}

/** Cuts bytes into chunks of these lengths in turn; the rest is one chunk. */
function* chunksOf(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (const length of lengths) {
    if (at >= bytes.length) return;
    // A copy of its own, so that a masker which looks past its chunk, or writes to it, is found out.
    yield Uint8Array.from(bytes.subarray(at, at + length));
    at += length;
  }
  if (at < bytes.length) yield Uint8Array.from(bytes.subarray(at));
}

export interface Masked {
  readonly bytes: Buffer;
  readonly text: string;
  readonly masked: Readonly<Record<string, number>>;
}

/** The whole body through a masker. Throws what it throws; `pass` and `refused` are given as they are. */
export function through(masks: BodyMasks, about: AboutBody, body: Uint8Array | string, lengths: readonly number[] = []): Masked | 'pass' | { readonly refused: string } {
  const masker = openBodyMasker(masks, about);
  if (masker === 'pass' || 'refused' in masker) return masker;
  const out: Uint8Array[] = [];
  for (const chunk of chunksOf(Buffer.from(body), lengths)) {
    const before = Buffer.from(chunk);
    const made = masker.push(chunk);
    if (!before.equals(chunk)) throw new Error('the masker wrote to its chunk');
    // Copied only at the end, so that a masker which goes on writing to what it gave is found out.
    if (made !== undefined) out.push(made);
  }
  const rest = masker.end();
  if (rest !== undefined) out.push(rest);
  const bytes = Buffer.concat(out);
  return { bytes, text: bytes.toString(), masked: masker.masked };
}

/** The same where a masker is expected. */
export function maskedBy(masks: BodyMasks, about: AboutBody, body: Uint8Array | string, lengths: readonly number[] = []): Masked {
  const made = through(masks, about, body, lengths);
  if (made === 'pass' || 'refused' in made) throw new Error(`no masker: ${JSON.stringify(made)}`);
  return made;
}

/** What is written down of a body that is there as a whole. */
export function recordedBody(masks: BodyMasks, about: RecordedAbout, body: Uint8Array): string {
  const recorder = new BodyRecorder(masks, about, Infinity);
  return Buffer.concat([recorder.push(body), recorder.end()].filter((piece) => piece !== undefined)).toString();
}

/** What of a request body comes back, looked for to its end. */
export const comesBack = (...body: Parameters<typeof bodyWriteBack>): ComesBack | undefined => {
  const look = bodyWriteBack(...body);
  for (;;) {
    const { done, value } = look.next();
    if (done === true) return value;
  }
};
