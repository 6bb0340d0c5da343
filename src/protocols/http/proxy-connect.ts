import { isIPv6 } from 'node:net';
import { proxyToken, type Shown } from './credentials.ts';
import type { RawHead } from './head.ts';
import { MOST_FIELDS } from './header-section.ts';
import type { ProxyTarget } from './proxy-choose.ts';

/** Host and port, both: RFC 9112 section 3.2.3. */
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]{1,255}):([0-9]{1,5})$/;
/** Fields of which only one may come. */
const SINGLE = ['host', 'proxy-authorization'] as const;

export interface Connect extends ProxyTarget {
  /** The token that it shows. */
  readonly shown: Shown;
}

/** Reads a CONNECT: where to, and on whose behalf. Everything else that its head may say is nothing to the gateway. */
export const readConnect = ({ method, url, version, rawHeaders }: RawHead): Connect | { readonly refused: string } => {
  const refuse = (refused: string): { readonly refused: string } => ({ refused });
  // Some clients still ask in HTTP/1.0.
  if (method !== 'CONNECT' || (version !== '1.1' && version !== '1.0')) return refuse('this version of HTTP is not spoken here');
  if (rawHeaders.length / 2 > MOST_FIELDS) return refuse(`more than ${MOST_FIELDS} header fields`);
  const values = new Map<string, string[]>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    values.set(name, [...(values.get(name) ?? []), rawHeaders[index + 1] as string]);
  }
  for (const name of SINGLE) if ((values.get(name)?.length ?? 0) > 1) return refuse(`${name} came more than once`);
  // RFC 9110 section 9.3.6: content has no meaning here, and what follows the head is the tunnel's.
  if (values.has('transfer-encoding') || (values.get('content-length') ?? ['0']).some((length) => length !== '0')) return refuse('CONNECT with a body');

  const place = readAuthority(url);
  if (!place) return refuse('CONNECT names no host and port');
  const host = values.get('host')?.[0]?.toLowerCase();
  if (host !== undefined && host !== url.toLowerCase() && host !== url.toLowerCase().replace(/:[0-9]+$/, '')) return refuse('CONNECT and Host name different hosts');
  return { ...place, shown: proxyToken(values.get('proxy-authorization')?.[0]) };
};

/** A host and the port that is written after it. */
export const readAuthority = (text: string): ProxyTarget | undefined => {
  const [, name, digits] = AUTHORITY.exec(text.toLowerCase()) ?? [];
  if (name === undefined || digits === undefined) return undefined;
  const port = Number(digits);
  const host = name.startsWith('[') ? name.slice(1, -1) : name.replace(/\.$/, '');
  if (port === 0 || port > 65_535 || host === '' || host.startsWith('.') || host.includes('..')) return undefined;
  if (name.startsWith('[') && !isIPv6(host)) return undefined;
  return { host, port };
};
