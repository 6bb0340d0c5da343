import type { Certificate } from './certificate.ts';
import { permits } from './constraints.ts';
import type { CertificateReason } from '../reasons.ts';

/** Most certificates of a path, the client's own and the trust anchor included. */
const MAX_PATH = 8;
/** Most signatures that are checked for one client: whoever sends many certificates with one name makes no more work than this. */
const MAX_SIGNATURES = 32;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** From the client's own certificate to a trust anchor. */
export type Path = readonly Certificate[];

/**
 * Finds a path from the first of `chain` to one of `anchors` (RFC 5280 section 6), by way of what else the client sent. `accepts` has the last word on
 * each path that holds by itself: time, revocation and what the provider asks for. Where there is none, the reason is that of the path that came furthest.
 */
export const findPath = (chain: readonly Certificate[], anchors: readonly Certificate[], accepts: (path: Path) => CertificateReason | undefined): Path | CertificateReason => {
  const [own, ...sent] = chain;
  if (own === undefined) return 'certificate_malformed';
  let signatures = 0;
  let reason: CertificateReason = 'certificate_untrusted';
  const signed = (child: Certificate, parent: Certificate): boolean => {
    // A key that is not good enough is not asked either: the larger it is, the longer that takes.
    if (!parent.soundKey || !child.issuerBytes.equals(parent.subjectBytes) || !child.x509.checkIssued(parent.x509)) return false;
    signatures += 1;
    return signatures <= MAX_SIGNATURES && child.x509.verify(parent.x509.publicKey);
  };
  const search = (path: Path): Path | undefined => {
    const last = path.at(-1) as Certificate;
    for (const anchor of anchors) {
      if (path.includes(anchor) || last.fingerprint === anchor.fingerprint || !signed(last, anchor)) continue;
      const whole = [...path, anchor];
      const wrong = judgePath(whole) ?? accepts(whole);
      if (wrong === undefined) return whole;
      reason = wrong;
    }
    if (path.length >= MAX_PATH - 1) return undefined;
    for (const next of sent) {
      if (path.some(({ fingerprint }) => fingerprint === next.fingerprint) || !signed(last, next)) continue;
      const found = search([...path, next]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return search([own]) ?? reason;
};

/** What is wrong with a path whose signatures hold, apart from time and revocation. */
const judgePath = (path: Path): CertificateReason | undefined => {
  const [own, ...authorities] = path;
  if (own === undefined || authorities.length === 0) return 'certificate_untrusted';
  // What an anchor has signed itself with proves nothing, so it does not matter.
  if (path.some(({ soundKey, soundSignature }, index) => !soundKey || (!soundSignature && index < authorities.length))) return 'certificate_weak';
  if (path.some(({ unknownCritical }) => unknownCritical)) return 'certificate_critical';
  if (own.authority || own.keyUsage?.has('digitalSignature') !== true || own.keyUsage.has('keyCertSign') || own.purposes?.includes(CLIENT_AUTH) !== true) return 'certificate_purpose';
  for (const [index, authority] of authorities.entries()) {
    const { keyUsage, purposes, pathLength, constraints } = authority;
    if (!authority.authority || keyUsage?.has('keyCertSign') === false) return 'certificate_untrusted';
    // A CA that is for some purposes vouches for those only.
    if (purposes !== undefined && !purposes.includes(CLIENT_AUTH)) return 'certificate_purpose';
    const below = authorities.slice(0, index).filter((one) => !isSelfIssued(one)).length;
    if (pathLength !== undefined && below > pathLength) return 'certificate_untrusted';
    if (constraints === undefined) continue;
    const bound = path.slice(0, index + 1).filter((one, at) => at === 0 || !isSelfIssued(one));
    if (!bound.every(({ subject, names }) => permits(constraints, subject, names))) return 'certificate_constraints';
  }
  return undefined;
};

const isSelfIssued = ({ subjectBytes, issuerBytes }: Certificate): boolean => subjectBytes.equals(issuerBytes);
