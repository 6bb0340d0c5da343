import { randomBytes } from 'node:crypto';
import type { RowCount } from '../../pipeline/gate.ts';

/** Most bytes of an answer that are held back until it is known how many rows its statement has changed. */
const MOST_HELD = 1024 * 1024;

const OVERFLOW = `its answer is larger than the ${MOST_HELD} bytes that are held back until its rows are counted`;
const SUSPENDED = 'it is executed in parts, so that its rows are not counted before some are given out';
const UNTOLD = 'the target did not say how many rows it changed';

/** A name that nothing of the client's can mean. */
export const savepointName = (): string => `wicketgate_${randomBytes(16).toString('hex')}`;

/**
 * What stands around a command that may change only so many rows: a transaction of the gateway's own, or a savepoint where the client has one
 * open. Its answer is held back until the target has said how many rows it changed. Without I/O.
 */
export class Guard {
  /** Rows that it may change. */
  readonly most: number;
  /** In a block of the client's. Undefined: the block is the gateway's own. */
  readonly savepoint: string | undefined;
  /** The client sends data in the middle of it: it cannot be run again. */
  readonly once: boolean;
  #held: Uint8Array[] = [];
  #bytes = 0;
  #overflowed = false;
  /** What the target's answer came to, once it is there: few enough rows, or so many. */
  verdict: 'passed' | RowCount | undefined;
  /** What makes it last was sent. */
  closing = false;
  /** The answer is over and the client has been told, or it was undone and may be decided anew with so many rows. */
  readonly over: Promise<RowCount | undefined>;
  #end: (undone: RowCount | undefined) => void = () => {};

  constructor(most: number, savepoint: string | undefined, once: boolean) {
    this.most = most;
    this.savepoint = savepoint;
    this.once = once;
    this.over = new Promise((resolve) => (this.#end = resolve));
  }

  get begin(): string {
    return this.savepoint === undefined ? 'BEGIN' : `SAVEPOINT ${this.savepoint}`;
  }

  get keep(): string {
    return this.savepoint === undefined ? 'COMMIT' : `RELEASE SAVEPOINT ${this.savepoint}`;
  }

  get undo(): readonly string[] {
    return this.savepoint === undefined ? ['ROLLBACK'] : [`ROLLBACK TO SAVEPOINT ${this.savepoint}`, `RELEASE SAVEPOINT ${this.savepoint}`];
  }

  hold(bytes: Uint8Array): void {
    if (this.#overflowed) return;
    this.#bytes += bytes.length;
    this.#held.push(bytes);
    if (this.#bytes <= MOST_HELD) return;
    this.#overflowed = true;
    this.#held = [];
  }

  /** What was held back, in order: it is given out, or forgotten. */
  take(): readonly Uint8Array[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }

  /** The target has done the statement. */
  count(changed: number | undefined): void {
    if (changed === undefined) this.verdict = { uncountable: UNTOLD };
    else if (changed > this.most) this.verdict = changed;
    else this.verdict = this.#overflowed ? { uncountable: OVERFLOW } : 'passed';
  }

  /** The portal stopped at its row limit: the statement has run, and its end is not there. */
  suspend(): void {
    this.verdict = { uncountable: SUSPENDED };
  }

  /** @param undone it was taken back, and nothing of it was told: with so many rows it can be decided anew */
  end(undone?: RowCount): void {
    this.#end(undone);
  }
}
