import type { HttpConnectionConfig } from '../../config/resolved.ts';

export type Choice = { readonly connection: HttpConnectionConfig } | { readonly status: 404 | 421; readonly refused: string };

/** Of a connection that names no hosts: wider than any wildcard. */
const ANY_HOST = 1;

/**
 * The connection that a request means, of those at its address: by host, then by the longest prefix of its path. `path` is the normalised one, so
 * that a prefix cannot be got around by another spelling.
 */
export const chooseConnection = (offered: readonly HttpConnectionConfig[], host: string, path: string): Choice => {
  let reached = false;
  let best: { readonly connection: HttpConnectionConfig; readonly exact: number } | undefined;
  let several = false;
  for (const connection of offered) {
    const { hosts, prefix, proxy } = connection.http;
    // One that only the forward proxy leads to is not found by asking for it directly.
    if (proxy && hosts.length === 0) continue;
    const exact = hosts.length === 0 ? ANY_HOST : exactness(hosts, host);
    if (exact === 0) continue;
    reached = true;
    if (!beneath(prefix, path)) continue;
    const closer = best === undefined ? 1 : exact - best.exact || prefix.length - best.connection.http.prefix.length;
    if (closer < 0) continue;
    // Two prefixes of one path that are as long are the same.
    several = closer === 0;
    if (closer > 0) best = { connection, exact };
  }
  if (!reached) return { status: 421, refused: 'no connection of this address is reached by this host' };
  if (!best) return { status: 404, refused: 'no connection of this address is reached by this path' };
  if (several) return { status: 421, refused: 'several connections of this address are reached by this host and path' };
  return { connection: best.connection };
};

/** How narrowly one of the names means the host: the name itself, `*.name` by its length; 0: none does. */
export const exactness = (names: readonly string[], host: string): number =>
  Math.max(0, ...names.map((name) => (name === host ? Number.MAX_SAFE_INTEGER : name.startsWith('*.') && host.length >= name.length && host.endsWith(name.slice(1)) ? name.length : 0)));

const beneath = (prefix: string, path: string): boolean => prefix === '' || path === prefix || path.startsWith(`${prefix}/`);

/** The path behind the prefix of the connection. */
export const withoutPrefix = (prefix: string, path: string): string => (path === prefix ? '/' : path.slice(prefix.length));
