import { isIPv6 } from 'node:net';
import { isGrpc } from '../../apis/grpc.ts';
import { dashed } from './field-names.ts';
import type { BodyLength, Channel, Fields, HeadRefused } from './head.ts';

/** Most header fields of one request. Bytes are bounded by the parser. */
export const MOST_FIELDS = 500;
/** Bytes of a section that is kept while its connection rests, to know it again. Thousands of connections may rest. */
export const MOST_KEPT = 8 * 1024;

/**
 * The header section of a request (RFC 9110 section 6.3), checked: all that a head says beside its first line. Mostly the requests of a connection differ in their first line
 * alone; then they have the same section, as an object, and whatever follows from it is found out once.
 */
export interface HeaderSection {
  /** Host and port as the client named them, lower case. */
  readonly authority: string;
  /** The same without the port, and an IPv6 address without its brackets. */
  readonly host: string;
  readonly fields: Fields;
  /** Values by lower-case name, in order. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** Lower-case names that `Connection` names: they belong to this hop. */
  readonly nominated: ReadonlySet<string>;
  readonly body: BodyLength;
  /** The client waits for 100 (Continue) before it sends the body. */
  readonly expectsContinue: boolean;
  /** It says that the request is a call of gRPC. */
  readonly call: boolean;
  /** It came in HTTP/2. */
  readonly http2?: true;
  /** The version that it was read for. */
  readonly version: string;
  /** The client sends another request on the same connection (RFC 9112 section 9.3). */
  readonly persistent: boolean;
  /** The host is not the one that TLS was opened for. */
  readonly misdirected: boolean;
  /** Protocols that `Upgrade` offers. */
  readonly protocols: readonly string[];
  /** Bytes of its fields, about. */
  readonly bytes: number;
}

/** `Connection` may not take these out of a request on its way: they say what the request is. */
const END_TO_END = /^(?:host|authorization|x-wicketgate-.*|cookie|content-.*|transfer-encoding|expect|range|if-.*|accept.*|cache-control)$/;
/** What makes some targets see another method or path than the one that is judged. */
const OVERRIDES: ReadonlySet<string> = new Set(['x-http-method-override', 'x-http-method', 'x-method-override', 'x-method', 'x-original-method', 'x-original-url', 'x-original-uri', 'x-rewrite-url', 'x-original-host']);
/**
 * Has some APIs (Kubernetes, GitLab, Elasticsearch, Dataverse, Azure DevOps, Redmine, Gerrit, DocuSign, Zendesk, Discourse, Box, Dropbox, SendGrid, Smartsheet, Egnyte, Symfony) do it in
 * the name of somebody else: with the credential of the gateway that could be anybody.
 */
const IMPERSONATES = /^(?:impersonate-.*|sudo|es-security-runas-user|mscrmcallerid|callerobjectid|x-tfs-impersonate.*|x-redmine-switch-user|x-gerrit-runas|x-docusign-act-as-user|(?:x-)?on-behalf-of|api-username|as-user|assume-user|dropbox-api-select-(?:user|admin)|x-egnyte-act-as.*|x-impersonate.*|x-switch-user)$/;
/** Fields of which only one may come. */
const SINGLE = ['host', 'content-length', 'transfer-encoding', 'content-type', 'authorization', 'proxy-authorization', 'x-wicketgate-token', 'expect', 'range', 'content-encoding'] as const;
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?$/;

const refuse = (refused: string, status: HeadRefused['status'] = 400): HeadRefused => ({ status, refused });

/** Checks what the parser lets through. RFC 9112 sections 3.2, 6 and 11. @param raw names and values in turn, in the client's own spelling */
export const readSection = (raw: readonly string[], version: string, channel: Channel): HeaderSection | HeadRefused => {
  if (raw.length / 2 > MOST_FIELDS) return refuse(`more than ${MOST_FIELDS} header fields`, 431);
  const fields: [string, string][] = [];
  const values = new Map<string, string[]>();
  let bytes = 0;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    bytes += name.length + value.length + 4;
    const lower = name.toLowerCase();
    // Many targets read `_` and other signs as `-`: one that is judged or injected by its name may not come under another.
    const plain = dashed(lower);
    if (OVERRIDES.has(plain)) return refuse(`${lower} is not passed on: the method and path of the request itself are what is judged`);
    if (plain !== lower && ambiguous(plain)) return refuse('a header name with a sign that some servers read as "-", and so as another header');
    if (IMPERSONATES.test(plain)) return refuse('a request in the name of somebody else is not passed on');
    fields.push([name, value]);
    const known = values.get(lower);
    if (known) known.push(value);
    else values.set(lower, [value]);
  }
  for (const name of SINGLE) if ((values.get(name)?.length ?? 0) > 1) return refuse(`${name} came more than once`);

  const place = hostOf(values.get('host')?.[0]);
  if ('refused' in place) return place;
  const options = (values.get('connection') ?? []).flatMap(listed);
  for (const name of options) if (END_TO_END.test(name)) return refuse('Connection names a header that belongs to the request');
  const body = bodyLength(values, version);
  if ('refused' in body) return body;
  const expect = values.get('expect')?.[0];
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') return refuse('the expectation cannot be met', 417);
  return {
    ...place,
    fields,
    values,
    nominated: new Set(options),
    body,
    expectsContinue: expect !== undefined && version === '1.1' && body.kind !== 'none',
    call: isGrpc(values),
    version,
    persistent: !options.includes('close') && (version === '1.1' || options.includes('keep-alive')),
    misdirected: channel.sni !== undefined && channel.sni.toLowerCase() !== place.host,
    protocols: (values.get('upgrade') ?? []).flatMap(listed),
    bytes,
  };
};

const ambiguous = (name: string): boolean => (SINGLE as readonly string[]).includes(name) || name.startsWith('x-wicketgate-');

const listed = (value: string): string[] => value.toLowerCase().split(',').map((item) => item.trim()).filter((item) => item !== '');

const hostOf = (said: string | undefined): Pick<HeaderSection, 'authority' | 'host'> | HeadRefused => {
  if (said === undefined || said === '') return refuse('Host is missing');
  const named = AUTHORITY.exec(said.toLowerCase());
  const name = named?.[1];
  if (named === null || name === undefined || !validHost(name) || Number(named[2] ?? 0) > 65_535) return refuse('Host is not a host');
  const bare = name.startsWith('[') ? name.slice(1, -1) : name;
  return { authority: named[0], host: bare.replace(/\.$/, '') };
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
