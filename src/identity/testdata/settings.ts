import type { IdentityConfig, IdentityProviderConfig } from '../../config/resolved.ts';
import type { Peer } from '../../model/principal.ts';

const ORIGIN = { file: 'test.yaml', line: 1 };
export const PEER: Peer = { address: '192.0.2.7', port: 4711, tls: true };

/** A provider with the defaults of the configuration. */
export const providerConfig = (more: Partial<IdentityProviderConfig> & Pick<IdentityProviderConfig, 'issuer'>): IdentityProviderConfig => ({
  name: 'issuer',
  audience: 'wicketgate',
  keys: { from: 'discovery' },
  algorithms: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'],
  once: false,
  maxTokenAge: 3_600_000,
  clockSkew: 30_000,
  maxKeyAge: 86_400_000,
  allowPrivate: false,
  origin: ORIGIN,
  ...more,
});

/** An identity that matches every token of the kit. */
export const identityConfig = (more: Partial<IdentityConfig> = {}): IdentityConfig => ({
  name: 'job',
  owner: { contact: 'ada@acme.example' },
  provider: 'issuer',
  claims: { sub: 'repo:acme/billing:ref:refs/heads/main' },
  groups: ['jobs'],
  origin: ORIGIN,
  ...more,
});
