import { pipeline, Transform, type Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { charsetParameter } from '../../apis/body.ts';
import { BodyNotMasked } from '../../masking/bodies/not-masked.ts';
import { openBodyMasker, type AboutBody, type BodyMasker } from '../../masking/bodies/masker.ts';
import type { MaskSet } from '../../masking/plan.ts';
import type { RequestFacts } from '../../model/request.ts';
import { errorCode } from '../../wire/errors.ts';
import type { Echo } from './echo.ts';
import { isBodiless, streamOf, type TargetAnswer } from './exchange.ts';
import { single } from './fields.ts';
import type { Fields, RequestHead } from './head.ts';

/** The answer may not be given: it cannot be masked. The message is words of ours. */
export class AnswerWithheld extends Error {
  override name = 'AnswerWithheld';
}

/** So much may be decoded before its ratio is looked at, and so many times more than what came may come of it then. */
const BOMB_BYTES = 16 * 1024 * 1024;
const BOMB_RATIO = 250;

/** How long the beginning of what is packed anew waits for more: whoever is told of things as they happen would wait for it for ever. */
const FLUSH_MS = 100;

type Encoder = Transform & { flush(kind: number): void };

interface Coding {
  readonly decode: () => Transform;
  readonly encode: () => Encoder;
  /** Has the encoder give what it holds, and go on. */
  readonly flush: number;
}

const GZIP: Coding = { decode: () => zlib.createGunzip(), encode: () => zlib.createGzip({ level: 1 }), flush: zlib.constants.Z_SYNC_FLUSH };

/** Codings that are understood. `deflate` is not: half of the world sends it without its wrapping. */
const CODINGS: ReadonlyMap<string, Coding> = new Map<string, Coding>([
  ['gzip', GZIP],
  ['x-gzip', GZIP],
  ['br', { decode: () => zlib.createBrotliDecompress(), encode: () => zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } }), flush: zlib.constants.BROTLI_OPERATION_FLUSH }],
  // RFC 9659: no window beyond 8 MiB. The decoder would keep up to 128 MiB for each answer.
  ['zstd', { decode: () => zlib.createZstdDecompress({ params: { [zlib.constants.ZSTD_d_windowLogMax]: 23 } }), encode: () => zlib.createZstdCompress(), flush: zlib.constants.ZSTD_e_flush }],
]);

/** What unpacks a body; undefined: it is not packed, or in a way that is not understood. */
export const decoderFor = (fields: Fields): Transform | undefined => {
  const [coding, ...more] = codingsOf(fields);
  return coding === undefined || more.length > 0 ? undefined : CODINGS.get(coding)?.decode();
};

/** What unpacks each message of a call by itself; undefined: they are not packed, or in a way that is not understood. There `deflate` has its wrapping. */
export const messageDecoderFor = (fields: Fields): (() => Transform) | undefined => {
  const coding = single(fields, 'grpc-encoding')?.trim().toLowerCase() ?? '';
  return coding === 'deflate' ? () => zlib.createInflate() : CODINGS.get(coding)?.decode;
};

/** In the order in which they were put on; `identity` and what a list has empty are none. */
const codingsOf = (fields: Fields): string[] => fields.filter(([name]) => name.toLowerCase() === 'content-encoding').flatMap(([, value]) => value.split(',')).map((item) => item.trim().toLowerCase()).filter((item) => item !== '' && item !== 'identity');

/** What says something of the exact bytes, and is not true of masked ones. */
const OF_BYTES = /^(?:content-md5|digest|content-digest|repr-digest|want-digest|signature|signature-input|x-goog-hash|x-goog-stored-content-length|x-amz-checksum-.*|x-ms-blob-content-md5|x-ms-content-crc64)$/;

export interface MaskedAnswer {
  /** Paused, where it is a stream. */
  readonly body: TargetAnswer['body'];
  readonly fields: Fields;
  readonly length: undefined;
  readonly masked: () => Readonly<Record<string, number>>;
  /** Events: the head goes before any of them. Of anything else it waits until some of the body was understood. */
  readonly eager: boolean;
}

/**
 * The answer with its protected values masked, and the gateway's credential, should it come back; undefined: no mask concerns it, and it passes as it is.
 *
 * @param partAsked the target was asked for a part
 */
export const maskedAnswer = (answer: TargetAnswer, { method }: Pick<RequestHead, 'method'>, { bodies }: MaskSet, echo?: Echo, partAsked = false): MaskedAnswer | { readonly withheld: string } | undefined => {
  if (bodies.empty) return undefined;
  const { status, fields, body, length } = answer;
  const mediaType = single(fields, 'content-type') ?? '';
  const bodiless = isBodiless(method, status);
  if (!bodiless && length === 0) return undefined;
  const part = status === 206 || fields.some(([name]) => name.toLowerCase() === 'content-range');
  // What masks say of parts is for those that the target gives by itself. Asked for by the client, by a parameter or before the mask was in force, it would be a way past them.
  if (part && partAsked && !bodiless && openBodyMasker(bodies, aboutType(mediaType)) !== 'pass') return { withheld: 'the answer cannot be masked: it is a part of a body, and was asked for as one' };
  const written = codingsOf(fields);
  const [named] = written;
  const known = named === undefined ? undefined : CODINGS.get(named);
  const decodable = written.length === 0 || (written.length === 1 && known !== undefined);
  // Of a part, and of what cannot be decoded, nothing can be masked: the masks say what becomes of such a body.
  const closed = part || !decodable;
  const masker = openBodyMasker(bodies, closed ? { mediaType, partial: true } : aboutType(mediaType));
  // What it would say of a body that is masked is not true, even where there is none. 304 names no media type.
  if (bodiless) return masker === 'pass' && status !== 304 ? undefined : { body, fields: truthful(fields), length: undefined, masked: () => ({}), eager: false };
  if (masker === 'pass') return undefined;
  if ('refused' in masker) return { withheld: `the answer cannot be masked: ${decodable ? masker.refused : 'it is in a coding that is not understood'}` };
  const coding = closed ? undefined : known;
  // Events have to leave as they come, and what compresses waits for more.
  const plain = /^text\/event-stream\b/i.test(mediaType);
  const untrue = new Set([...(plain || closed ? ['content-encoding'] : []), ...(closed ? ['content-range'] : [])]);
  const told = truthful(fields).filter(([name]) => !untrue.has(name.toLowerCase()));
  return { body: throughMasker(streamOf(body), { masker, echo }, coding, plain), fields: told, length: undefined, masked: () => masker.masked, eager: plain };
};

const aboutType = (mediaType: string): AboutBody => {
  const charset = charsetParameter(mediaType);
  return { mediaType, ...(charset === undefined ? {} : { charset }) };
};

/** What a request says of its body. */
export const aboutBody = ({ headers }: Pick<RequestFacts, 'headers'>): AboutBody => aboutType(headers.get('content-type')?.[0] ?? '');

const truthful = (fields: Fields): Fields =>
  fields.flatMap(([name, value]): [string, string][] => {
    const lower = name.toLowerCase();
    if (lower === 'content-length' || OF_BYTES.test(lower)) return [];
    if (lower === 'accept-ranges') return [[name, 'none']];
    if (lower === 'etag') return [[name, value.startsWith('W/') ? value : `W/${value}`]];
    return [[name, value]];
  });

const throughMasker = (body: Readable, { masker, echo }: { readonly masker: BodyMasker; readonly echo: Echo | undefined }, coding: Coding | undefined, plain: boolean): Readable => {
  let came = 0;
  let decoded = 0;
  const encoder = plain ? undefined : coding?.encode();
  let quiet: NodeJS.Timeout | undefined;
  const flushSoon = (): void => {
    if (quiet) quiet.refresh();
    else quiet = setTimeout(() => encoder?.destroyed === false && !encoder.writableEnded && encoder.flush(coding?.flush ?? 0), FLUSH_MS);
  };
  const masking = new Transform({
    transform: (chunk: Buffer, _, then) => {
      try {
        decoded += chunk.length;
        if (coding && decoded > BOMB_BYTES && decoded > came * BOMB_RATIO) throw new AnswerWithheld('the answer cannot be masked: it grows too much when it is decoded');
        const out = masker.push(echo?.push(chunk) ?? chunk);
        if (encoder && out) flushSoon();
        then(null, out);
      } catch (error) {
        then(withheld(error));
      }
    },
    flush: (then) => {
      try {
        const rest = echo?.end();
        if (rest && rest.length > 0) masking.push(masker.push(rest) ?? Buffer.alloc(0));
        then(null, masker.end());
      } catch (error) {
        then(withheld(error));
      }
    },
  });
  const last = new Transform({ transform: (chunk, _, then) => then(null, chunk) });
  const stages = coding ? [coding.decode(), masking, ...(encoder ? [encoder] : [])] : [masking];
  const count = new Transform({
    transform: (chunk: Buffer, _, then) => {
      came += chunk.length;
      then(null, chunk);
    },
  });
  pipeline([body, count, ...stages], (error) => {
    clearTimeout(quiet);
    if (error) last.destroy(cutOff(error) ? error : withheld(error));
  });
  const end = stages.at(-1) as Transform;
  end.on('data', (chunk: Buffer) => {
    if (!last.write(chunk)) {
      end.pause();
      last.once('drain', () => end.resume());
    }
  });
  end.once('end', () => last.end());
  return last;
};

/** The target broke it off, or the client did not wait for it: nothing was wrong with its form. */
const cutOff = (error: unknown): boolean => ['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR', 'ERR_STREAM_DESTROYED'].includes(errorCode(error) ?? '');

const withheld = (error: unknown): AnswerWithheld => {
  if (error instanceof AnswerWithheld) return error;
  // The masker says what is wrong with the form; a decoder's own words may hold what it read.
  return new AnswerWithheld(`the answer cannot be masked: ${error instanceof BodyNotMasked ? error.what : 'it cannot be decoded'}`);
};

/** What is said to the target: only codings that are understood, since answers are looked through; and of what is masked no part, since a part cannot be. */
export const requestUnderMasks = ({ values }: Pick<RequestHead, 'values'>, { bodies }: MaskSet): { readonly without: ReadonlySet<string>; readonly added: readonly [string, string][] } => {
  const without = bodies.empty ? NONE : PARTS;
  const added = ACCEPTED.flatMap(({ name, lower, knows }): [string, string][] => {
    const listed = values.get(lower)?.flatMap((value) => value.split(',')).map((item) => item.trim().toLowerCase()) ?? [];
    const known = listed.filter((item) => knows(item.split(/[\s;]/, 1)[0] ?? ''));
    return known.length === listed.length ? [] : [[name, known.length > 0 ? known.join(', ') : 'identity']];
  });
  return added.length === 0 ? { without, added } : { without: new Set([...without, ...added.map(([name]) => name.toLowerCase())]), added };
};

/** @param request as it goes to the target */
export const asksForPart = ({ headers, path }: { readonly headers: Fields; readonly path: string }): boolean => headers.some(([name]) => PARTS.has(name.toLowerCase())) || PART_OF_UPLOAD.test(path);

const NONE: ReadonlySet<string> = new Set();
/** Azure reads its own before the usual one, and old servers one of a draft behind it. */
const PARTS: ReadonlySet<string> = new Set(['range', 'if-range', 'x-ms-range', 'request-range']);
/** S3 gives an object in the parts in which it was uploaded. */
const PART_OF_UPLOAD = /[?&]partNumber=/i;
/** Where a client says which codings it takes: of an answer, and of the messages of a call. */
const ACCEPTED = [
  { name: 'Accept-Encoding', lower: 'accept-encoding', knows: (coding: string) => coding === 'identity' || CODINGS.has(coding) },
  { name: 'Grpc-Accept-Encoding', lower: 'grpc-accept-encoding', knows: (coding: string) => coding === 'identity' || coding === 'deflate' || CODINGS.has(coding) },
] as const;
