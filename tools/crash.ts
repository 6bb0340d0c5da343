import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/*
 * npm run crash -- [--rounds 50]: the tests named *crash*.test.ts at full length. They read CRASH_ROUNDS from the environment; npm test runs
 * them with fewer rounds.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '50' } } });
const files = globSync('{src,test}/**/*crash*.test.ts', { cwd: root });
if (files.length === 0 || !(Number(values.rounds) > 0)) {
  process.stderr.write(files.length === 0 ? 'no *crash*.test.ts found\n' : '--rounds must be a positive number\n');
  process.exit(2);
}
const ran = spawnSync(process.execPath, ['--test', '--test-concurrency=1', ...files], { cwd: root, env: { ...process.env, CRASH_ROUNDS: values.rounds }, stdio: ['ignore', 'inherit', 'inherit'] });
process.exitCode = ran.status ?? 1;
