import type { IdentityUse } from '../evidence/search/sums.ts';
import type { IdentityConfig } from '../config/resolved.ts';
import type { IdentitySummary } from './api/schema/identities.ts';
import type { Services } from './services.ts';

const time = (at: number): string => new Date(at).toISOString();

/** Those of the configuration, and those that are only in the records, by name. */
export const identityViews = async (services: Pick<Services, 'config' | 'reader' | 'revocations' | 'gate'>): Promise<IdentitySummary[]> => {
  const used = new Map((await services.reader.ask('identityUse')).map((use) => [use.identity, use]));
  const configured = new Map(services.config().identities.map((identity) => [identity.name, identity]));
  const live = new Map<string, number>();
  for (const { session } of services.gate.live.values()) live.set(session.principal.identity, (live.get(session.principal.identity) ?? 0) + 1);
  const revoked = new Map(services.revocations.list().map((one) => [one.identity, one]));
  return [...new Set([...configured.keys(), ...used.keys()])].sort().map((name) => viewOf(name, configured.get(name), used.get(name), live.get(name) ?? 0, revoked.get(name)));
};

const viewOf = (name: string, identity: IdentityConfig | undefined, use: IdentityUse | undefined, live: number, revoked: { readonly by: string; readonly at: number } | undefined): IdentitySummary => ({
  name,
  owner: { ...identity?.owner },
  ...(identity?.purpose === undefined ? {} : { purpose: identity.purpose }),
  provider: identity?.provider ?? '',
  groups: [...(identity?.groups ?? [])],
  configured: identity !== undefined,
  ...(identity ? { origin: { ...identity.origin } } : {}),
  ...(use ? { firstUse: time(use.first), lastUse: time(use.last) } : {}),
  live,
  ...(revoked ? { revoked: { by: revoked.by, at: time(revoked.at) } } : {}),
});
