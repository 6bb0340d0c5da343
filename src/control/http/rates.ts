/** Most callers that are counted at once: beyond that the oldest are forgotten. */
const MOST = 20_000;

/** How much one caller may do: so many at once, and so many each second. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** Token buckets by caller. */
export class Rates {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  /** @param now milliseconds that never go back */
  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Seconds to wait, when it is too much; else undefined, and it is counted. */
  take(caller: string, cost = 1): number | undefined {
    const { burst, perSecond } = this.#rate;
    const now = this.#now();
    const known = this.#buckets.get(caller);
    const left = known ? Math.min(burst, known.left + ((now - known.at) / 1000) * perSecond) : burst;
    // Set anew, so that the first in the map is the one that was silent longest.
    this.#buckets.delete(caller);
    const granted = left >= cost;
    this.#buckets.set(caller, { left: granted ? left - cost : left, at: now });
    if (this.#buckets.size > MOST) this.#buckets.delete(this.#buckets.keys().next().value ?? '');
    return granted ? undefined : Math.max(1, Math.ceil((cost - left) / perSecond));
  }

  /** Whether a caller is at its end now; nothing is counted. */
  over(caller: string): number | undefined {
    const known = this.#buckets.get(caller);
    if (!known) return undefined;
    const left = Math.min(this.#rate.burst, known.left + ((this.#now() - known.at) / 1000) * this.#rate.perSecond);
    return left >= 1 ? undefined : Math.max(1, Math.ceil((1 - left) / this.#rate.perSecond));
  }
}

/** An address as it is counted: of IPv6 the network, since one machine has very many addresses there. */
export const callerOf = (address: string): string => {
  const plain = address.replace(/^::ffff:/i, '');
  if (!plain.includes(':')) return plain;
  const [left = ''] = plain.split('%');
  const [head = '', tail] = left.split('::');
  const groups = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? [] : tail.split(':');
  const whole = tail === undefined ? groups : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - behind.length)).fill('0'), ...behind];
  return `${whole.slice(0, 4).map((group) => group.toLowerCase().replace(/^0+(?=.)/, '')).join(':')}::/64`;
};
