import type { Config, ConnectionConfig, IdentityConfig, PolicyConfig } from '../config/resolved.ts';

/** What policies let an identity do on a connection, in counts and names. */
export interface ReachView {
  readonly identity: string;
  readonly connection: string;
  readonly policies: string[];
  readonly allow: string[];
  /** Rules that allow or deny more. */
  readonly rules: number;
  readonly approvals: number;
  readonly masks: number;
}

const applies = (policy: PolicyConfig, { name, groups }: IdentityConfig, connection: string): boolean =>
  (policy.connections.includes('*') || policy.connections.includes(connection)) && (policy.identities.includes(name) || policy.groups.some((group) => groups.includes(group)));

/** The same question that policy asks at a login, for a table: undefined when no policy names both. */
export const reachOf = (config: Config, identity: IdentityConfig, { name: connection }: ConnectionConfig): ReachView | undefined => {
  const policies = config.policies.filter((policy) => applies(policy, identity, connection));
  if (policies.length === 0) return undefined;
  const rules = policies.flatMap((policy) => policy.rules);
  return {
    identity: identity.name,
    connection,
    policies: policies.map(({ name }) => name).sort(),
    allow: [...new Set(policies.flatMap(({ allow }) => allow))].sort(),
    rules: rules.filter(({ effect }) => effect !== 'require_approval').length,
    approvals: rules.filter(({ effect }) => effect === 'require_approval').length,
    masks: policies.reduce((sum, { mask }) => sum + mask.length, 0),
  };
};

/** Identities that some policy lets reach a connection, by name. */
export const reachedBy = (config: Config, connection: ConnectionConfig): string[] => config.identities.filter((identity) => reachOf(config, identity, connection) !== undefined).map(({ name }) => name).sort();
