import type { Command as Program } from 'commander';
import { readSources } from '../config/files.ts';
import { formatProblem, Problems } from '../config/problems.ts';
import { readCases } from '../policy/cases.ts';
import { runCase, type CaseResult } from '../policy/run-case.ts';
import { openPolicies, policyNoun, withExitCode, WrongUse, type PolicyCommandDeps } from './policy-explain.ts';

interface TestOptions {
  readonly config: string;
  readonly catalog?: string;
  readonly json?: boolean;
}

/** `wicketgate policy test`: policy test cases, for CI. Exit code 0 all as expected, 1 some not, 2 wrong use or files that cannot be read. */
export function registerPolicyTest(program: Program, deps: PolicyCommandDeps): void {
  policyNoun(program)
    .command('test')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .description('decide the cases of a file and compare with what they expect')
    .argument('<file or folder>', 'a YAML file of cases, or a folder of them')
    .requiredOption('--config <file or folder>', 'the configuration')
    .option('--catalog <file>', 'the target\'s catalog as JSON; default: an empty one, so that its own names are not known')
    .option('--json', 'print for programs')
    .action((where: string, options: TestOptions) => withExitCode(options.json === true, () => test(where, options, deps)));
}

async function test(where: string, { config: configuration, catalog, json }: TestOptions, deps: PolicyCommandDeps): Promise<number> {
  const { config, policies } = await openPolicies(configuration);
  const problems = new Problems();
  const sources = (await readSources(where, problems)) ?? [];
  const cases = sources.flatMap((source) => readCases(source, config, problems));
  if (problems.any) throw new WrongUse(problems.list().map(formatProblem).join('\n'));
  const results: CaseResult[] = [];
  for (const one of cases) {
    const result = await runCase(policies, one, (text, connection) => deps.toCommand(text, connection, catalog));
    results.push(result);
    if (json !== true) process.stdout.write(`${print(result)}\n`);
  }
  const failed = results.filter(({ passed }) => !passed).length;
  if (json === true) process.stdout.write(`${JSON.stringify({ policyVersion: policies.version, cases: results, passed: results.length - failed, failed }, null, 2)}\n`);
  else process.stdout.write(`${results.length} ${results.length === 1 ? 'case' : 'cases'}: ${results.length - failed} as expected, ${failed} not\n`);
  return failed === 0 ? 0 : 1;
}

function print({ name, file, line, passed, differences }: CaseResult): string {
  return passed ? `ok    ${name}` : [`FAIL  ${name}  ${file}:${line}`, ...differences.map((difference) => `        ${difference}`)].join('\n');
}
