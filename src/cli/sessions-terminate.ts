import type { Command } from 'commander';
import { askAsPerson, WITHOUT_REASON, withProof, type AsPersonOptions } from './as-person.ts';
import { visibleLine, wrongUse } from './recorded.ts';
import { ask, type AskOptions } from './reload.ts';

type TerminateOptions = AskOptions & Omit<AsPersonOptions, 'config' | 'json'> & { readonly reason?: string };

/** `wicketgate sessions terminate`: ends one live session, with a native error and a record. */
export function registerSessionsTerminate(sessions: Command): void {
  const command = sessions
    .command('terminate <session>')
    .description('end one live session')
    .option('--config <file or folder>', 'the configuration whose gateway is meant')
    .option('--data <folder>', 'or its data folder')
    .option('--reason <text>', 'do it as the person who is logged in, with the role admin: recorded with who and why. Without it: as the user of the gateway')
    .option('--json', 'print for programs');
  withProof(command).action((session: string, options: TerminateOptions) => {
    const { config, reason } = options;
    const ended = (): string => `session ${visibleLine(session)} ended\n`;
    if (reason === undefined) return ask(options, { do: 'terminate', session }, ended);
    if (config === undefined) return wrongUse('--reason needs --config, which says how people log in');
    return askAsPerson({ ...options, config }, (client) => client.sessions.terminate({ id: session }, { reason }), ended, WITHOUT_REASON);
  });
}
