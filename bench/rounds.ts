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
 * Runs every contender once in each round, in an order that rotates, and pairs each with the first one of the same round:
 * what slows the machine down for a minute slows all of them.
 */
export const pairedRounds = async (contenders: readonly Contender[], rounds: number): Promise<Paired[]> => {
  const rates = contenders.map(() => [] as number[]);
  // Not counted: a gateway that has just started still compiles what it runs most.
  for (let warm = 0; warm < WARM_UP; warm++) for (const { measure } of contenders) await measure();
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const index = (round + turn) % contenders.length;
      rates[index]?.push((await contenders[index]?.measure()) ?? NaN);
    }
  }
  return contenders.map(({ name }, index) => ({
    name,
    rates: rates[index] ?? [],
    ratios: (rates[index] ?? []).map((rate, round) => rate / (rates[0]?.[round] ?? NaN)),
  }));
};
