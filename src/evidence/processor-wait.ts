import { closeSync, openSync, readSync } from 'node:fs';

/** Where Linux says of a thread: nanoseconds on a processor, and nanoseconds ready but without one. */
const OWN = '/proc/thread-self/schedstat';
/** The main thread has the number of its process. */
const MAIN = `/proc/self/task/${process.pid}/schedstat`;

/**
 * How long a thread was ready to run and had no processor: the one that makes this, or the process's main one. What a call took by the clock,
 * less that, is what it really waited for. Where the system does not tell, it counts as nothing.
 */
export class ProcessorWait {
  readonly #fd: number | undefined;
  readonly #line = Buffer.alloc(64);

  constructor(thread: 'own' | 'main' = 'own') {
    try {
      this.#fd = openSync(thread === 'own' ? OWN : MAIN, 'r');
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
