import type { Command } from 'commander';
import { nodeDisk } from '../evidence/node-disk.ts';
import { NotProved } from '../evidence/tree/prove.ts';
import { publishLog } from '../evidence/tree/publish.ts';
import { recordedIn, visibleLine, wrongUse } from './recorded.ts';

interface PublishOptions {
  readonly config?: string;
  readonly data?: string;
  readonly out: string;
  readonly json?: boolean;
}

/** `wicketgate evidence publish`: exit code 0 written, 1 not, 2 wrong use. */
export function registerEvidencePublish(evidence: Command): void {
  evidence
    .command('publish')
    .description('write the log as a static folder that any web server can serve (c2sp.org/tlog-tiles): checkpoint, tiles and records, without sealed bodies')
    .requiredOption('--out <folder>', 'an empty folder, or one that this command wrote before')
    .option('--config <file or folder>', 'the configuration whose data folder is read')
    .option('--data <folder>', 'or a log folder, or a copy of one')
    .option('--json', 'print for programs')
    .action(run);
}

const run = async ({ out, json, ...where }: PublishOptions): Promise<void> => {
  const recorded = await recordedIn(where);
  if (!recorded) return;
  const [folder] = recorded.folders;
  if (folder === undefined || recorded.folders.length > 1) {
    wrongUse('there are several logs here: name the folder of one with --data');
    return;
  }
  try {
    const { log, size, files } = await publishLog(nodeDisk, folder, out, process.stderr.isTTY ? (done, of) => void process.stderr.write(`\r\u001b[K${done} of ${of} records`) : undefined);
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    process.stdout.write(json ? `${JSON.stringify({ log, size, files, folder: out })}\n` : `${visibleLine(out)}: ${size} records of ${visibleLine(log)} in ${files} files\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof NotProved ? '' : 'not published: '}${visibleLine((error as Error).message)}\n`);
    process.exitCode = 1;
  }
};
