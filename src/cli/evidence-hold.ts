import type { Command } from 'commander';
import { partsOf } from '../evidence/keys.ts';
import type { Hold } from '../evidence/retention/holds.ts';
import type { HoldRequest } from '../evidence/retention/steward.ts';
import { spansOf, survey } from '../evidence/retention/survey.ts';
import { columns, recordedIn, visibleLine, wrongUse } from './recorded.ts';
import { askSteward, configOf, logFolderOf } from './steward.ts';
import { whoAsks } from './who.ts';

interface AddOptions {
  readonly config: string;
  readonly reason: string;
  readonly connection?: readonly string[];
  readonly session?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly json?: boolean;
}

const listed = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** `wicketgate evidence hold add, list, remove`: what no purge may touch. The holds are records of the log. */
export function registerEvidenceHold(evidence: Command): void {
  const hold = evidence.command('hold').description('legal holds: what no purge may touch');
  hold
    .command('add <name>')
    .description('begin a hold; each option that is given narrows it, with none it holds everything')
    .requiredOption('--config <file or folder>', 'the configuration whose log is meant')
    .requiredOption('--reason <text>', 'why, in one line; it stands in the log for good')
    .option('--connection <name>', 'texts and answers of this connection; may be given again', listed)
    .option('--session <session>', 'all that the connection of this session recorded on the days of it; may be given again', listed)
    .option('--from <day>', 'from this UTC day on, as in 2026-11-22')
    .option('--to <day>', 'up to and with this UTC day')
    .option('--json', 'print for programs')
    .action(add);
  hold
    .command('list')
    .description('holds in force')
    .option('--config <file or folder>', 'the configuration whose log is meant')
    .option('--data <folder>', 'or a data folder, a log folder, or a copy of one')
    .option('--json', 'print for programs')
    .action(list);
  hold
    .command('remove <name>')
    .description('end a hold')
    .requiredOption('--config <file or folder>', 'the configuration whose log is meant')
    .requiredOption('--reason <text>', 'why, in one line; it stands in the log for good')
    .option('--json', 'print for programs')
    .action((name: string, { config, reason, json }: AddOptions) => change(config, { event: 'remove', name, by: whoAsks(), reason }, json));
}

const add = async (name: string, options: AddOptions): Promise<void> => {
  const { config: where, connection, session, from, to, reason, json } = options;
  const config = await configOf(where);
  if (!config) return;
  if (session) {
    // A mistyped session would hold the wrong thing for good, and nobody would notice.
    const found = await spansOf(logFolderOf(config), new Set(session));
    const unknown = session.find((one) => !found.has(one));
    if (unknown !== undefined) {
      wrongUse(`no session ${visibleLine(unknown)} is recorded`);
      return;
    }
  }
  if (connection) {
    // The same for a connection; one that is no longer configured may still have recordings.
    const unconfigured = connection.filter((one) => !config.connections.some(({ name: known }) => known === one));
    const recorded = unconfigured.length === 0 ? new Set<string>() : new Set((await survey(logFolderOf(config))).keys.map(({ id }) => partsOf(id)?.connection));
    const unknown = unconfigured.find((one) => !recorded.has(one));
    if (unknown !== undefined) {
      wrongUse(`there is no connection ${visibleLine(unknown)}, and none was recorded`);
      return;
    }
  }
  await change(where, { event: 'add', name, by: whoAsks(), reason, ...(connection ? { connections: connection } : {}), ...(session ? { sessions: session } : {}), ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }, json);
};

const change = async (where: string, hold: HoldRequest, json: boolean | undefined): Promise<void> => {
  const config = await configOf(where);
  if (!config) return;
  const answer = await askSteward(config, { do: 'hold', hold });
  if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
  else if (answer.ok) process.stdout.write(`hold ${visibleLine(hold.name)} ${hold.event === 'add' ? 'is in force' : 'has ended'}, record ${(answer.result as { record: number }).record}\n`);
  else process.stderr.write(`${visibleLine(answer.error)}\n`);
  if (!answer.ok) process.exitCode = 1;
};

const list = async (options: { readonly config?: string; readonly data?: string; readonly json?: boolean }): Promise<void> => {
  const recorded = await recordedIn(options);
  if (!recorded) return;
  const found = await Promise.all(recorded.folders.map((folder) => survey(folder)));
  if (options.json) {
    process.stdout.write(`${JSON.stringify(found.flatMap(({ log, holds }) => holds.map((hold) => ({ log, ...hold }))))}\n`);
    return;
  }
  const rows = found.flatMap(({ holds }) => holds.map((hold) => [hold.name, hold.since, hold.by, scopeOf(hold), hold.reason].map(visibleLine)));
  process.stdout.write(rows.length === 0 ? 'no holds\n' : columns([['HOLD', 'SINCE', 'BY', 'ON', 'REASON'], ...rows]));
};

const scopeOf = ({ connections, sessions, from, to }: Hold): string => {
  const parts = [
    ...(connections ? [connections.join(', ')] : []),
    ...(sessions ? [`sessions ${sessions.join(', ')}`] : []),
    ...(from === undefined ? [] : [`from ${from}`]),
    ...(to === undefined ? [] : [`to ${to}`]),
  ];
  return parts.length === 0 ? 'everything' : parts.join('; ');
};
