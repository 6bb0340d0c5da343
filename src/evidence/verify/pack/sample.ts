import { concat, fromHex, inHex, utf8, type Sha256 } from './bytes.ts';

/** Indexes of the commands that a seed draws, in the order of drawing: docs/reference/evidence.md, "The sample". */
export const sampleOf = (seed: string, root: Uint8Array, population: number, count: number, sha256: Sha256): number[] => {
  const text = utf8(seed);
  const input = concat(utf8('wicketgate/sample/v1\0'), new Uint8Array(4), text, root, new Uint8Array(8));
  const view = new DataView(input.buffer);
  view.setUint32(21, text.length);
  const drawn: number[] = [];
  const known = new Set<number>();
  const modulus = BigInt(population);
  const fair = population === 0 ? 0n : (1n << 64n) - ((1n << 64n) % modulus);
  for (let i = 0n; drawn.length < Math.min(count, population); i += 1n) {
    view.setBigUint64(input.length - 8, i);
    const x = BigInt(`0x${inHex(sha256.of(input).subarray(0, 8))}`);
    const index = Number(x % modulus);
    if (x >= fair || known.has(index)) continue;
    known.add(index);
    drawn.push(index);
  }
  return drawn;
};

/** The seed that is used when nobody gave one. */
export const seedFrom = (roots: readonly Uint8Array[], sha256: Sha256): string => inHex(sha256.of(concat(utf8('wicketgate/seed/v1\0'), ...roots)));

/** The commitment to a body: hex SHA-256("wicketgate/commit/v1\0" || salt || bytes). Undefined for a salt that is none. */
export const commitmentOf = (salt: unknown, bytes: Uint8Array, sha256: Sha256): string | undefined => {
  const salted = typeof salt === 'string' && salt.length === 64 ? fromHex(salt) : undefined;
  return salted && inHex(sha256.of(concat(utf8('wicketgate/commit/v1\0'), salted, bytes)));
};
