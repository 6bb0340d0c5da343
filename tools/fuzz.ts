import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/*
 * npm run fuzz -- [--seconds 60] [--seed N] [PATH...]: runs every campaign of each *.fuzz.ts for that long, two files at once. Such a file
 * is a node:test file whose campaigns read FUZZ_SECONDS and FUZZ_SEED from the environment and print the seed of a failure.
 */
/** Campaigns that one file may have: what runs longer than they need hangs. */
const MOST_CAMPAIGNS = 12;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values, positionals } = parseArgs({ allowPositionals: true, options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } } });
const files = globSync(['src/**/*.fuzz.ts', 'test/**/*.fuzz.ts'], { cwd: root }).filter((file) => positionals.length === 0 || positionals.some((path) => file.startsWith(path)));
const seconds = Number(values.seconds);
if (files.length === 0 || !(seconds > 0)) {
  process.stderr.write(files.length === 0 ? 'no *.fuzz.ts found there\n' : '--seconds must be a positive number\n');
  process.exit(2);
}
const seed = values.seed ?? String(Math.trunc(Math.random() * 2 ** 31));
process.stdout.write(`${files.length} files, ${seconds} s for each campaign, seed ${seed}\n`);
const ran = spawnSync(process.execPath, ['--test', '--test-concurrency=2', `--test-timeout=${(seconds * MOST_CAMPAIGNS + 120) * 1000}`, ...files], {
  cwd: root,
  env: { ...process.env, FUZZ_SECONDS: String(seconds), FUZZ_SEED: seed },
  stdio: ['ignore', 'inherit', 'inherit'],
});
process.exitCode = ran.status ?? 1;
