import { CommanderError } from 'commander';
import { EvidenceDamaged } from '../evidence/find-end.ts';
import { KeysUnusable } from '../evidence/keys.ts';
import { FolderUnusable } from '../evidence/log-file.ts';
import { StateUnusable } from '../store/state.ts';
import { createProgram } from './program.ts';

/** Files and sockets of this machine that cannot be used: for people, not a defect. */
const isOfThisMachine = (error: unknown): error is Error => [StateUnusable, KeysUnusable, FolderUnusable, EvidenceDamaged].some((kind) => error instanceof kind) || (error instanceof Error && 'syscall' in error);

/** What serves until it is told to stop, whether or not somebody reads what it printed. */
const SERVES: ReadonlySet<string | undefined> = new Set(['start', 'witness', 'demo']);

// Who read what is printed has read enough (`| head`): whatever else would be printed is of no use to anybody.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (!SERVES.has(process.argv[2])) process.exit();
});

/** The command line. Exit codes: 0 done, 1 no (denied, not verified, differences found), 2 wrong use. */
try {
  await (await createProgram(process.argv.slice(2))).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (isOfThisMachine(error)) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else throw error;
}
