import type { Transform } from 'node:stream';
import type { Permit } from '../../pipeline/permits.ts';
import { removeHeader } from '../../secrets/upstream/headers.ts';
import type { Injector, OutgoingHead } from '../../secrets/upstream/injector.ts';
import type { ReadRequest } from './admission.ts';
import type { SignedBody } from './aws/clients.ts';
import { hashedBody } from './aws/hashed-body.ts';
import type { AwsDialect } from './aws/refusals.ts';
import type { TargetPool } from './dial.ts';
import { credentialValues } from './echo.ts';
import type { TargetStream } from './exchange.ts';
import { fieldsForTarget } from './fields.ts';
import { isCall } from './grpc.ts';
import { openTarget } from './h1-target.ts';
import type { Place } from './h2-pool.ts';
import { openHttp2Target } from './h2-target.ts';
import type { BodyLength, RequestHead } from './head.ts';
import { answersWithLinks } from './links.ts';
import type { Outside } from './location.ts';
import { requestUnderMasks } from './mask.ts';

/** How long what the credential is made from may be waited for. */
const INJECT_MS = 15_000;

/** What an exchange is made of. */
export interface ExchangeParts extends Omit<ReadRequest, 'ended'> {
  readonly injector: Injector;
  readonly outside: Outside;
  /** Base address of the pages, for links to approvals. */
  readonly pages: string | undefined;
  /** What the client's own signature says of the body. */
  readonly signed?: SignedBody | undefined;
  readonly dialect?: AwsDialect | undefined;
}

/** Its answer has links of the target in it, which are to lead through the gateway. */
export const hasLinks = ({ session, facts }: ExchangeParts): boolean => answersWithLinks(session.connection, facts);

/** What signs the request reads its body. */
export const needsBytes = (parts: ExchangeParts): boolean => {
  const { injector, client: { head: { body } } } = parts;
  return injector.needsBytes !== undefined && body.kind !== 'none' && injector.needsBytes(outgoingHead(parts, { kind: 'stream', ...(body.kind === 'length' ? { length: body.length } : {}) }, fields(parts, body)));
};

/** The request as it goes to the target, with its credential, and what its body passes on the way. `own`: what may not come back. Rejects when there is none now. */
export const withCredential = async (
  parts: ExchangeParts,
  { body, whole, stop }: { readonly body: boolean; readonly whole: Buffer | undefined; readonly stop: AbortController },
): Promise<{ readonly outgoing: OutgoingHead; readonly transforms: readonly Transform[]; readonly own: readonly Buffer[] }> => {
  const { injector, client, signed: { sha256, chunks } = {} } = parts;
  const declared: BodyLength = whole ? { kind: 'length', length: whole.length } : client.head.body;
  // What the client signed chunk by chunk is checked on its way, also where all of it is here.
  const bytes = chunks ? undefined : whole;
  const stream = { kind: 'stream', ...(declared.kind === 'length' ? { length: declared.length } : {}), ...(chunks ? { chunks } : {}) } as const;
  const outgoing = outgoingHead(parts, bytes ? { kind: 'bytes', bytes } : body ? stream : { kind: 'none' }, fields(parts, declared));
  const before = new Set(outgoing.headers);
  const late = setTimeout(() => stop.abort(new DOMException('the credential did not come in time', 'TimeoutError')), INJECT_MS);
  const signed = await injector.inject(outgoing, stop.signal).finally(() => clearTimeout(late));
  if (signed?.body) sayLength(outgoing.headers, signed.body.length);
  const own = credentialValues(outgoing.headers.filter((field) => !before.has(field) && injector.owns.includes(field[0].toLowerCase())));
  return { outgoing, own, transforms: [...(body && sha256 !== undefined ? [hashedBody(sha256)] : []), ...(signed?.body ? [signed.body.transform] : [])] };
};

/** A body that was written anew has its length, or chunks where nobody knows it: never both (RFC 9112 section 6.2), whatever the client's own had. */
const sayLength = (headers: OutgoingHead['headers'], length: number | undefined): void => {
  removeHeader(headers, 'content-length');
  removeHeader(headers, 'transfer-encoding');
  headers.push(length === undefined ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(length)]);
};

/** Sends its head: in HTTP/2 where there is a place for it. */
export const openFor = (
  head: RequestHead,
  { pool, place, permit, outgoing, bodiless }: { readonly pool: TargetPool; readonly place: Place | undefined; readonly permit: Permit; readonly outgoing: OutgoingHead; readonly bodiless: boolean },
): TargetStream => {
  const request = { method: head.method, path: outgoing.path, fields: outgoing.headers, bodiless, upgrade: head.upgrade };
  return place ? openHttp2Target(place, permit, { ...request, scheme: outgoing.scheme, authority: outgoing.authority, trailers: takesTrailers(head) }) : openTarget(pool, permit, request);
};

const fields = (parts: ExchangeParts, body: BodyLength): [string, string][] => {
  const { session, injector, client: { head } } = parts;
  const { http, target } = session.connection;
  const masked = requestUnderMasks(head, session.gated.masks);
  // Links are looked for in text that is not compressed.
  const { without, added } = hasLinks(parts) ? { without: new Set([...masked.without, 'accept-encoding']), added: [['Accept-Encoding', 'identity']] satisfies [string, string][] } : masked;
  const all = fieldsForTarget(head, { owns: injector.owns, host: http.host ?? hostOf(target), session: session.gated.session.id.slice(0, 12), body, without });
  all.push(...added);
  if (head.upgrade) all.push(['Connection', 'Upgrade'], ['Upgrade', 'websocket']);
  return all;
};

const outgoingHead = ({ session, facts, rawQuery, client }: ExchangeParts, body: OutgoingHead['body'], headers: [string, string][]): OutgoingHead => {
  const { http, target } = session.connection;
  return { method: client.head.method, scheme: target.tls === 'disable' ? 'http' : 'https', authority: http.host ?? hostOf(target), path: `${http.basePath}${facts.path}${rawQuery === '' ? '' : `?${rawQuery}`}`, headers, body };
};

/** RFC 9110 section 7.2: the port where it is not the one of the scheme. */
const hostOf = ({ host, port, tls }: { readonly host: string; readonly port: number; readonly tls: string }): string => {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === (tls === 'disable' ? 80 : 443) ? name : `${name}:${port}`;
};

const takesTrailers = (head: RequestHead): boolean => isCall(head) || (head.values.get('te') ?? []).some((value) => /(?:^|,)\s*trailers\s*(?:,|;|$)/i.test(value));
