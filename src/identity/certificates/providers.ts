import type { CertificateProviderConfig } from '../../config/resolved.ts';
import type { CertificateCredential, Principal } from '../../model/principal.ts';
import type { CertificateReason } from '../reasons.ts';
import type { IdentityRule } from '../match.ts';
import { certificateName } from '../revocations.ts';
import { readCertificate, type Certificate } from './certificate.ts';
import { claimsSpiffe, isSvid } from './claims.ts';
import { revocationOf } from './crl.ts';
import { findPath, type Path } from './path.ts';
import type { CertificateTrust } from './trust.ts';

/** Most certificates that a client may send. */
const MAX_CHAIN = 16;

/** A provider of the configuration, with what it trusts and the identities that rest on it. */
export interface CertificateProvider {
  readonly config: CertificateProviderConfig;
  readonly trust: CertificateTrust;
  readonly rules: readonly IdentityRule[];
  /** It was revoked here, by its name. */
  readonly isRevoked: (name: string) => boolean;
}

/** A chain that leads to a provider. */
export interface Vouched {
  readonly provider: CertificateProvider;
  readonly path: Path;
}

/** The paths that principals of live sessions came by. Beside the principal, not in it: what a policy or a record sees of one is text. */
const pathsOf = new WeakMap<object, Path>();

/** What a Principal holds of its certificate. */
export const certificateFacts = (path: Path, issuer: string): NonNullable<Principal['certificate']> => {
  const [own] = path as readonly [Certificate];
  const facts = Object.freeze({ fingerprint: own.fingerprint, serial: own.serial, issuer });
  pathsOf.set(facts, path);
  return facts;
};

/** Every provider that the chain leads to; or, when it leads to none, why, by the one that came furthest. */
export const vouchers = ({ chain, fault }: CertificateCredential, providers: readonly CertificateProvider[], now: number): readonly Vouched[] | CertificateReason => {
  if (chain.length > MAX_CHAIN) return 'certificate_malformed';
  const read = chain.map(readCertificate);
  const [own] = read;
  // What cannot be read of the rest is nobody's link; the client's own has to be read.
  if (own === undefined) return 'certificate_malformed';
  const certificates = read.filter((certificate) => certificate !== undefined);
  let reason: CertificateReason = 'certificate_untrusted';
  const found = providers.flatMap((provider): readonly Vouched[] => {
    const path = findPath(certificates, provider.trust.now.anchors, (whole) => standing(whole, provider, now));
    if (typeof path !== 'string') return [{ provider, path }];
    if (path !== 'certificate_untrusted') reason = path;
    return [];
  });
  if (found.length === 0) return reason;
  // TLS has judged the same chain against the CAs of all providers, by OpenSSL: two that agree are better than one.
  return fault === undefined ? found : 'certificate_distrusted';
};

/** Whether what a live session came by still stands at its provider: its anchor, times, lists, and what the provider asks for. */
export const stillStands = ({ certificate }: Principal, provider: CertificateProvider, now: number): CertificateReason | undefined => {
  const path = certificate && pathsOf.get(certificate);
  return path === undefined ? 'certificate_untrusted' : standing(path, provider, now);
};

const standing = (path: Path, { config, trust, isRevoked }: CertificateProvider, now: number): CertificateReason | undefined => {
  const [own] = path as readonly [Certificate];
  const { anchors, lists } = trust.now;
  if (!anchors.some(({ fingerprint }) => fingerprint === path.at(-1)?.fingerprint)) return 'certificate_untrusted';
  if (!path.every(({ notBefore }) => notBefore <= now)) return 'certificate_not_yet_valid';
  if (!path.every(({ notAfter }) => now < notAfter)) return 'certificate_expired';
  if (!(own.notAfter - own.notBefore <= config.maxLifetime)) return 'certificate_lifetime_too_long';
  if (config.trustDomain === undefined ? claimsSpiffe(own) && !isSvid(own) : !isSvid(own, config.trustDomain)) return 'certificate_not_svid';
  if (path.some(({ fingerprint }) => isRevoked(certificateName(fingerprint)))) return 'certificate_revoked';
  if (lists === undefined) return undefined;
  for (const [index, certificate] of path.entries()) {
    const issuer = path[index + 1];
    const revoked = issuer && revocationOf(lists, certificate, issuer, now);
    if (revoked !== undefined) return revoked;
  }
  return undefined;
};

/** Until when a path is good, in milliseconds since the epoch: until the first certificate of it expires. */
export const goodUntil = (path: Path): number => Math.min(...path.map(({ notAfter }) => notAfter));
