import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { crashRounds } from '../test/e2e/crash-rounds.ts';

/*
 * npm run crash -- [--rounds 500]: has a disk of the tests' own fail, or lose power, at every operation of the evidence log; then kills the gateway with SIGKILL in the middle of
 * pgbench, and holds what it recorded against what the target executed and committed and what clients received. `npm test` does the same with fewer cases and rounds.
 */
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '500' } } });
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  process.stderr.write('--rounds must be a positive number\n');
  process.exit(2);
}
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const disk = spawnSync(process.execPath, ['--test', 'src/evidence/crash.test.ts', 'src/evidence/crash-errors.test.ts'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, WICKETGATE_CRASH: 'all' } });
if (disk.status !== 0) process.exit(1);
const summary = await crashRounds({
  rounds,
  onRound: (round, what) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${what}`);
    else if ((round + 1) % 25 === 0) process.stderr.write(`${round + 1} of ${rounds} rounds\n`);
  },
});
if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
process.stdout.write(
  `${summary.rounds} kills in ${summary.seconds} s: ${summary.executed} statements in the target's log (strict), ${summary.committed} rows committed, ` +
    `${summary.answered} commands answered and ${summary.ended} answers seen to their end, none without its record; ` +
    `${summary.records} records, ${summary.intents} intents, ${summary.indeterminate} of them indeterminate after the kill, ${summary.sessionsLost} sessions lost and recorded so; every log verified\n`,
);
