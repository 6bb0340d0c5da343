import type { Refusal, RefusalCode } from '../model/decision.ts';

/**
 * Every way in which a token is refused. Stable words for the log, the record and the metrics; docs/reference/identity.md
 * explains each. The client never sees them: it gets the words of `wording`.
 */
export type TokenReason =
  | CertificateReason
  // The token's form
  | 'token_missing'
  | 'token_too_large'
  | 'token_malformed'
  | 'token_encrypted'
  | 'header_forbidden'
  | 'type_unexpected'
  | 'algorithm_refused'
  // Who signed it
  | 'issuer_missing'
  | 'issuer_unknown'
  | 'key_unknown'
  | 'key_ambiguous'
  | 'keys_unavailable'
  | 'keys_too_old'
  | 'signature_invalid'
  // What it says, once the signature holds
  | 'audience_wrong'
  | 'audience_multiple'
  | 'claim_missing'
  | 'claim_malformed'
  | 'expired'
  | 'not_yet_valid'
  | 'issued_in_future'
  | 'too_old'
  | 'lifetime_too_long'
  | 'sender_constrained'
  // Whom it stands for
  | 'identity_none'
  | 'identity_ambiguous'
  | 'claims_overage'
  | 'identity_revoked'
  // Single use
  | 'token_used'
  | 'once_unavailable';

/** Every way in which a client certificate is refused. */
export type CertificateReason =
  | 'certificate_malformed'
  | 'certificate_untrusted'
  | 'certificate_distrusted'
  | 'certificate_weak'
  | 'certificate_critical'
  | 'certificate_purpose'
  | 'certificate_constraints'
  | 'certificate_not_yet_valid'
  | 'certificate_expired'
  | 'certificate_lifetime_too_long'
  | 'certificate_not_svid'
  | 'certificate_revoked'
  | 'revocation_unknown';

/** A refused login: the value for the client, and beside it what only the log and the record may know. */
export interface TokenRefusal extends Refusal {
  readonly reason: TokenReason;
  /** Name of the provider that the token claims to come from, once one matched. */
  readonly provider?: string;
  /** As `Principal.tokenFingerprint`, once the token could be read. */
  readonly tokenFingerprint?: string;
  /** SHA-256 of the certificate, in hexadecimal, where one was shown. */
  readonly certificate?: string;
}

const NOT_VERIFIED = ['unauthenticated', 'client certificate refused: not verified'] as const;

/**
 * What the client is told. Before the signature holds, one wording serves all causes, so that a forged token teaches
 * nothing about issuers and keys. After it holds, the client hears what it could read in its own token. Which identity
 * nearly matched, or why not, is never said. A certificate that does not hold gets one wording, whatever is wrong with it.
 */
const wording: Readonly<Record<TokenReason, readonly [RefusalCode, string]>> = {
  token_missing: ['unauthenticated', 'token refused: none given'],
  token_too_large: ['unauthenticated', 'token refused: too large'],
  token_malformed: ['unauthenticated', 'token refused: not a signed JWT'],
  token_encrypted: ['unauthenticated', 'token refused: not a signed JWT'],
  header_forbidden: ['unauthenticated', 'token refused: not verified'],
  type_unexpected: ['unauthenticated', 'token refused: not verified'],
  algorithm_refused: ['unauthenticated', 'token refused: not verified'],
  issuer_missing: ['unauthenticated', 'token refused: not verified'],
  issuer_unknown: ['unauthenticated', 'token refused: not verified'],
  key_unknown: ['unauthenticated', 'token refused: not verified'],
  key_ambiguous: ['unauthenticated', 'token refused: not verified'],
  keys_unavailable: ['unauthenticated', 'token refused: not verified'],
  keys_too_old: ['unauthenticated', 'token refused: not verified'],
  signature_invalid: ['unauthenticated', 'token refused: not verified'],
  audience_wrong: ['unauthenticated', 'token refused: made for another audience'],
  audience_multiple: ['unauthenticated', 'token refused: more than one audience'],
  claim_missing: ['unauthenticated', 'token refused: a required claim is missing'],
  claim_malformed: ['unauthenticated', 'token refused: a claim is malformed'],
  expired: ['unauthenticated', 'token refused: expired'],
  not_yet_valid: ['unauthenticated', 'token refused: not valid yet'],
  issued_in_future: ['unauthenticated', 'token refused: issued in the future: the clocks of its issuer and of the gateway differ'],
  too_old: ['unauthenticated', 'token refused: too old'],
  lifetime_too_long: ['unauthenticated', 'token refused: lifetime too long'],
  sender_constrained: ['unauthenticated', 'token refused: bound to a key that was not shown'],
  identity_none: ['no_identity', 'no identity for this token'],
  identity_ambiguous: ['no_identity', 'no identity for this token'],
  claims_overage: ['no_identity', 'no identity for this token'],
  identity_revoked: ['revoked', 'this identity has been revoked'],
  token_used: ['unauthenticated', 'token refused: already used'],
  once_unavailable: ['unauthenticated', 'token refused: single use could not be recorded'],
  certificate_malformed: NOT_VERIFIED,
  certificate_untrusted: NOT_VERIFIED,
  certificate_distrusted: NOT_VERIFIED,
  certificate_weak: NOT_VERIFIED,
  certificate_critical: NOT_VERIFIED,
  certificate_purpose: NOT_VERIFIED,
  certificate_constraints: NOT_VERIFIED,
  certificate_not_yet_valid: NOT_VERIFIED,
  certificate_expired: NOT_VERIFIED,
  certificate_lifetime_too_long: NOT_VERIFIED,
  certificate_not_svid: NOT_VERIFIED,
  certificate_revoked: NOT_VERIFIED,
  revocation_unknown: NOT_VERIFIED,
};

/** All reasons there are. */
export const tokenReasons = Object.keys(wording) as readonly TokenReason[];

/** Builds the refusal of a login by certificate. */
export const certificateRefusal = (reason: TokenReason, more: { readonly provider?: string; readonly certificate: string }): TokenRefusal => {
  const refused = tokenRefusal(reason, more);
  return refused.code === 'no_identity' ? { ...refused, message: 'no identity for this certificate' } : refused;
};

/** Builds the refusal of a login. */
export const tokenRefusal = (reason: TokenReason, more: { readonly provider?: string; readonly tokenFingerprint?: string; readonly certificate?: string } = {}): TokenRefusal => {
  const [code, message] = wording[reason];
  return { kind: 'refusal', code, message, reason, ...more };
};
