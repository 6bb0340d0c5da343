import { Transform, type TransformCallback } from 'node:stream';
import { AwsChunkReader, type ChunkForm } from './aws-chunk-reader.ts';
import { ChunkSignatures, type ChunkSeed } from './aws-chunk-signature.ts';
import { AwsChunkWriter } from './aws-chunk-writer.ts';
import { NotSignable } from './not-signable.ts';

/** What comes from the client, and what goes to the target. */
export interface ChunkWork {
  /** The client's form, and where its signatures can be checked, what they follow from. Undefined: plain data, of this many bytes. */
  readonly from: { readonly form: ChunkForm; readonly seed?: ChunkSeed } | { readonly plain: number };
  /** Undefined: chunks are not signed. */
  readonly seed?: ChunkSeed;
}

/**
 * Writes a body anew in chunks that the target's key signs. The last chunk, without which the target keeps nothing, goes out only after
 * everything that came was found whole and, where that can be checked, signed by the client. Ends with NotSignable otherwise.
 */
export class AwsChunkTransform extends Transform {
  readonly #reader: AwsChunkReader | undefined;
  readonly #signatures: ChunkSignatures | undefined;
  readonly #writer: AwsChunkWriter;
  readonly #hasTrailers: boolean;
  /** Of plain data: what is still to come. */
  #left: number;

  constructor({ from, seed }: ChunkWork) {
    super();
    this.#reader = 'form' in from ? new AwsChunkReader(from.form, from.seed) : undefined;
    this.#hasTrailers = 'form' in from && from.form.trailers !== undefined;
    this.#left = 'plain' in from ? from.plain : 0;
    this.#signatures = seed === undefined ? undefined : new ChunkSignatures(seed);
    this.#writer = new AwsChunkWriter(this.#signatures);
  }

  override _transform(piece: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#during(done, () => {
      for (const data of this.#reader?.read(piece) ?? [this.#plain(piece)]) this.#writer.write(data, this.#out);
    });
  }

  override _flush(done: TransformCallback): void {
    this.#during(done, () => {
      const trailers = this.#reader?.end() ?? new Map<string, string>();
      if (this.#left > 0) throw new NotSignable('the body is shorter than its length says');
      this.#writer.end(this.#hasTrailers ? trailers : undefined, this.#out);
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#reader?.close();
    this.#signatures?.close();
    done(error);
  }

  readonly #out = (bytes: Buffer): void => void this.push(bytes);

  #plain(piece: Buffer): Buffer {
    this.#left -= piece.length;
    if (this.#left < 0) throw new NotSignable('the body is longer than its length says');
    return piece;
  }

  #during(done: TransformCallback, work: () => void): void {
    try {
      work();
      done();
    } catch (cause) {
      done(cause instanceof Error ? cause : new NotSignable('the body cannot be read'));
    }
  }
}
