import { namesForConnect, namesForPlain } from '../../config/http-proxy.ts';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { exactness } from './choose.ts';

/** What a client of the forward proxy asks for: a host, lower case and without brackets, and a port. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** The connection that is for this host and port; undefined: none is, or nobody can say which. Nothing passes that is not configured. */
export const chooseProxied = (offered: readonly HttpConnectionConfig[], { host, port }: ProxyTarget, by: 'connect' | 'plain'): HttpConnectionConfig | undefined => {
  const names = by === 'connect' ? namesForConnect : namesForPlain;
  const fits = offered
    .map((connection) => ({ connection, exact: exactness(names(connection).flatMap((name) => (name.ports.includes(port) ? [name.host] : [])), host) }))
    .filter(({ exact }) => exact > 0)
    .toSorted((one, other) => other.exact - one.exact);
  const [best, next] = fits;
  return best && best.exact !== next?.exact ? best.connection : undefined;
};
