import type { HttpConnectionConfig } from '../../config/resolved.ts';

export type Choice = { readonly connection: HttpConnectionConfig } | { readonly status: 404 | 421; readonly refused: string };

/** Of a connection that names no hosts: wider than any wildcard. */
const ANY_HOST = 1;

/**
 * The connection that a request means, of those at its address: by host, then by the longest prefix of its path. `path` is the normalised one, so
 * that a prefix cannot be got around by another spelling.
 */
export const chooseConnection = (offered: readonly HttpConnectionConfig[], host: string, path: string): Choice => {
  // One that only the forward proxy leads to is not found by asking for it directly.
  const here = offered.filter(({ http }) => !http.proxy || http.hosts.length > 0).map((connection) => ({ connection, exact: connection.http.hosts.length === 0 ? ANY_HOST : exactness(connection.http.hosts, host) })).filter(({ exact }) => exact > 0);
  if (here.length === 0) return { status: 421, refused: 'no connection of this address is reached by this host' };
  const under = here.filter(({ connection }) => beneath(connection.http.prefix, path));
  if (under.length === 0) return { status: 404, refused: 'no connection of this address is reached by this path' };
  const [best, next] = under.toSorted((one, other) => other.exact - one.exact || other.connection.http.prefix.length - one.connection.http.prefix.length);
  if (!best) return { status: 404, refused: 'no connection of this address is reached by this path' };
  if (next && next.exact === best.exact && next.connection.http.prefix === best.connection.http.prefix) return { status: 421, refused: 'several connections of this address are reached by this host and path' };
  return { connection: best.connection };
};

/** How narrowly one of the names means the host: the name itself, `*.name` by its length; 0: none does. */
export const exactness = (names: readonly string[], host: string): number =>
  Math.max(0, ...names.map((name) => (name === host ? Number.MAX_SAFE_INTEGER : name.startsWith('*.') && host.length >= name.length && host.endsWith(name.slice(1)) ? name.length : 0)));

const beneath = (prefix: string, path: string): boolean => prefix === '' || path === prefix || path.startsWith(`${prefix}/`);

/** The path behind the prefix of the connection. */
export const withoutPrefix = (prefix: string, path: string): string => (path === prefix ? '/' : path.slice(prefix.length));
