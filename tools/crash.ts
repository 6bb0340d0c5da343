import { parseArgs } from 'node:util';
import { crashRounds } from '../test/e2e/crash-rounds.ts';

/*
 * npm run crash -- [--rounds 500]: kills the gateway with SIGKILL in the middle of pgbench, and holds what it recorded against what the
 * target executed and committed and what clients received. `npm test` does the same with fewer rounds.
 */
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '500' } } });
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  process.stderr.write('--rounds must be a positive number\n');
  process.exit(2);
}
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
