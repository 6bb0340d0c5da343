import type { Command } from 'commander';
import type { IdentityDetail, IdentityPage } from '../control/client.ts';
import { askAsPerson, pageOf, withPage, withPerson, type AsPersonOptions, type PageOptions } from './as-person.ts';
import { lines, moment, more, section, table } from './tables.ts';

/** `wicketgate identities search`, `show`: what the running gateway knows of identities beyond the configuration. */
export function registerIdentitiesLive(identities: Command): void {
  withPage(withPerson(identities.command('search [text]').description('identities by part of their name, owner, purpose or groups, with their last use'))).action((text: string | undefined, options: AsPersonOptions & PageOptions) =>
    askAsPerson(options, (client) => client.identities.list({ ...(text === undefined ? {} : { text }), ...pageOf(options) }), found),
  );
  withPerson(identities.command('show <name>').description('one identity: what policy lets it reach, and what it used of that')).action((name: string, options: AsPersonOptions) =>
    askAsPerson(options, (client) => client.identities.show({ name }), describe),
  );
}

const stateOf = ({ revoked, configured }: Pick<IdentityDetail, 'revoked' | 'configured'>): string => (revoked ? `REVOKED ${moment(revoked.at)} by ${revoked.by}` : configured ? 'in force' : 'only in the records');

const found = ({ items, next }: IdentityPage): string =>
  `${table(
    ['IDENTITY', 'OWNER', 'PURPOSE', 'PROVIDER', 'LIVE', 'LAST USE', 'STATE'],
    items.map((one) => [one.name, one.owner.contact ?? one.owner.group, one.purpose, one.provider, one.live, moment(one.lastUse) ?? 'never', stateOf(one)]),
    'no identities',
  )}${more(next)}`;

const describe = (one: IdentityDetail): string => {
  const { name, owner, purpose, provider, groups, claims, when, origin, firstUse, lastUse, live, reaches, used, objects } = one;
  return [
    lines([
      ['identity', name],
      ['state', stateOf(one)],
      ['owner', [owner.contact, owner.group].filter((part) => part !== undefined)],
      ['purpose', purpose],
      ['provider', provider],
      ['groups', groups.length === 0 ? undefined : groups],
      ['claims', claims.length === 0 ? undefined : claims],
      ['when', when],
      ['first use', moment(firstUse) ?? 'never'],
      ['last use', moment(lastUse) ?? 'never'],
      ['live', `${live} sessions`],
      ['configured at', origin ? `${origin.file}:${origin.line}` : undefined],
    ]),
    section('MAY REACH', table(['CONNECTION', 'ALLOW', 'RULES', 'APPROVALS', 'MASKS', 'POLICIES', 'USED IN 90 DAYS'], reaches.map((reach) => [reach.connection, reach.allow.join(', '), reach.rules, reach.approvals, reach.masks, reach.policies.join(', '), reach.used === 0 ? 'never' : reach.used]), 'nothing')),
    section('USED', table(['CONNECTION', 'VERB', 'LET THROUGH', 'REFUSED', 'LAST'], used.map(({ connection, verb, allowed, refused, last }) => [connection, verb, allowed, refused, moment(last)]), 'nothing in 90 days')),
    section('TOUCHED', table(['OBJECT', 'COMMANDS'], objects.map(({ object, commands }) => [object, commands]), 'nothing')),
  ].join('');
};
