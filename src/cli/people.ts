import type { Command } from 'commander';
import type { SignedInList } from '../control/client.ts';
import { askAsPerson, withPerson, type AsPersonOptions } from './as-person.ts';
import { visibleLine } from './recorded.ts';
import { moment, table } from './tables.ts';

/** `wicketgate people list`, `sign-out`: who is signed in to the page. */
export function registerPeople(program: Command): void {
  const people = program.command('people').description('people who are signed in to the control plane');
  withPerson(people.command('list').description('people who are signed in, newest first; a name is known once their browser has asked for something')).action((options: AsPersonOptions) => askAsPerson(options, (client) => client.people.list(), listed));
  withPerson(people.command('sign-out <session>').description('end the session of somebody, at once'))
    .requiredOption('--reason <text>', 'why, in one line; recorded')
    .action((session: string, options: AsPersonOptions & { readonly reason: string }) =>
      askAsPerson(options, (client) => client.people.signOut({ id: session }, { reason: options.reason }), () => `session ${visibleLine(session)} ended\n`),
    );
}

const listed = ({ items }: SignedInList): string =>
  table(
    ['SESSION', 'NAME', 'LOGIN', 'SUBJECT', 'ROLES', 'SIGNED IN', 'LAST USE', 'EXPIRES'],
    items.map(({ id, name, provider, subject, roles, signedInAt, lastUsedAt, expiresAt }) => [id, name, provider, subject, roles?.join(', '), moment(signedInAt), moment(lastUsedAt), moment(expiresAt)]),
    'nobody is signed in',
  );
