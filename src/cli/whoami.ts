import type { Command } from 'commander';
import type { Me } from '../control/client.ts';
import { askAsPerson, withPerson, type AsPersonOptions } from './as-person.ts';
import { lines, moment } from './tables.ts';

/** `wicketgate whoami`: what the gateway takes the person for, which says why something is refused. */
export function registerWhoami(program: Command): void {
  withPerson(program.command('whoami').description('who the gateway takes you for, and which roles you have')).action((options: AsPersonOptions) =>
    // The token against forged requests is of browsers.
    askAsPerson(options, async (client) => without(await client.me.show()), describe),
  );
}

const without = ({ csrf: _csrf, idleUntil: _idle, ...me }: Me): Me => me;

const describe = ({ name, provider, issuer, subject, roles, groups, expiresAt }: Me): string =>
  lines([
    ['name', name],
    ['login', provider],
    ['issuer', issuer],
    ['subject', subject],
    ['roles', roles.length === 0 ? 'none: control.roles gives none to your groups' : roles],
    ['groups', groups.length === 0 ? 'none' : groups],
    ['until', moment(expiresAt)],
  ]);
