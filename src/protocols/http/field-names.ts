import { isSecretName } from '../../masking/bodies/recorded-body.ts';

/** What belongs to one hop (RFC 9110 section 7.6.1), and what each side of the gateway says for itself. */
const HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authentication-info', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings']);
/** Who the client says it is speaking for: a target that trusts the gateway would believe it. */
const CLAIMS = /^(?:forwarded|via|proxy|x-forwarded(?:-.*)?|x-host|x-real-ip|(?:x-)?(?:client|remote|cluster-client|originating|true-client|azure-client|fastly-client|cf-connecting)-?(?:ip|ipv6|addr)|(?:x-)?remote-(?:user|group|extra|name|email).*|x-(?:webauth|auth-request|authenticated|goog-authenticated-user|goog-iap|amzn-oidc|ms-client-principal|ms-token|envoy|ssl-client)-.*|x-(?:authenticated-user(?:id)?|ms-client-principal)|ssl-client-.*|client-cert(?:-.*)?|x-arr-(?:clientcert|ssl)|x-ssl-cert|x-amzn-mtls-.*|x-client-(?:cert|verify|dn)(?:-.*)?|cf-access-.*|tailscale-.*|x-(?:authentik|pomerium|vouch|consumer|appengine|oidc)-.*|x-(?:credential-identifier|anonymous-consumer|endpoint-api-userinfo|apigateway-api-userinfo|userinfo)|oidc-.*|iv-(?:user|groups|creds).*|sm-user|x-auth-couchdb-.*|x-wicketgate-.*)$/;
/** Of an answer: would lead the client to the target past the gateway. */
const LEADS_PAST: ReadonlySet<string> = new Set(['alt-svc', 'alt-used']);
/** Of an answer: name a place, `Link` several, `Set-Cookie` the places that a cookie is for. */
const PLACES: ReadonlySet<string> = new Set(['location', 'content-location', 'link', 'x-goog-upload-url', 'x-goog-upload-control-url', 'operation-location', 'azure-asyncoperation', 'set-cookie']);
/** Whose values are for the client alone: they open something (of Cloud Storage the session of an upload), or prove that somebody may. */
const SECRET: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'authentication-info', 'proxy-authentication-info', 'x-guploader-uploadid']);
/** The same by its last word: `x-amz-server-side-encryption-customer-key`, `x-functions-key`. Other keys only name something. */
const SECRET_BY_LAST = /(?<!(?:idempotency|partition|surrogate|cache|routing|sort))-(?:key|jwt|otp|pin|sas)$/;

/** Most names that are kept, and characters of one: whoever sends ever other ones only makes them be looked at anew. */
const MOST = 2_000;
const LONGEST = 64;

/** What a header field is, by its name alone. */
export interface FieldName {
  readonly lower: string;
  /** It belongs to one hop. */
  readonly hop: boolean;
  /** The same as many targets read it: see `dashed`. */
  readonly dashed: string;
  /** Of a request: says who the client is speaking for. */
  readonly claims: boolean;
  /** Of an answer: leads the client past the gateway. */
  readonly leadsPast: boolean;
  /** Of an answer: its value is a place, or several. */
  readonly place: boolean;
  /** Its value is not written down. */
  readonly secret: boolean;
}

/** A name in lower case as CGI and what came after it take it: whatever is neither letter nor digit is one and the same there. */
export const dashed = (lower: string): string => (PLAIN.test(lower) ? lower : lower.replace(/[^a-z0-9]/g, '-'));
const PLAIN = /^[a-z0-9-]*$/;

const known = new Map<string, FieldName>();

/** What is to be known of a field of this name. Names are few, and come again and again. */
export const fieldName = (name: string): FieldName => {
  const found = known.get(name);
  if (found) return found;
  const lower = name.toLowerCase();
  const read: FieldName = {
    lower,
    hop: HOP.has(lower),
    dashed: dashed(lower),
    claims: CLAIMS.test(lower),
    leadsPast: LEADS_PAST.has(lower),
    place: PLACES.has(lower),
    secret: SECRET.has(lower) || isSecretName(lower) || SECRET_BY_LAST.test(lower),
  };
  if (name.length <= LONGEST && known.size < MOST) known.set(name, read);
  return read;
};
