import { createHash } from 'node:crypto';
import { readJsonObject } from '../wire/json.ts';
import type { TokenReason } from './reasons.ts';

/** Largest token, in bytes. Entra tokens with roles and groups reach about 10 KB. */
export const MAX_TOKEN_BYTES = 16 * 1024;
/** Longest key id. It only ever serves as a map key. */
const MAX_KID = 256;
const HEADER_BOUNDS = { depth: 4, values: 64 };
/** Real issuers nest four deep (Kubernetes); a token of 16 KiB with every user group has some hundred elements. */
const CLAIM_BOUNDS = { depth: 12, values: 2048 };

/**
 * Headers that would let a token choose its own key, change what is signed or how it is read (RFC 7515 4.1, RFC 7797,
 * RFC 7516). No issuer of machine tokens needs them.
 */
const FORBIDDEN_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'cty', 'enc'] as const;

/** `typ` values of tokens that authenticate. Logout tokens, DPoP proofs and security events are JWTs too, and are not these. */
const TYPES = new Set(['jwt', 'at+jwt']);

/** A token taken apart: well formed, and nothing in it verified. */
export interface ParsedToken {
  readonly algorithm: string;
  readonly keyId?: string;
  /** `typ` of the header, in lower case and without `application/`. */
  readonly type?: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The bytes that are signed. */
  readonly signingInput: Buffer;
  readonly signature: Buffer;
  /** SHA-256 (base64url) of the signing input: the signature can be changed without breaking it (ES256), this cannot. */
  readonly fingerprint: string;
}

/** Takes a compact JWS apart (RFC 7515 section 7.1). Never throws; a reason says why it is not one. */
export const parseToken = (token: string): ParsedToken | TokenReason => {
  if (token === '') return 'token_missing';
  if (token.length > MAX_TOKEN_BYTES) return 'token_too_large';
  const segments = token.split('.', 6);
  if (segments.length === 5) return 'token_encrypted';
  const [head, body, tail] = segments;
  if (segments.length !== 3 || head === undefined || body === undefined || tail === undefined) return 'token_malformed';
  const headerBytes = decodeBase64url(head);
  const claimBytes = decodeBase64url(body);
  const signature = decodeBase64url(tail);
  if (headerBytes === undefined || claimBytes === undefined || signature === undefined) return 'token_malformed';
  let header: Record<string, unknown>;
  let claims: Record<string, unknown>;
  try {
    header = readJsonObject(headerBytes, HEADER_BOUNDS);
    claims = readJsonObject(claimBytes, CLAIM_BOUNDS);
  } catch {
    return 'token_malformed';
  }
  if (FORBIDDEN_HEADERS.some((name) => Object.hasOwn(header, name))) return 'header_forbidden';
  const { alg, kid, typ } = header;
  if (typeof alg !== 'string') return 'algorithm_refused';
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID)) return 'token_malformed';
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined;
  if (typ !== undefined && !TYPES.has(type ?? '')) return 'type_unexpected';
  const signingInput = Buffer.from(`${head}.${body}`, 'latin1');
  const fingerprint = createHash('sha256').update(signingInput).digest('base64url');
  return { algorithm: alg, ...(kid === undefined ? {} : { keyId: kid }), ...(type === undefined ? {} : { type }), claims, signingInput, signature, fingerprint };
};

/**
 * Decodes base64url only in its one canonical form: no padding, no white space, no stray bits in the last character.
 * Otherwise one signed content would have many spellings.
 */
const decodeBase64url = (text: string): Buffer | undefined => {
  if (text === '') return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
};
