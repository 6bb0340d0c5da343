import type { HttpConnectionConfig } from '../../config/resolved.ts';

export type Choice = { readonly connection: HttpConnectionConfig } | { readonly status: 404 | 421; readonly refused: string };

/**
 * The connection that a request means, of those at its address: by host, then by the longest prefix of its path. `path` is the normalised one, so
 * that a prefix cannot be got around by another spelling.
 */
export const chooseConnection = (offered: readonly HttpConnectionConfig[], host: string, path: string): Choice => {
  // One that only the forward proxy leads to is not found by asking for it directly.
  const here = offered.filter(({ http }) => !http.proxy || http.hosts.length > 0).map((connection) => ({ connection, exact: exactness(connection.http.hosts, host) })).filter(({ exact }) => exact > 0);
  if (here.length === 0) return { status: 421, refused: 'no connection of this address is reached by this host' };
  const under = here.filter(({ connection }) => beneath(connection.http.prefix, path));
  if (under.length === 0) return { status: 404, refused: 'no connection of this address is reached by this path' };
  const [best, next] = under.toSorted((one, other) => other.exact - one.exact || other.connection.http.prefix.length - one.connection.http.prefix.length);
  if (!best) return { status: 404, refused: 'no connection of this address is reached by this path' };
  if (next && next.exact === best.exact && next.connection.http.prefix === best.connection.http.prefix) return { status: 421, refused: 'several connections of this address are reached by this host and path' };
  return { connection: best.connection };
};

/** How narrowly the hosts name it: the name itself, a wildcard, any; 0: not at all. */
const exactness = (hosts: readonly string[], host: string): number => {
  if (hosts.length === 0) return 1;
  if (hosts.includes(host)) return Number.MAX_SAFE_INTEGER;
  return Math.max(0, ...hosts.filter((one) => one.startsWith('*.') && host.endsWith(one.slice(1)) && host.length > one.length - 1).map(({ length }) => length + 1));
};

const beneath = (prefix: string, path: string): boolean => prefix === '' || path === prefix || path.startsWith(`${prefix}/`);

/** The path behind the prefix of the connection. */
export const withoutPrefix = (prefix: string, path: string): string => (path === prefix ? '/' : path.slice(prefix.length));
