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
  readonly #mayUnpack: (bytes: number) => boolean;
  /** Occurrences in its head, which became stars. */
  readonly #before: number;
  /** What came, and was not given. */
  #held: Buffer[] = [];
  #unpacked = 0;
  #state: 'looking' | 'found' | 'enough' | 'too much' | 'not packed' = 'looking';
  #stopped: () => void = () => {};

  /** @param mayUnpack is told of what was unpacked; false: it is too much for what came, and nothing of it is given */
  constructor(decoder: Transform, echo: Echo, mayUnpack: (bytes: number) => boolean = () => true) {
    super();
    this.#decoder = decoder;
    this.#echo = echo;
    this.#mayUnpack = mayUnpack;
    this.#before = echo.found;
    decoder.on('data', (chunk: Buffer) => this.#look(chunk));
    decoder.on('error', () => {
      this.#notPacked();
      this.#stopped();
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
    // A decoder that fails, or is stopped, does not call back.
    this.#stopped = written;
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

  /** A few bytes may be unpacked for hours: as soon as it was enough no more is. */
  #look(chunk: Buffer): void {
    if (this.#state !== 'looking') return;
    this.#unpacked += chunk.length;
    this.#echo.push(chunk);
    if (this.#echo.found > this.#before) this.#state = 'found';
    else if (!this.#mayUnpack(chunk.length) || this.#unpacked > 2 * MOST_UNPACKED) this.#state = 'too much';
    else if (this.#unpacked > MOST_UNPACKED && !this.#echo.holds) this.#state = 'enough';
    else return;
    this.#decoder.destroy();
    this.#stopped();
  }

  /** Some targets call a body packed which is not, or not to its end: the rest is looked through as any other. */
  #notPacked(): void {
    if (this.#state !== 'looking') return;
    this.#state = 'not packed';
    this.#echo.end();
  }

  #give(then: (error?: Error | null) => void): void {
    if (this.#state === 'found') return then(new AnswerWithheld("the answer holds the gateway's own credential, compressed"));
    if (this.#state === 'too much') return then(new AnswerWithheld('the answer cannot be looked through'));
    if (this.#state === 'looking' && this.#echo.holds) return then(this.#held.reduce((sum, { length }) => sum + length, 0) > MOST_HELD ? new AnswerWithheld('the answer cannot be looked through') : null);
    for (const chunk of this.#held.splice(0)) this.push(this.#state === 'not packed' ? this.#echo.push(chunk) : chunk);
    then();
  }
}
