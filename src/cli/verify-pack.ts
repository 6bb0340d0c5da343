import { createHash, hash } from 'node:crypto';
import { closeSync, openAsBlob, openSync, readSync, statSync } from 'node:fs';
import type { Sha256 } from '../evidence/verify/pack/bytes.ts';
import type { Gap } from '../evidence/verify/pack/follow.ts';
import { BadNote } from '../evidence/verify/pack/note.ts';
import { trustIn } from '../evidence/verify/pack/policy.ts';
import type { LogFindings, PackFault, PackVerdict } from '../evidence/verify/pack/verdict.ts';
import { verifyPack } from '../evidence/verify/pack/verify.ts';
import { NotAPack, PackAltered } from '../evidence/verify/pack/zip.ts';
import { visibleLine, wrongUse } from './recorded.ts';

/** How many of a kind are named; the others are counted. --json has more. */
const NAMED = 10;

const sha256: Sha256 = {
  of: (bytes) => hash('sha256', bytes, 'buffer'),
  stream: () => {
    const state = createHash('sha256');
    return { update: (bytes) => void state.update(bytes), digest: () => state.digest() };
  },
};

/** Whether a path is a zip file, by how it begins. */
export const isZip = (path: string): boolean => {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  const file = openSync(path, 'r');
  try {
    const magic = Buffer.alloc(4);
    readSync(file, magic, 0, 4, 0);
    return magic.equals(Buffer.from('PK\u0003\u0004', 'latin1')) || path.endsWith('.zip');
  } finally {
    closeSync(file);
  }
};

/** Verifies packs; sets the exit code: 1 altered or incomplete, 2 not a pack. `closed`: the period must be over. */
export const verifyPacks = async (paths: readonly string[], { vkeys, policy, closed, json }: { readonly vkeys: readonly string[]; readonly policy: string | undefined; readonly closed: boolean; readonly json: boolean }): Promise<void> => {
  const verdicts: (Pick<PackVerdict, 'integrity'> & { readonly file: string })[] = [];
  for (const path of paths) {
    try {
      const trust = trustIn(vkeys, policy, sha256);
      const verdict = await verifyPack(await openAsBlob(path), { sha256, trust, ...(process.stderr.isTTY ? { onProgress } : {}) });
      if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
      verdicts.push({ ...verdict, file: path });
      if (!json) process.stdout.write(describePack(path, verdict));
      const { integrity, completeness } = verdict;
      if (!integrity.ok || completeness.verdict === 'incomplete' || (closed && completeness.verdict !== 'complete')) process.exitCode ||= 1;
    } catch (error) {
      if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
      const { message } = error as Error;
      if (error instanceof PackAltered) {
        // What it says of itself cannot be believed any more, so nothing else of it is shown.
        process.exitCode ||= 1;
        verdicts.push({ integrity: { ok: false, faults: [{ what: message }], faultCount: 1 }, file: path });
        if (!json) process.stdout.write(`${visibleLine(path)}: evidence pack\nINTEGRITY     FAILED: ${visibleLine(message)}\n`);
        continue;
      }
      wrongUse(error instanceof NotAPack ? `${visibleLine(path)} cannot be verified: ${visibleLine(message)}` : error instanceof BadNote ? visibleLine(message) : `${visibleLine(path)} cannot be read: ${visibleLine(message)}`);
    }
  }
  if (json) process.stdout.write(`${JSON.stringify(verdicts)}\n`);
};

const describePack = (path: string, { pack, integrity, completeness, logs, files }: PackVerdict): string => {
  const { made, query } = pack;
  const lines = [
    `${visibleLine(path)}: evidence pack, ${query.from} to ${query.to}`,
    `  says that it was made at ${visibleLine(made.at)} by ${visibleLine(made.by)} with ${visibleLine(made.with)}; ${files} files`,
    ...logs.flatMap(logLines),
    ...(integrity.ok ? ['INTEGRITY     ok: the pack is as it was made, and all in it follows from its records'] : named('INTEGRITY     FAILED', integrity.faults, integrity.faultCount)),
    ...(completeness.verdict === 'incomplete' ? named('COMPLETENESS  INCOMPLETE', completeness.gaps, completeness.gapCount) : completeness.verdict === 'complete' ? ['COMPLETENESS  complete: nothing of the period is missing'] : []),
    ...completeness.open.slice(0, NAMED).map((what) => `COMPLETENESS  open: ${visibleLine(what)}`),
  ];
  return `${lines.join('\n')}\n`;
};

const logLines = ({ log, first, end, opening, closing, rows, coverage, checkpoints, key, vkey, rotations, witnessed, timestamps, samples, behind }: LogFindings): string[] => {
  const texts = samples.flatMap((sample) => sample.texts);
  return [
    `  ${visibleLine(log)}: ${end > first ? `records ${first} to ${end - 1}` : 'no records'} in the period; ${rows['sessions']} sessions, ${rows['commands']} commands, ${rows['refusals']} refusals`,
    `    between the checkpoints over ${opening.size} and ${closing.size} records, root ${closing.root}${behind > 0 ? `; it says that ${behind} more records were there without a checkpoint` : ''}`,
    `    ${checkpoints} checkpoints agree, signed by ${key === 'given' ? 'a key that you gave' : key === 'log' ? 'the key that the log itself names. That proves less: who made the whole pack up could name any key. Give --vkey or --policy from elsewhere' : 'NO KEY that is known'}`,
    ...(vkey === undefined ? [] : [`    ${visibleLine(vkey)}${rotations > 0 ? `, after ${rotations} rotations` : ''}`]),
    ...(witnessed ? [`    witnessed up to record ${witnessed.size - 1} by ${witnessed.by.length} of ${witnessed.of}: ${visibleLine(witnessed.by.join(', '))}, first at ${witnessed.time}`] : []),
    ...(timestamps > 0 ? [`    ${timestamps} timestamps are about checkpoints that agree; their own signatures are checked with openssl ts -verify`] : []),
    `    ${samples.length} sampled commands proved, ${texts.filter(({ absent }) => absent === undefined).length} of their ${texts.length} texts compared with the records`,
    ...coverage.exceptions.filter(({ found }) => found > 0).map(({ looked, found }) => `    found ${found} x ${looked}`),
  ];
};

const named = (head: string, found: readonly (PackFault | Gap)[], count: number): string[] => [
  ...found.slice(0, NAMED).map((one, i) => `${i === 0 ? `${head}: ` : '  also '}${visibleLine(one.what)}${place(one)}`),
  ...(count > NAMED ? [`  and ${count - NAMED} more`] : []),
];

const place = (one: PackFault & Gap): string => {
  const { file, line, sequence, session, log } = one;
  const parts = [...(file === undefined ? [] : [`${visibleLine(file)}${line === undefined ? '' : ` line ${line}`}`]), ...(sequence === undefined ? [] : [`record ${sequence}`]), ...(session === undefined ? [] : [`session ${visibleLine(session)}`]), ...(file === undefined && log !== undefined ? [`log ${visibleLine(log)}`] : [])];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
};

let shownAt = 0;
const onProgress = (done: number): void => {
  const now = Date.now();
  if (now - shownAt < 100) return;
  shownAt = now;
  process.stderr.write(`\r\u001b[K${Math.floor(100 * done)} %`);
};
