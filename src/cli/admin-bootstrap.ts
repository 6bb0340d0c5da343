import type { Command } from 'commander';
import { ask, type AskOptions } from './reload.ts';
import { visibleLine } from './recorded.ts';
import { whoAsks } from './who.ts';

/** `wicketgate admin bootstrap`: a link that makes whoever opens it and signs in the first administrator; once, for 10 minutes. */
export function registerAdminBootstrap(admin: Command): void {
  admin
    .command('bootstrap')
    .description('print a link that makes the first person who opens it and signs in an administrator: good once, for 10 minutes, and only while there never was an administrator')
    .option('--config <file or folder>', 'the configuration whose gateway is meant')
    .option('--data <folder>', 'or its data folder')
    .option('--json', 'print for programs')
    .action((options: AskOptions) =>
      ask(options, { do: 'bootstrap', by: whoAsks() }, (result) => {
        const { url, until } = result as { readonly url: string; readonly until: number };
        return `${visibleLine(url)}\nopen it before ${new Date(until).toISOString()} and sign in: whoever does so first is administrator\n`;
      }),
    );
}
