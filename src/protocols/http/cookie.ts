import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { Outside } from './location.ts';

/**
 * A cookie of the target as the client is to keep it: for this connection alone. Its path stands below the connection's prefix, as the target's paths do, and it is of the
 * host that the client named: otherwise a client that keeps cookies would show it to the targets of other connections. Undefined: it is for paths of the target that this
 * connection does not lead to. Through the forward proxy the client keeps it for the target's own name.
 */
export const cookieForClient = (value: string, { http: { prefix, basePath } }: Pick<HttpConnectionConfig, 'http'>, { proxied }: Pick<Outside, 'proxied'>): string | undefined => {
  if (proxied) return value;
  const [pair = '', ...attributes] = value.split(';');
  // RFC 6265 section 5.2: of several paths the last counts.
  let path: string | undefined;
  const others = attributes.filter((attribute) => {
    const equals = attribute.indexOf('=');
    const name = (equals < 0 ? attribute : attribute.slice(0, equals)).trim().toLowerCase();
    if (name === 'path') path = equals < 0 ? '' : attribute.slice(equals + 1).trim();
    return name !== 'path' && name !== 'domain';
  });
  const below = prefix === '' && basePath === '' ? path : belowPrefix(path, prefix, basePath);
  if (below === undefined && path !== undefined) return undefined;
  return [pair, ...others, ...(below === undefined || below === '' ? [] : [` Path=${below}`])].join(';');
};

/** Undefined: it leads nowhere. Without a path of its own the client would take that of the request, which may be the prefix itself, and then all of the host. */
const belowPrefix = (path: string | undefined, prefix: string, basePath: string): string | undefined => {
  const said = path?.startsWith('/') === true ? path : `${basePath}/`;
  const bare = said.endsWith('/') ? said.slice(0, -1) : said;
  if (bare === basePath || basePath.startsWith(`${bare}/`)) return prefix === '' ? '/' : prefix;
  return bare.startsWith(`${basePath}/`) ? `${prefix}${said.slice(basePath.length)}` : undefined;
};
