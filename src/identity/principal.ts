import type { Principal } from '../model/principal.ts';
import { peopleOf, type IdentityRule } from './match.ts';

/** What was proved, by a token or a certificate, whichever identity it may stand for. */
export type Proven = Pick<Principal, 'provider' | 'subject' | 'claims' | 'certificate' | 'tokenFingerprint' | 'tokenExpiresAt'>;

/** The principal that an identity makes of what was proved. */
export const principalOf = (rule: IdentityRule, proven: Proven): Principal => {
  const { identity } = rule;
  return {
    identity: identity.name,
    provider: proven.provider,
    subject: proven.subject,
    groups: identity.groups,
    owner: identity.owner,
    ...peopleOf(rule, proven.claims),
    claims: proven.claims,
    ...(proven.certificate === undefined ? {} : { certificate: proven.certificate }),
    tokenFingerprint: proven.tokenFingerprint,
    tokenExpiresAt: proven.tokenExpiresAt,
  };
};

/** Deep: conditions of policies read the claims for as long as the session lives, and nothing may change them meanwhile. */
export const freeze = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
};
