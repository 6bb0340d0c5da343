import * as fs from 'node:fs';
import { version } from '../../build.ts';
import { nodeDisk } from '../node-disk.ts';
import type { BodyOpener } from '../unseal.ts';
import { packLog, surveyLog, type PackedLog } from './log-part.ts';
import { periodOf, type Period } from './period.ts';
import { clearLeftFolders, makePartsFolder } from './parts-folder.ts';
import { readme, soc2 } from './readme.ts';
import { seedOf } from './sample.ts';
import { ZipFile } from './zip-file.ts';

/** Most commands that are sampled of a log. */
export const MOST_SAMPLED = 1000;

/** What a pack says about itself. */
export interface Manifest {
  readonly format: 'wicketgate-evidence-pack';
  readonly version: 1;
  readonly made: { readonly at: string; readonly by: string; readonly with: string };
  readonly query: { readonly from: string; readonly to: string; readonly seed: string; readonly seedGiven: boolean; readonly sample: number; readonly bodies: boolean };
  readonly logs: readonly PackedLog[];
  /** The place of the mapping to the SOC 2 criteria. This version makes none. */
  readonly soc2: { readonly mapping: null };
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
}

export interface PackRequest {
  /** Folders of logs. */
  readonly folders: readonly string[];
  /** RFC 3339, UTC, milliseconds: from inclusive, to exclusive. */
  readonly from: string;
  readonly to: string;
  /** Of the auditor; without one it is made from the closing roots. */
  readonly seed: string | undefined;
  readonly sample: number;
  /** Opens the bodies of the sampled commands; without it they stay sealed and only their commitments are shown. */
  readonly opener: BodyOpener | undefined;
  readonly by: string;
  readonly out: string;
  readonly now: Date;
  /** Gives up, and leaves nothing. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void;
}

/** The records of the period in each log: for the record of the export, before anything is written. */
export const periodsOf = (folders: readonly string[], from: string, to: string): Promise<Period[]> => Promise.all(folders.map((folder) => periodOf(nodeDisk, folder, from, to)));

/**
 * Writes a pack; nothing is left when it cannot. What a killed one has left is cleared by the next in its folder. Rejects with NotWritten, what the
 * disk says, or the reason of the signal.
 */
export const exportPack = async (request: PackRequest, periods: readonly Period[]): Promise<Manifest> => {
  const { folders, from, to, seed: given, sample, opener, by, out, now, signal, onProgress } = request;
  clearLeftFolders(out);
  // First, since it says whose the draft is.
  const spool = makePartsFolder(out);
  let draft: ZipFile | undefined;
  try {
    const zip = (draft = new ZipFile(out));
    // Each record is read twice: to survey, and to write.
    const of = 2 * periods.reduce((sum, { first, end }) => sum + end - first, 0);
    let done = 0;
    const count = (records: number): void => {
      done += records;
      signal?.throwIfAborted();
      if (done % 1000 === 0) onProgress?.({ done, of: Math.max(of, done) });
    };
    const surveyed = [];
    for (const [i, folder] of folders.entries()) surveyed.push(await surveyLog(folder, periods[i] as Period, to, count));
    const seed = given ?? seedOf(surveyed.map(({ chosen }) => chosen.closing.root));
    const logs: PackedLog[] = [];
    for (const [i, log] of surveyed.entries()) logs.push(await packLog(zip, `logs/${i}`, `${spool}/${i}`, log, { seed, sample, opener, onProgress: count }));
    const about = {
      format: 'wicketgate-evidence-pack',
      version: 1,
      made: { at: now.toISOString(), by, with: `wicketgate ${version}` },
      query: { from, to, seed, seedGiven: given !== undefined, sample, bodies: opener !== undefined },
      logs,
      soc2: { mapping: null },
    } as const;
    zip.add('README.txt', (stream) => stream.write(readme(about)));
    zip.add('soc2/README.txt', (stream) => stream.write(soc2));
    zip.add('verify.html', (stream) => stream.write(fs.readFileSync(new URL('./verify.html', import.meta.url))));
    const manifest: Manifest = { ...about, files: zip.entries.map(({ path, size, sha256 }) => ({ path, size, sha256 })) };
    zip.add('manifest.json', (stream) => stream.write(`${JSON.stringify(manifest, null, 2)}\n`));
    zip.finish();
    return manifest;
  } catch (error) {
    draft?.abandon();
    throw error;
  } finally {
    fs.rmSync(spool, { recursive: true, force: true });
  }
};
