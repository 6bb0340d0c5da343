import { dirname } from 'node:path';
import { readSmall, replaceFile, type Disk } from '../disk.ts';
import { logName } from '../read.ts';
import { parseCheckpointText } from '../tlog/checkpoint.ts';
import { leafHash } from '../tlog/merkle.ts';
import { parseNote } from '../tlog/note.ts';
import { entriesPath, formatBundle, TILE_WIDTH, tilePath, type Tile } from '../tlog/tiles.ts';
import { Growth } from './growth.ts';
import { leavesOf } from './leaves.ts';
import { shownCheckpoints } from './published.ts';
import { NotProved } from './prove.ts';

export interface Published {
  readonly log: string;
  readonly size: number;
  readonly files: number;
}

/**
 * Writes a log as a static folder in the form of c2sp.org/tlog-tiles: checkpoint, all hash tiles, all bundles of entries, for the newest
 * signed checkpoint. Any web server can serve it, and any client of tiled logs can read it. The checkpoint goes last, so that an
 * interrupted run leaves an older one that is still right. Rejects with NotProved when the records are not those that were signed.
 */
export const publishLog = async (disk: Disk, folder: string, out: string, onProgress?: (records: number, of: number) => void): Promise<Published> => {
  const log = logName(folder, disk);
  const { newest: note } = shownCheckpoints(disk, folder);
  if (note === undefined) throw new NotProved(`${folder} shows no signed checkpoint`);
  const checkpoint = parseCheckpointText(parseNote(note).text);
  if (checkpoint.origin !== log) throw new NotProved(`the checkpoint in ${folder} is of another log`);
  refuseForeign(disk, out, log);
  const writer = new FolderWriter(disk, out);
  const growth = new Growth((tile, bytes) => writer.tile(tile, bytes));
  let bundle: Buffer[] = [];
  for await (const { sequence, bytes } of leavesOf(disk, folder, 0, checkpoint.size)) {
    growth.push(leafHash(bytes));
    bundle.push(bytes);
    if (bundle.length < TILE_WIDTH) continue;
    writer.file(entriesPath(Math.floor(sequence / TILE_WIDTH)), formatBundle(bundle));
    bundle = [];
    onProgress?.(sequence + 1, checkpoint.size);
  }
  if (!growth.root().equals(checkpoint.root)) throw new NotProved(`the first ${checkpoint.size} records in ${folder} are not those that were signed: run "wicketgate evidence verify"`);
  if (bundle.length > 0) writer.file(entriesPath(Math.floor(checkpoint.size / TILE_WIDTH), bundle.length), formatBundle(bundle));
  for (const { tile, bytes } of growth.partial()) writer.tile(tile, bytes);
  writer.file('checkpoint', Buffer.from(note, 'utf8'));
  return { log, size: checkpoint.size, files: writer.files };
};

const refuseForeign = (disk: Disk, out: string, log: string): void => {
  if (!disk.exists(out)) return;
  if (!disk.exists(`${out}/checkpoint`)) {
    if (disk.list(out).length > 0) throw new NotProved(`${out} is not empty and holds no checkpoint: nothing is written among other files`);
    return;
  }
  const { origin } = parseCheckpointText(parseNote(readSmall(disk, `${out}/checkpoint`, 256 * 1024)).text);
  if (origin !== log) throw new NotProved(`${out} holds another log: ${JSON.stringify(origin)}`);
};

class FolderWriter {
  readonly #disk: Disk;
  readonly #out: string;
  readonly #made = new Set<string>();
  files = 0;

  constructor(disk: Disk, out: string) {
    this.#disk = disk;
    this.#out = out;
  }

  tile(tile: Tile, bytes: Buffer): void {
    this.file(tilePath(tile), bytes);
  }

  file(path: string, bytes: Buffer): void {
    const whole = `${this.#out}/${path}`;
    const folder = dirname(whole);
    if (!this.#made.has(folder)) this.#disk.makeFolder(folder);
    this.#made.add(folder);
    replaceFile(this.#disk, folder, whole.slice(folder.length + 1), bytes, false);
    this.files += 1;
  }
}
