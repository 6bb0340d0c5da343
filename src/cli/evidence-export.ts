import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { Option, type Command } from 'commander';
import { allLogFolders } from '../evidence/folders.ts';
import { exportPack, MOST_SAMPLED, periodsOf, type Manifest } from '../evidence/pack/export.ts';
import { NotWritten } from '../evidence/pack/zip-file.ts';
import { openBodies } from '../evidence/unseal.ts';
import { recordAccess } from './access.ts';
import { recordedIn, visibleLine, withRecordedOptions, wrongUse, type RecordedOptions } from './recorded.ts';
import { whoAsks } from './who.ts';

interface ExportOptions extends RecordedOptions {
  readonly from: string;
  readonly to: string;
  readonly seed?: string;
  readonly sample: string;
  readonly out: string;
}

const MOST_SEED = 1024;

/** `wicketgate evidence export`: exit code 0 written, 1 not, 2 wrong use. */
export function registerEvidenceExport(evidence: Command): void {
  withRecordedOptions(evidence.command('export').description('write the evidence of a period as one zip file that an auditor can verify alone, offline'))
    .requiredOption('--from <time>', 'the first moment of the period: a UTC day as in 2026-11-01, or a time as in 2026-11-01T08:00Z')
    .requiredOption('--to <time>', 'the first moment behind it')
    .option('--seed <text>', 'what the auditor says, to draw the sample by; without it the closing root is used')
    .addOption(new Option('--sample <count>', `commands that are sampled of each log, up to ${MOST_SAMPLED}`).default('25'))
    .requiredOption('--out <file>', 'the zip file; one that is there is not overwritten')
    .action(run);
}

const run = async (options: ExportOptions): Promise<void> => {
  const { seed, out } = options;
  const [from, to] = [moment(options.from), moment(options.to)];
  const sample = Number(options.sample);
  if (from === undefined || to === undefined) return wrongUse('--from and --to take a UTC day (2026-11-01) or a time with its zone (2026-11-01T08:00Z)');
  if (from >= to) return wrongUse('--from must be before --to');
  if (!/^\d+$/.test(options.sample) || sample > MOST_SAMPLED) return wrongUse(`--sample is a number from 0 to ${MOST_SAMPLED}`);
  if (seed !== undefined && (seed === '' || seed.length > MOST_SEED || !seed.isWellFormed())) return wrongUse(`--seed is a text of at most ${MOST_SEED} characters`);
  if (!existsSync(dirname(out))) return wrongUse(`${visibleLine(dirname(out))} does not exist`);
  const recorded = await recordedIn(options);
  if (!recorded) return undefined;
  const stopped = new AbortController();
  const forget = onSignals((signal) => stopped.abort(new Stopped(signal)));
  try {
    const opener = recorded.keys === undefined ? undefined : openBodies(recorded.keys);
    // Also logs that were set aside: the period may reach over.
    const found = allLogFolders(recorded.data);
    const folders = found.length > 0 ? found : recorded.folders;
    const periods = await periodsOf(folders, from, to);
    const count = periods.reduce((sum, { first, end }) => sum + end - first, 0);
    const told = { from, to, sample: options.sample, ...(seed === undefined ? {} : { seed }) };
    // Populations say who did what, also without keys: every export is recorded.
    if (!(await recordAccess({ ...recorded, keys: recorded.keys ?? 'none' }, { act: 'export', by: whoAsks(), filters: told, count }))) return undefined;
    const manifest = await exportPack({ folders, from, to, seed, sample, opener, by: whoAsks(), out, now: new Date(), signal: stopped.signal, ...(process.stderr.isTTY ? { onProgress } : {}) }, periods);
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    process.stdout.write(options.json ? `${JSON.stringify({ out, ...manifest, files: manifest.files.length })}\n` : described(out, manifest));
  } catch (error) {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    process.stderr.write(`${error instanceof NotWritten || error instanceof Stopped ? '' : 'the pack cannot be written: '}${visibleLine((error as Error).message)}\n`);
    process.exitCode = error instanceof Stopped ? 128 + constants.signals[error.signal] : 1;
  } finally {
    forget();
  }
  return undefined;
};

/** Somebody ended it: nothing is left of it. */
class Stopped extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`stopped by ${signal}: nothing is left of the pack`);
    this.signal = signal;
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Once: a second one ends the program at once, and the next export clears what is left. */
const onSignals = (act: (signal: NodeJS.Signals) => void): (() => void) => {
  for (const signal of SIGNALS) process.once(signal, act);
  return () => {
    for (const signal of SIGNALS) process.off(signal, act);
  };
};

/** In the one form that records have. */
const moment = (text: string): string | undefined => {
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
};

const described = (out: string, { query, logs, files }: Manifest): string => {
  const lines = logs.map(
    ({ log, period, rows, sampled, opening, closing, behind }) =>
      `  ${visibleLine(log)}: ${period.end > period.first ? `records ${period.first} to ${period.end - 1}` : 'no records in the period'}, ${rows['sessions']} sessions, ${rows['commands']} commands, ${rows['refusals']} refusals; ${sampled} sampled\n` +
      `    from the checkpoint over ${opening.size} to the one over ${closing.size} records, root ${closing.root}${behind > 0 ? `; ${behind} records behind it are not in the pack, as no checkpoint covers them` : ''}\n`,
  );
  return `${visibleLine(out)}: ${query.from} to ${query.to}, ${files.length} files\n${lines.join('')}  seed ${query.seedGiven ? `"${visibleLine(query.seed)}"` : `${query.seed}, made from the closing roots as none was given`}${query.bodies ? '' : '; no keys were given, so the recorded texts are not in it'}\n`;
};

const WIDTH = 30;
let shownAt = 0;
const onProgress = ({ done, of }: { readonly done: number; readonly of: number }): void => {
  const now = Date.now();
  if (now - shownAt < 100) return;
  shownAt = now;
  const filled = Math.min(WIDTH, Math.floor((WIDTH * done) / Math.max(1, of)));
  process.stderr.write(`\r\u001b[K[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${Math.floor((100 * Math.min(done, of)) / Math.max(1, of))} %`);
};
