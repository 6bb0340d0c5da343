import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { formatHostPort } from '../../config/units.ts';

/** How the client came here: what its own addresses begin with. */
export interface Outside {
  readonly scheme: 'http' | 'https';
  /** Host and port as the client named them. */
  readonly authority: string;
  /** Through the forward proxy: there the client asks for other hosts as well, and the proxy says which. */
  readonly proxied: boolean;
}

/** Header fields whose places are for uploads alone: whoever has such an address may go on with the upload, without another word on who they are. */
const UPLOADS: ReadonlySet<string> = new Set(['x-goog-upload-url', 'x-goog-upload-control-url']);
/** Parameters that are leave by themselves: signatures of AWS, Google and CloudFront, of Azure (SAS), and the session of a resumable upload. */
const LEAVE: ReadonlySet<string> = new Set(['x-amz-signature', 'x-goog-signature', 'signature', 'sig', 'upload_id']);
/** The addresses in a field `Link` (RFC 8288). */
const LINKED = /<([^<>]*)>/g;
/** Cloud Storage names itself by either, whichever was asked. */
const GOOGLE = /^https:\/\/(?:storage|www)\.googleapis\.com\//;

const DEFAULT_PORT: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

const portOf = ({ protocol, port }: URL): string => (port === '' ? (DEFAULT_PORT[protocol] ?? '') : port);

type ToTarget = Pick<HttpConnectionConfig, 'target' | 'http'>;

/** An address that the target says: as it says it, whether it names a host, and what it comes to; `url` is undefined where it cannot be read. */
const placeOf = (said: string, { target, http }: ToTarget): { readonly value: string; readonly absolute: boolean; readonly url: URL | undefined } => {
  const told = http.host ?? target.host;
  const value = http.apis.includes('gcs') && told.endsWith('.googleapis.com') ? said.replace(GOOGLE, `https://${told}/`) : said;
  const absolute = /^[a-z][a-z0-9+.-]*:/i.test(value) || /^[\\/]{2}/.test(value);
  const base = `${target.tls === 'disable' ? 'http' : 'https'}://${formatHostPort(target)}`;
  return { value, absolute, url: URL.parse(value, base) ?? undefined };
};

/**
 * Whether the target names an address of another host that whoever has it may use: a presigned download, an upload that goes on there. It would
 * lead past the gateway. Not so through the forward proxy, which the client asks for other hosts as well.
 *
 * @param field in which it stands, in lower case
 */
export const leadsPast = (said: string, connection: ToTarget, { proxied }: Pick<Outside, 'proxied'>, field: string): boolean => {
  if (proxied) return false;
  const named = field === 'link' ? [...said.matchAll(LINKED)].map(([, value = '']) => value) : [said];
  return named.some((one) => {
    const { absolute, url } = placeOf(one, connection);
    return absolute && url !== undefined && !ownHost(url, connection) && (UPLOADS.has(field) || [...url.searchParams.keys()].some((name) => LEAVE.has(name.toLowerCase())));
  });
};

/**
 * An address that the target names, as the client has to write it to come back through the gateway: one of the target's own host is put under the
 * connection's prefix. One of another host is passed as it is: the client goes there with nothing of the gateway's. Undefined: of the
 * target's own host, and not reachable through this connection; the client is not told.
 */
export const placeForClient = (said: string, connection: ToTarget, outside: Outside): string | undefined => {
  const { value, absolute, url } = placeOf(said, connection);
  // Relative to the path of the request itself, which stands below the prefix as it does at the target.
  if (!absolute && !value.startsWith('/')) return value;
  if (url === undefined) return undefined;
  if (absolute && !ownHost(url, connection)) return value;
  const { basePath, prefix } = connection.http;
  if (basePath !== '' && url.pathname !== basePath && !url.pathname.startsWith(`${basePath}/`)) return undefined;
  const path = `${prefix}${url.pathname.slice(basePath.length)}` || '/';
  const rest = `${path.startsWith('/') ? path : `/${path}`}${url.search}${url.hash}`;
  return absolute ? `${outside.scheme}://${outside.authority}${rest}` : rest;
};

/** The same for each address in a field `Link` (RFC 8288), by which clients turn pages. Undefined: one of them cannot be told. */
export const linkForClient = (value: string, connection: ToTarget, outside: Outside): string | undefined => {
  let told = true;
  const links = value.replace(LINKED, (_, said: string) => {
    const place = placeForClient(said, connection, outside);
    told &&= place !== undefined;
    return `<${place}>`;
  });
  return told ? links : undefined;
};

const ownHost = (url: URL, { target, http }: ToTarget): boolean => {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
  const name = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (name === target.host.toLowerCase() && portOf(url) === String(target.port)) return true;
  if (http.host === undefined) return false;
  const told = http.host.toLowerCase();
  return url.host.toLowerCase() === told || `${name}:${portOf(url)}` === told;
};
