import { Option, type Command } from 'commander';
import type { ActivityPage, ActivityQuery } from '../control/client.ts';
import { askAsPerson, pageOf, withPage, withPerson, type AsPersonOptions, type PageOptions } from './as-person.ts';
import { moment, more, table } from './tables.ts';

interface ActivityOptions extends AsPersonOptions, PageOptions {
  readonly kind?: NonNullable<ActivityQuery['kind']>;
}

const KINDS = ['access', 'control', 'approval', 'hold', 'purge', 'revocation'] as const satisfies readonly ActivityQuery['kind'][];

/** `wicketgate activity list`: what people and API tokens did. That it is shown is recorded first. */
export function registerActivity(program: Command): void {
  const activity = program.command('activity').description('what people and API tokens did');
  withPage(withPerson(activity.command('list').description('what people and API tokens did, newest first; recorded as reading')))
    .addOption(new Option('--kind <kind>', 'only these').choices(KINDS))
    .action((options: ActivityOptions) => askAsPerson(options, (client) => client.activity.list({ ...(options.kind === undefined ? {} : { kind: options.kind }), ...pageOf(options) }), describe));
}

const describe = ({ items, next }: ActivityPage): string =>
  `${table(
    ['RECORD', 'AT', 'KIND', 'ACT', 'BY', 'VOUCHED BY', 'THROUGH', 'TARGET', 'COUNT', 'DETAIL'],
    items.map(({ sequence, at, kind, act, by, provider, channel, target, count, detail }) => [sequence, moment(at), kind, act, by, provider, channel, target, count, detail]),
    'nothing on this page',
  )}${more(next)}`;
