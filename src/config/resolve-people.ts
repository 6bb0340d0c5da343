import type { ApprovalConfig, ApprovalsConfig, ChannelConfig, Forbidden, LoginConfig, Role, SecretRef } from './resolved.ts';
import type { ConfigurationSource } from './schema.ts';
import type { Places } from './shape.ts';
import { parseDuration, parseSize } from './units.ts';
import { amount, claimName, keysFrom, originOf, pathAt, secretRef, withoutSlash } from './written.ts';

type Control = NonNullable<ConfigurationSource['control']>;
export type LoginSource = NonNullable<Control['login']>[number];
export type ChannelSource = NonNullable<Control['channels']>[number];
export type ApprovalSource = NonNullable<NonNullable<ConfigurationSource['policies'][number]['rules']>[number]['approval']>;

/** What is in force about people where the configuration says nothing. */
export const peopleDefaults = {
  scopes: ['openid', 'profile'],
  groupsClaim: 'groups',
  maxTokenAge: '1h',
  sessionAge: '12h',
  idle: '1h',
  slackApi: 'https://slack.com/api',
  hold: '10m',
  expires: '15m',
  holdInTransaction: '0s',
  coverUpTo: '16MiB',
} as const;

/** In the order in which everything lists them. */
export const roleNames: readonly Role[] = ['admin', 'approver', 'auditor', 'viewer'];
export const forbiddenNames: readonly Forbidden[] = ['requester', 'owner', 'author'];

/** One entry of `control.login` with every default filled in. */
export function resolveLogin(written: LoginSource, places: Places): LoginConfig {
  const sessionAge = duration(written.sessionAge ?? peopleDefaults.sessionAge);
  return {
    name: written.name,
    issuer: written.issuer,
    clientId: written.clientId,
    ...(written.clientSecret === undefined ? {} : { clientSecret: secretRef(places, written, 'clientSecret', written.clientSecret) }),
    scopes: written.scopes ?? peopleDefaults.scopes,
    groupsClaim: written.groupsClaim ?? peopleDefaults.groupsClaim,
    accounts: Object.fromEntries(Object.entries(written.accounts ?? {}).map(([provider, claim]) => [provider, claimName(claim)])),
    keys: keysFrom(places, written),
    maxTokenAge: duration(written.maxTokenAge ?? peopleDefaults.maxTokenAge),
    sessionAge,
    idle: written.idle === undefined ? Math.min(duration(peopleDefaults.idle), sessionAge) : duration(written.idle),
    ...caOf(written, places),
    allowPrivate: written.allowPrivate ?? false,
    origin: originOf(places, written),
  };
}

export const resolveRoles = (written: NonNullable<Control['roles']>): Readonly<Record<Role, readonly string[]>> => ({
  admin: written.admin?.groups ?? [],
  approver: written.approver?.groups ?? [],
  auditor: written.auditor?.groups ?? [],
  viewer: written.viewer?.groups ?? [],
});

/** What a type needs was checked before; texts that are not there cannot come here. */
export function resolveChannel(written: ChannelSource, places: Places): ChannelConfig {
  const secret = (key: 'token' | 'signingSecret' | 'secret'): SecretRef => secretRef(places, written, key, written[key] ?? '');
  const about = { name: written.name, includeStatement: written.includeStatement ?? false, ...caOf(written, places), origin: originOf(places, written) };
  if (written.type === 'webhook') return { ...about, type: 'webhook', url: written.url ?? '', secret: secret('secret') };
  return {
    ...about,
    type: 'slack',
    token: secret('token'),
    signingSecret: secret('signingSecret'),
    channel: written.channel ?? '',
    api: withoutSlash(written.api ?? peopleDefaults.slackApi),
    ...(written.people === undefined ? {} : { people: written.people }),
  };
}

export const resolveApproval = (written: ApprovalSource): ApprovalConfig => ({
  groups: written.groups,
  count: written.count ?? 1,
  hold: duration(written.hold ?? peopleDefaults.hold),
  expires: duration(written.expires ?? peopleDefaults.expires),
  holdInTransaction: duration(written.holdInTransaction ?? peopleDefaults.holdInTransaction),
  ...(written.cover === 'data' ? { coverData: amount(parseSize(written.coverUpTo ?? peopleDefaults.coverUpTo)) } : {}),
});

export const resolveApprovals = (written: NonNullable<ConfigurationSource['approvals']>): ApprovalsConfig => ({
  forbid: forbiddenNames.filter((name) => written.forbid?.includes(name) ?? true),
  breakGlass: written.breakGlass?.groups ?? [],
});

const duration = (text: string): number => amount(parseDuration(text));

const caOf = (written: { readonly ca?: string }, places: Places): { readonly ca?: string } => (written.ca === undefined ? {} : { ca: pathAt(places, written, 'ca', written.ca) });
