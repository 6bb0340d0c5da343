import type { TransformConfig } from '../config/resolved.ts';

/** NULL tells least; then a constant; a pseudonym tells equality; a part tells itself. */
function strictness(transform: TransformConfig): number {
  if (transform === 'null') return 4;
  if (transform === 'redact') return 3;
  if (transform === 'hash') return 1;
  return 'fixed' in transform ? 2 : 0;
}

/** Where several masks cover one thing, whether `one` is the stricter. Of two partial masks the one that keeps less is. */
export function wins(one: TransformConfig, other: TransformConfig): boolean {
  const difference = strictness(one) - strictness(other);
  if (difference !== 0) return difference > 0;
  return typeof one === 'object' && typeof other === 'object' && 'partial' in one && 'partial' in other && one.partial < other.partial;
}
