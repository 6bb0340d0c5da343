import { createSecureContext, type SecureContext } from 'node:tls';
import { interceptedHosts } from '../config/http-proxy.ts';
import { isHttp } from '../config/protocols.ts';
import type { Config, GatewayConfig } from '../config/resolved.ts';
import { authorityInfo, interceptionFiles, openAuthority, type AuthorityInfo } from './certificates-authority.ts';
import { issueLeaf } from './certificates-issue.ts';

const HOUR = 3_600_000;
/** Short: whoever steals the memory of this process has little of it. */
const LEAF_LIFETIME = 24 * HOUR;
const RENEW_BEFORE = 6 * HOUR;
/** There are no more hosts than connections name, but a wildcard names many. */
const MOST_LEAVES = 1_000;

/** What the forward proxy shows its clients in a target's place. */
export interface Interception {
  /** `name` or `*.name` of each host that it is for. */
  readonly hosts: readonly string[];
  /** The CA that clients of the proxy have to trust. */
  readonly authority: AuthorityInfo;
  /**
   * What to serve a client with that asked for this host: a certificate for exactly it, minted once and kept. The caller has made sure that a
   * connection is for the host; the CA could vouch for no other.
   */
  readonly contextFor: (host: string) => Promise<SecureContext>;
}

interface Leaf {
  readonly context: Promise<SecureContext>;
  readonly renewAt: number;
}

/**
 * Opens the CA of the forward proxy, and makes it at the first start, for `hosts` (`name` or `*.name`) and what is below them. Rejects with
 * CertificatesUnusable, for example when there are hosts now that it may not vouch for.
 */
export const openInterception = async (gateway: Pick<GatewayConfig, 'data' | 'keys'>, hosts: readonly string[], clock: () => number = Date.now): Promise<Interception> => {
  const files = interceptionFiles(gateway);
  const authority = await openAuthority({ files, names: hosts, title: 'interception CA', named: 'connections[].http.proxy' }, clock());
  const leaves = new Map<string, Leaf>();

  const mint = (host: string, now: number): Leaf => {
    const context = issueLeaf(authority, [host], now, LEAF_LIFETIME).then(({ certificate, key }) => createSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2' }));
    const leaf = { context, renewAt: now + LEAF_LIFETIME - RENEW_BEFORE };
    // One that failed is not kept.
    context.catch(() => leaves.get(host) === leaf && leaves.delete(host));
    return leaf;
  };

  return {
    hosts,
    authority: authorityInfo(authority.certificate, files.certificate),
    contextFor: (host) => {
      const now = clock();
      const known = leaves.get(host);
      if (known && now < known.renewAt) return known.context;
      if (!known && leaves.size >= MOST_LEAVES) {
        const [oldest] = leaves.keys();
        if (oldest !== undefined) leaves.delete(oldest);
      }
      const leaf = mint(host, now);
      leaves.set(host, leaf);
      return leaf.context;
    },
  };
};

/**
 * The CA of the forward proxy, where some connection is reached by it. What `before` has made is kept while it is for the same hosts. Rejects with
 * CertificatesUnusable, whose message says what to do.
 */
export const interceptionFor = async ({ gateway, connections }: Pick<Config, 'gateway' | 'connections'>, before?: Interception): Promise<Interception | undefined> => {
  const hosts = interceptedHosts(connections.filter(isHttp));
  if (hosts.length === 0) return undefined;
  return before?.hosts.join() === hosts.join() ? before : openInterception(gateway, hosts);
};
