import { readSection, type HeaderSection } from './header-section.ts';
import { readUpgrade, type Upgrade } from './websocket.ts';

/** Header fields as they came: names in the client's own spelling, in order. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** How long the body of a message is. */
export type BodyLength = { readonly kind: 'none' } | { readonly kind: 'length'; readonly length: number } | { readonly kind: 'chunked' };

/** The head of one request, checked: nothing in it can be read in two ways. The same for every version of HTTP. */
export interface RequestHead extends Pick<HeaderSection, 'authority' | 'host' | 'fields' | 'values' | 'nominated' | 'body' | 'expectsContinue' | 'call'> {
  /** What it says beside its first line: the same object for all heads of a connection of which that is byte for byte the same. */
  readonly section: HeaderSection;
  readonly method: string;
  /** Path and query as sent; starts with `/`. */
  readonly target: string;
  /** The scheme, where the request target was in the absolute form: what clients write to a proxy. */
  readonly absolute: 'http' | 'https' | undefined;
  /** It asks for a WebSocket. */
  readonly upgrade: Upgrade | undefined;
  /** It came in HTTP/2. */
  readonly http2: true | undefined;
  /** Bytes of the head as it came, about: for the record. */
  readonly bytes: number;
}

/** Why a head is refused: an HTTP status, and words of ours. */
export interface HeadRefused {
  readonly status: 400 | 417 | 421 | 431 | 501 | 505;
  readonly refused: string;
}

/** As the parser read it. */
export interface RawHead {
  readonly method: string;
  readonly url: string;
  readonly version: string;
  readonly rawHeaders: readonly string[];
}

export interface Channel {
  readonly tls: boolean;
  /** Server name of the TLS handshake, when the client gave one. */
  readonly sni?: string;
}

/** The methods of RFC 9110 and 5789, and those of WebDAV, CalDAV and caches. CONNECT and TRACE are known and refused. */
const METHODS: ReadonlySet<string> = new Set([
  'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY',
  'PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'UNLOCK', 'SEARCH', 'REPORT', 'MKCALENDAR', 'ACL', 'BIND', 'REBIND', 'UNBIND', 'LINK', 'UNLINK',
  'PURGE', 'CHECKOUT', 'MERGE', 'MKACTIVITY', 'NOTIFY', 'SUBSCRIBE', 'UNSUBSCRIBE',
]);

const refuse = (refused: string, status: HeadRefused['status'] = 400): HeadRefused => ({ status, refused });

/** Checks what the parser lets through. RFC 9112 section 3. @param known its header section, where that was read before */
export const readHead = (raw: RawHead, channel: Channel, known?: HeaderSection): RequestHead | HeadRefused => {
  const { method, url, version } = raw;
  if (version !== '1.1' && version !== '1.0') return refuse('this version of HTTP is not spoken here', 505);
  if (method === 'TRACE') return refuse('TRACE would show the credential of the gateway', 501);
  if (method === 'CONNECT') return refuse('CONNECT is not offered at this address', 501);
  if (!METHODS.has(method)) return refuse('unknown method', 501);
  const section = known ?? readSection(raw.rawHeaders, version, channel);
  if ('refused' in section) return section;
  const place = targetOf(url, section);
  if ('refused' in place) return place;
  const { authority, host, fields, values, nominated, body, expectsContinue, call, http2, protocols } = section;
  // h2c is an offer that a server may pass over (RFC 9110 section 7.8); any other protocol would take the stream out of sight.
  const upgrade = protocols.includes('websocket') ? readUpgrade(method, version, values) : undefined;
  if (upgrade && 'refused' in upgrade) return upgrade;
  if (!upgrade && protocols.some((protocol) => protocol !== 'h2c')) return refuse('Upgrade to another protocol is not offered here', 501);
  const bytes = method.length + url.length + 12 + section.bytes;
  return { section, method, target: place.target, absolute: place.absolute, authority, host, fields, values, nominated, body, expectsContinue, call, http2, upgrade, bytes };
};

const targetOf = (url: string, { authority, misdirected }: HeaderSection): Pick<RequestHead, 'target' | 'absolute'> | HeadRefused => {
  let target = url;
  let absolute: 'http' | 'https' | undefined;
  if (!url.startsWith('/')) {
    const parts = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(url);
    if (parts === null) return refuse('this form of request target is not served here');
    if (parts[2]?.toLowerCase() !== authority) return refuse('the request target and Host name different hosts');
    absolute = parts[1]?.toLowerCase() === 'https' ? 'https' : 'http';
    target = parts[3] === '' ? '/' : (parts[3] as string);
    if (target.startsWith('?')) target = `/${target}`;
  }
  if (target.includes('#')) return refuse('a request target has no fragment');
  // To a proxy, TLS was opened for the proxy. Whether it is one is looked at in asking.ts.
  if (misdirected && absolute !== 'http') return refuse('Host is not the host that TLS was opened for', 421);
  return { target, absolute };
};

const NO_SECTION: HeaderSection = { authority: '', host: '', fields: [], values: new Map(), nominated: new Set(), body: { kind: 'none' }, expectsContinue: false, call: false, version: '1.1', persistent: false, misdirected: false, protocols: [], bytes: 0 };

/** Stands for a head that is refused: nothing of it is used but its method. */
export const refusedHead = (method: string): RequestHead => ({ ...NO_SECTION, section: NO_SECTION, method, target: '/', absolute: undefined, upgrade: undefined, http2: undefined });
