import { brotliDecompressSync, constants, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { charsetParameter } from '../../apis/body.ts';
import { charsetOf } from '../../masking/bodies/charset.ts';
import { looksLikeJson } from '../../masking/bodies/json-looks.ts';
import { essence, formOf } from '../../masking/bodies/media-types.ts';

/** Most that a compressed body is read to. */
const MOST_DECODED = 8 * 1024 * 1024;

/** Reads as far as the bytes go: a recording may end in the middle. */
const DECODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MOST_DECODED }),
  br: (bytes) => brotliDecompressSync(bytes, { finishFlush: constants.BROTLI_OPERATION_FLUSH, maxOutputLength: MOST_DECODED }),
  zstd: (bytes) => zstdDecompressSync(bytes, { finishFlush: constants.ZSTD_e_flush, maxOutputLength: MOST_DECODED }),
};

/**
 * Words a recorded answer (`recordedHead`, then bytes of the body as the client got them): its status line and header fields, and the body where it is text.
 * What was sent has no head: its recorded form is text. Pure; never throws.
 */
export const renderMessage = (bytes: Buffer): string => {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0 || bytes.subarray(0, 5).toString('latin1') !== 'HTTP ') return ensureLine(textOf(bytes) ?? `[${bytes.length} bytes]`);
  const lines = bytes.subarray(0, end).toString('utf8').split('\r\n');
  const field = (name: string): string => lines.slice(1).find((line) => line.toLowerCase().startsWith(`${name}:`))?.slice(name.length + 1).trim() ?? '';
  const body = bytes.subarray(end + 4);
  const shown = body.length === 0 ? '' : `\n${ensureLine(bodyText(body, field('content-type'), field('content-encoding').toLowerCase()))}`;
  return `${lines.join('\n')}\n${shown}`;
};

const bodyText = (body: Buffer, mediaType: string, written: string): string => {
  const coding = written === 'x-gzip' ? 'gzip' : written === 'identity' ? '' : written;
  const counted = `[${body.length} bytes of ${essence(mediaType) || 'an unnamed type'}${coding === '' ? '' : `, in ${coding}`}]`;
  const charset = charsetOf(charsetParameter(mediaType));
  if (charset === undefined) return counted;
  let plain = body;
  if (coding !== '') {
    const decode = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
    if (!decode) return counted;
    try {
      plain = decode(body);
    } catch {
      return counted;
    }
  }
  if (formOf(mediaType).kind === 'other' && !looksLikeJson(plain)) return counted;
  return textOf(charset.decode(plain)) ?? counted;
};

/** The bytes as UTF-8, without the character that a recording was cut in; undefined where they are no text. */
const textOf = (bytes: Uint8Array): string | undefined => {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return undefined;
  }
};

const ensureLine = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);
