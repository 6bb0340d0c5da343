import { CommanderError } from 'commander';
import { StateUnusable } from '../store/state.ts';
import { createProgram } from './program.ts';

/** Files and sockets of this machine that cannot be used: for people, not a defect. */
const isOfThisMachine = (error: unknown): error is Error => error instanceof StateUnusable || (error instanceof Error && 'syscall' in error);

/** The command line. Exit codes: 0 done, 1 no (denied, not verified, differences found), 2 wrong use. */
try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (isOfThisMachine(error)) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else throw error;
}
