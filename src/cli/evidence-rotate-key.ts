import type { Command } from 'commander';
import { visibleLine } from './recorded.ts';
import { ask, type AskOptions } from './reload.ts';

/** `wicketgate evidence rotate-key`: exit code 0 replaced, 1 not, 2 wrong use. */
export function registerEvidenceRotateKey(evidence: Command): void {
  evidence
    .command('rotate-key')
    .description('make the running gateway replace the key that signs its checkpoints; the old key names the new one in the log')
    .option('--config <file or folder>', 'the configuration whose gateway is meant')
    .option('--data <folder>', 'or its data folder')
    .option('--json', 'print for programs')
    .action((options: AskOptions) => ask(options, { do: 'rotate_key' }, (result) => `the new key is ${visibleLine((result as { readonly vkey: string }).vkey)}\nGive it to the witnesses of this log: they refuse a key that they do not know.\n`));
}
