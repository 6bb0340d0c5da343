import { Command } from 'commander';
import { version } from '../build.ts';
import { commands, type Entry } from './commands.ts';
import { addExitCodes } from './exit-codes.ts';

/**
 * The command line, with what the words ask for; of other commands only their names, for the list. Without words, all of it. Throws a
 * CommanderError instead of ending the process.
 */
export const createProgram = async (words?: readonly string[]): Promise<Command> => {
  const program = new Command('wicketgate').description('A gateway between machine identities and what they reach').version(version).showHelpAfterError('(--help shows what there is)');
  const [noun, verb] = words?.filter((word) => !word.startsWith('-')) ?? [];
  const everything = words === undefined || noun === 'help';
  const named = new Set<Command>();
  for (const entry of commands) {
    if (everything || entry.name === noun) await add(program, entry, everything ? undefined : verb);
    else named.add(program.command(entry.name).description(entry.says));
  }
  addExitCodes(program, named);
  overrideExit(program);
  return program;
};

const add = async (program: Command, { name, says, whole, verbs = {} }: Entry, verb: string | undefined): Promise<void> => {
  if (whole) {
    (await whole())(program);
    return;
  }
  const command = program.command(name).description(says);
  const asked = verb === undefined ? undefined : verbs[verb];
  for (const load of asked ? [asked] : Object.values(verbs)) (await load())(command);
};

/** Wrong use is 2 everywhere, also in subcommands. */
const overrideExit = (command: Command): void => {
  command.exitOverride();
  for (const child of command.commands) overrideExit(child);
};
