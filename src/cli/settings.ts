import type { Command } from 'commander';
import type { Settings } from '../control/client.ts';
import { askAsPerson, withPerson, type AsPersonOptions } from './as-person.ts';
import { lines, moment, section, table } from './tables.ts';

/** `wicketgate settings show`: what runs, what is wrong with it, who may do what. */
export function registerSettings(program: Command): void {
  const settings = program.command('settings').description('the control plane itself');
  withPerson(settings.command('show').description('build, configuration in force, what is wrong with it, and who has which role')).action((options: AsPersonOptions) => askAsPerson(options, (client) => client.settings.show(), describe));
}

const describe = ({ build, runtime, startedAt, config, problems, login, roles, bootstrapped }: Settings): string =>
  [
    lines([
      ['wicketgate', `${build} on Node ${runtime}, since ${moment(startedAt)}`],
      ['configuration', config.digest],
      ['policies', config.policy],
      ['files', config.files],
      ['problems', problems.length === 0 ? 'none' : problems],
    ]),
    section('ROLES', table(['ROLE', 'GROUPS'], roles.map(({ role, groups }) => [role, groups.join(', ')]), '')),
    section('PEOPLE LOG IN AT', table(['LOGIN', 'ISSUER'], login.map(({ name, issuer }) => [name, issuer]), 'nobody can log in: control.login is empty')),
    bootstrapped.length === 0 ? '' : section('MADE ADMINISTRATOR BY LINK', table(['ISSUER', 'SUBJECT', 'AT'], bootstrapped.map(({ issuer, subject, at }) => [issuer, subject, moment(at)]), '')),
  ].join('');
