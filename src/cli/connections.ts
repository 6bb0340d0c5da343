import type { Command } from 'commander';
import type { ConnectionView } from '../control/client.ts';
import { askAsPerson, withPerson, type AsPersonOptions } from './as-person.ts';
import { lines, moment, table } from './tables.ts';

/** `wicketgate connections list`, `show`: of the configuration in force, without credentials. */
export function registerConnections(program: Command): void {
  const connections = program.command('connections').description('what the gateway leads to');
  withPerson(connections.command('list').description('connections in force, without credentials')).action((options: AsPersonOptions) =>
    askAsPerson(
      options,
      (client) => client.connections.list(),
      ({ items }) =>
        table(
          ['CONNECTION', 'PROTOCOL', 'LISTEN', 'TARGET', 'DATABASE', 'TLS', 'LIVE', 'COMMANDS 24H', 'REFUSED 24H', 'LAST USE'],
          items.map(({ name, protocol, listen, target, live, commands, refused, lastUse }) => [name, protocol, listen, target.address, target.database, target.tls, live, commands, refused, moment(lastUse)]),
          'no connections',
        ),
    ),
  );
  withPerson(connections.command('show <name>').description('one connection: where it leads, what is recorded, who can reach it')).action((name: string, options: AsPersonOptions) =>
    askAsPerson(options, (client) => client.connections.show({ name }), describe),
  );
}

const describe = ({ name, protocol, listen, plaintext, target, evidence, functions, live, commands, refused, lastUse, reachedBy, origin }: ConnectionView): string =>
  lines([
    ['connection', name],
    ['protocol', protocol],
    ['listen', `${listen}${plaintext ? ' (without TLS)' : ''}`],
    ['target', `${target.address}, ${target.database === undefined ? '' : `database ${target.database}, `}TLS ${target.tls}`],
    ['evidence', `${evidence.mode}; ${evidence.recordAnswers === 0 ? 'answers are not recorded' : `${evidence.recordAnswers} bytes of each answer are recorded`}`],
    ['functions', functions.length === 0 ? undefined : functions],
    ['live', `${live} sessions`],
    ['in 24 hours', `${commands} commands, ${refused} refused`],
    ['last use', moment(lastUse) ?? 'never'],
    ['reached by', reachedBy.length === 0 ? 'nobody' : reachedBy],
    ['configured at', `${origin.file}:${origin.line}`],
  ]);
