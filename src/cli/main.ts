import { Command, CommanderError } from 'commander';
import { version } from '../build.ts';
import { registerCheck } from './check.ts';
import { registerDemo } from './demo.ts';
import { registerIdentities } from './identities.ts';
import { registerReload } from './reload.ts';
import { registerSessionsTerminate } from './sessions-terminate.ts';
import { registerStart } from './start.ts';

/** The command line: one file for each command. Exit codes: 0 done, 1 no (denied, not verified, differences found), 2 wrong use. */
const program = new Command('wicketgate')
  .description('A gateway between machine identities and what they reach')
  .version(version)
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride();

registerStart(program);
registerCheck(program);
registerDemo(program);
registerReload(program);
registerIdentities(program);
const sessions = program.command('sessions').description('recorded and live sessions');
registerSessionsTerminate(sessions);

/** Wrong use is 2 everywhere, also in subcommands. */
const inherit = (command: Command): void => {
  for (const child of command.commands) {
    child.exitOverride();
    inherit(child);
  }
};
inherit(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
