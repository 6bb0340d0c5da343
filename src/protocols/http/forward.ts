import type { Transform } from 'node:stream';
import type { Passage } from '../../pipeline/gate.ts';
import { BODY_IDLE_MS, type KeptBody } from './body.ts';
import { TargetFault, type TargetStream } from './exchange.ts';

export interface ForwardParts {
  readonly body: KeptBody;
  readonly target: TargetStream;
  readonly passage: Passage;
  /** Where the credential is a signature over the body, piece by piece. */
  readonly transform: Transform | undefined;
  /** The whole body was handed to the target. */
  readonly sent: () => void;
  /** The client sends nothing any more, although more has to come. */
  readonly idle: () => void;
  /** It cannot be sent: the target does not take it, or what signs it failed. */
  readonly failed: (fault: TargetFault) => void;
}

/** The body of a request on its way to the target: what was kept of it first, then the rest as it comes, no faster than the target takes it. */
export class Forward {
  readonly #parts: ForwardParts;
  readonly #timer: NodeJS.Timeout;
  #over = false;
  /** The target has no room. */
  #full = false;

  constructor(parts: ForwardParts) {
    this.#parts = parts;
    this.#timer = setTimeout(() => this.#late(), BODY_IDLE_MS);
    const { transform, body: { stream } } = parts;
    if (transform) {
      transform.on('data', (chunk: Buffer) => this.#send(chunk, transform));
      transform.once('end', () => this.#sent());
      transform.once('error', () => this.#fail('broken', 'the body could not be signed'));
    }
    for (const chunk of parts.body.release()) this.#take(chunk);
    if (this.#over) return;
    stream.on('data', this.#take);
    // A body that was read to its end before has no event left to tell so.
    if (stream.readableEnded) this.#ended();
    else stream.once('end', this.#ended);
    if (!this.#full) stream.resume();
  }

  /** Nothing more is sent. What was is not whole, and is not made to look so. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    const { transform, body: { stream } } = this.#parts;
    stream.off('data', this.#take).off('end', this.#ended);
    stream.pause();
    transform?.destroy();
  }

  readonly #take = (chunk: Buffer): void => {
    if (this.#over) return;
    this.#timer.refresh();
    const { transform, passage, body: { stream } } = this.#parts;
    passage.up(chunk.length);
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
    const { transform } = this.#parts;
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
      this.#fail('late', 'the target does not take the body of the request');
      return;
    }
    this.stop();
    this.#parts.idle();
  }

  #fail(kind: TargetFault['kind'], message: string): void {
    if (this.#over) return;
    this.stop();
    this.#parts.failed(new TargetFault(kind, message));
  }
}
