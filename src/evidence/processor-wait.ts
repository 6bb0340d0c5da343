import { closeSync, openSync, readSync } from 'node:fs';

/** Where Linux says of the thread that opened it: nanoseconds on a processor, and nanoseconds ready but without one. */
const SCHEDSTAT = '/proc/thread-self/schedstat';

/**
 * How long this thread was ready to run and had no processor. What a call took by the clock, less that, is what it really waited for. Where
 * the system does not tell, it counts as nothing.
 */
export class ProcessorWait {
  readonly #fd: number | undefined;
  readonly #line = Buffer.alloc(64);

  constructor() {
    try {
      this.#fd = openSync(SCHEDSTAT, 'r');
    } catch {
      // No Linux, or one built without.
    }
  }

  /** Milliseconds since the thread began. */
  get milliseconds(): number {
    if (this.#fd === undefined) return 0;
    const length = readSync(this.#fd, this.#line, 0, this.#line.length, 0);
    const [, waited] = this.#line.toString('latin1', 0, length).split(' ');
    return Number(waited ?? 0) / 1_000_000;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}
