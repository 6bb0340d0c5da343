import { approvalChanges, peopleChanges, thresholdChange } from './compare-people.ts';
import { listChanges, same } from './differences.ts';
import { canonical } from './resolve.ts';
import type { Config, IdentityConfig, LimitsConfig, MaskConfig, PolicyConfig, RuleConfig } from './resolved.ts';
import { retentionOf } from './retention.ts';
import { formatDuration, formatHostPort } from './units.ts';

/** Names in one line; more are counted. */
const mostNames = 5;

/**
 * What a reload changes, line by line, for its record and the log: names of the configuration, never values. Every deny, mask,
 * approval or limit that no longer protects something it protected has a line, whether it was removed, changed, or no longer reaches
 * an identity or connection because of a change elsewhere. Empty when nothing changed.
 */
export function compare(before: Config, after: Config): string[] {
  if (before.digest === after.digest) return [];
  const lines = [...policyChanges(before, after), ...reachChanges(before, after), ...namedChanges(before, after), ...retentionChanges(before, after), ...evidenceChanges(before, after), ...peopleChanges(before, after), ...gatewayChanges(before, after)];
  return lines.length === 0 ? ['only the order of something changed'] : lines;
}

/** Changes that a reload cannot put in force, because sockets, folders and keys are taken at start. */
export function restartNeeded(before: Config, after: Config): string[] {
  const lines = (['data', 'keys', 'keyCommand', 'names', 'tls', 'reload'] as const).filter((key) => !same(before.gateway[key], after.gateway[key])).map((key) => `gateway.${key} changed`);
  if (!same(before.control.listen, after.control.listen)) lines.push('control.listen changed');
  const addresses = (config: Config): Set<string> => new Set(config.connections.map(({ listen }) => formatHostPort(listen)));
  const [old, now] = [addresses(before), addresses(after)];
  for (const address of now) if (!old.has(address)) lines.push(`listen address added: ${address}`);
  for (const address of old) if (!now.has(address)) lines.push(`listen address removed: ${address}`);
  return lines;
}

/** What was taken out of a policy, or put into it, as it is written. */
function policyChanges(before: Config, after: Config): string[] {
  const lines: string[] = [];
  for (const policy of before.policies) {
    const now = after.policies.find(({ name }) => name === policy.name);
    if (now === undefined) lines.push(`policy removed: ${policy.name}`);
    lines.push(...ruleChanges(policy, now), ...maskChanges(policy, now), ...limitChanges(policy, now));
    if (now === undefined) continue;
    for (const name of policy.allow) if (!now.allow.includes(name)) lines.push(`class no longer allowed: ${policy.name}: ${name}`);
    for (const name of now.allow) if (!policy.allow.includes(name)) lines.push(`class allowed: ${policy.name}: ${name}`);
    for (const key of ['identities', 'groups', 'connections'] as const) {
      for (const name of policy[key]) if (!now[key].includes(name)) lines.push(`policy ${policy.name} no longer names ${singular[key]} ${name}`);
      for (const name of now[key]) if (!policy[key].includes(name)) lines.push(`policy ${policy.name} now names ${singular[key]} ${name}`);
    }
  }
  for (const policy of after.policies) if (!before.policies.some(({ name }) => name === policy.name)) lines.push(`policy added: ${policy.name}`);
  return lines;
}

const singular = { identities: 'identity', groups: 'group', connections: 'connection' } as const;
const ruleWord = { deny: 'deny', require_approval: 'approval', allow: 'allow' } as const;

function ruleChanges(policy: PolicyConfig, now: PolicyConfig | undefined): string[] {
  const lines: string[] = [];
  for (const rule of policy.rules) {
    const full = `${policy.name}/${rule.name}`;
    const next = now?.rules.find(({ name }) => name === rule.name);
    if (next === undefined) lines.push(`${ruleWord[rule.effect]} removed: ${full}`);
    else if (next.effect !== rule.effect) lines.push(`${ruleWord[rule.effect]} removed: ${full} (it is now ${ruleWord[next.effect]})`);
    else if (!same(rule, next)) lines.push(...changedRule(full, rule, next));
  }
  for (const rule of now?.rules ?? []) if (!policy.rules.some(({ name }) => name === rule.name)) lines.push(`${ruleWord[rule.effect]} added: ${policy.name}/${rule.name}`);
  return lines;
}

function changedRule(full: string, rule: RuleConfig, next: RuleConfig): string[] {
  const word = ruleWord[rule.effect];
  const [{ rows: oldRows, ...oldMatch }, { rows, ...match }] = [rule.match, next.match];
  const parts = [...(same(oldMatch, match) ? [] : ['match']), ...(['when', 'reason'] as const).filter((key) => !same(rule[key], next[key]))];
  return [
    ...(parts.length === 0 ? [] : [`${word} changed: ${full} (${parts.join(', ')})`]),
    ...thresholdChange(word, full, oldRows, rows),
    ...(rule.approval === undefined || next.approval === undefined ? [] : approvalChanges(full, rule.approval, next.approval)),
  ];
}

function maskChanges(policy: PolicyConfig, now: PolicyConfig | undefined): string[] {
  // Masks without a name are called by their place, which shifts when one is removed; so the same content counts as the same mask.
  const left = [...(now?.mask ?? [])];
  const gone: MaskConfig[] = [];
  for (const mask of policy.mask) {
    const index = left.findIndex((other) => sameMask(mask, other));
    if (index < 0) gone.push(mask);
    else left.splice(index, 1);
  }
  const lines: string[] = [];
  for (const mask of gone) {
    const index = left.findIndex(({ name }) => name === mask.name);
    const next = index < 0 ? undefined : left.splice(index, 1)[0];
    if (next === undefined) lines.push(`mask removed: ${mask.name}`);
    else lines.push(`mask changed: ${mask.name} (${(['columns', 'fields', 'detect', 'mode', 'transform', 'otherwise'] as const).filter((key) => !same(mask[key], next[key])).join(', ')})`);
  }
  for (const mask of left) lines.push(`mask added: ${mask.name}`);
  return lines;
}

const limitNames = ['commandsPerMinute', 'rowsPerCommand', 'concurrentSessions', 'heldCommands', 'sessionAge'] as const satisfies readonly (keyof LimitsConfig)[];

function limitChanges(policy: PolicyConfig, now: PolicyConfig | undefined): string[] {
  return limitNames.flatMap((key) => {
    const [old, next] = [policy.limits[key], now?.limits[key]];
    if (old === next) return [];
    const word = next === undefined ? 'removed' : old === undefined ? 'added' : next > old ? 'relaxed' : 'tightened';
    return [`limit ${word}: ${policy.name}/${key}`];
  });
}

/**
 * What still stands in the files and no longer reaches whom it reached: an identity left a group, a policy names fewer connections.
 * Looks at identities and connections that are in both, since one that is gone needs no protection from itself.
 */
function reachChanges(before: Config, after: Config): string[] {
  const stillWritten = keysOf(after.policies);
  const lost = new Map<string, string[]>();
  const connections = before.connections.filter(({ name }) => after.connections.some((other) => other.name === name));
  for (const identity of before.identities) {
    const next = after.identities.find(({ name }) => name === identity.name);
    if (next === undefined) continue;
    const old = before.policies.filter((policy) => names(policy, identity));
    const now = after.policies.filter((policy) => names(policy, next));
    for (const { name: connection } of connections) {
      const here = now.filter((policy) => reaches(policy, connection));
      // Without any policy left the identity may do nothing there, so nothing is laid open.
      if (here.length === 0) continue;
      const kept = keysOf(here);
      for (const { key, what } of old.filter((policy) => reaches(policy, connection)).flatMap(protections)) {
        // One that is gone from the files has a line already.
        if (!kept.has(key) && stillWritten.has(key)) lost.set(what, [...(lost.get(what) ?? []), `${identity.name} on ${connection}`]);
      }
    }
  }
  return [...lost].map(([what, where]) => `${what} no longer applies to ${listed(where)}`);
}

interface Protection {
  readonly key: string;
  readonly what: string;
}

const keysOf = (policies: readonly PolicyConfig[]): Set<string> => new Set(policies.flatMap(protections).map(({ key }) => key));

/** What a policy keeps its identities from. */
function protections(policy: PolicyConfig): Protection[] {
  return [
    ...policy.rules.filter(({ effect }) => effect !== 'allow').map((rule) => ({ key: `rule ${policy.name}/${rule.name}`, what: `${ruleWord[rule.effect]} ${policy.name}/${rule.name}` })),
    ...policy.mask.map((mask) => ({ key: `mask ${policy.name} ${canonical({ ...mask, name: '' })}`, what: `mask ${mask.name}` })),
    ...limitNames.filter((key) => policy.limits[key] !== undefined).map((key) => ({ key: `limit ${policy.name}/${key}`, what: `limit ${policy.name}/${key}` })),
  ];
}

const names = (policy: PolicyConfig, identity: IdentityConfig): boolean => policy.identities.includes(identity.name) || policy.groups.some((group) => identity.groups.includes(group));
const reaches = (policy: PolicyConfig, connection: string): boolean => policy.connections.includes('*') || policy.connections.includes(connection);

/** Providers, identities and connections: added, removed, or which of their keys changed. */
function namedChanges(before: Config, after: Config): string[] {
  return ([['identityProviders', 'identity provider'], ['certificateProviders', 'certificate provider'], ['identities', 'identity'], ['connections', 'connection']] as const).flatMap(([key, word]) =>
    listChanges(word, before[key] ?? [], after[key] ?? []),
  );
}

/** Who keeps checkpoints elsewhere: one that is gone, and a smaller quorum, protect less. */
function evidenceChanges(before: Config, after: Config): string[] {
  const [old, now] = [before.evidence, after.evidence];
  return [
    ...listChanges('witness', old.witnesses, now.witnesses),
    ...listChanges('anchor', old.anchors, now.anchors),
    ...(old.quorum === now.quorum ? [] : [`quorum of witnesses ${now.quorum < old.quorum ? 'relaxed' : 'tightened'}: ${old.quorum} to ${now.quorum}`]),
  ];
}

/** For each connection and for all the others: whether its recordings are now kept for less long, or longer. */
function retentionChanges(before: Config, after: Config): string[] {
  const connections = new Set([...before.connections, ...after.connections].map(({ name }) => name));
  return (['recordings', 'evidence'] as const).flatMap((what) =>
    [...connections, '*'].flatMap((connection) => {
      const [old, now] = [retentionOf(before.retention, connection)?.[what] ?? Infinity, retentionOf(after.retention, connection)?.[what] ?? Infinity];
      if (old === now) return [];
      const shown = (value: number): string => (value === Infinity ? 'for ever' : formatDuration(value));
      return [`retention ${now < old ? 'shortened' : 'lengthened'}: ${connection}: ${what} ${shown(now)}, was ${shown(old)}`];
    }),
  );
}

function gatewayChanges(before: Config, after: Config): string[] {
  const limits = [
    ['message', before.gateway.limits.message, after.gateway.limits.message],
    ['statement', before.gateway.limits.statement, after.gateway.limits.statement],
    ['connections', before.gateway.limits.connections, after.gateway.limits.connections],
    ['preAuth.seconds', before.gateway.limits.preAuth.seconds, after.gateway.limits.preAuth.seconds],
    ['preAuth.bytes', before.gateway.limits.preAuth.bytes, after.gateway.limits.preAuth.bytes],
  ] as const;
  return [
    ...limits.filter(([, old, now]) => old !== now).map(([key, old, now]) => `limit ${now > old ? 'relaxed' : 'tightened'}: gateway/${key}`),
    ...(['data', 'keys', 'keyCommand', 'names', 'tls', 'reload'] as const).filter((key) => !same(before.gateway[key], after.gateway[key])).map((key) => `gateway changed: ${key}`),
  ];
}

const sameMask = (a: MaskConfig, b: MaskConfig): boolean => same({ ...a, name: '' }, { ...b, name: '' });

function listed(names: readonly string[]): string {
  const shown = names.slice(0, mostNames).join(', ');
  return names.length > mostNames ? `${shown} and ${names.length - mostNames} more` : shown;
}
