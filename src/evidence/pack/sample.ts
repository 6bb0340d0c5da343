import { createHash } from 'node:crypto';

/**
 * Which commands of a population are drawn: the same for everyone who has the seed and the root. For i = 0, 1, 2 ...
 * H = SHA-256("wicketgate/sample/v1\0" || u32 length of the seed in bytes || seed || root || u64 i), integers big-endian; x is the first 8
 * bytes of H. An x of floor(2^64 / n) * n or more is passed over, so that each index is as likely; the index is x mod n; one that
 * was drawn before is passed over. Gives the indexes in the order in which they were drawn.
 */
export const drawSample = (seed: string, root: Buffer, population: number, count: number): number[] => {
  const drawn = new Set<number>();
  if (population === 0) return [];
  const size = BigInt(population);
  const limit = (2n ** 64n / size) * size;
  const text = Buffer.from(seed, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const counter = Buffer.alloc(8);
  for (let i = 0n; drawn.size < Math.min(count, population); i += 1n) {
    counter.writeBigUInt64BE(i);
    const x = createHash('sha256').update('wicketgate/sample/v1\0').update(length).update(text).update(root).update(counter).digest().readBigUInt64BE(0);
    if (x < limit) drawn.add(Number(x % size));
  }
  return [...drawn];
};

/** The seed of a pack for which none was given: SHA-256 (hex) of "wicketgate/seed/v1\0" and the closing roots, in the order of the logs. */
export const seedOf = (roots: readonly Buffer[]): string => {
  const hash = createHash('sha256').update('wicketgate/seed/v1\0');
  for (const root of roots) hash.update(root);
  return hash.digest('hex');
};
