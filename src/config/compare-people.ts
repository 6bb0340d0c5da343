import { listChanges, same } from './differences.ts';
import { forbiddenNames, roleNames } from './resolve-people.ts';
import type { ApprovalConfig, Config, IdentityConfig, RuleConfig } from './resolved.ts';
import { formatDuration, formatSize } from './units.ts';

/** Who may answer, and who may do what here: a line for each group and each safeguard that comes or goes. */
export function peopleChanges(before: Config, after: Config): string[] {
  const [old, now] = [before.control, after.control];
  return [
    ...forbiddenNames.flatMap((name) => appeared(before.approvals.forbid, after.approvals.forbid, name, `approvals tightened: the ${name} may not approve`, `approvals weakened: the ${name} may approve`)),
    ...after.identities.flatMap((identity) => lessKnown(before.identities.find(({ name }) => name === identity.name), identity)),
    ...groupChanges(before.approvals.breakGlass, after.approvals.breakGlass, 'break-glass added', 'break-glass removed'),
    ...roleNames.flatMap((role) => roleChanges(role, old.roles[role], now.roles[role])),
    ...listChanges('login', old.login, now.login),
    ...listChanges('channel', old.channels, now.channels),
    ...now.channels.filter((channel) => channel.includeStatement && old.channels.some(({ name, includeStatement }) => name === channel.name && !includeStatement)).map(({ name }) => `channel ${name} now sends statements`),
    ...(['listen', 'url'] as const).filter((key) => !same(old[key], now[key])).map((key) => `control changed: ${key}`),
  ];
}

/** Whom `forbid` keeps from approving is told by what the identity says of them. */
function lessKnown(old: IdentityConfig | undefined, now: IdentityConfig): string[] {
  const gone = [...(['requester', 'author'] as const).filter((kind) => old?.[kind] !== undefined && now[kind] === undefined), ...(old?.owner.group !== undefined && now.owner.group === undefined ? ['owner'] : [])];
  return gone.map((kind) => `approvals weakened: the ${kind} of ${now.name} is no longer known`);
}

/** Without groups the role of approver restricts nobody, so its first group takes something away and its last one gives. */
function roleChanges(role: string, old: readonly string[], now: readonly string[]): string[] {
  const lines = groupChanges(old, now, `role ${role} widened`, `role ${role} narrowed`);
  if (role !== 'approver' || lines.length === 0) return lines;
  if (old.length === 0) return [`role approver added: of the people that rules name, only ${now.join(', ')} may approve`];
  return now.length === 0 ? ['role approver removed: all people that rules name may approve'] : lines;
}

/** What a rule that holds commands asks for now, part by part. `name` is `policy/rule`. */
export function approvalChanges(name: string, old: ApprovalConfig, now: ApprovalConfig): string[] {
  const word = (weaker: boolean): string => (weaker ? 'weakened' : 'tightened');
  return [
    ...(old.count === now.count ? [] : [`approval ${word(now.count < old.count)}: ${name}: by ${people(now.count)}, was ${people(old.count)}`]),
    ...now.groups.filter((group) => !old.groups.includes(group)).map((group) => `approval weakened: ${name}: ${group} may approve`),
    ...old.groups.filter((group) => !now.groups.includes(group)).map((group) => `approval tightened: ${name}: ${group} may no longer approve`),
    ...(old.expires === now.expires ? [] : [`approval ${word(now.expires > old.expires)}: ${name}: can be used for ${formatDuration(now.expires)}, was ${formatDuration(old.expires)}`]),
    ...(['hold', 'holdInTransaction'] as const).filter((key) => old[key] !== now[key]).map((key) => `approval changed: ${name}: ${key} ${formatDuration(now[key])}, was ${formatDuration(old[key])}`),
    ...coverChange(name, old.coverData, now.coverData),
  ];
}

/** What an approval covers from now on: without the data it covers less. */
function coverChange(name: string, old: number | undefined, now: number | undefined): string[] {
  if (old === now) return [];
  const shown = (size: number | undefined): string => (size === undefined ? 'the command alone' : `data up to ${formatSize(size)}`);
  const word = old !== undefined && now !== undefined ? 'changed' : now === undefined ? 'weakened' : 'tightened';
  return [`approval ${word}: ${name}: covers ${shown(now)}, was ${shown(old)}`];
}

/** A threshold that a rule keeps from now on: a higher one keeps less. */
export function thresholdChange(word: string, name: string, old: RuleConfig['match']['rows'], now: RuleConfig['match']['rows']): string[] {
  if (old === now) return [];
  const shown = (rows: number | undefined): string => (rows === undefined ? 'any number of rows' : `more than ${rows} rows`);
  return [`${word} ${(now ?? -1) > (old ?? -1) ? 'weakened' : 'tightened'}: ${name}: ${shown(now)}, was ${shown(old)}`];
}

const people = (count: number): string => (count === 1 ? '1 person' : `${count} people`);

const groupChanges = (old: readonly string[], now: readonly string[], added: string, removed: string): string[] =>
  [...new Set([...old, ...now])].flatMap((group) => appeared(old, now, group, `${added}: ${group}`, `${removed}: ${group}`));

function appeared(old: readonly string[], now: readonly string[], name: string, added: string, removed: string): string[] {
  if (old.includes(name) === now.includes(name)) return [];
  return [now.includes(name) ? added : removed];
}
