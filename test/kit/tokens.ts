import { randomUUID } from 'node:crypto';
import { tokenCanary } from './canaries.ts';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

export type Algorithm = 'RS256' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA';

/** A signing key of an issuer. */
export interface SigningKey {
  readonly kid: string;
  readonly algorithm: Algorithm;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
  readonly privateJwk: JWK;
}

/** Makes one; its `kid` is the thumbprint. */
export async function signingKey(algorithm: Algorithm = 'RS256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const named = { kid, alg: algorithm, use: 'sig' };
  return { kid, algorithm, privateKey, publicJwk: { ...publicJwk, ...named }, privateJwk: { ...(await exportJWK(privateKey)), ...named } };
}

export interface TokenOptions {
  /** Default `repo:acme/billing:ref:refs/heads/main`. */
  readonly sub?: string;
  /** Default `wicketgate`. null leaves it out. */
  readonly aud?: string | readonly string[] | null;
  /** Default: the issuer's own address. */
  readonly iss?: string;
  /** Seconds from now; negative is in the past. Default 300. null leaves `exp` out. */
  readonly expiresIn?: number | null;
  /** Seconds from now for `iat`. Default 0. null leaves it out. */
  readonly issuedIn?: number | null;
  /** Seconds from now for `nbf`; left out by default. */
  readonly notBeforeIn?: number;
  /** Any further claims; they win over the ones above. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Header fields that replace the right ones (`typ`, `kid`, `crit`). */
  readonly header?: Readonly<Record<string, unknown>>;
}

/** Signs a token. Everything that a verifier must reject can be made with the options. */
export function mintToken(issuer: string, key: SigningKey, options: TokenOptions = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const payload: Record<string, unknown> = { iss: options.iss ?? issuer, sub: options.sub ?? 'repo:acme/billing:ref:refs/heads/main', jti: randomUUID() };
  if (options.aud !== null) payload['aud'] = options.aud ?? 'wicketgate';
  if (options.expiresIn !== null) payload['exp'] = now + (options.expiresIn ?? 300);
  if (options.issuedIn !== null) payload['iat'] = now + (options.issuedIn ?? 0);
  if (options.notBeforeIn !== undefined) payload['nbf'] = now + options.notBeforeIn;
  return new SignJWT({ ...payload, ...options.claims }).setProtectedHeader({ alg: key.algorithm, kid: key.kid, typ: 'JWT', ...options.header }).sign(key.privateKey).then(tokenCanary);
}
