import { createHash, timingSafeEqual, type Hash } from 'node:crypto';
import { ChunkSignatures, type ChunkSeed } from './aws-chunk-signature.ts';
import { NotSignable } from './not-signable.ts';

/** A size of at most 12 digits is a number that is exact; the signature is there in the signed forms only. */
const CHUNK_LINE = /^([0-9A-Fa-f]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/;
const TRAILER_LINE = /^([!#$%&'*+.^_`|~\w-]{1,100}):([\x20-\x7e]{0,300})$/;
const LONGEST_LINE = 512;
const TRAILER_SIGNATURE = 'x-amz-trailer-signature';

/** How a body in `aws-chunked` is written. */
export interface ChunkForm {
  /** Whether each chunk carries a signature. */
  readonly signed: boolean;
  /** Names of the trailers (lower case); undefined: the form has none. */
  readonly trailers?: readonly string[];
  /** Bytes of data in all, as the head says. */
  readonly length?: number;
}

type At = 'head' | 'data' | 'data-end' | 'trailer' | 'end';

/**
 * Reads a body in AWS's chunked form, from pieces of any size, and gives its data. What is not exactly of the form that the head announced is
 * refused; with a seed, so is every chunk and trailer that the client's key did not sign. Of a chunk that is not finished nothing is held back:
 * who relies on the signatures must not end what it makes of the data before `end` has returned.
 */
export class AwsChunkReader {
  readonly #form: ChunkForm;
  readonly #signatures: ChunkSignatures | undefined;
  readonly #trailers = new Map<string, string>();
  #at: At = 'head';
  /** The line being read. */
  #line = '';
  /** What is left of the chunk. */
  #left = 0;
  #total = 0;
  #digest: Hash | undefined;
  #claimed = '';

  constructor(form: ChunkForm, seed?: ChunkSeed) {
    this.#form = form;
    this.#signatures = seed === undefined ? undefined : new ChunkSignatures(seed);
  }

  /** The data in one piece of the body. Throws NotSignable. */
  read(piece: Buffer): readonly Buffer[] {
    const data: Buffer[] = [];
    for (let at = 0; at < piece.length; ) {
      if (this.#at === 'end') throw new NotSignable('bytes after the last chunk');
      if (this.#at === 'data') {
        const part = piece.subarray(at, at + this.#left);
        this.#digest?.update(part);
        data.push(part);
        at += part.length;
        this.#left -= part.length;
        if (this.#left === 0) this.#at = 'data-end';
      } else {
        at = this.#readLine(piece, at);
      }
    }
    return data;
  }

  /** The trailers, when the body has ended where it may. Throws NotSignable. */
  end(): ReadonlyMap<string, string> {
    if (this.#at !== 'end') throw new NotSignable('the body ends within its chunks');
    if (this.#form.length !== undefined && this.#total !== this.#form.length) throw new NotSignable('the chunks are shorter than x-amz-decoded-content-length');
    return this.#trailers;
  }

  /** Forgets the client's key. */
  close(): void {
    this.#signatures?.close();
  }

  #readLine(piece: Buffer, from: number): number {
    const feed = piece.indexOf(0x0a, from);
    const to = feed === -1 ? piece.length : feed + 1;
    if (this.#line.length + to - from > LONGEST_LINE) throw new NotSignable('a line of the chunked body is too long');
    this.#line += piece.toString('latin1', from, to);
    if (feed === -1) return to;
    const line = this.#line;
    this.#line = '';
    if (!line.endsWith('\r\n')) throw new NotSignable('a line of the chunked body does not end with CRLF');
    this.#take(line.slice(0, -2));
    return to;
  }

  #take(line: string): void {
    if (this.#at === 'head') this.#beginChunk(line);
    else if (this.#at === 'data-end') {
      if (line !== '') throw new NotSignable('a chunk is longer than it says');
      this.#endChunk();
      this.#at = 'head';
    } else if (line === '') this.#endTrailers();
    else this.#takeTrailer(line);
  }

  #beginChunk(line: string): void {
    const [, size, signature] = CHUNK_LINE.exec(line) ?? [];
    if (size === undefined || (signature !== undefined) !== this.#form.signed) throw new NotSignable('a chunk does not begin as it must');
    this.#left = Number.parseInt(size, 16);
    this.#total += this.#left;
    if (this.#form.length !== undefined && this.#total > this.#form.length) throw new NotSignable('the chunks are longer than x-amz-decoded-content-length');
    this.#claimed = signature ?? '';
    if (this.#signatures !== undefined && this.#form.signed) this.#digest = createHash('sha256');
    if (this.#left > 0) {
      this.#at = 'data';
      return;
    }
    this.#endChunk();
    this.#at = 'trailer';
  }

  #endChunk(): void {
    if (this.#digest === undefined || this.#signatures === undefined) return;
    mustEqual(this.#claimed, this.#signatures.chunk(this.#digest));
    this.#digest = undefined;
  }

  #takeTrailer(line: string): void {
    const [, name = '', value = ''] = TRAILER_LINE.exec(line) ?? [];
    const lower = name.toLowerCase();
    const known = this.#form.trailers?.includes(lower) === true || (this.#form.signed && this.#form.trailers !== undefined && lower === TRAILER_SIGNATURE);
    if (!known || this.#trailers.has(lower)) throw new NotSignable('a trailer is not one that x-amz-trailer names');
    this.#trailers.set(lower, value.trim());
  }

  #endTrailers(): void {
    const { trailers, signed } = this.#form;
    if (trailers?.some((name) => !this.#trailers.has(name)) === true) throw new NotSignable('a trailer that x-amz-trailer names is missing');
    if (trailers !== undefined && signed) {
      const claimed = this.#trailers.get(TRAILER_SIGNATURE);
      if (claimed === undefined || !/^[0-9a-f]{64}$/.test(claimed)) throw new NotSignable('the trailers are not signed');
      this.#trailers.delete(TRAILER_SIGNATURE);
      if (this.#signatures !== undefined) mustEqual(claimed, this.#signatures.trailer(canonicalTrailers(this.#trailers)));
    }
    this.#at = 'end';
  }
}

/** What is signed of trailers: sorted by name, a line feed after each. */
export const canonicalTrailers = (trailers: ReadonlyMap<string, string>): string =>
  [...trailers].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([name, value]) => `${name}:${value}\n`).join('');

/** Both are 64 digits. */
const mustEqual = (claimed: string, right: string): void => {
  if (!timingSafeEqual(Buffer.from(claimed), Buffer.from(right))) throw new NotSignable('a chunk is not signed with the key that signed the request');
};
