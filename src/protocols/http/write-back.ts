import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { AboutBody, BodyMasks } from '../../masking/bodies/masker.ts';
import { strictest } from '../../masking/bodies/masks.ts';
import { formOf, leniently } from '../../masking/bodies/media-types.ts';
import { bodyWriteBack } from '../../masking/bodies/write-back.ts';
import type { RequestFacts } from '../../model/request.ts';
import { errorCode } from '../../wire/errors.ts';
import { AWS_CHUNKED, chunkReader, unchunked } from './aws/unchunked.ts';
import type { KeptBody, ReadTo } from './body.ts';
import { alone, inTurns } from './stretches.ts';

/*
 * Values that were masked in an answer may not come back in a request, where they would take the place of the real ones. So a body in which one could
 * stand is looked at as a whole before anything of it is sent on.
 */

/** RFC 9659: no window beyond 8 MiB. The decoder would make room for 128 MiB, whatever a body holds. */
const ZSTD_BOUNDS = { [zlib.constants.ZSTD_d_windowLogMax]: 23 };
/** A packed body may always grow to so much, and beyond that so many times: a few bytes of Brotli are a mebibyte, which takes longer to be looked at than to be sent. */
const SMALL_BYTES = 64 * 1024;
const BOMB_RATIO = 250;

type Unpack = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

/** Those of answers (mask.ts). */
const UNPACK: ReadonlyMap<string, Unpack> = new Map<string, Unpack>([
  ['gzip', promisify(zlib.gunzip)],
  ['x-gzip', promisify(zlib.gunzip)],
  ['br', promisify(zlib.brotliDecompress)],
  ['zstd', (bytes, options) => promisify(zlib.zstdDecompress)(bytes, { ...options, params: ZSTD_BOUNDS })],
]);

/** How a body is packed; empty: not at all. The chunks of AWS are taken off before. */
const codingOf = ({ headers }: Pick<RequestFacts, 'headers'>, chunked: boolean): string => {
  const codings = (headers.get('content-encoding') ?? []).join(',').toLowerCase().split(',').map((coding) => coding.trim());
  return (chunked ? codings.filter((coding) => coding !== AWS_CHUNKED) : codings).filter((coding) => coding !== 'identity').join(',');
};

/** Whether a body that cannot be looked at is refused: a mask that says `pass` lets it through, and nothing of a request can be redacted. */
export const demandsLook = ({ fields }: BodyMasks): boolean => strictest(fields) !== 'pass';

/**
 * Whether the whole body has to be looked at. One that says it is JSON or a form, or that is packed, is; of any other the first byte that says
 * something tells whether it could be JSON by another name. What its fields are is not said by anything else, so it passes.
 *
 * @param chunked it is in the chunks of AWS, of which the data is meant
 */
export const needsLook = async (masks: BodyMasks, facts: RequestFacts, about: AboutBody, body: KeptBody, chunked = false): Promise<boolean | Exclude<ReadTo, 'whole'>> => {
  if (masks.fields.length === 0) return false;
  const { kind } = formOf(leniently(about.mediaType));
  if (kind === 'json' || kind === 'form' || codingOf(facts, chunked) !== '') return true;
  const { to, byte } = await body.begin(chunked ? dataOrDoubt(facts) : undefined);
  if (to !== 'whole' && to !== 'enough') return to;
  return byte === OBJECT || byte === ARRAY;
};

/** The data in the chunks; of what is in none, that it has to be looked at. */
const dataOrDoubt = ({ headers }: Pick<RequestFacts, 'headers'>): ((piece: Buffer) => readonly Buffer[]) => {
  const { read } = chunkReader(headers);
  return (piece) => read(piece) ?? [Buffer.from([OBJECT])];
};

const OBJECT = 0x7b;
const ARRAY = 0x5b;

export interface BodyLook {
  readonly masks: BodyMasks;
  readonly facts: RequestFacts;
  readonly about: AboutBody;
  readonly whole: Buffer;
  /** It is in the chunks of AWS. */
  readonly chunked?: boolean;
  /** Largest body that is looked at, unpacked. */
  readonly most: number;
  /** Whose time it takes. */
  readonly owner: string;
}

/** Why the body may not be sent on: words of ours, or that it is larger than may be looked at. Undefined: it may. */
export const writesBack = async (look: BodyLook): Promise<{ readonly why: string } | 'too large' | undefined> => {
  const { masks, facts, owner, chunked = false } = look;
  if (masks.fields.length === 0) return undefined;
  const whole = chunked && look.whole.length > 0 ? unchunked(look.whole, facts.headers) : look.whole;
  if (whole === undefined) return demandsLook(masks) ? { why: 'the body is not in the chunks that its head announces, so a value that a mask has made could come back in it' } : undefined;
  const coding = codingOf(facts, chunked);
  // What a body is unpacked to is not counted: so it is one of each owner's.
  return coding === '' || whole.length === 0 ? found(look, whole) : alone(owner, () => foundPacked({ ...look, whole }, coding));
};

const foundPacked = async (look: BodyLook, coding: string): ReturnType<typeof writesBack> => {
  const { masks, whole, most } = look;
  const unpack = UNPACK.get(coding);
  const grown = Math.max(SMALL_BYTES, whole.length * BOMB_RATIO);
  let bytes: Uint8Array;
  try {
    if (!unpack) throw new Error('unknown coding');
    bytes = await unpack(whole, { maxOutputLength: Math.min(most, grown) });
  } catch (error) {
    if (!demandsLook(masks)) return undefined;
    if (errorCode(error) !== 'ERR_BUFFER_TOO_LARGE') return { why: 'the body cannot be decoded, so a value that a mask has made could come back in it' };
    return grown < most ? { why: `the body grows more than ${BOMB_RATIO} times when it is decoded, so it is not looked at` } : 'too large';
  }
  return found(look, bytes);
};

const found = async ({ masks, about, owner }: BodyLook, bytes: Uint8Array): Promise<{ readonly why: string } | undefined> => {
  const back = await inTurns(owner, bodyWriteBack(masks, about, bytes));
  if (!back) return undefined;
  const { mask, unread, shows } = back;
  if (shows) return { why: `the body would have the target show what mask ${mask} hides` };
  return { why: unread === undefined ? `the body holds a value that mask ${mask} could have made, which would replace the real one` : `the body is not what its Content-Type says (${unread}), so a value that mask ${mask} has made could come back in it` };
};
