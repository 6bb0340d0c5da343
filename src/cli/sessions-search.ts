import { Option, type Command } from 'commander';
import type { SessionPage, SessionQuery } from '../control/client.ts';
import { askAsPerson, pageOf, withPage, withPerson, type AsPersonOptions, type PageOptions } from './as-person.ts';
import { wrongUse } from './recorded.ts';
import { instant } from './sessions-list.ts';
import { moment, more, table } from './tables.ts';

const FILTERS = ['identity', 'connection', 'verb', 'object', 'decision', 'text', 'rows', 'state'] as const satisfies readonly (keyof SessionQuery)[];
type SearchOptions = AsPersonOptions & PageOptions & Pick<SessionQuery, (typeof FILTERS)[number] | 'since' | 'until'>;

/** `wicketgate sessions search`: sessions as the page lists them. Looking for a text is recorded. */
export function registerSessionsSearch(sessions: Command): void {
  withPage(withPerson(sessions.command('search').description('sessions that are live or have a command that matches, newest first; a search for a text is recorded')))
    .addOption(new Option('--state <state>', 'only these').choices(['live', 'past', 'all']))
    .option('--identity <name>', 'who; names may have * in them')
    .option('--connection <name>', 'where')
    .option('--verb <verb>', 'select, update, drop, drop_table, ...')
    .option('--object <name>', 'table:public.customers, public.customers or customers')
    .option('--decision <decision>', 'allow, refused, or the reason of a refusal')
    .option('--text <text>', 'part of a recorded statement or its parameters; needs the role auditor or admin')
    .option('--rows <comparison>', 'rows returned or changed: ">100", ">=", "<", "<=", "="')
    .option('--since <time>', 'at or after: a time as in 2026-11-22T08:00Z, or an age as in 30m, 12h, 7d')
    .option('--until <time>', 'before')
    .action(search);
}

const search = async (options: SearchOptions): Promise<void> => {
  const now = Date.now();
  const [since, until] = [instant(options.since, now), instant(options.until, now)];
  if (since === null || until === null) return wrongUse('--since and --until take a time (2026-11-22T08:00Z) or an age (30m, 12h, 7d)');
  const filters = Object.fromEntries(FILTERS.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
  const query: SessionQuery = { ...filters, ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }), ...pageOf(options) };
  return askAsPerson(options, (client) => client.sessions.list(query), describe);
};

const describe = ({ items, next }: SessionPage): string =>
  `${table(
    ['SESSION', 'OPENED', 'IDENTITY', 'CONNECTION', 'PEER', 'COMMANDS', 'REFUSED', 'STATE', 'LAST COMMAND'],
    items.map(({ id, openedAt, identity, connection, peer, commands, refused, state, live, lastAt }) => [id, moment(openedAt), identity, connection, peer, commands, refused, live ? 'live' : state, moment(lastAt)]),
    'no sessions',
  )}${more(next)}`;
