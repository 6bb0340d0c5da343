import type { Command } from 'commander';
import { askLocal, type LocalRequest } from '../control/local.ts';

/** The data folder of a configuration, or undefined after its problems were printed. */
export const dataFolderOf = async (where: string): Promise<string | undefined> => {
  const { load } = await import('../config/load.ts');
  const loaded = await load(where, process.env, { checkSecrets: false });
  if (loaded.ok) return loaded.config.gateway.data;
  process.stderr.write(`${where} cannot be read as a configuration: wicketgate check --config ${where} says why\n`);
  process.exitCode = 2;
  return undefined;
};

export interface AskOptions {
  readonly config?: string;
  readonly data?: string;
  readonly json?: boolean;
}

/** Asks the gateway of a data folder and prints its answer: exit code 0 done, 1 no, 2 wrong use. */
export const ask = async (options: AskOptions, request: LocalRequest, print: (result: unknown) => string): Promise<void> => {
  const folder = options.data ?? (options.config === undefined ? undefined : await dataFolderOf(options.config));
  if (folder === undefined) {
    if (process.exitCode !== 2) process.stderr.write('give --config or --data\n');
    process.exitCode = 2;
    return;
  }
  try {
    const answer = await askLocal(folder, request);
    if (options.json) process.stdout.write(`${JSON.stringify(answer)}\n`);
    else if (answer.ok) process.stdout.write(print(answer.result));
    else process.stderr.write(`${answer.error}\n`);
    if (!answer.ok) process.exitCode = 1;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
};

/** What is wrong with a configuration, wherever it is read; secrets are the gateway's to judge. */
const problemsIn = async (where: string): Promise<readonly string[]> => {
  const { load } = await import('../config/load.ts');
  const { formatProblem } = await import('../config/problems.ts');
  const loaded = await load(where, process.env, { checkSecrets: false });
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
};

/** `wicketgate reload`: reads the configuration again, all or nothing. */
export function registerReload(program: Command): void {
  program
    .command('reload')
    .description('make the running gateway read its configuration again; all or nothing')
    .option('--config <file or folder>', 'the configuration whose gateway is meant')
    .option('--data <folder>', 'or its data folder')
    .option('--json', 'print for programs')
    .action(async (options: AskOptions) => {
      const wrong = options.config === undefined ? [] : await problemsIn(options.config);
      if (wrong.length > 0) {
        // The gateway would read the same and refuse it.
        if (options.json) process.stdout.write(`${JSON.stringify({ ok: false, error: wrong.join('\n') })}\n`);
        else process.stderr.write(`${wrong.join('\n')}\nnot in force; a gateway that runs goes on with the old one\n`);
        process.exitCode = 1;
        return;
      }
      await ask(options, { do: 'reload' }, (result) => {
        const { changes } = result as { changes: readonly string[] };
        return changes.length === 0 ? 'in force; nothing changed\n' : `in force:\n${changes.map((change) => `  ${change}\n`).join('')}`;
      });
    });
}
