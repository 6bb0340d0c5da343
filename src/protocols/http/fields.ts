import { CREDENTIAL_FIELDS } from './credentials.ts';
import type { BodyLength, Fields, RequestHead } from './head.ts';

/** What belongs to one hop (RFC 9110 section 7.6.1), and what each side of the gateway says for itself. */
const HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authentication-info', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings']);
/** Who the client says it is speaking for: a target that trusts the gateway would believe it. */
const CLAIMS = /^(?:forwarded|via|proxy|x-forwarded(?:-.*)?|x-host|x-real-ip|(?:x-)?(?:client|remote|cluster-client|originating|true-client|azure-client|fastly-client|cf-connecting)-?(?:ip|addr)|(?:x-)?remote-(?:user|group|extra).*|x-(?:webauth|auth-request|authenticated|goog-authenticated-user|goog-iap|amzn-oidc|ms-client-principal|ms-token|envoy|ssl-client)-.*|x-(?:authenticated-user(?:id)?|ms-client-principal)|ssl-client-.*|client-cert(?:-.*)?|x-client-(?:cert|verify|dn)(?:-.*)?|cf-access-.*|tailscale-.*|x-wicketgate-.*)$/;
/** Of an answer: would lead the client to the target past the gateway. */
const LEADS_PAST: ReadonlySet<string> = new Set(['alt-svc', 'alt-used']);

export interface Outward {
  /** Lower-case names that only the gateway may send. */
  readonly owns: readonly string[];
  /** What the target is told as `Host`. */
  readonly host: string;
  /** Beginning of the session id, which the target's own log may show. */
  readonly session: string;
  readonly body: BodyLength;
  /** Lower-case names that are left out for this request. */
  readonly without: ReadonlySet<string>;
}

/** Header fields for the target: the client's own, without what belongs to the hop, to the gateway, or to nobody. */
export const fieldsForTarget = (head: RequestHead, { owns, host, session, body, without }: Outward): [string, string][] => {
  const fields: [string, string][] = [['Host', host]];
  for (const [name, value] of head.fields) {
    const lower = name.toLowerCase();
    if (lower === 'host' || lower === 'content-length' || lower === 'expect' || HOP.has(lower) || head.nominated.has(lower) || CREDENTIAL_FIELDS.has(lower) || CLAIMS.test(lower) || without.has(lower)) continue;
    // `_` is `-` to many targets.
    if (owns.includes(lower) || (lower.includes('_') && (owns.includes(lower.replaceAll('_', '-')) || CLAIMS.test(lower.replaceAll('_', '-'))))) continue;
    fields.push([name, value]);
  }
  if (body.kind === 'length') fields.push(['Content-Length', String(body.length)]);
  else if (body.kind === 'chunked') fields.push(['Transfer-Encoding', 'chunked']);
  // RFC 9110 section 8.6: where a body has a meaning, none is said to be none.
  else if (head.values.has('content-length') || head.method === 'POST' || head.method === 'PUT' || head.method === 'PATCH') fields.push(['Content-Length', '0']);
  fields.push(['Via', '1.1 wicketgate'], ['X-Wicketgate-Session', session]);
  return fields;
};

/** Header fields that rules see: without credentials, and without what belongs to the hop. */
export const judgedFields = (head: RequestHead): ReadonlyMap<string, readonly string[]> => {
  const judged = new Map<string, readonly string[]>();
  for (const [name, values] of head.values) {
    if (!HOP.has(name) && !head.nominated.has(name) && !CREDENTIAL_FIELDS.has(name) && !CLAIMS.test(name)) judged.set(name, values);
  }
  return judged;
};

/** Header fields of an answer for the client. */
export const fieldsForClient = (fields: Fields): [string, string][] => {
  const nominated = new Set<string>();
  for (const [name, value] of fields) if (name.toLowerCase() === 'connection') for (const item of value.toLowerCase().split(',')) nominated.add(item.trim());
  return fields.filter(([name]) => {
    const lower = name.toLowerCase();
    return !HOP.has(lower) && !nominated.has(lower) && !LEADS_PAST.has(lower) && lower !== 'content-length';
  }).map(([name, value]) => [name, value]);
};

/** The one value of a field of an answer; undefined when it did not come, or came more than once. */
export const single = (fields: Fields, name: string): string | undefined => {
  const found = fields.filter(([one]) => one.toLowerCase() === name);
  return found.length === 1 ? found[0]?.[1] : undefined;
};
