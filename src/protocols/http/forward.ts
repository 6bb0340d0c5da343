import { pipeline, type Transform } from 'node:stream';
import type { BodyRecorder } from '../../masking/bodies/recorded-body.ts';
import type { Passage } from '../../pipeline/gate.ts';
import { NotSignable } from '../../secrets/upstream/not-signable.ts';
import type { KeptBody } from './body.ts';
import { TargetFault, type TargetStream } from './exchange.ts';
import { bytesPassed } from '../../wire/passing-bytes.ts';

type Recorder = Pick<BodyRecorder, 'push' | 'end'>;
/** What writes down bytes as they are. */
export const AS_IT_IS: Recorder = { push: (chunk) => chunk, end: () => undefined };

export interface ForwardParts {
  readonly body: Pick<KeptBody, 'stream' | 'release'>;
  readonly target: TargetStream;
  readonly passage: Passage;
  /** Makes the recorded form; undefined: nothing is recorded. */
  readonly record: Recorder | undefined;
  /** What it passes on its way, in order: what checks the client's signature over it, and what makes the target's. */
  readonly transforms: readonly Transform[];
  /** It was sent before, and counted then. */
  readonly again: boolean;
  /** How long the client may send nothing. */
  readonly idleMs: number;
  /** The client has sent something. */
  readonly moved: () => void;
  /** The whole body was handed to the target. */
  readonly sent: () => void;
  /** The client sends nothing any more, although more has to come. */
  readonly idle: () => void;
  /** It cannot be sent: the target does not take it, it is not what its client signed, or what signs it failed. */
  readonly failed: (fault: TargetFault | NotSignable) => void;
}

/** The body of a request on its way to the target: what was kept of it first, then the rest as it comes, no faster than the target takes it. */
export class Forward {
  readonly #parts: ForwardParts;
  #record: Recorder | undefined;
  readonly #timer: NodeJS.Timeout;
  #over = false;
  #answered = false;
  /** The target has no room. */
  #full = false;

  constructor(parts: ForwardParts) {
    this.#parts = parts;
    this.#record = parts.record;
    this.#timer = setTimeout(() => this.#late(), parts.idleMs);
    const { transforms, body: { stream } } = parts;
    const last = transforms.at(-1);
    if (last) {
      last.on('data', (chunk: Buffer) => this.#send(chunk, last));
      last.once('end', () => this.#sent());
      // The first to fail says why; the others are destroyed with it.
      for (const transform of transforms) transform.on('error', (error) => this.#fail(error instanceof NotSignable ? error : new TargetFault('broken', 'the body could not be signed')));
      if (transforms.length > 1) pipeline(transforms, () => {});
    }
    for (const chunk of parts.body.release()) this.#take(chunk);
    if (this.#over) return;
    stream.on('data', this.#take);
    // A body that was read to its end before has no event left to tell so.
    if (stream.readableEnded) this.#ended();
    else stream.once('end', this.#ended);
    if (!this.#full) stream.resume();
  }

  /** The answer has begun, and goes on beside it: who is quiet now may be listening. From here on the answer is what may not stand still. */
  answered(): void {
    this.#answered = true;
  }

  /** What came is written down to its end: before the outcome is, whether it was all or not. */
  recorded(): void {
    const last = this.#record?.end();
    this.#record = undefined;
    if (last) this.#parts.passage.up(0, last);
  }

  /** Nothing more is sent. What was is not whole, and is not made to look so. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    const { transforms, body: { stream } } = this.#parts;
    stream.off('data', this.#take).off('end', this.#ended);
    stream.pause();
    for (const transform of transforms) transform.destroy();
  }

  readonly #take = (chunk: Buffer): void => {
    if (this.#over) return;
    this.#timer.refresh();
    this.#parts.moved();
    const { transforms: [transform], passage, again, body: { stream } } = this.#parts;
    if (!again) passage.up(chunk.length, this.#record?.push(chunk));
    bytesPassed(chunk.length);
    if (!transform) {
      this.#send(chunk, stream);
      return;
    }
    if (transform.write(chunk)) return;
    stream.pause();
    transform.once('drain', () => {
      if (!this.#over) stream.resume();
    });
  };

  readonly #ended = (): void => {
    if (this.#over) return;
    this.recorded();
    const { transforms: [transform] } = this.#parts;
    if (transform) transform.end();
    else this.#sent();
  };

  /** @param from what is paused while the target has no room */
  #send(chunk: Buffer, from: { pause(): unknown; resume(): unknown }): void {
    if (this.#over) return;
    const { passage, target } = this.#parts;
    const permit = passage.command.timing === 'read' ? passage.forward() : passage.effect();
    if (!permit) return;
    permit.spend();
    if (target.write(chunk) || this.#full) return;
    this.#full = true;
    from.pause();
    target.drained(() => {
      this.#full = false;
      if (this.#over) return;
      this.#timer.refresh();
      from.resume();
    });
  }

  #sent(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#parts.target.end();
    this.#parts.sent();
  }

  #late(): void {
    if (this.#full) {
      this.#fail(new TargetFault('late', 'the target does not take the body of the request'));
      return;
    }
    if (this.#answered) {
      this.#timer.refresh();
      return;
    }
    this.stop();
    this.#parts.idle();
  }

  #fail(fault: TargetFault | NotSignable): void {
    if (this.#over) return;
    this.stop();
    this.#parts.failed(fault);
  }
}
