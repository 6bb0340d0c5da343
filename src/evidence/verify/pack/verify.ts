import { fromBase64, inHex, type Sha256 } from './bytes.ts';
import { verifyLog } from './log.ts';
import { readManifest, type Manifest } from './manifest.ts';
import type { Trust } from './policy.ts';
import { TooMuchOpen } from './too-much.ts';
import { seedFrom } from './sample.ts';
import { Findings, type LogFindings, type PackVerdict } from './verdict.ts';
import { FileDamaged, openZip, type Zip } from './zip.ts';

export interface PackOptions {
  readonly sha256: Sha256;
  readonly trust: Trust;
  /** Between 0 and 1; awaited, so that a page can draw. */
  readonly onProgress?: (done: number) => Promise<void> | void;
}

/** What is held at once to be hashed as a whole. */
const MOST_WHOLE = 192 * 1024 * 1024;
/** Files of a pack that belong to no log. */
const COMMON = ['manifest.json', 'README.txt', 'soc2/README.txt', 'verify.html'];

/** Verifies a pack. Rejects with NotAPack for what is none, NoEd25519 in a browser that is too old; whatever else is wrong is in the verdict. */
export const verifyPack = async (blob: Blob, { sha256, trust, onProgress }: PackOptions): Promise<PackVerdict> => {
  const zip = await openZip(blob);
  const manifest = await readManifest(zip);
  const findings = new Findings();
  const { fault } = findings;
  const progress = progressOf(zip, manifest, onProgress);
  const damaged = await checkFiles(zip, manifest, sha256, findings, progress.bytes);
  const used = new Set(COMMON);
  const logs: LogFindings[] = [];
  for (const statement of manifest.logs) {
    try {
      const found = await verifyLog({ zip, manifest, statement, trust, sha256, findings, used, damaged, breathe: progress.records });
      if (found) logs.push(found);
    } catch (error) {
      // What cannot be read is named; the other logs are still looked at.
      if (!(error instanceof FileDamaged) && !(error instanceof TooMuchOpen)) throw error;
      if (findings.faultCount === 0 || error instanceof TooMuchOpen) fault({ what: error.message, log: statement.log });
    }
  }
  checkSeed(manifest, sha256, findings);
  if (findings.faultCount === 0) for (const path of used) if (!zip.entries.has(path)) fault({ what: 'a file that every pack has is missing', file: path });
  if (findings.faultCount === 0) for (const path of zip.entries.keys()) if (!used.has(path)) fault({ what: 'a file that no pack has', file: path });
  if (findings.faultCount === 0 && !(await zip.sound(sha256))) fault({ what: 'the zip file was altered after it was made, in a byte that belongs to the content of no file' });
  for (const name of findings.roster) if (!manifest.logs.some(({ log }) => log === name)) findings.gap({ what: 'a log of this deployment is not in the pack', log: name });
  if (trust.quorum) for (const { log, witnessed } of logs) if (!witnessed) findings.gap({ what: 'no checkpoint is cosigned by as many witnesses as the policy asks for', log });
  const missing = findings.gapCount > 0 || logs.length < manifest.logs.length;
  return {
    pack: { made: manifest.made, query: manifest.query },
    integrity: { ok: findings.faultCount === 0, faults: findings.faults, faultCount: findings.faultCount },
    completeness: { verdict: missing ? 'incomplete' : findings.open.length > 0 ? 'open' : 'complete', gaps: findings.gaps, gapCount: findings.gapCount, open: findings.open },
    logs,
    files: zip.entries.size,
  };
};

/** Every file against the manifest. Gives those that are not what it says. */
const checkFiles = async (zip: Zip, { files }: Manifest, sha256: Sha256, { fault }: Findings, read: (bytes: number) => Promise<void>): Promise<Set<string>> => {
  const damaged = new Set<string>();
  for (const path of files.keys()) if (!zip.entries.has(path)) fault({ what: 'the file is missing', file: path });
  for (const path of zip.entries.keys()) {
    const listed = files.get(path);
    if (!listed) {
      if (path !== 'manifest.json') fault({ what: 'the file is not in the manifest: it was added', file: path });
      continue;
    }
    try {
      const { size, digest } = await digestOf(zip, path, sha256, read);
      if (size === listed.size && digest === listed.sha256) continue;
      fault({ what: 'the file is not the one that the manifest names: it was altered', file: path });
    } catch (error) {
      if (!(error instanceof FileDamaged)) throw error;
      fault({ what: error.message, file: path });
    }
    damaged.add(path);
  }
  return damaged;
};

const digestOf = async (zip: Zip, path: string, sha256: Sha256, read: (bytes: number) => Promise<void>): Promise<{ readonly size: number; readonly digest: string }> => {
  if (sha256.whole && (zip.entries.get(path)?.size ?? 0) <= MOST_WHOLE) {
    const bytes = await zip.whole(path, MOST_WHOLE);
    await read(bytes.length);
    return { size: bytes.length, digest: inHex(await sha256.whole(bytes)) };
  }
  const hash = sha256.stream();
  let size = 0;
  for await (const bytes of zip.read(path)) {
    hash.update(bytes);
    size += bytes.length;
    await read(bytes.length);
  }
  return { size, digest: inHex(hash.digest()) };
};

const checkSeed = ({ query, logs }: Manifest, sha256: Sha256, { fault }: Findings): void => {
  if (query.seedGiven) return;
  const roots = logs.map(({ closing }) => fromBase64(closing.root) ?? new Uint8Array(0));
  if (seedFrom(roots, sha256) !== query.seed) fault({ what: 'the seed is said to be made from the closing roots, and is not', file: 'manifest.json' });
};

/** All bytes are read once and all records looked at once more: half of the work each. */
const progressOf = (zip: Zip, { logs }: Manifest, onProgress: PackOptions['onProgress']): { readonly bytes: (count: number) => Promise<void>; readonly records: (count: number) => Promise<void> } => {
  const allBytes = [...zip.entries.values()].reduce((sum, { size }) => sum + size, 1);
  const allRecords = logs.reduce((sum, { opening, closing }) => sum + Math.max(0, closing.size - opening.size), 1);
  let [bytes, records] = [0, 0];
  const tell = async (): Promise<void> => onProgress?.(Math.min(1, bytes / allBytes / 4 + (3 * records) / allRecords / 4));
  return {
    bytes: (count) => {
      bytes += count;
      return tell();
    },
    records: (count) => {
      records += count;
      return tell();
    },
  };
};
