import type { Command } from 'commander';
import { load } from '../config/load.ts';
import { formatProblem } from '../config/problems.ts';
import { readTargetCatalog } from './sql-command.ts';

/** `wicketgate catalog`: the target's catalog as JSON, for `policy explain` and `policy test` away from the target. */
export function registerCatalog(program: Command): void {
  program
    .command('catalog')
    .description('print the catalog of a target as JSON: names and types, no data. For policy explain and policy test --catalog')
    .requiredOption('--config <file or folder>', 'the configuration')
    .requiredOption('--connection <name>', 'whose target')
    .action(async ({ config: where, connection: name }: { readonly config: string; readonly connection: string }) => {
      const loaded = await load(where, process.env);
      if (!loaded.ok) {
        process.stderr.write(`${loaded.problems.map(formatProblem).join('\n')}\n`);
        process.exitCode = 2;
        return;
      }
      const connection = loaded.config.connections.find((one) => one.name === name);
      if (!connection) {
        process.stderr.write(`no connection ${name} in ${where}\n`);
        process.exitCode = 2;
        return;
      }
      try {
        process.stdout.write(`${JSON.stringify(await readTargetCatalog(connection))}\n`);
      } catch (error) {
        process.stderr.write(`the catalog of ${name} cannot be read: ${(error as Error).message}\n`);
        process.exitCode = 1;
      }
    });
}
