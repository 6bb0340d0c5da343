import type { Command } from 'commander';
import { FolderTaken } from '../evidence/lock.ts';
import { nodeDisk } from '../evidence/node-disk.ts';
import { restartLog } from '../evidence/tree/restart-log.ts';
import { configOf } from './steward.ts';
import { visibleLine } from './recorded.ts';

/** `wicketgate evidence restart-log`: exit code 0 done, 1 not, 2 wrong use. */
export function registerEvidenceRestartLog(evidence: Command): void {
  evidence
    .command('restart-log')
    .description('after a restore that lost records, with the gateway stopped: set the log aside as it is, and let the next start begin a new one that names it')
    .requiredOption('--config <file or folder>', 'the configuration whose log it is')
    .option('--json', 'print for programs')
    .action(run);
}

const run = async ({ config: where, json }: { readonly config: string; readonly json?: boolean }): Promise<void> => {
  const config = await configOf(where);
  if (!config) return;
  try {
    const { ended, aside, log, signed } = await restartLog(nodeDisk, config.gateway.data, config.gateway.keys);
    process.stdout.write(
      json ? `${JSON.stringify({ ended, aside, log, signed })}\n` : `${visibleLine(ended)}, of which ${signed} records were signed, is now in ${visibleLine(aside)}, unchanged. Keep it: it is evidence.\nThe next start begins ${visibleLine(log)}, with a key of its own, and names the ended log in its first record. Tell witnesses and auditors the new key: wicketgate evidence status prints it.\n`,
    );
  } catch (error) {
    process.stderr.write(`${error instanceof FolderTaken ? 'a gateway runs on this log: stop it first' : visibleLine((error as Error).message)}\n`);
    process.exitCode = 1;
  }
};
