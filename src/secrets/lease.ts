import { inspect } from 'node:util';

/** One use of one secret. Whatever prints it gets `[secret]`. */
export class Lease implements Disposable {
  /** For the log: `env:NAME` or `file:PATH`. */
  readonly reference: string;
  /** What the operator should know about where it is kept. */
  readonly warning: string | undefined;
  #value: Buffer | undefined;

  /** Takes `value` over: it is overwritten after its use. */
  constructor(value: Buffer, reference: string, warning?: string) {
    this.#value = value;
    this.reference = reference;
    this.warning = warning;
  }

  /**
   * Gives the value to `use` and overwrites it with zeros when that has returned, thrown, or, when it returns a promise,
   * settled. Once only: a second use throws. What `use` copies out of the buffer is its own to protect; strings made of it
   * cannot be overwritten and live until they are collected.
   */
  use<T>(use: (value: Buffer) => T): T {
    const value = this.#value;
    if (value === undefined) throw new Error(`the lease of ${this.reference} was used already`);
    this.#value = undefined;
    const wipe = (): void => void value.fill(0);
    let result: T;
    try {
      result = use(value);
    } catch (cause) {
      wipe();
      throw cause;
    }
    if (!(result instanceof Promise)) {
      wipe();
      return result;
    }
    return result.finally(wipe) as T;
  }

  /** Overwrites the value without a use. */
  [Symbol.dispose](): void {
    this.#value?.fill(0);
    this.#value = undefined;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
