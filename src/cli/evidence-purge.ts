import type { Command } from 'commander';
import { KeysFolder } from '../evidence/keys.ts';
import { nodeDisk } from '../evidence/node-disk.ts';
import { planPurge, type Plan, type PlanLine } from '../evidence/retention/plan.ts';
import type { Purged } from '../evidence/retention/purge.ts';
import { survey } from '../evidence/retention/survey.ts';
import { columns, visibleLine, wrongUse } from './recorded.ts';
import { askSteward, configOf, kekOf, logFolderOf } from './steward.ts';
import { whoAsks } from './who.ts';

interface PurgeOptions {
  readonly config: string;
  readonly plan?: true;
  readonly confirm?: string;
  readonly json?: boolean;
}

/** `wicketgate evidence purge`: shows what retention lets go, and destroys the keys of exactly what was shown. */
export function registerEvidencePurge(evidence: Command): void {
  evidence
    .command('purge')
    .description('destroy the keys of texts and answers that are older than their retention; records stay')
    .requiredOption('--config <file or folder>', 'the configuration, with its retention')
    .option('--plan', 'show what would go and what would not, and why; changes nothing')
    .option('--confirm <plan>', 'do what that plan said, if it is still what would go')
    .option('--json', 'print for programs')
    .addHelpText('after', '\nWhat is purged cannot be brought back. The running gateway does it; when none runs, this command takes the log.')
    .action(purge);
}

const purge = async (options: PurgeOptions): Promise<void> => {
  if ((options.plan === undefined) === (options.confirm === undefined)) {
    wrongUse('give --plan to see what would go, or --confirm with the plan that it showed');
    return;
  }
  const config = await configOf(options.config);
  if (!config) return;
  if (options.confirm !== undefined) {
    const answer = await askSteward(config, { do: 'purge', digest: options.confirm, by: whoAsks() });
    if (options.json) process.stdout.write(`${JSON.stringify(answer)}\n`);
    else if (answer.ok) process.stdout.write(sentence(answer.result as Purged));
    else process.stderr.write(`${visibleLine(answer.error)}\n`);
    if (!answer.ok) process.exitCode = 1;
    return;
  }
  const present = KeysFolder.open(nodeDisk, config.gateway.keys, false, await kekOf(config)).list();
  const plan = planPurge({ survey: await survey(logFolderOf(config)), present, retention: config.retention, now: Date.now(), sinks: [] });
  process.stdout.write(options.json ? `${JSON.stringify(plan)}\n` : described(plan, options.config));
};

const sentence = ({ keys, destroyed, record, plan }: Purged): string =>
  `purged: ${keys} key${keys === 1 ? '' : 's'} destroyed${destroyed === keys ? '' : ` (${keys - destroyed} were gone already)`}, recorded from record ${record} on as plan ${plan.slice(0, 16)}\n`;

const described = (plan: Plan, where: string): string => {
  const { goes, stays, gone, missing, sinks } = plan;
  const rows = (lines: readonly PlanLine[]): (readonly string[])[] => lines.map(({ connection, day, bodies, bytes, key, why }) => [connection, day, String(bodies), String(bytes), key.slice(-8), why].map(visibleLine));
  const runs = stays.length === 0 ? [] : runsOf(stays);
  return [
    `log ${visibleLine(plan.log)}, ${plan.records} records, as of ${plan.asOf}\n`,
    goes.length === 0 ? '\nnothing goes\n' : `\ngoes:\n${columns([['CONNECTION', 'DAY', 'BODIES', 'BYTES', 'KEY', 'WHY'], ...rows(goes)])}`,
    runs.length === 0 ? '' : `\nstays:\n${columns([['CONNECTION', 'DAYS', 'KEYS', 'BODIES', 'BYTES', 'WHY'], ...runs])}`,
    gone.length === 0 ? '' : `\ngone: ${gone.length} keys, destroyed by earlier purges (records ${[...new Set(gone.map(({ record }) => record))].join(', ')})\n`,
    missing.length === 0 ? '' : `\nMISSING: ${missing.length} keys that no purge destroyed; what they sealed cannot be read: ${missing.map(visibleLine).join(', ')}\n`,
    `\nsinks: ${sinks.length === 0 ? 'none are configured, so none is behind' : sinks.map(({ name, next }) => `${name} has records up to ${next}`).join(', ')}\n`,
    goes.length === 0 ? '' : `\nplan ${plan.digest.slice(0, 16)}: to destroy these ${goes.length} keys for good\n  wicketgate evidence purge --config ${where} --confirm ${plan.digest.slice(0, 16)}\n`,
  ].join('');
};

/** Days of one connection that stay for the same reason, in one line. */
const runsOf = (lines: readonly PlanLine[]): string[][] => {
  const runs: PlanLine[][] = [];
  for (const line of lines) {
    const last = runs.at(-1)?.at(-1);
    if (last?.connection === line.connection && last.stays === line.stays && (line.stays === 'young' || last.why === line.why)) runs.at(-1)?.push(line);
    else runs.push([line]);
  }
  return runs.map((run) => {
    const [first, last] = [run[0] as PlanLine, run.at(-1) as PlanLine];
    const sum = (of: 'bodies' | 'bytes'): string => String(run.reduce((total, line) => total + line[of], 0));
    return [first.connection, run.length === 1 ? first.day : `${first.day} to ${last.day}`, String(run.length), sum('bodies'), sum('bytes'), first.why].map(visibleLine);
  });
};
