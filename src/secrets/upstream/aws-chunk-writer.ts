import { createHash } from 'node:crypto';
import { canonicalTrailers } from './aws-chunk-reader.ts';
import type { ChunkSignatures } from './aws-chunk-signature.ts';

/** Size of the chunks that are written; S3 takes none smaller than 8 KiB but the last. Signing one needs all of it, so this much is held. */
export const CHUNK_BYTES = 64 * 1024;
const LINE_END = Buffer.from('\r\n');
const SIGNATURE_BYTES = ';chunk-signature='.length + 64;
const TRAILER_SIGNATURE_BYTES = 'x-amz-trailer-signature:'.length + 64 + 2;

/** Writes data in AWS's chunked form, signed or not. */
export class AwsChunkWriter {
  readonly #signatures: ChunkSignatures | undefined;
  #held: Buffer[] = [];
  #size = 0;

  constructor(signatures: ChunkSignatures | undefined) {
    this.#signatures = signatures;
  }

  /** Gives what is finished to `out`. */
  write(data: Buffer, out: (bytes: Buffer) => void): void {
    for (let at = 0; at < data.length; ) {
      const part = data.subarray(at, at + CHUNK_BYTES - this.#size);
      this.#held.push(part);
      this.#size += part.length;
      at += part.length;
      if (this.#size === CHUNK_BYTES) this.#chunk(out);
    }
  }

  /** Undefined: a form without trailers. */
  end(trailers: ReadonlyMap<string, string> | undefined, out: (bytes: Buffer) => void): void {
    if (this.#size > 0) this.#chunk(out);
    this.#chunk(out);
    if (trailers !== undefined) {
      const signature = this.#signatures?.trailer(canonicalTrailers(trailers));
      const lines = [...trailers, ...(signature === undefined ? [] : [['x-amz-trailer-signature', signature] as const])];
      out(Buffer.from(lines.map(([name, value]) => `${name}:${value}\r\n`).join(''), 'latin1'));
    }
    out(LINE_END);
  }

  /** What is held as a chunk; when nothing is, the last one, whose empty line stands after the trailers. */
  #chunk(out: (bytes: Buffer) => void): void {
    const last = this.#size === 0;
    let signature = '';
    if (this.#signatures !== undefined) {
      const digest = createHash('sha256');
      for (const part of this.#held) digest.update(part);
      signature = `;chunk-signature=${this.#signatures.chunk(digest)}`;
    }
    out(Buffer.from(`${this.#size.toString(16)}${signature}\r\n`, 'latin1'));
    for (const part of this.#held) out(part);
    if (!last) out(LINE_END);
    this.#held = [];
    this.#size = 0;
  }
}

/** Bytes of the form for so much data; undefined when a trailer's length is not known before its value. */
export const chunkedLength = (data: number, signed: boolean, trailers: readonly string[] | undefined): number | undefined => {
  const around = (size: number): number => size.toString(16).length + (signed ? SIGNATURE_BYTES : 0) + 2;
  const rest = data % CHUNK_BYTES;
  let length = data + Math.floor(data / CHUNK_BYTES) * (around(CHUNK_BYTES) + 2) + (rest === 0 ? 0 : around(rest) + 2) + around(0) + 2;
  if (trailers === undefined) return length;
  for (const name of trailers) {
    const value = CHECKSUM_TEXT.get(name);
    if (value === undefined) return undefined;
    length += name.length + 1 + value + 2;
  }
  return length + (signed ? TRAILER_SIGNATURE_BYTES : 0);
};

/** Characters of each checksum in base64. */
const CHECKSUM_TEXT: ReadonlyMap<string, number> = new Map([
  ['x-amz-checksum-crc32', 8],
  ['x-amz-checksum-crc32c', 8],
  ['x-amz-checksum-crc64nvme', 12],
  ['x-amz-checksum-sha1', 28],
  ['x-amz-checksum-sha256', 44],
  ['x-amz-checksum-sha512', 88],
  ['x-amz-checksum-md5', 24],
  ['x-amz-checksum-xxhash64', 12],
  ['x-amz-checksum-xxhash3', 12],
  ['x-amz-checksum-xxhash128', 24],
]);
