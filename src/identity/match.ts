import type { IdentityConfig } from '../config/resolved.ts';
import type { Principal } from '../model/principal.ts';
import { claimAt, parseClaimPath } from './claimpath.ts';
import { compileCondition, type Condition } from './condition.ts';

/** An identity of the configuration, ready to be compared with claims. */
export interface IdentityRule {
  readonly identity: IdentityConfig;
  readonly equal: readonly { readonly path: readonly string[]; readonly value: string | number | boolean }[];
  readonly when?: Condition;
  readonly requester?: readonly string[];
  readonly author?: readonly string[];
}

/** Who a token stands for: one identity, or why there is none. */
export type Match = IdentityRule | 'identity_none' | 'identity_ambiguous' | 'claims_overage';

/** Prepares an identity. Throws an Error that names it when a path or its condition cannot be understood. */
export const compileIdentity = (identity: IdentityConfig): IdentityRule => {
  try {
    return {
      identity,
      equal: Object.entries(identity.claims).map(([path, value]) => ({ path: parseClaimPath(path), value })),
      ...(identity.when === undefined ? {} : { when: compileCondition(identity.when) }),
      ...(identity.requester === undefined ? {} : { requester: parseClaimPath(identity.requester) }),
      ...(identity.author === undefined ? {} : { author: parseClaimPath(identity.author) }),
    };
  } catch (cause) {
    throw new Error(`identity ${identity.name}: ${(cause as Error).message}`, { cause });
  }
};

/** Finds the one identity of a provider that a token's verified claims match. Two matches are an error of the configuration and grant nothing. */
export const matchIdentity = (rules: readonly IdentityRule[], claims: Readonly<Record<string, unknown>>): Match => {
  const left = leftOut(claims);
  const incomplete = left === undefined ? [] : rules.filter((rule) => dependsOn(rule, left));
  const matching = rules.filter((rule) => !incomplete.includes(rule) && matches(rule, claims));
  const [only] = matching;
  if (only === undefined) return incomplete.length > 0 ? 'claims_overage' : 'identity_none';
  return matching.length === 1 ? only : 'identity_ambiguous';
};

/** The people behind a token, where the identity names claims for them: `unnamed` are those whose claim is not there, or no text. */
export const peopleOf = (rule: IdentityRule, claims: Readonly<Record<string, unknown>>): Pick<Principal, 'requester' | 'author' | 'unnamed'> => {
  const found: { requester?: string; author?: string } = {};
  const unnamed: ('requester' | 'author')[] = [];
  for (const who of ['requester', 'author'] as const) {
    const path = rule[who];
    if (path === undefined) continue;
    const value = claimAt(claims, path);
    if (typeof value === 'string' && value !== '') found[who] = value;
    else unnamed.push(who);
  }
  return unnamed.length === 0 ? found : { ...found, unnamed };
};

const matches = (rule: IdentityRule, claims: Readonly<Record<string, unknown>>): boolean =>
  rule.equal.every(({ path, value }) => isEqual(claimAt(claims, path), value)) && (rule.when?.holds(claims) ?? true);

/**
 * Same type, same value: "true" is not true, and an array is never equal to one of its elements (`"a" in claims.groups`
 * says that). A number beyond 2^53 has been rounded by JSON, so it equals nothing.
 */
const isEqual = (claim: unknown, value: string | number | boolean): boolean =>
  claim === value && (typeof claim !== 'number' || !Number.isInteger(claim) || Number.isSafeInteger(claim));

/** Claims that Entra leaves out when they are many (groups, roles): the token only points at where to ask, and the gateway never asks there. */
const OVERAGE = ['groups', 'roles', 'wids'];

/** The names that this token says are elsewhere (OpenID Connect Core 5.6.2), or undefined when it is complete. */
export const leftOut = (claims: Readonly<Record<string, unknown>>): ReadonlySet<string> | undefined => {
  const names = claims['_claim_names'];
  const marked = names !== undefined || claims['_claim_sources'] !== undefined || claims['hasgroups'] === true || claims['hasgroups'] === 'true';
  if (!marked) return undefined;
  const listed = typeof names === 'object' && names !== null && !Array.isArray(names) ? Object.keys(names) : [];
  return new Set([...OVERAGE, ...listed]);
};

/** Whether the identity looks at a claim that the token left out. Then it cannot be judged, even by what it must not have. */
const dependsOn = (rule: IdentityRule, names: ReadonlySet<string>): boolean => {
  if (rule.equal.some(({ path }) => names.has(path[0] ?? ''))) return true;
  const looksAt = rule.when?.looksAt;
  return looksAt === 'all' || (looksAt !== undefined && [...looksAt].some((name) => names.has(name)));
};
