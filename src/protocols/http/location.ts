import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { formatHostPort } from '../../config/units.ts';

/** How the client came here: what its own addresses begin with. */
export interface Outside {
  readonly scheme: 'http' | 'https';
  /** Host and port as the client named them. */
  readonly authority: string;
}

/** Header fields that name a place. */
export const PLACES: ReadonlySet<string> = new Set(['location', 'content-location', 'x-goog-upload-url', 'x-goog-upload-control-url', 'operation-location', 'azure-asyncoperation']);

/** Those that are for uploads alone: whoever has such an address may go on with the upload, without another word on who they are. */
const UPLOADS: ReadonlySet<string> = new Set(['x-goog-upload-url', 'x-goog-upload-control-url']);
/** Cloud Storage names itself by either, whichever was asked. */
const GOOGLE = /^https:\/\/(?:storage|www)\.googleapis\.com\//;

const DEFAULT_PORT: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

const portOf = ({ protocol, port }: URL): string => (port === '' ? (DEFAULT_PORT[protocol] ?? '') : port);

/**
 * An address that the target names, as the client has to write it to come back through the gateway: one of the target's own host is put under the
 * connection's prefix. One of another host is passed as it is: the client goes there with nothing of the gateway's. Undefined: of the
 * target's own host, and not reachable through this connection, or of another host and an upload that would go on there; the client is not told.
 *
 * @param field in which it stands, in lower case
 */
export const placeForClient = (said: string, { target, http }: Pick<HttpConnectionConfig, 'target' | 'http'>, outside: Outside, field = ''): string | undefined => {
  const told = http.host ?? target.host;
  const value = http.apis.includes('gcs') && told.endsWith('.googleapis.com') ? said.replace(GOOGLE, `https://${told}/`) : said;
  const scheme = target.tls === 'disable' ? 'http' : 'https';
  const base = `${scheme}://${formatHostPort(target)}`;
  const absolute = /^[a-z][a-z0-9+.-]*:/i.test(value) || /^[\\/]{2}/.test(value);
  // Relative to the path of the request itself, which stands below the prefix as it does at the target.
  if (!absolute && !value.startsWith('/')) return value;
  let url: URL;
  try {
    url = new URL(value, base);
  } catch {
    return undefined;
  }
  if (absolute && !ownHost(url, { target, http })) return UPLOADS.has(field) || url.searchParams.has('upload_id') ? undefined : value;
  const { basePath, prefix } = http;
  if (basePath !== '' && url.pathname !== basePath && !url.pathname.startsWith(`${basePath}/`)) return undefined;
  const path = `${prefix}${url.pathname.slice(basePath.length)}` || '/';
  const rest = `${path.startsWith('/') ? path : `/${path}`}${url.search}${url.hash}`;
  return absolute ? `${outside.scheme}://${outside.authority}${rest}` : rest;
};

/** The same for each address in a field `Link` (RFC 8288), by which clients turn pages. Undefined: one of them cannot be told. */
export const linkForClient = (value: string, connection: Pick<HttpConnectionConfig, 'target' | 'http'>, outside: Outside): string | undefined => {
  let told = true;
  const links = value.replace(/<([^<>]*)>/g, (_, said: string) => {
    const place = placeForClient(said, connection, outside);
    told &&= place !== undefined;
    return `<${place}>`;
  });
  return told ? links : undefined;
};

const ownHost = (url: URL, { target, http }: Pick<HttpConnectionConfig, 'target' | 'http'>): boolean => {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
  const name = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (name === target.host.toLowerCase() && portOf(url) === String(target.port)) return true;
  if (http.host === undefined) return false;
  const told = http.host.toLowerCase();
  return url.host.toLowerCase() === told || `${name}:${portOf(url)}` === told;
};
