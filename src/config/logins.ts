import { isLoopback } from './addresses.ts';
import type { Checking } from './checks.ts';
import { claimNameProblem, claimProblem } from './claims.ts';
import { checkPeopleGroups, loginOf } from './people-groups.ts';
import { at } from './problems.ts';
import { quoted, unique } from './references.ts';
import { peopleDefaults, roleNames, type LoginSource } from './resolve-people.ts';
import { defaults } from './resolve.ts';
import { didYouMean } from './suggest.ts';
import { formatDuration, parseDuration, parseHostPort } from './units.ts';
import { isAllTenants, webAddressProblem } from './web-address.ts';

const most = 16;
/** Groups are as they were at sign-in: this is how long somebody keeps a role after leaving it. */
const longestSession = 7 * 86_400_000;
/** Claims that most providers let people change themselves. */
const changeable: ReadonlySet<string> = new Set(['email', 'preferred_username', 'nickname', 'name', 'given_name', 'family_name', 'profile', 'website']);

/** People prove themselves in a way that can be trusted, one person is one person, and roles name groups that there are. */
export function checkLogins(checking: Checking): void {
  const { source, places, problems, warnings } = checking;
  const control = source.control;
  if (control === undefined) return;
  const { login = [], roles } = control;
  if (login.length > most) problems.add(places.of(control, 'login'), `${login.length} are too many: at most ${most}`);
  unique(login, places, problems);
  login.forEach((one, index) => checkLogin(one, login.slice(0, index), checking));
  for (const role of roleNames) checkPeopleGroups(roles?.[role]?.groups, checking);
  if (login.length === 0) return;

  const used = new Set([...roleNames.flatMap((role) => roles?.[role]?.groups ?? []), ...source.policies.flatMap(({ rules }) => rules ?? []).flatMap(({ approval }) => approval?.groups ?? []), ...(source.approvals?.breakGlass?.groups ?? [])].map(loginOf));
  for (const one of login) if (!used.has(one.name)) warnings.add(places.of(one, 'name'), 'no role and no rule names a group of this login, so its people can do nothing');

  const listen = parseHostPort(control.listen ?? defaults.control);
  if (control.listen === 'off') problems.add(places.of(control, 'listen'), 'is off, so nobody of control.login could sign in', 'give it an address');
  checkWay(control, listen?.host, checking);
}

/** Whoever reads the session's cookie on its way is signed in: so it goes over TLS, or stays on this machine. */
function checkWay(control: NonNullable<Checking['source']['control']>, host: string | undefined, { places, problems, warnings }: Checking): void {
  const reachable = host !== undefined && !isLoopback(host);
  if (control.url === undefined) {
    if (reachable) problems.add(places.of(control, 'listen'), 'people sign in here from other machines, and nothing says that TLS is in front: sessions could be read and taken over on the way', 'put a server with TLS in front, and write control.url: https://...');
    return;
  }
  const url = URL.parse(control.url);
  if (url?.protocol === 'https:') return;
  if (url?.protocol !== 'http:' || !isLoopback(url.hostname)) {
    problems.add(places.of(control, 'url'), 'people sign in here without TLS: sessions could be read and taken over on the way', 'write https://, with a server with TLS in front');
  } else if (reachable) {
    warnings.add(places.of(control, 'listen'), 'can be reached from other machines, and people sign in without TLS: let only this machine through to it', 'put a server with TLS in front, and write control.url: https://...');
  }
}

function checkLogin(login: LoginSource, before: readonly LoginSource[], checking: Checking): void {
  const { source, places, problems } = checking;
  const say = (key: string, wrong: { readonly message: string; readonly suggestion?: string } | undefined): void => {
    if (wrong !== undefined) problems.add(places.of(login, key), wrong.message, wrong.suggestion);
  };
  const allowPrivate = login.allowPrivate === true;
  say('issuer', webAddressProblem(login.issuer, { fetched: true, allowPrivate, bare: 'an issuer' }));
  if (login.jwks !== undefined) say('jwks', webAddressProblem(login.jwks, { fetched: true, allowPrivate }));
  if (login.jwks !== undefined && login.jwksFile !== undefined) say('jwksFile', { message: 'jwks and jwksFile are both given', suggestion: 'keep one of them' });
  if (isAllTenants(login.issuer)) say('issuer', { message: 'is the address of all tenants, which no token has as its issuer', suggestion: 'write the id of your tenant in its place' });

  // Some providers give one person another subject for each client, so one person could be counted as two.
  const twin = before.find(({ issuer }) => sameAddress(issuer, login.issuer));
  if (twin !== undefined) say('issuer', { message: `has the same issuer as ${quoted(twin.name)} at ${at(places.of(twin, 'name').place)}, so one person could count as two`, suggestion: 'use one login' });
  const machines = source.identityProviders.find(({ issuer, audience }) => issuer !== undefined && sameAddress(issuer, login.issuer) && audience === login.clientId);
  if (machines !== undefined) {
    say('clientId', { message: `is the audience of ${quoted(machines.name)} at ${at(places.of(machines, 'name').place)}, so a token of a person could open a session of a machine, and the other way round`, suggestion: 'register a client of its own for people' });
  }

  login.scopes?.forEach((scope, index) => {
    if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)) problems.add(places.of(login.scopes ?? [], index), 'is not one scope', 'one item for each, without spaces');
  });
  if (login.scopes?.includes('openid') === false) say('scopes', { message: 'openid is missing, without which there is no ID token', suggestion: 'add openid' });
  if (login.groupsClaim !== undefined) say('groupsClaim', bareClaimProblem(login.groupsClaim));
  checkAccounts(login, checking);

  for (const key of ['maxTokenAge', 'sessionAge', 'idle'] as const) if (ms(login[key]) === 0) say(key, { message: 'is zero, so nobody could sign in' });
  const sessionAge = ms(login.sessionAge ?? peopleDefaults.sessionAge) ?? 0;
  if (sessionAge > longestSession) say('sessionAge', { message: `is longer than ${formatDuration(longestSession)}`, suggestion: 'who leaves a group keeps its roles until the next sign-in' });
  if ((ms(login.idle) ?? 0) > sessionAge) say('idle', { message: `is longer than sessionAge, ${formatDuration(sessionAge)}`, suggestion: 'make it shorter, or remove it' });
}

function checkAccounts({ accounts = {} }: LoginSource, { places, declared, problems, warnings }: Checking): void {
  for (const [provider, claim] of Object.entries(accounts)) {
    const spot = places.of(accounts, provider);
    if (!declared.providers.has(provider)) problems.add(spot, `there is no identity provider ${quoted(provider)}`, didYouMean(provider, declared.providers));
    const wrong = claimProblem(claim);
    if (wrong !== undefined) problems.add(spot, wrong.message, wrong.suggestion);
    else if (changeable.has(claim.slice('claims.'.length))) warnings.add(spot, 'is a claim that people can often change themselves, and so pass for somebody else', 'use one that only administrators of the provider set');
  }
}

/** For keys that say themselves that they hold the name of a claim. */
export const bareClaimProblem = (name: string): { readonly message: string; readonly suggestion?: string } | undefined =>
  name.startsWith('claims.') ? { message: 'expected the name of a claim', suggestion: `write ${quoted(name.slice('claims.'.length))}` } : claimNameProblem(name);

const ms = (written: string | undefined): number | undefined => (written === undefined ? undefined : parseDuration(written));

/** Host names have no case, and a slash at the end is no other provider. */
const sameAddress = (a: string, b: string): boolean => (URL.parse(a)?.href ?? a).replace(/\/$/, '') === (URL.parse(b)?.href ?? b).replace(/\/$/, '');
