import { timingSafeEqual } from 'node:crypto';
import type { ChunkSeed } from '../../../secrets/upstream/aws-chunk-signature.ts';
import { scopeText, signatureOf, signingKey, UNSIGNED_PAYLOAD } from '../../../secrets/upstream/sigv4.ts';
import type { IssuedKey } from './issued-keys.ts';
import type { ReceivedRequest, SignatureClaim, SignatureRefusal } from './signed-request.ts';

/** How far the clocks of client and gateway may be apart, in milliseconds. What AWS allows. */
const SKEW = 15 * 60_000;
/** Signed with when the key is not known, so that both take the same time. */
const NOBODY = Buffer.alloc(40, 'x');

/** A signature that holds, and what it says of the body. */
export interface VerifiedRequest {
  readonly key: IssuedKey;
  /** The query that goes on. */
  readonly query: string;
  readonly payload:
    /** Whatever comes as body must have this SHA-256, in hex (`hashedBody`); also where it was read already. */
    | { readonly kind: 'hash'; readonly sha256: string }
    /** The client did not sign the body: TLS alone protects it. */
    | { readonly kind: 'unsigned' }
    /** Each chunk carries a signature: for `OutgoingHead.body.chunks`, once. */
    | { readonly kind: 'chunks'; readonly seed: ChunkSeed };
}

/**
 * Checks what a request claims against the key that it names: the signature in constant time, session token, clocks, and that the key lives.
 *
 * @param key what `IssuedKeys.find` gave for the claim's id
 * @param body SHA-256 (hex) of the whole body, where the claim's `payload` is undefined
 */
export const verifySignature = (request: ReceivedRequest, claim: SignatureClaim, key: IssuedKey | undefined, now: number, body?: string): VerifiedRequest | SignatureRefusal => {
  const late = timeRefusal(claim, now);
  if (late !== undefined) return late;
  const payload = claim.payload ?? body;
  if (payload === undefined) throw new Error('the body of this request has to be read before its signature can be checked');
  const secret = key?.secretKey() ?? Buffer.from(NOBODY);
  const chunkKey = signingKey(secret, claim.scope);
  secret.fill(0);
  const right = signatureOf(chunkKey, claim.timestamp, scopeText(claim.scope), {
    method: request.method,
    path: request.path,
    query: claim.signedQuery,
    headers: request.headers,
    signed: claim.signedHeaders,
    payload,
    service: claim.scope.service,
  });
  const holds = timingSafeEqual(Buffer.from(right), Buffer.from(claim.signature));
  if (key === undefined || now >= key.expiresAt) return { status: 403, code: 'InvalidAccessKeyId', message: 'the access key is not one that the gateway issued, or it has ended' };
  // The token is in every request of a temporary key; who has the key alone has half of it.
  if (claim.sessionToken === undefined || !key.isSessionToken(claim.sessionToken) || !holds) return { status: 403, code: 'SignatureDoesNotMatch', message: 'the signature or the session token is not right' };
  const said = payloadOf(claim, payload, right, chunkKey);
  if (said?.kind !== 'chunks') chunkKey.fill(0);
  return said === undefined ? { status: 400, code: 'InvalidRequest', message: 'x-amz-content-sha256 says nothing that is known' } : { key, query: claim.query, payload: said };
};

const timeRefusal = ({ signedAt, lifetime }: SignatureClaim, now: number): SignatureRefusal | undefined => {
  if (lifetime === undefined) return Math.abs(now - signedAt) <= SKEW ? undefined : { status: 403, code: 'RequestTimeTooSkewed', message: 'the clocks of client and gateway are more than 15 minutes apart' };
  if (signedAt - now > SKEW) return { status: 403, code: 'AccessDenied', message: 'the URL is not valid yet' };
  return now - signedAt < lifetime ? undefined : { status: 403, code: 'AccessDenied', message: 'the URL has ended' };
};

const payloadOf = (claim: SignatureClaim, payload: string, signature: string, key: Buffer): VerifiedRequest['payload'] | undefined => {
  if (/^[0-9a-f]{64}$/.test(payload)) return { kind: 'hash', sha256: payload };
  if (payload === UNSIGNED_PAYLOAD || payload === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') return { kind: 'unsigned' };
  if (payload !== 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' && payload !== 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER') return undefined;
  return { kind: 'chunks', seed: { key, timestamp: claim.timestamp, scope: scopeText(claim.scope), signature } };
};
