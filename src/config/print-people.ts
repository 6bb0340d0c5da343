import { forbiddenNames } from './resolve-people.ts';
import type { ApprovalConfig, ChannelConfig, Config, LoginConfig, Role } from './resolved.ts';
import { indent, section } from './sections.ts';
import { formatSecretRef } from './secret-ref.ts';
import { formatDuration, formatSize } from './units.ts';

/** Who signs in, who may do what here, where they are asked, and who may not answer. Holds references to credentials, never values. */
export function peopleSections(config: Config): string[] {
  const { login, roles, channels } = config.control;
  return [
    ...section('logins of people', login, loginLines),
    '',
    'roles',
    ...indent((Object.keys(roles) as Role[]).map((role) => `${role.padEnd(11)} ${roles[role].length === 0 ? nobody[role] : roles[role].join(', ')}`)),
    ...section('channels', channels, (channel) => channelLines(channel, config)),
    '',
    'approvals',
    ...indent(approvalsLines(config)),
  ];
}

const nobody: Readonly<Record<Role, string>> = { admin: 'nobody', approver: 'not asked for: the groups that a rule names approve', auditor: 'nobody', viewer: 'nobody' };

/** Who may approve what a rule holds, and for how long things wait. `role`: groups of the role of approver. */
export function approvalLines(approval: ApprovalConfig, role: readonly string[]): string[] {
  const { groups, count, hold, holdInTransaction, expires, coverData } = approval;
  const also = role.length === 0 ? '' : `, who also have the role approver (${role.join(', ')})`;
  return [
    `approved by ${count === 1 ? '1 person' : `${count} different people`} of ${groups.join(' or ')}${also}`,
    `held        ${hold === 0 ? 'not: refused at once' : formatDuration(hold)}; inside a transaction ${holdInTransaction === 0 ? 'refused at once' : formatDuration(holdInTransaction)}; an approval can be used for ${formatDuration(expires)}`,
    ...(coverData === undefined ? [] : [`covers      the data that follows as well, up to ${formatSize(coverData)}`]),
  ];
}

function loginLines(login: LoginConfig): string[] {
  const { keys, accounts } = login;
  const known = Object.entries(accounts);
  return [
    `issuer      ${login.issuer}${login.allowPrivate ? ', private addresses allowed' : ''}${login.ca === undefined ? '' : `, ca ${login.ca}`}`,
    `client      ${login.clientId}, ${login.clientSecret === undefined ? 'public' : `secret ${formatSecretRef(login.clientSecret)}`}, scopes ${login.scopes.join(' ')}`,
    `keys        ${keys.from === 'discovery' ? 'by discovery' : keys.from === 'url' ? keys.url : keys.path}`,
    `groups      of claims.${login.groupsClaim}, written ${login.name}/GROUP`,
    ...(known.length === 0 ? [] : [`accounts    ${known.map(([provider, claim]) => `at ${provider} by claims.${claim}`).join(', ')}`]),
    `sign-in     lasts ${formatDuration(login.sessionAge)}, ${formatDuration(login.idle)} without a request; tokens at most ${formatDuration(login.maxTokenAge)} old`,
  ];
}

function channelLines(channel: ChannelConfig, { control }: Config): string[] {
  const ca = channel.ca === undefined ? '' : `, ca ${channel.ca}`;
  const sends = `sends       ${channel.includeStatement ? 'the recorded form of statements' : 'no statements'}${control.url === undefined ? ', no link: control.url is not given' : `, a link to ${control.url}`}`;
  if (channel.type === 'webhook') return [`webhook     ${channel.url}${ca}`, `secret      ${formatSecretRef(channel.secret)}`, sends];
  return [
    `slack       channel ${channel.channel} by ${channel.api}${ca}`,
    `credential  ${formatSecretRef(channel.token)}, requests signed with ${formatSecretRef(channel.signingSecret)}`,
    `answers     ${channel.people === undefined ? 'not in Slack: its message leads to the page' : `of people whose claims.${channel.people.userClaim} of ${channel.people.login} is the Slack user's id`}`,
    sends,
  ];
}

function approvalsLines({ approvals, identities }: Config): string[] {
  const may = forbiddenNames.filter((name) => !approvals.forbid.includes(name));
  const told = { requester: identities.filter(({ requester }) => requester !== undefined), owner: identities.filter(({ owner }) => owner.group !== undefined), author: identities.filter(({ author }) => author !== undefined) };
  return [
    `forbidden   ${approvals.forbid.length === 0 ? 'nobody' : approvals.forbid.map((name) => `${name} (known of ${told[name].length} of ${identities.length} identities)`).join(', ')}${may.length === 0 ? '' : `; ${may.join(', ')} may approve`}`,
    `break-glass ${approvals.breakGlass.length === 0 ? 'nobody' : `${approvals.breakGlass.join(', ')}: one person alone, with a reason, recorded as an exception`}`,
  ];
}
