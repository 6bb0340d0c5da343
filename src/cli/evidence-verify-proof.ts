import { existsSync, lstatSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { logFolders } from '../evidence/folders.ts';
import { readSmall } from '../evidence/verify/kept.ts';
import { NotANote } from '../evidence/verify/note.ts';
import { parseProof, recordBytes, verifyProof } from '../evidence/verify/proof.ts';
import { logOf, NotEvidence } from '../evidence/verify/verify.ts';
import { visibleLine, wrongUse } from './recorded.ts';
import { trustIn, withTrustOptions, type TrustOptions } from './trust-options.ts';

interface ProofOptions extends TrustOptions {
  readonly record?: string;
  readonly folder?: string;
  readonly json?: boolean;
}

const MOST_RECORD = 65_535;

/** `wicketgate evidence verify-proof`: that one record is in a log, without the log. */
export function registerEvidenceVerifyProof(evidence: Command): void {
  withTrustOptions(
    evidence
      .command('verify-proof <file>')
      .description('verify a .tlog-proof, offline: that a record is in the log that a trusted key signed')
      .option('--record <file>', 'the record, byte for byte as it stands in the log (a newline at its end is passed over)')
      .option('--folder <folder>', 'or a log folder that holds it'),
  )
    .option('--json', 'print for programs')
    .action(run);
}

const run = (path: string, options: ProofOptions): void => {
  const trust = trustIn(options);
  if (!trust) return;
  if (trust.keys.length === 0) {
    wrongUse('give the key of the log, from elsewhere than the proof: --vkey or --policy');
    return;
  }
  try {
    const text = readSmall(path);
    const { index, checkpoint } = parseProof(text);
    const leaf = leafIn(options, index, checkpoint.origin);
    if (!leaf) return;
    const verdict = verifyProof(text, leaf, trust.keys, trust.policy);
    if (!verdict.ok) process.exitCode = 1;
    if (options.json) process.stdout.write(`${JSON.stringify(verdict.ok ? { ok: true, log: checkpoint.origin, index, size: checkpoint.size, leaf: verdict.leaf, witnesses: verdict.witnesses } : verdict)}\n`);
    else if (verdict.ok) process.stdout.write(`PROVEN        record ${index} of ${visibleLine(checkpoint.origin)}, in a tree of ${checkpoint.size} records signed by a key that you gave${verdict.witnesses.length > 0 ? `, cosigned by ${visibleLine(verdict.witnesses.join(', '))}` : ''}\n  leaf hash ${verdict.leaf}\n`);
    else process.stdout.write(`NOT PROVEN    ${visibleLine(verdict.why)}\n`);
  } catch (error) {
    if (!(error instanceof NotANote || error instanceof NotEvidence)) throw error;
    wrongUse(`${visibleLine(path)} is no proof that can be verified: ${visibleLine(error.message)}`);
  }
};

/** The bytes of the record that a proof is about; undefined after saying why there are none. */
const leafIn = ({ record, folder }: ProofOptions, index: number, origin: string): Buffer | undefined => {
  if (record !== undefined) {
    const stat = existsSync(record) ? lstatSync(record) : undefined;
    if (!stat?.isFile() || stat.size > MOST_RECORD + 1) return wrongUse(`${visibleLine(record)} is no record`);
    const bytes = readFileSync(record);
    return bytes.at(-1) === 10 ? bytes.subarray(0, -1) : bytes;
  }
  if (folder === undefined) return wrongUse('a proof does not hold the record: give it with --record, or a log folder with --folder');
  const found = logFolders(folder).find((one) => logOf(one) === origin);
  if (found === undefined) return wrongUse(`${visibleLine(folder)} does not hold the log ${visibleLine(origin)}`);
  return recordBytes(found, index) ?? wrongUse(`${visibleLine(found)} has no record ${index}`);
};
