import fc from 'fast-check';

/** Length of one campaign in milliseconds, from `npm run fuzz -- --seconds N`; short when a file is run by itself. */
const DURATION = Number(process.env['FUZZ_SECONDS'] ?? '2') * 1000;
const SEED = Number(process.env['FUZZ_SEED'] ?? String(Math.trunc(Math.random() * 2 ** 31)));

/** Checks a property until the time is over, with ever new seeds. A failure carries the seed that repeats it. */
export const campaign = <Values extends [unknown, ...unknown[]]>(property: fc.IProperty<Values> | fc.IAsyncProperty<Values>, { fastest = false, slowest = false } = {}): Promise<void> | void => {
  const until = performance.now() + DURATION;
  const once = (round: number): fc.Parameters<Values> => ({ seed: SEED + round, numRuns: fastest ? 5000 : slowest ? 20 : 500, endOnFailure: false });
  if (property.isAsync()) {
    return (async () => {
      for (let round = 0; performance.now() < until; round++) await fc.assert(property, once(round));
    })();
  }
  for (let round = 0; performance.now() < until; round++) fc.assert(property as fc.IProperty<Values>, once(round));
};
