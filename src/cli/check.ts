import type { Command } from 'commander';
import { load } from '../config/load.ts';
import { describe, print } from '../config/print.ts';
import { formatProblem, type Problem } from '../config/problems.ts';
import type { Config } from '../config/resolved.ts';
import { compilePolicies, PolicyError } from '../policy/compile.ts';

/** `wicketgate check`: validates a configuration and prints what is in force. Exit code 0 valid, 1 problems, 2 wrong use. */
export function registerCheck(program: Command): void {
  program
    .command('check')
    .description('validate a configuration and print what is in force')
    .requiredOption('--config <file or folder>', 'a YAML file, or a folder of *.yaml and *.yml')
    .option('--json', 'print for programs')
    .option('--no-secrets', 'do not look whether variables are set and files readable: for checks away from the gateway\'s machine')
    .action(async ({ config: where, json = false, secrets }: { readonly config: string; readonly json?: boolean; readonly secrets: boolean }) => {
      const loaded = await load(where, process.env, { checkSecrets: secrets });
      const refused = loaded.ok ? policyProblems(loaded.config) : [];
      const result = refused.length === 0 ? loaded : { ok: false as const, problems: refused, warnings: loaded.warnings };
      if (json) {
        const { warnings } = result;
        const answer = result.ok ? { ok: true, warnings, ...describe(result.config) } : { ok: false, problems: result.problems, warnings };
        process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
      } else {
        for (const warning of result.warnings) process.stderr.write(`warning: ${formatProblem(warning)}\n`);
        if (result.ok) process.stdout.write(`${print(result.config)}\n`);
        else for (const problem of result.problems) process.stderr.write(`${formatProblem(problem)}\n`);
      }
      if (!result.ok) {
        if (!json) process.stderr.write(`${result.problems.length} ${result.problems.length === 1 ? 'problem' : 'problems'}; this configuration does not start\n`);
        process.exitCode = 1;
      }
    });
}

/** What only the compiler of policies can say, such as a time zone that does not exist. */
function policyProblems(config: Config): readonly Problem[] {
  try {
    compilePolicies(config);
    return [];
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return error.problems.map(({ origin, path, message }) => ({ ...origin, column: 1, path, message }));
  }
}
