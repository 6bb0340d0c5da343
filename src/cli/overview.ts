import type { Command } from 'commander';
import type { Overview } from '../control/client.ts';
import { askAsPerson, wholeNumber, withPerson, type AsPersonOptions } from './as-person.ts';
import { lines, moment, section, table } from './tables.ts';

interface OverviewOptions extends AsPersonOptions {
  readonly hours?: number;
}

/** `wicketgate overview`: what the page shows first. */
export function registerOverview(program: Command): void {
  withPerson(program.command('overview').description('whether all is well, what goes on now, what waits for people, and what was refused'))
    .option('--hours <number>', 'how many hours back, up to 168; default: 24', wholeNumber(1, 168))
    .action((options: OverviewOptions) => askAsPerson(options, ({ overview }) => overview.show(options.hours === undefined ? {} : { hours: options.hours }), describe));
}

const describe = ({ at, ready, problems, evidence, live, approvals, hours, denied, newIdentities, indexed }: Overview): string => {
  const sum = (of: 'allowed' | 'refused'): number => hours.reduce((total, hour) => total + hour[of], 0);
  const wrong = [...problems, ...evidence.late];
  return [
    lines([
      ['at', moment(at)],
      ['gateway', ready ? 'ready' : 'NOT READY'],
      ['evidence', evidence.available ? `${evidence.records} records, ${evidence.signedSize} signed${evidence.witnesses === 0 ? '' : `, ${evidence.cosigning} of ${evidence.witnesses} witnesses cosign`}` : `CANNOT BE WRITTEN: ${evidence.reason ?? 'the log says why'}`],
      ['self-checks', evidence.selfChecksFailed === 0 ? undefined : `${evidence.selfChecksFailed} FAILED: run wicketgate evidence verify`],
      ['sessions', `${live.sessions} open${live.byConnection.length === 0 ? '' : `: ${live.byConnection.map(({ connection, sessions }) => `${connection} ${sessions}`).join(', ')}`}`],
      ['approvals', `${approvals.pending} wait for people, ${approvals.waiting} clients held${approvals.oldest === undefined ? '' : `, the oldest since ${moment(approvals.oldest)}`}`],
      ['commands', `${sum('allowed')} let through and ${sum('refused')} refused in ${hours.length} hours`],
      ['index', indexed.size < indexed.of ? `these numbers are from the first ${indexed.size} of ${indexed.of} records` : undefined],
    ]),
    wrong.length === 0 ? '' : section('WRONG', table(['WHAT'], wrong.map((what) => [what]), '')),
    section('REFUSED MOST', table(['IDENTITY', 'CONNECTION', 'WHY', 'TIMES', 'LAST'], denied.map(({ identity, connection, code, count, last }) => [identity, connection, code, count, moment(last)]), 'nothing was refused')),
    section('NEW IN 7 DAYS', table(['IDENTITY', 'FIRST SEEN', 'SESSION'], newIdentities.map(({ identity, firstSeen, session }) => [identity, moment(firstSeen), session]), 'nobody is new')),
  ].join('');
};
