import { isCount, isObject } from './bytes.ts';
import { FileDamaged, NotAPack, PackAltered, type Zip } from './zip.ts';

const MOST_MANIFEST = 16 * 1024 * 1024;
const VERSION = 1;
const MOST_LOGS = 1000;
const HEX = /^[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** What a pack says of one log. All of it is compared with the records. */
export interface LogStatement {
  readonly folder: string;
  readonly log: string;
  readonly opening: { readonly size: number; readonly root: string | null };
  readonly closing: { readonly size: number; readonly root: string };
  readonly period: { readonly first: number; readonly end: number };
  readonly behind: number;
  readonly rows: Readonly<Record<string, number>>;
  readonly sampled: number;
}

export interface Manifest {
  readonly made: { readonly at: string; readonly by: string; readonly with: string };
  readonly query: { readonly from: string; readonly to: string; readonly seed: string; readonly seedGiven: boolean; readonly sample: number; readonly bodies: boolean };
  readonly logs: readonly LogStatement[];
  readonly files: ReadonlyMap<string, { readonly size: number; readonly sha256: string }>;
}

/** Reads the manifest. Throws PackAltered for what is none, NotAPack for a newer version. */
export const readManifest = async (zip: Zip): Promise<Manifest> => {
  if (!zip.entries.has('manifest.json')) throw new PackAltered('its manifest.json is missing');
  const text = await zip.text('manifest.json', MOST_MANIFEST).catch((error: unknown) => {
    throw error instanceof FileDamaged ? new PackAltered(`it was altered: ${error.message}`, { cause: error }) : error;
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new PackAltered('its manifest.json is not JSON');
  }
  if (!isObject(value) || value['format'] !== 'wicketgate-evidence-pack') throw new PackAltered('its manifest.json is not that of an evidence pack');
  const { version } = value;
  if (!isCount(version) || version < VERSION) throw new PackAltered('its manifest.json has no version that there ever was');
  if (version > VERSION) throw new NotAPack(`it is of version ${version}; this verifier reads version ${VERSION}: use the one that came with the pack, or a newer one`);
  const manifest = shaped(value);
  if (!manifest) throw new PackAltered('its manifest.json is malformed');
  return manifest;
};

const shaped = ({ made, query, logs, files }: Readonly<Record<string, unknown>>): Manifest | undefined => {
  if (!isObject(made) || !strings(made, 'at', 'by', 'with')) return undefined;
  if (!isObject(query) || !strings(query, 'from', 'to', 'seed') || !TIME.test(query['from'] as string) || !TIME.test(query['to'] as string)) return undefined;
  if (typeof query['seedGiven'] !== 'boolean' || typeof query['bodies'] !== 'boolean' || !isCount(query['sample']) || query['sample'] > 1000) return undefined;
  if (!Array.isArray(logs) || logs.length === 0 || logs.length > MOST_LOGS || !logs.every((log, i) => isStatement(log, i))) return undefined;
  if (!Array.isArray(files)) return undefined;
  const listed = new Map<string, { size: number; sha256: string }>();
  for (const file of files as unknown[]) {
    if (!isObject(file) || typeof file['path'] !== 'string' || !isCount(file['size']) || typeof file['sha256'] !== 'string' || !HEX.test(file['sha256']) || listed.has(file['path'])) return undefined;
    listed.set(file['path'], { size: file['size'], sha256: file['sha256'] });
  }
  return { made: made as Manifest['made'], query: query as unknown as Manifest['query'], logs: logs as LogStatement[], files: listed };
};

const strings = (of: Readonly<Record<string, unknown>>, ...names: readonly string[]): boolean => names.every((name) => typeof of[name] === 'string');

const isStatement = (value: unknown, i: number): boolean => {
  if (!isObject(value) || value['folder'] !== `logs/${i}` || typeof value['log'] !== 'string') return false;
  const { opening, closing, period, rows } = value;
  if (!isObject(opening) || !isCount(opening['size']) || (opening['root'] !== null && typeof opening['root'] !== 'string')) return false;
  if (!isObject(closing) || !isCount(closing['size']) || typeof closing['root'] !== 'string') return false;
  if (!isObject(period) || !isCount(period['first']) || !isCount(period['end'])) return false;
  return isObject(rows) && Object.values(rows).every(isCount) && isCount(value['behind']) && isCount(value['sampled']);
};
