/**
 * Numbers that decide what is generated. When they are used up every choice is the first one, which is always the simplest: so statements end, and
 * fewer or smaller numbers give a smaller statement.
 */
export class Choices {
  readonly #numbers: readonly number[];
  #at = 0;
  #fresh = 0;
  /** Names that one statement has in many places, so that they meet. */
  focus: readonly [string, ...string[]] = ['s'];

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** A number from 0 up to, and without, `limit`. */
  below(limit: number): number {
    const number = this.#numbers[this.#at++] ?? 0;
    return number % limit;
  }

  one<Value>(...values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }

  /** True in so many of a hundred. */
  chance(percent: number): boolean {
    return this.below(100) >= 100 - percent;
  }

  /** One of the ways, each as often as its weight says. */
  weighted<Value>(...ways: readonly (readonly [weight: number, way: () => Value])[]): Value {
    let left = this.below(ways.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, way] of ways) {
      if (left < weight) return way();
      left -= weight;
    }
    return ways[0]![1]();
  }

  /** A name that nothing else has. */
  fresh(): string {
    return `f${this.#fresh++}`;
  }

  get spent(): boolean {
    return this.#at >= this.#numbers.length;
  }
}
