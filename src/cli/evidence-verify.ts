import type { Command } from 'commander';
import { statSync } from 'node:fs';
import { allLogFolders, logFolders } from '../evidence/folders.ts';
import type { KeptCheckpoint } from '../evidence/verify/checkpoints.ts';
import { missingLogs, predecessors, type MissingLog } from '../evidence/verify/deployment.ts';
import { keptCheckpoint } from '../evidence/verify/kept.ts';
import { NotEvidence, verify, type Verdict } from '../evidence/verify/verify.ts';
import { noLogIn, visibleLine, wrongUse } from './recorded.ts';
import { policyIn, several, trustIn, withTrustOptions, type TrustOptions } from './trust-options.ts';
import { describeMissing, describeVerdict } from './verdict-text.ts';
import { isZip, verifyPacks } from './verify-pack.ts';

interface VerifyCommandOptions extends TrustOptions {
  readonly keys?: string;
  readonly checkpoint?: readonly string[];
  readonly json?: boolean;
  readonly closed?: boolean;
}

/** `wicketgate evidence verify`: exit code 0 verified, 1 altered or incomplete, 2 not evidence at all. */
export function registerEvidenceVerify(evidence: Command): void {
  withTrustOptions(
    evidence
      .command('verify <path...>')
      .description('verify evidence logs, live or copies, offline: that nothing was altered, and that nothing is missing. A folder is that of a log, or a data folder; a file is a pack of evidence export')
      .option('--keys <folder>', 'a keys folder, or a copy: also open the sealed bodies and compare them with the records, and ask which checkpoint was signed last'),
  )
    .option('--checkpoint <file>', 'a checkpoint that you kept: the log must contain what it states (can be given again)', several)
    .option('--closed', 'also require that the log ends with the stop of its instance: for copies made after a shutdown')
    .option('--json', 'print for programs')
    .action(run);
}

const run = async (paths: readonly string[], options: VerifyCommandOptions): Promise<void> => {
  const trust = trustIn(options);
  const kept = keptIn(options.checkpoint ?? []);
  if (!trust || !kept) return;
  if (paths.some(isZip)) {
    if (!paths.every(isZip)) wrongUse('packs and folders are verified each on their own');
    else if (kept.length > 0 || options.keys !== undefined) wrongUse('--keys and --checkpoint are for folders: a pack has the texts of its samples, and its checkpoints are compared with --vkey and --policy');
    else await verifyPacks(paths, { vkeys: options.vkey ?? [], policy: policyIn(options), closed: options.closed === true, json: options.json === true });
    return;
  }
  const folders: string[] = [];
  for (const path of paths) {
    const found = allLogFolders(path);
    if (found.length === 0) {
      wrongUse(notALog(path));
      return;
    }
    folders.push(...found);
  }
  const all = [...kept, ...predecessors(folders)];
  const verdicts: (Verdict & { readonly folder: string })[] = [];
  for (const folder of folders) {
    try {
      const verdict = await verify(folder, { trust, kept: all, ...(options.keys === undefined ? {} : { keys: options.keys }), ...(process.stderr.isTTY ? { onProgress } : {}) });
      if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
      const stranger = trust.keys.length > 0 && !trust.keys.some(({ name }) => name === verdict.log);
      verdicts.push({ ...verdict, folder });
      if (!options.json) process.stdout.write(describeVerdict(folder, verdict, stranger));
      if (stranger || !verdict.integrity.ok || verdict.completeness.verdict === 'incomplete' || (options.closed && verdict.completeness.verdict !== 'complete')) process.exitCode ||= 1;
    } catch (error) {
      wrongUse(error instanceof NotEvidence ? visibleLine(error.message) : `${visibleLine(folder)} cannot be verified: ${visibleLine((error as Error).message)}`);
    }
  }
  const missing = missingAmong(verdicts, [...kept.map(({ source, checkpoint }) => ({ log: checkpoint.origin, namedBy: source })), ...namesOfKeys(options.vkey ?? [])], paths.length > 1 || logFolders(paths[0] as string)[0] !== paths[0]);
  if (missing.some(({ failure }) => failure)) process.exitCode ||= 1;
  if (options.json) process.stdout.write(`${JSON.stringify([...verdicts, ...missing.map((one) => ({ ...one, missing: true }))])}\n`);
  else process.stdout.write(describeMissing(missing));
};

/** The logs of keys that were given one by one: who brings the key of a log wants to see that log. A policy names whom to trust, whatever is shown. */
const namesOfKeys = (vkeys: readonly string[]): MissingLog[] => vkeys.map((text) => ({ log: text.trim().split('+', 1)[0] as string, namedBy: 'a --vkey' }));

/** Logs that were not given. `asked`: those that the auditor named. Of one log folder alone nobody expects the others; of a data folder, or several, one does. */
const missingAmong = (verdicts: readonly Verdict[], asked: readonly MissingLog[], expected: boolean): (MissingLog & { readonly failure: boolean })[] => {
  const strangers = asked.filter(({ log }, i) => !verdicts.some((one) => one.log === log) && asked.findIndex((one) => one.log === log) === i).map((one) => ({ ...one, failure: true }));
  const named = missingLogs(verdicts)
    .filter(({ log }) => !strangers.some((one) => one.log === log))
    .map((one) => ({ ...one, failure: expected }));
  return [...strangers, ...named];
};

const keptIn = (paths: readonly string[]): KeptCheckpoint[] | undefined => {
  try {
    return paths.map(keptCheckpoint);
  } catch (error) {
    if (!(error instanceof NotEvidence)) throw error;
    return wrongUse(visibleLine(error.message));
  }
};

const notALog = (path: string): string => {
  const file = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  return file ? `${visibleLine(path)} is a file, not a folder${path.endsWith('.tlog-proof') ? ': for a proof use evidence verify-proof' : ''}` : noLogIn(path);
};

let shownAt = 0;
const onProgress = ({ records, bytes, ofBytes }: { readonly records: number; readonly bytes: number; readonly ofBytes: number }): void => {
  const now = Date.now();
  if (now - shownAt < 100) return;
  shownAt = now;
  process.stderr.write(`\r\u001b[K${records} records, ${Math.floor((100 * bytes) / Math.max(1, ofBytes))} %`);
};
