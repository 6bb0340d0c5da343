import { namesForConnect, namesForPlain, type ProxyName } from '../../config/http-proxy.ts';
import type { HttpConnectionConfig } from '../../config/resolved.ts';

/** What a client of the forward proxy asks for: a host, lower case and without brackets, and a port. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** The connection that is for this host and port; undefined: none is, or nobody can say which. Nothing passes that is not configured. */
export const chooseProxied = (offered: readonly HttpConnectionConfig[], { host, port }: ProxyTarget, by: 'connect' | 'plain'): HttpConnectionConfig | undefined => {
  const names = by === 'connect' ? namesForConnect : namesForPlain;
  const fits = offered
    .map((connection) => ({ connection, exact: Math.max(0, ...names(connection).filter(({ ports }) => ports.includes(port)).map((name) => exactness(name, host))) }))
    .filter(({ exact }) => exact > 0)
    .toSorted((one, other) => other.exact - one.exact);
  const [best, next] = fits;
  return best && best.exact !== next?.exact ? best.connection : undefined;
};

/** How narrowly a name means the host: the name itself, a wildcard by its length; 0: not at all. */
const exactness = ({ host: name }: ProxyName, host: string): number => {
  if (name === host) return Number.MAX_SAFE_INTEGER;
  return name.startsWith('*.') && host.endsWith(name.slice(1)) && host.length > name.length - 1 ? name.length : 0;
};
