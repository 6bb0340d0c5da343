import type { IdentityProviderConfig } from '../config/resolved.ts';
import type { TokenReason } from './reasons.ts';

/**
 * Longest lifetime (exp - iat) that a token may claim, in milliseconds. The longest of real issuers is 24 h and 5 min
 * (Azure managed identities, whose iat is set back by 5 min); a token of years is a mistake or a forgery.
 */
const MAX_LIFETIME = 25 * 3_600_000;

/** The claims that every token must have (RFC 7519 section 4.1), read and judged. */
export interface StandardClaims {
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Whether `aud` is the one audience of the provider: that string, or an array of just that string. */
export const hasAudience = (claims: Readonly<Record<string, unknown>>, audience: string): boolean => {
  const { aud } = claims;
  return aud === audience || (Array.isArray(aud) && aud.length === 1 && aud[0] === audience);
};

/**
 * Judges the claims that are the same for every identity, against the clock. Call only after the signature holds: the
 * reason is told to the client. `now` in milliseconds since the epoch.
 */
export const checkClaims = (claims: Readonly<Record<string, unknown>>, provider: IdentityProviderConfig, now: number): StandardClaims | TokenReason => {
  const { aud, sub, exp, iat, nbf, cnf } = claims;
  if (aud === undefined || sub === undefined || exp === undefined || iat === undefined) return 'claim_missing';
  if (Array.isArray(aud) && aud.length > 1) return 'audience_multiple';
  if (!hasAudience(claims, provider.audience)) return 'audience_wrong';
  // A token bound to a key (RFC 8705, RFC 9449) is worth nothing without proof of that key, which no password can carry.
  if (cnf !== undefined) return 'sender_constrained';
  if (typeof sub !== 'string' || sub === '') return 'claim_malformed';
  if (!isNumericDate(exp) || !isNumericDate(iat) || (nbf !== undefined && !isNumericDate(nbf))) return 'claim_malformed';
  const { clockSkew, maxTokenAge } = provider;
  const expiresAt = exp * 1000;
  const issuedAt = iat * 1000;
  if (now >= expiresAt + clockSkew) return 'expired';
  if (nbf !== undefined && nbf * 1000 > now + clockSkew) return 'not_yet_valid';
  if (issuedAt > now + clockSkew) return 'issued_in_future';
  if (expiresAt - issuedAt > MAX_LIFETIME) return 'lifetime_too_long';
  if (now - issuedAt > maxTokenAge + clockSkew) return 'too_old';
  return { subject: sub, expiresAt };
};

/** Whole seconds since the epoch, up to the year 9999. Issuers of machine tokens send integers; text and fractions are refused. */
const isNumericDate = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 253_402_300_800;
