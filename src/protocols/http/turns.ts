/** Most requests of one session that run at a time, each with an upstream connection of its own. */
const MOST_RUNNING = 256;
/** Most that wait until one of them is over: a few connections of HTTP/2 that are used to the full. */
const MOST_WAITING = 1024;
/** How long one waits at the most. */
const WAIT_MS = 10_000;

/** Whose turn comes. */
export interface Turned {
  /** It is its turn. */
  begin(): void;
}

/** The requests of one session: those that run, and, in the order in which they came, those that wait until one of them is over. */
export class Turns<Request extends Turned> {
  readonly #running = new Set<Request>();
  readonly #waiting = new Map<Request, NodeJS.Timeout>();
  readonly #late: (request: Request) => void;

  /** @param late its turn did not come in time: it waits no longer */
  constructor(late: (request: Request) => void) {
    this.#late = late;
  }

  get none(): boolean {
    return this.#running.size === 0;
  }

  /** It begins at once, or later. False: too many wait already. It has to `leave` in any case. */
  enter(request: Request): boolean {
    if (this.#running.size < MOST_RUNNING) {
      this.#running.add(request);
      request.begin();
      return true;
    }
    if (this.#waiting.size >= MOST_WAITING) return false;
    this.#waiting.set(request, setTimeout(() => {
      this.#waiting.delete(request);
      this.#late(request);
    }, WAIT_MS));
    return true;
  }

  leave(request: Request): void {
    if (!this.#running.delete(request)) {
      this.#drop(request);
      return;
    }
    const [next] = this.#waiting.keys();
    if (next === undefined) return;
    this.#drop(next);
    this.#running.add(next);
    next.begin();
  }

  /** Nobody's turn comes any more. @returns all that are there */
  close(): readonly Request[] {
    const all = [...this.#running, ...this.#waiting.keys()];
    for (const request of this.#waiting.keys()) this.#drop(request);
    return all;
  }

  #drop(request: Request): void {
    clearTimeout(this.#waiting.get(request));
    this.#waiting.delete(request);
  }
}
