import type { Understood } from '../../sql/understand.ts';

/** A prepared statement, by Parse or by SQL PREPARE: they share one name space. */
export interface Prepared {
  /** What the client sent: for SQL the whole PREPARE statement. */
  readonly text: Buffer;
  readonly by: 'parse' | 'sql';
  /** For SQL the statement inside. Replaced when it is understood again. */
  understood: Understood;
  /** The catalog and name context it was understood under; when they have moved on it is understood again. */
  under: string;
  readonly parameterTypes: readonly number[];
  /** Recorded form of the text. */
  recorded: string;
}

/** A portal, by Bind or by DECLARE CURSOR: they share one name space, too. */
export interface Cursor {
  readonly understood: Understood;
  /** The text that opened it. */
  readonly text: Buffer;
}

/** Names that the gateway uses for its own statements and portals. A client may not. */
export const RESERVED = 'wicketgate:';

/**
 * The named statements of one session, as the target knows them. Changes made in a series count at once for the messages
 * behind them, and last only if the target confirms: when an error skips the rest of the series, they are dropped.
 */
export class Names<Value> {
  readonly #weigh: (value: Value) => number;
  /** Sum of what the values weigh. */
  weight = 0;
  readonly #confirmed = new Map<string, Value>();
  readonly #pending = new Map<string, Value | undefined>();

  /** @param weigh what keeping a value costs, in bytes */
  constructor(weigh: (value: Value) => number = () => 0) {
    this.#weigh = weigh;
  }

  get(name: string): Value | undefined {
    return this.#pending.has(name) ? this.#pending.get(name) : this.#confirmed.get(name);
  }

  get size(): number {
    return this.#confirmed.size + this.#pending.size;
  }

  /** Defines (or with undefined removes) a name, until `confirm` or `forget`. */
  propose(name: string, value: Value | undefined): void {
    this.#pending.set(name, value);
  }

  /** The target has done it. */
  confirm(name: string, value: Value | undefined): void {
    const before = this.#confirmed.get(name);
    if (before !== undefined) this.weight -= this.#weigh(before);
    if (value === undefined) this.#confirmed.delete(name);
    else {
      this.#confirmed.set(name, value);
      this.weight += this.#weigh(value);
    }
    if (this.#pending.get(name) === value) this.#pending.delete(name);
  }

  /** The series is over: what was not confirmed did not happen. */
  forget(): void {
    this.#pending.clear();
  }

  /** Removes the confirmed ones that match and returns them. */
  removeWhere(matches: (value: Value, name: string) => boolean): readonly Value[] {
    const removed: Value[] = [];
    for (const [name, value] of this.#confirmed) {
      if (!matches(value, name)) continue;
      this.#confirmed.delete(name);
      this.weight -= this.#weigh(value);
      removed.push(value);
    }
    return removed;
  }

  clear(): void {
    this.weight = 0;
    this.#confirmed.clear();
    this.#pending.clear();
  }
}
