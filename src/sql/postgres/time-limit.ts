/** What a thread has used of a processor since it began, in microseconds. */
export interface Used {
  readonly user: number;
  readonly system: number;
}

/** On the clock a text may take so many times longer than on a processor: a busy machine lets threads wait, one that answers nothing is not waited for. */
const MOST_WAITING = 5;

const millisecondsOf = ({ user, system }: Used): number => (user + system) / 1000;

/**
 * The time that one text may take in the parser. It is counted in processor time: how hard a text is says nothing about what else the
 * machine has to do, and a text that is understood today must not be refused because of that tomorrow.
 */
export class TimeLimit {
  readonly #limit: number;
  readonly #used: () => Promise<Used>;
  readonly #over: () => void;
  /** What the thread had used before this text. */
  readonly #before: number;
  readonly #latest: number;
  #timer: NodeJS.Timeout | undefined;
  #cleared = false;

  /** Calls `over` once, later, unless it is cleared before. `before` is what the thread had used when the text came. */
  constructor(limit: number, before: Used, used: () => Promise<Used>, over: () => void) {
    this.#limit = limit;
    this.#used = used;
    this.#over = over;
    this.#before = millisecondsOf(before);
    this.#latest = performance.now() + limit * MOST_WAITING;
    this.#timer = setTimeout(() => this.#look(), limit);
  }

  clear(): void {
    this.#cleared = true;
    clearTimeout(this.#timer);
  }

  #look(): void {
    const left = this.#latest - performance.now();
    if (left <= 0) {
      this.#end();
      return;
    }
    // Should the thread not even answer this.
    this.#timer = setTimeout(() => this.#end(), left);
    this.#used().then(
      (used) => this.#told(this.#limit - (millisecondsOf(used) - this.#before), left),
      () => undefined,
    );
  }

  #told(rest: number, left: number): void {
    if (this.#cleared) return;
    clearTimeout(this.#timer);
    if (rest <= 0) this.#end();
    else this.#timer = setTimeout(() => this.#look(), Math.min(rest, left));
  }

  #end(): void {
    if (this.#cleared) return;
    this.clear();
    this.#over();
  }
}
