import type { Command } from 'commander';
import { logFolders } from '../evidence/folders.ts';
import { NotEvidence, verify, type Verdict } from '../evidence/verify/verify.ts';
import { noLogIn, visibleLine, wrongUse } from './recorded.ts';

interface VerifyCommandOptions {
  readonly keys?: string;
  readonly json?: boolean;
  readonly closed?: boolean;
}

/** `wicketgate evidence verify`: exit code 0 verified, 1 altered or incomplete, 2 not evidence at all. */
export function registerEvidenceVerify(evidence: Command): void {
  evidence
    .command('verify <folder>')
    .description('verify an evidence log, live or a copy, offline: that nothing was altered, and that nothing is missing')
    .option('--keys <folder>', 'a keys folder, or a copy: also open the sealed bodies and compare them with the records')
    .option('--closed', 'also require that the log ends with the stop of its instance: for copies made after a shutdown')
    .option('--json', 'print for programs')
    .action(run);
}

const run = async (path: string, options: VerifyCommandOptions): Promise<void> => {
  const folders = logFolders(path);
  if (folders.length === 0) {
    wrongUse(noLogIn(path));
    return;
  }
  const verdicts: Verdict[] = [];
  for (const folder of folders) {
    try {
      const verdict = await verify(folder, { ...(options.keys === undefined ? {} : { keys: options.keys }), ...(process.stderr.isTTY ? { onProgress } : {}) });
      if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
      verdicts.push(verdict);
      if (!options.json) process.stdout.write(describeVerdict(folder, verdict));
      if (!verdict.integrity.ok || verdict.completeness.verdict === 'incomplete' || (options.closed && verdict.completeness.verdict !== 'complete')) process.exitCode ||= 1;
    } catch (error) {
      wrongUse(error instanceof NotEvidence ? error.message : `${visibleLine(folder)} cannot be verified: ${visibleLine((error as Error).message)}`);
    }
  }
  if (options.json) process.stdout.write(`${JSON.stringify(verdicts)}\n`);
};

let shownAt = 0;
const onProgress = ({ records, bytes, ofBytes }: { readonly records: number; readonly bytes: number; readonly ofBytes: number }): void => {
  const now = Date.now();
  if (now - shownAt < 100) return;
  shownAt = now;
  process.stderr.write(`\r\u001b[K${records} records, ${Math.floor((100 * bytes) / Math.max(1, ofBytes))} %`);
};

/** The two verdicts, for people. */
export const describeVerdict = (folder: string, verdict: Verdict): string => {
  const { integrity, completeness, counts, bodies } = verdict;
  const lines = [
    `${visibleLine(folder)}: log ${visibleLine(verdict.log ?? '?')}`,
    `  ${verdict.records} records in ${verdict.segments} segments, ${verdict.first ?? '-'} to ${verdict.last ?? '-'}`,
    `  ${counts.sessions} sessions, ${counts.commands} commands, ${counts.refusals} refusals, ${counts.runs} runs of the gateway${counts.crashes > 0 ? `, ${counts.crashes} of them ended without a stop` : ''}`,
    `  ${bodies.frames} sealed bodies, ${bodies.references} references, ${bodies.committed} compared with their commitment${bodies.withoutKey > 0 ? `, ${bodies.withoutKey} whose key is gone` : ''}${bodies.lost > 0 ? `, ${bodies.lost} lost with a disk` : ''}${bodies.unchecked > 0 ? `, ${bodies.unchecked} too far back to check` : ''}`,
    ...(verdict.head === undefined ? [] : [`  head ${verdict.head} after record ${verdict.records - 1}`]),
    integrity.ok ? 'INTEGRITY     ok: no record that is there was altered' : `INTEGRITY     FAILED: ${visibleLine(integrity.fault?.what ?? '')}${place(integrity.fault)}`,
    ...completenessLines(completeness),
  ];
  return `${lines.join('\n')}\n`;
};

const place = (fault: Verdict['integrity']['fault']): string =>
  fault ? ` (record ${fault.sequence ?? '?'}${fault.segment === undefined ? '' : `, ${fault.segment}`}${fault.position === undefined ? '' : ` at byte ${fault.position}`})` : '';

const NAMED = 10;

const completenessLines = ({ verdict, gaps, gapCount, openSessions, openCommands, tornTail }: Verdict['completeness']): string[] => {
  const torn = tornTail ? `; ${tornTail.bytes} bytes behind it are no record: ${tornTail.what}${place(tornTail)}, as a crash leaves it` : '';
  if (verdict === 'complete') return ['COMPLETENESS  ok: every session and command has its end, and the log ends with a stop'];
  if (verdict === 'open') return [`COMPLETENESS  ok up to the last record; the log is open (in use, or ended without a stop): ${openSessions} sessions and ${openCommands} commands without an end${torn}`];
  return [
    `COMPLETENESS  FAILED: ${gapCount} ${gapCount === 1 ? 'gap' : 'gaps'}${torn}`,
    ...gaps.slice(0, NAMED).map(({ what, sequence, session }) => `  record ${sequence ?? '?'}${session === undefined ? '' : `, session ${visibleLine(session)}`}: ${visibleLine(what)}`),
    ...(gapCount > NAMED ? [`  and ${gapCount - NAMED} more`] : []),
  ];
};
