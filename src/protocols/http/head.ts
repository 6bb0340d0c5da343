import { isIPv6 } from 'node:net';
import { readUpgrade, type Upgrade } from './websocket.ts';

/** Most header fields of one request. Bytes are bounded by the parser. */
export const MOST_FIELDS = 500;

/** Header fields as they came: names in the client's own spelling, in order. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** How long the body of a message is. */
export type BodyLength = { readonly kind: 'none' } | { readonly kind: 'length'; readonly length: number } | { readonly kind: 'chunked' };

/** The head of one request, checked: nothing in it can be read in two ways. The same for every version of HTTP. */
export interface RequestHead {
  readonly method: string;
  /** Host and port as the client named them, lower case. */
  readonly authority: string;
  /** The same without the port, and an IPv6 address without its brackets. */
  readonly host: string;
  /** Path and query as sent; starts with `/`. */
  readonly target: string;
  readonly fields: Fields;
  /** Values by lower-case name, in order. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** Lower-case names that `Connection` names: they belong to this hop. */
  readonly nominated: ReadonlySet<string>;
  /** The scheme, where the request target was in the absolute form: what clients write to a proxy. */
  readonly absolute?: 'http' | 'https';
  readonly body: BodyLength;
  /** The client waits for 100 (Continue) before it sends the body. */
  readonly expectsContinue: boolean;
  /** It asks for a WebSocket. */
  readonly upgrade?: Upgrade;
  /** It came in HTTP/2. */
  readonly http2?: true;
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
/** `Connection` may not take these out of a request on its way: they say what the request is. */
const END_TO_END = /^(?:host|authorization|x-wicketgate-.*|cookie|content-.*|transfer-encoding|expect|range|if-.*|accept.*|cache-control)$/;
/** What makes some targets see another method or path than the one that is judged. */
const OVERRIDES: ReadonlySet<string> = new Set(['x-http-method-override', 'x-http-method', 'x-method-override', 'x-method', 'x-original-method', 'x-original-url', 'x-original-uri', 'x-rewrite-url', 'x-original-host']);
/** Has some APIs (Kubernetes) do it in the name of somebody else: with the credential of the gateway that could be anybody. */
const IMPERSONATES = /^impersonate-/;
/** Fields of which only one may come. */
const SINGLE = ['host', 'content-length', 'transfer-encoding', 'content-type', 'authorization', 'proxy-authorization', 'x-wicketgate-token', 'expect', 'range', 'content-encoding'] as const;
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?$/;

const refuse = (refused: string, status: HeadRefused['status'] = 400): HeadRefused => ({ status, refused });

/** Checks what the parser lets through. RFC 9112 sections 3, 6 and 11. */
export const readHead = (raw: RawHead, channel: Channel): RequestHead | HeadRefused => {
  const { method, url, rawHeaders } = raw;
  if (raw.version !== '1.1' && raw.version !== '1.0') return refuse('this version of HTTP is not spoken here', 505);
  if (method === 'TRACE') return refuse('TRACE would show the credential of the gateway', 501);
  if (method === 'CONNECT') return refuse('CONNECT is not offered at this address', 501);
  if (!METHODS.has(method)) return refuse('unknown method', 501);
  if (rawHeaders.length / 2 > MOST_FIELDS) return refuse(`more than ${MOST_FIELDS} header fields`, 431);

  const fields: [string, string][] = [];
  const values = new Map<string, string[]>();
  let bytes = method.length + url.length + 12;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const value = rawHeaders[index + 1] as string;
    bytes += name.length + value.length + 4;
    const lower = name.toLowerCase();
    // Many targets read `_` as `-`: one that is judged or injected by its name may not come under another.
    if (lower.includes('_') && (ambiguous(lower.replaceAll('_', '-')))) return refuse('a header name with "_" that some servers read as another header');
    if (OVERRIDES.has(lower.replaceAll('.', '-'))) return refuse(`${lower} is not passed on: the method and path of the request itself are what is judged`);
    if (IMPERSONATES.test(lower.replaceAll('_', '-'))) return refuse('a request in the name of somebody else is not passed on');
    fields.push([name, value]);
    const known = values.get(lower);
    if (known) known.push(value);
    else values.set(lower, [value]);
  }
  for (const name of SINGLE) if ((values.get(name)?.length ?? 0) > 1) return refuse(`${name} came more than once`);

  const place = placeOf(url, values.get('host')?.[0], channel);
  if ('refused' in place) return place;
  const nominated = new Set((values.get('connection') ?? []).flatMap(listed));
  for (const name of nominated) if (END_TO_END.test(name)) return refuse('Connection names a header that belongs to the request');
  const upgrade = (values.get('upgrade') ?? []).flatMap(listed);
  // h2c is an offer that a server may pass over (RFC 9110 section 7.8); any other protocol would take the stream out of sight.
  const websocket = upgrade.includes('websocket') ? readUpgrade(method, raw.version, values) : undefined;
  if (websocket && 'refused' in websocket) return websocket;
  if (!websocket && upgrade.some((protocol) => protocol !== 'h2c')) return refuse('Upgrade to another protocol is not offered here', 501);
  const body = bodyLength(values, raw.version);
  if ('refused' in body) return body;
  const expect = values.get('expect')?.[0];
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') return refuse('the expectation cannot be met', 417);
  return { method, ...place, fields, values, nominated, ...(websocket ? { upgrade: websocket } : {}), body, expectsContinue: expect !== undefined && raw.version === '1.1' && body.kind !== 'none', bytes };
};

const ambiguous = (name: string): boolean => (SINGLE as readonly string[]).includes(name) || name.startsWith('x-wicketgate-') || OVERRIDES.has(name);

const listed = (value: string): string[] => value.toLowerCase().split(',').map((item) => item.trim()).filter((item) => item !== '');

const placeOf = (url: string, host: string | undefined, channel: Channel): Pick<RequestHead, 'authority' | 'host' | 'target' | 'absolute'> | HeadRefused => {
  if (host === undefined || host === '') return refuse('Host is missing');
  const named = AUTHORITY.exec(host.toLowerCase());
  const name = named?.[1];
  if (named === null || name === undefined || !validHost(name) || Number(named[2] ?? 0) > 65_535) return refuse('Host is not a host');
  const authority = named[0];
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
  const bare = name.startsWith('[') ? name.slice(1, -1) : name;
  // To a proxy, TLS was opened for the proxy. Whether it is one is looked at in asking.ts.
  if (channel.sni !== undefined && absolute !== 'http' && channel.sni.toLowerCase() !== bare.replace(/\.$/, '')) return refuse('Host is not the host that TLS was opened for', 421);
  return { authority, host: bare.replace(/\.$/, ''), target, ...(absolute ? { absolute } : {}) };
};

const validHost = (name: string): boolean => (name.startsWith('[') ? isIPv6(name.slice(1, -1)) : !name.startsWith('.') && !name.includes('..'));

const bodyLength = (values: ReadonlyMap<string, readonly string[]>, version: string): BodyLength | HeadRefused => {
  const coding = values.get('transfer-encoding')?.[0];
  const length = values.get('content-length')?.[0];
  if (coding !== undefined) {
    if (length !== undefined) return refuse('Content-Length and Transfer-Encoding together');
    if (version !== '1.1') return refuse('Transfer-Encoding in HTTP/1.0');
    return coding.toLowerCase() === 'chunked' ? { kind: 'chunked' } : refuse('a transfer coding other than chunked', 501);
  }
  if (length === undefined) return { kind: 'none' };
  if (!/^[0-9]{1,15}$/.test(length)) return refuse('Content-Length is not a number');
  return Number(length) === 0 ? { kind: 'none' } : { kind: 'length', length: Number(length) };
};

/** The client sends another request on the same connection (RFC 9112 section 9.3). */
export const persistent = (version: string, { values }: Pick<RequestHead, 'values'>): boolean => {
  const options = (values.get('connection') ?? []).flatMap((value) => value.toLowerCase().split(',')).map((option) => option.trim());
  return !options.includes('close') && (version === '1.1' || options.includes('keep-alive'));
};

/** Stands for a head that is refused: nothing of it is used but its method. */
export const refusedHead = (method: string): RequestHead => ({ method, authority: '', host: '', target: '/', fields: [], values: new Map(), nominated: new Set(), body: { kind: 'none' }, expectsContinue: false, bytes: 0 });
