/** One thing that is measured against others in the same rounds. Gives a rate, the higher the better. */
export interface Contender {
  readonly name: string;
  readonly measure: () => Promise<number>;
}

export interface Paired {
  readonly name: string;
  /** Its rate in each round. */
  readonly rates: readonly number[];
  /** Its rate over that of the first contender, round by round. */
  readonly ratios: readonly number[];
}

/** Times that each contender runs before the rounds that count. */
const WARM_UP = 2;

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
};

/**
 * Measures every contender once in each round, in an order that rotates: what slows the machine down for a minute slows all of them. Gives what
 * was measured of each, round by round.
 */
export const inRounds = async <One, Measured>(contenders: readonly One[], rounds: number, measure: (one: One) => Promise<Measured>): Promise<(readonly [One, Measured[]])[]> => {
  const measured = contenders.map((one): readonly [One, Measured[]] => [one, []]);
  // Not counted: a gateway that has just started still compiles what it runs most.
  for (let warm = 0; warm < WARM_UP; warm++) for (const one of contenders) await measure(one);
  for (let round = 0; round < rounds; round++) {
    const first = round % measured.length;
    for (const [one, values] of [...measured.slice(first), ...measured.slice(0, first)]) values.push(await measure(one));
  }
  return measured;
};

/** Measures rates in rounds, and pairs each contender's with the first one's of the same round. */
export const pairedRounds = async (contenders: readonly Contender[], rounds: number): Promise<Paired[]> => {
  const measured = await inRounds(contenders, rounds, ({ measure }) => measure());
  const [, base = []] = measured[0] ?? [];
  return measured.map(([{ name }, rates]) => ({ name, rates, ratios: rates.map((rate, round) => rate / (base[round] ?? NaN)) }));
};
