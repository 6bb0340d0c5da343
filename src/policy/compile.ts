import { createHash } from 'node:crypto';
import { canonical } from '../config/resolve.ts';
import type { Config, ConnectionConfig } from '../config/resolved.ts';
import type { Principal } from '../model/principal.ts';
import { situationOf, type AppliedRule } from './plan.ts';
import type { PolicySet } from './policy-set.ts';
import { compilePolicy, type CompiledPolicy, type CompiledRule, type PolicyProblem } from './rules.ts';
import { PolicyOfSession, SharedDecisions } from './session-policy.ts';
import { celMap, ConnectionVariable, IdentityVariable, type Variables } from './variables.ts';

/** Policies that cannot be compiled. */
export class PolicyError extends Error {
  readonly problems: readonly PolicyProblem[];
  constructor(problems: readonly PolicyProblem[]) {
    super(problems.map(formatPolicyProblem).join('\n'));
    this.name = 'PolicyError';
    this.problems = problems;
  }
}

/** `file:line: key: message`. */
const formatPolicyProblem = ({ origin, path, message }: PolicyProblem): string => `${origin.file}:${origin.line}: ${path}: ${message}`;

/** Situations whose decisions are kept. More only come from claims that conditions tell apart; the oldest are dropped. */
const MOST_SITUATIONS = 1_000;

/** Compiles all policies of a configuration. Throws a PolicyError that says all that is wrong, with file and line. */
export function compilePolicies(config: Config): PolicySet {
  const problems: PolicyProblem[] = [];
  // Sorted, so that the order of policies in files decides nothing, not even which rule is named.
  const policies = config.policies.map((policy) => compilePolicy(policy, problems)).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (problems.length > 0) throw new PolicyError(problems);

  const version = versionOf(config);
  const identities = new Map(config.identities.map((identity) => [identity.name, identity]));
  const connections = new Map(config.connections.map((connection) => [connection.name, connection]));
  const situations = new Map<string, SharedDecisions>();
  return {
    version,
    forSession(principal, connectionName) {
      const groups = identities.get(principal.identity)?.groups;
      const connection = connections.get(connectionName);
      if (groups === undefined || connection === undefined) return undefined;
      const applied = policies.filter((policy) => names(policy, principal.identity, groups, connectionName));
      if (applied.length === 0) return undefined;
      const variables = variablesWhenAsked(principal, groups, connection);
      const settled = new Map(applied.flatMap(({ rules }) => rules).map((rule) => [rule, settledFor(rule, variables)]));
      const key = `${applied.map(({ name }) => name).join(' ')} ${[...settled.values()].map((said) => `${said?.level ?? '-'}${said?.error ?? ''}`).join(',')}`;
      let shared = situations.get(key);
      if (shared === undefined) {
        if (situations.size >= MOST_SITUATIONS) situations.delete(situations.keys().next().value ?? '');
        shared = new SharedDecisions(situationOf(applied, (rule) => settled.get(rule)), version);
        situations.set(key, shared);
      }
      return new PolicyOfSession(shared, variables);
    },
  };
}

/** A function by itself: what it returns lives as long as the session, and with it everything around it that any function uses. */
const variablesWhenAsked = (principal: Principal, groups: readonly string[], connection: ConnectionConfig): (() => Variables) => {
  let made: Variables | undefined;
  return () =>
    (made ??= {
      identity: new IdentityVariable(principal, groups),
      claims: celMap(principal.claims),
      connection: new ConnectionVariable(connection),
    });
};

const names = (policy: CompiledPolicy, identity: string, groups: readonly string[], connection: string): boolean =>
  (policy.connections.has('*') || policy.connections.has(connection)) && (policy.identities.has(identity) || groups.some((group) => policy.groups.has(group)));

/** A condition that reads only who asks and where is settled for the session. */
function settledFor(rule: CompiledRule, variables: () => Variables): AppliedRule['settled'] {
  if (rule.condition === undefined) return { level: 2 };
  return rule.condition.reads.size === 0 ? rule.condition.evaluate(variables()) : undefined;
}

function versionOf(config: Config): string {
  const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1);
  const members = config.identities.map(({ name, groups }) => ({ name, groups: [...groups].sort() })).sort(byName);
  return createHash('sha256').update(canonical({ policies: [...config.policies].sort(byName), members })).digest('hex');
}
