import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { nodeDisk } from '../evidence/node-disk.ts';
import { logName } from '../evidence/read.ts';
import { NotProved, proveRecord } from '../evidence/tree/prove.ts';
import { recordedIn, visibleLine, wrongUse } from './recorded.ts';

interface ProveOptions {
  readonly config?: string;
  readonly data?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** `wicketgate evidence prove`: exit code 0 proved, 1 not, 2 wrong use. */
export function registerEvidenceProve(evidence: Command): void {
  evidence
    .command('prove <record>')
    .description('write a proof (.tlog-proof) that a record is in the log, for someone who trusts only the log\'s key; RECORD is its sequence, or log,sequence')
    .option('--config <file or folder>', 'the configuration whose data folder is read')
    .option('--data <folder>', 'or a data folder, a log folder, or a copy of one')
    .option('--out <file>', 'write the proof there, and the record beside it as .json; otherwise only the proof, to the standard output')
    .option('--json', 'print for programs; without --out the proof and the record stand in it')
    .action(run);
}

const run = async (record: string, { out, json, ...where }: ProveOptions): Promise<void> => {
  const [, name, sequence] = /^(?:(.+),)?(0|[1-9][0-9]{0,14})$/.exec(record) ?? [];
  if (sequence === undefined) {
    wrongUse('a record is its sequence, such as 4711, or log,sequence');
    return;
  }
  const recorded = await recordedIn(where);
  if (!recorded) return;
  const folders = name === undefined ? recorded.folders : recorded.folders.filter((folder) => logName(folder) === name);
  const [folder] = folders;
  if (folder === undefined || folders.length > 1) {
    wrongUse(folder === undefined ? `there is no log ${visibleLine(name ?? '')} here` : `there are ${folders.length} logs here: write the record as log,sequence`);
    return;
  }
  try {
    const proved = await proveRecord(nodeDisk, folder, Number(sequence));
    const { log, index, size, cosignatures } = proved;
    if (out === undefined) {
      process.stdout.write(json ? `${JSON.stringify({ log, index, size, cosignatures, proof: proved.proof, record: proved.record.toString('utf8') })}\n` : proved.proof);
      return;
    }
    writeFileSync(out, proved.proof, { mode: 0o600 });
    writeFileSync(`${out}.json`, proved.record, { mode: 0o600 });
    process.stdout.write(
      json ? `${JSON.stringify({ log, index, size, cosignatures, proofFile: out, recordFile: `${out}.json` })}\n` : `${visibleLine(out)} proves record ${index} of ${visibleLine(log)} under the checkpoint over ${size} records${cosignatures > 0 ? ` with ${cosignatures} further signatures` : ', which no witness cosigned'}; the record itself is in ${visibleLine(out)}.json\n`,
    );
  } catch (error) {
    process.stderr.write(`${error instanceof NotProved ? '' : 'the log cannot be read: '}${visibleLine((error as Error).message)}\n`);
    process.exitCode = 1;
  }
};
