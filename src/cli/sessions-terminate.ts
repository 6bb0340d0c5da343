import type { Command } from 'commander';
import { ask, type AskOptions } from './reload.ts';

/** `wicketgate sessions terminate`: ends one live session, with a native error and a record. */
export function registerSessionsTerminate(sessions: Command): void {
  sessions
    .command('terminate <session>')
    .description('end one live session')
    .option('--config <file or folder>', 'the configuration whose gateway is meant')
    .option('--data <folder>', 'or its data folder')
    .option('--json', 'print for programs')
    .action((session: string, options: AskOptions) => ask(options, { do: 'terminate', session }, () => `session ${session} ended\n`));
}
