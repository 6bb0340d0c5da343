import type { Transform } from 'node:stream';
import type { Permit } from '../../pipeline/permits.ts';
import { removeHeader } from '../../secrets/upstream/headers.ts';
import type { OutgoingBody, OutgoingHead } from '../../secrets/upstream/injector.ts';
import type { AdmissionParts } from './admission.ts';
import type { SignedBody } from './aws/clients.ts';
import { hashedBody } from './aws/hashed-body.ts';
import type { AwsDialect } from './aws/refusals.ts';
import { callMessages } from './call-messages.ts';
import type { TargetPool } from './dial.ts';
import type { TargetStream } from './exchange.ts';
import { writtenHead } from './h1-fields.ts';
import { openTarget } from './h1-target.ts';
import type { Place } from './h2-pool.ts';
import { openHttp2Target } from './h2-target.ts';
import type { BodyLength, RequestHead } from './head.ts';
import type { Outside } from './location.ts';
import type { CreditedFields } from './sent-fields.ts';

/** How long what the credential is made from may be waited for. */
const INJECT_MS = 15_000;

/** What an exchange is made of. */
export interface ExchangeParts extends AdmissionParts {
  readonly outside: Outside;
  /** Base address of the pages, for links to approvals. */
  readonly pages: string | undefined;
  /** What the client's own signature says of the body. */
  readonly signed?: SignedBody | undefined;
  readonly dialect?: AwsDialect | undefined;
}

/** What signs the request reads its body. */
export const needsBytes = ({ request }: ExchangeParts): boolean => {
  const { head: { body }, target: { injector } } = request;
  return injector.needsBytes !== undefined && body.kind !== 'none' && injector.needsBytes(request.outgoing(body, { kind: 'stream', ...(body.kind === 'length' ? { length: body.length } : {}) }).head);
};

/** The request as it goes to the target, with its credential, and what its body passes on the way. */
export interface Credited {
  readonly outgoing: OutgoingHead;
  readonly fields: CreditedFields;
  readonly transforms: readonly Transform[];
}

/**
 * Puts the credential on: at once, where it is at hand. Throws or rejects when there is none now.
 *
 * @param stop makes what ends the waiting; asked for only where something is waited for
 */
export const withCredential = (
  { client, session, request, signed: { sha256, chunks } = {} }: ExchangeParts,
  { body, whole, stop }: { readonly body: boolean; readonly whole: Buffer | undefined; readonly stop: () => AbortController },
): Credited | Promise<Credited> => {
  const { head, target: { injector } } = request;
  const declared: BodyLength = whole && head.body.kind !== 'length' ? { kind: 'length', length: whole.length } : head.body;
  // What the client signed chunk by chunk is checked on its way, also where all of it is here.
  const bytes = chunks ? undefined : whole;
  const stream = { kind: 'stream', ...(declared.kind === 'length' ? { length: declared.length } : {}), ...(chunks ? { chunks } : {}) } as const;
  const outgoing = request.outgoing(declared, bytes ? { kind: 'bytes', bytes } : body ? stream : { kind: 'none' });
  const credited = (signed: { readonly body?: OutgoingBody } | undefined): Credited => {
    if (signed?.body) sayLength(outgoing.head.headers, signed.body.length);
    const claimed = body && client.head.call && session.gated.masks.bodies.fields.length > 0 ? [callMessages()] : [];
    return { outgoing: outgoing.head, fields: request.credited(outgoing), transforms: [...claimed, ...(body && sha256 !== undefined ? [hashedBody(sha256)] : []), ...(signed?.body ? [signed.body.transform] : [])] };
  };
  let late: NodeJS.Timeout | undefined;
  const waited = injector.inject(outgoing.head, () => {
    const stopping = stop();
    late = setTimeout(() => stopping.abort(new DOMException('the credential did not come in time', 'TimeoutError')), INJECT_MS);
    return stopping.signal;
  });
  return waited ? waited.finally(() => clearTimeout(late)).then(credited) : credited(undefined);
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
  { pool, place, permit, credited: { outgoing, fields }, bodiless }: { readonly pool: TargetPool; readonly place: Place | undefined; readonly permit: Permit; readonly credited: Credited; readonly bodiless: boolean },
): TargetStream => {
  const { upgrade } = head;
  // What is sent is what was judged.
  const { method, path, scheme, authority, headers } = outgoing;
  if (place) return openHttp2Target(place, permit, { method, path, fields: headers, bodiless, scheme, authority, trailers: takesTrailers(head) });
  const written = fields.written();
  return openTarget(pool, permit, { method, head: writtenHead(method, path, written), length: written.length, bodiless, upgrade });
};

const takesTrailers = (head: RequestHead): boolean => head.call || (head.values.get('te') ?? []).some((value) => /(?:^|,)\s*trailers\s*(?:,|;|$)/i.test(value));
