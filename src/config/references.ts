import type { Checking } from './checks.ts';
import { at, type Problems } from './problems.ts';
import type { Places } from './shape.ts';
import { didYouMean } from './suggest.ts';
import type { Located, LocatedMap } from './yaml.ts';
import { maskName } from './resolve.ts';

interface Named {
  readonly name: string;
}

/** The names that are written down, also of items that have something else wrong with them: naming those is no mistake. */
export interface Declared {
  readonly providers: ReadonlySet<string>;
  readonly logins: ReadonlySet<string>;
  readonly identities: ReadonlySet<string>;
  readonly connections: ReadonlySet<string>;
  /** Groups of identities. */
  readonly groups: ReadonlySet<string>;
}

/** Reads them from the text as it is written, before anything of it is known to be sound. */
export function declaredNames(root: LocatedMap): Declared {
  const control = root.entries.get('control')?.value;
  const texts = (list: string, key: string, section: LocatedMap = root): Set<string> => {
    const node = section.entries.get(list)?.value;
    const values = (node?.kind === 'list' ? node.items : []).flatMap((item): readonly (Located | undefined)[] => {
      const value = item.kind === 'map' ? item.entries.get(key)?.value : undefined;
      return value?.kind === 'list' ? value.items : [value];
    });
    return new Set(values.flatMap((value) => (value?.kind === 'scalar' && typeof value.value === 'string' ? [value.value] : [])));
  };
  return { providers: texts('identityProviders', 'name'), logins: control?.kind === 'map' ? texts('login', 'name', control) : new Set(), identities: texts('identities', 'name'), connections: texts('connections', 'name'), groups: texts('identities', 'groups') };
}

/** Names are given once, and what is named exists. */
export function checkNames({ source, places, declared, problems, warnings }: Checking): void {
  for (const list of [source.identityProviders, source.identities, source.connections, source.policies]) unique(list, places, problems);
  for (const policy of source.policies) {
    unique(policy.rules ?? [], places, problems);
    const masks = (policy.mask ?? []).map((mask, index) => ({ mask, name: maskName(policy.name, mask, index) }));
    const firsts = new Map<string, object>();
    for (const { mask, name } of masks) {
      const first = firsts.get(name);
      if (first === undefined) firsts.set(name, mask);
      else problems.add(places.of(mask, 'name'), `the name ${name} is already taken at ${at(places.of(first, 'name').place)}`, 'give each mask a name of its own');
    }
  }

  const { providers, identities, connections, groups } = declared;
  const known = (kind: string, all: ReadonlySet<string>, name: string, holder: object, key: string | number): void => {
    if (!all.has(name)) problems.add(places.of(holder, key), `there is no ${kind} ${quoted(name)}`, didYouMean(name, all) ?? (all.size === 0 ? `no ${kind} is configured` : undefined));
  };

  for (const identity of source.identities) known('identity provider', providers, identity.provider, identity, 'provider');
  for (const policy of source.policies) {
    if (!places.has(policy, 'groups') && !places.has(policy, 'identities')) {
      problems.add(places.of(policy), 'names no identities and no groups, so it applies to nobody', 'add identities: [...] or groups: [...]');
    }
    policy.identities?.forEach((name, index) => known('identity', identities, name, policy.identities ?? [], index));
    policy.groups?.forEach((name, index) => {
      if (!groups.has(name)) problems.add(places.of(policy.groups ?? [], index), `no identity has the group ${quoted(name)}`, didYouMean(name, groups));
    });
    policy.connections.forEach((name, index) => {
      if (name !== '*') known('connection', connections, name, policy.connections, index);
    });
  }
  warnUnused();

  function warnUnused(): void {
    const used = new Set(source.identities.map(({ provider }) => provider));
    for (const provider of source.identityProviders) {
      if (!used.has(provider.name)) warnings.add(places.of(provider, 'name'), 'no identity uses this provider');
    }
    for (const identity of source.identities) {
      const applies = source.policies.some((policy) => policy.identities?.includes(identity.name) === true || policy.groups?.some((group) => identity.groups?.includes(group)) === true);
      if (!applies) warnings.add(places.of(identity, 'name'), 'no policy names this identity or one of its groups, so it may do nothing');
    }
    for (const connection of source.connections) {
      if (!source.policies.some((policy) => policy.connections.includes('*') || policy.connections.includes(connection.name))) {
        warnings.add(places.of(connection, 'name'), 'no policy names this connection, so nobody may use it');
      }
    }
  }
}

/** No name is given twice. */
export function unique(list: readonly Named[], places: Places, problems: Problems): void {
  const firsts = new Map<string, Named>();
  for (const item of list) {
    const first = firsts.get(item.name);
    if (first === undefined) firsts.set(item.name, item);
    else problems.add(places.of(item, 'name'), `the name is already taken at ${at(places.of(first, 'name').place)}`, 'names are unique');
  }
}

/** A name in a message, cut to a length that stays readable. */
export const quoted = (text: string): string => JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}...` : text);
