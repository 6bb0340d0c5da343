import { pipeline, Transform, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Echo } from './echo.ts';
import { streamOf, type TargetAnswer } from './exchange.ts';
import type { Fields } from './head.ts';
import { messageDecoderFor } from './mask.ts';
import { PackedLook } from './packed-echo.ts';

/*
 * The gateway's credential in the messages of a call of gRPC, which a target may compress one by one: those that are, are looked at as a compressed
 * body is. All else passes as it is, and is looked through as any other answer.
 */

/** One byte of flags, and four that say how long the message is. */
const PREFIX = 5;
const COMPRESSED = 1;
/** So much may be unpacked of all messages before it is looked at how many times more that is than what came, and so many times it may be then: as of bodies that are masked. */
const BOMB_BYTES = 16 * 1024 * 1024;
const BOMB_RATIO = 250;

/** The body as the client gets it; undefined: its messages are not compressed, or in no coding that is understood. Errors with AnswerWithheld. */
export const messagesLookedThrough = (body: TargetAnswer['body'], fields: Fields, echo: Echo): Readable | undefined => {
  const decoder = messageDecoderFor(fields);
  return decoder && pipeline(streamOf(body), new MessagesLook(decoder, echo), () => {});
};

class MessagesLook extends Transform {
  readonly #decoder: () => Transform;
  readonly #echo: Echo;
  readonly #prefix = Buffer.alloc(PREFIX);
  #prefixBytes = 0;
  #came = 0;
  #unpacked = 0;
  /** Bytes of the message that are still to come. */
  #left = 0;
  /** The message is compressed. */
  #packed: PackedLook | undefined;
  /** What may be given of the chunk that is looked at. */
  #given: Buffer[] = [];

  constructor(decoder: () => Transform, echo: Echo) {
    super();
    this.#decoder = decoder;
    this.#echo = echo;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, then: (error?: Error | null, given?: Buffer) => void): void {
    this.#read(chunk).then(
      () => then(null, Buffer.concat(this.#given.splice(0))),
      (error: unknown) => then(error as Error),
    );
  }

  override _flush(then: (error?: Error | null, given?: Buffer) => void): void {
    // The target ended it within a message. What is held of that may be all that the client can tell it by.
    this.#end().then(
      () => then(null, Buffer.concat(this.#given.splice(0))),
      (error: unknown) => then(error as Error),
    );
  }

  override _destroy(error: Error | null, then: (error?: Error | null) => void): void {
    this.#packed?.destroy();
    then(error);
  }

  async #read(chunk: Buffer): Promise<void> {
    this.#came += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const wanted = this.#left > 0 ? this.#left : PREFIX - this.#prefixBytes;
      const piece = chunk.subarray(at, at + wanted);
      at += piece.length;
      if (this.#left === 0) this.#begin(piece);
      else await this.#message(piece);
    }
  }

  #begin(piece: Buffer): void {
    this.#given.push(piece);
    this.#prefix.set(piece, this.#prefixBytes);
    this.#prefixBytes += piece.length;
    if (this.#prefixBytes < PREFIX) return;
    this.#prefixBytes = 0;
    this.#left = this.#prefix.readUInt32BE(1);
    if (this.#left === 0 || ((this.#prefix[0] as number) & COMPRESSED) === 0) return;
    const packed = new PackedLook(this.#decoder(), this.#echo.beside(), (bytes) => (this.#unpacked += bytes) <= BOMB_BYTES || this.#unpacked <= this.#came * BOMB_RATIO);
    packed.on('data', (given: Buffer) => this.#given.push(given));
    // Told by what waits for it.
    packed.on('error', () => {});
    this.#packed = packed;
  }

  async #message(piece: Buffer): Promise<void> {
    this.#left -= piece.length;
    const packed = this.#packed;
    if (!packed) {
      this.#given.push(piece);
      return;
    }
    await new Promise<void>((resolve, reject) => packed.write(piece, (error) => (error ? reject(error) : resolve())));
    if (this.#left === 0) await this.#end();
  }

  async #end(): Promise<void> {
    const packed = this.#packed;
    if (!packed) return;
    packed.end();
    await finished(packed);
    this.#packed = undefined;
  }
}
