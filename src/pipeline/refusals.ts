import { isIPv4, isIPv6 } from 'node:net';
import type { EvidenceLog } from '../evidence/log.ts';
import type { RefusalCode } from '../model/decision.ts';

/** Most (network, reason) pairs counted apart in one minute; beyond it they are counted together as `other`. */
const MOST_PAIRS = 1024;

/** The source network that refusals are counted by: /24 for IPv4, /64 for IPv6. */
export const sourceNetwork = (address: string): string => {
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : address;
  if (isIPv4(mapped)) return `${mapped.split('.').slice(0, 3).join('.')}.0/24`;
  if (isIPv6(address)) {
    const [head = '', tail = ''] = address.split('%')[0]?.split('::') ?? [];
    const left = head === '' ? [] : head.split(':');
    const right = tail === '' ? [] : tail.split(':');
    const groups = address.includes('::') ? [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right] : left;
    return `${groups.slice(0, 4).map((group) => group || '0').join(':')}::/64`;
  }
  return 'local';
};

/**
 * Refusals of clients and people nobody knows yet. One record for each source network and reason a minute, so that whoever can
 * reach the port cannot fill the disk.
 */
export class RefusalCounter {
  readonly #counts = new Map<string, { network: string; code: RefusalCode; reason: string | undefined; connection: string | undefined; count: number }>();
  readonly #log: Pick<EvidenceLog, 'append'>;
  readonly #timer: NodeJS.Timeout;

  constructor(log: Pick<EvidenceLog, 'append'>, everyMs = 60_000) {
    this.#log = log;
    this.#timer = setInterval(() => this.flush(), everyMs);
    this.#timer.unref();
  }

  /** @param reason which check failed, a word of ours */
  count(address: string, code: RefusalCode, connection?: string, reason?: string): void {
    let network = sourceNetwork(address);
    let key = `${network} ${code} ${reason ?? ''} ${connection ?? ''}`;
    if (!this.#counts.has(key) && this.#counts.size >= MOST_PAIRS) {
      network = 'other';
      key = `other ${code}`;
      connection = reason = undefined;
    }
    const entry = this.#counts.get(key);
    if (entry) entry.count += 1;
    else this.#counts.set(key, { network, code, reason, connection, count: 1 });
  }

  flush(): void {
    for (const { network, code, reason, connection, count } of this.#counts.values()) {
      this.#log.append({ kind: 'refusal', code, network, count, ...(reason === undefined ? {} : { reason }), ...(connection === undefined ? {} : { connection }) });
    }
    this.#counts.clear();
  }

  close(): void {
    clearInterval(this.#timer);
    this.flush();
  }
}
