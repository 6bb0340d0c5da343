import { pipeline, Transform, type Readable } from 'node:stream';
import type { Echo } from './echo.ts';
import { streamOf, type TargetAnswer } from './exchange.ts';
import { AnswerWithheld, decoderFor } from './mask.ts';
import type { Fields } from './head.ts';

/*
 * The gateway's credential in an answer that is compressed and passes as it is. It is unpacked beside, and only looked at: packed anew, strong ETags and
 * lengths would not hold. So what holds the credential cannot be given with stars in its place, and is not given at all.
 */

/** So much is looked at of one answer, unpacked. Pages that show requests are small, and large downloads are to cost no more than that. */
const MOST_UNPACKED = 16 * 1024 * 1024;
/** What may be kept back while the end of it could be the beginning of the credential. */
const MOST_HELD = 1024 * 1024;

/** The body as the client gets it; undefined: it is in no coding that is understood, or in none. Errors with AnswerWithheld. */
export const lookedThrough = (body: TargetAnswer['body'], fields: Fields, echo: Echo): Readable | undefined => {
  const decoder = decoderFor(fields);
  return decoder && pipeline(streamOf(body), new PackedLook(decoder, echo), () => {});
};

/** Looks at one packed body, or message, on its way. */
export class PackedLook extends Transform {
  readonly #decoder: Transform;
  readonly #echo: Echo;
  /** Occurrences in its head, which became stars. */
  readonly #before: number;
  /** What came, and was not given. */
  #held: Buffer[] = [];
  #unpacked = 0;
  #state: 'looking' | 'found' | 'enough' | 'not packed' = 'looking';
  #failed: () => void = () => {};

  constructor(decoder: Transform, echo: Echo) {
    super();
    this.#decoder = decoder;
    this.#echo = echo;
    this.#before = echo.found;
    decoder.on('data', (chunk: Buffer) => {
      this.#unpacked += chunk.length;
      if (this.#state !== 'looking') return;
      echo.push(chunk);
      if (echo.found > this.#before) this.#state = 'found';
    });
    decoder.on('error', () => {
      this.#notPacked();
      this.#failed();
    });
  }

  override _transform(chunk: Buffer, _: BufferEncoding, then: (error?: Error | null) => void): void {
    this.#held.push(chunk);
    if (this.#decoder.destroyed) this.#notPacked();
    if (this.#state !== 'looking') {
      this.#give(then);
      return;
    }
    let over = false;
    // What was unpacked may wait to be read when the decoder asks for more.
    const look = (): void => {
      if (this.#decoder.readableLength > 0 && !this.#decoder.destroyed) setImmediate(look);
      else this.#give(then);
    };
    const written = (): void => {
      if (over) return;
      over = true;
      setImmediate(look);
    };
    // A decoder that fails does not call back.
    this.#failed = written;
    this.#decoder.write(chunk, written);
  }

  override _flush(then: (error?: Error | null) => void): void {
    if (this.#state === 'not packed') this.push(this.#echo.end());
    for (const chunk of this.#held.splice(0)) this.push(chunk);
    then();
  }

  override _destroy(error: Error | null, then: (error?: Error | null) => void): void {
    this.#decoder.destroy();
    then(error);
  }

  /** Some targets call a body packed which is not, or not to its end: the rest is looked through as any other. */
  #notPacked(): void {
    if (this.#state !== 'looking') return;
    this.#state = 'not packed';
    this.#echo.end();
  }

  #give(then: (error?: Error | null) => void): void {
    if (this.#state === 'found') return then(new AnswerWithheld("the answer holds the gateway's own credential, compressed"));
    if (this.#state === 'looking' && this.#echo.holds) return then(this.#held.reduce((sum, { length }) => sum + length, 0) > MOST_HELD ? new AnswerWithheld('the answer cannot be looked through') : null);
    if (this.#state === 'looking' && this.#unpacked > MOST_UNPACKED) {
      this.#state = 'enough';
      this.#decoder.destroy();
    }
    for (const chunk of this.#held.splice(0)) this.push(this.#state === 'not packed' ? this.#echo.push(chunk) : chunk);
    then();
  }
}
