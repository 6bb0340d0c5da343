import type { Command } from 'commander';
import type { Job } from '../control/client.ts';
import { visibleLine } from './recorded.ts';
import { askAsPerson, withPerson, type AsPersonOptions } from './as-person.ts';
import { lines, moment, table } from './tables.ts';

/** `wicketgate evidence jobs`: verifications and exports that people began on the page; those of the terminal run in the terminal. */
export function registerEvidenceJobs(evidence: Command): void {
  withPerson(evidence.command('jobs [job]').description('verifications and exports that people began on the page since the gateway started, or one of them')).action((job: string | undefined, options: AsPersonOptions) =>
    job === undefined ? askAsPerson(options, (client) => client.evidence.jobs(), ({ items }) => listed(items)) : askAsPerson(options, (client) => client.evidence.job({ id: job }), describe),
  );
}

const listed = (jobs: readonly Job[]): string =>
  table(['JOB', 'KIND', 'STATE', 'BEGAN', 'ENDED', 'BY', 'RESULT'], jobs.map(({ id, kind, state, startedAt, endedAt, by, result }) => [id, kind, state, moment(startedAt), moment(endedAt), by, result]), 'no jobs since the gateway started');

const describe = ({ id, kind, state, startedAt, endedAt, by, ok, result, findings, bytes, sha256 }: Job): string =>
  `${lines([
    ['job', id],
    ['kind', kind],
    ['state', state],
    ['began', moment(startedAt)],
    ['ended', moment(endedAt)],
    ['by', by],
    ['verifies', ok],
    ['result', result],
    ['bytes', bytes],
    ['sha256', sha256],
  ])}${findings.map((finding) => `${visibleLine(finding)}\n`).join('')}`;
