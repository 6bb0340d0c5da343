import { dirname } from 'node:path';
import { readSmall, replaceFile, type Disk } from '../disk.ts';
import { BadTree } from '../tlog/merkle.ts';
import { subtreeRoot, TILE_BYTES, TILE_WIDTH, tilePath, type Tile, type TileReader } from '../tlog/tiles.ts';

/** Tiles that could not be written and are tried again; more than that are left to the next check of the whole log. */
const MOST_WAITING = 512;

/**
 * The full tiles of a log's tree on disk, under its folder `tlog/`. They are derived from the records: not synced, and made again
 * when they are missing or wrong. What is read here is proved by the root that it leads to, not trusted.
 */
export class TileStore {
  readonly #disk: Disk;
  readonly #folder: string;
  #made = '';
  readonly #waiting: { readonly tile: Tile; readonly bytes: Buffer }[] = [];

  constructor(disk: Disk, logFolder: string) {
    this.#disk = disk;
    this.#folder = `${logFolder}/tlog`;
  }

  /** Writes a full tile. What the disk does not take is kept for `retry`. */
  readonly write = (tile: Tile, bytes: Buffer): void => {
    try {
      this.#write(tile, bytes);
    } catch {
      if (this.#waiting.length < MOST_WAITING) this.#waiting.push({ tile, bytes });
    }
  };

  /** Tries again what could not be written. Throws what the disk says. */
  retry(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      this.#write(next.tile, next.bytes);
      this.#waiting.shift();
    }
  }

  /** Reads a tile, a partial one of level 1 and above by the full ones below it. Throws BadTree when it is not there. */
  readonly read: TileReader = (tile) => {
    if (tile.width === TILE_WIDTH) {
      const found = this.full(tile);
      if (found) return found;
      throw new BadTree(`${tilePath(tile)} is missing or has not ${TILE_BYTES} bytes`);
    }
    if (tile.level === 0) throw new BadTree(`${tilePath(tile)} is not kept`);
    return Buffer.concat(Array.from({ length: tile.width }, (_, i) => subtreeRoot(this.read({ level: tile.level - 1, index: tile.index * TILE_WIDTH + i, width: TILE_WIDTH }))));
  };

  /** A full tile's bytes, or undefined when there is none of the right length. */
  full(tile: Tile): Buffer | undefined {
    const path = `${this.#folder}/${tilePath(tile)}`;
    try {
      const bytes = readSmall(this.#disk, path, TILE_BYTES);
      return bytes.length === TILE_BYTES ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  #write(tile: Tile, bytes: Buffer): void {
    const path = `${this.#folder}/${tilePath(tile)}`;
    const folder = dirname(path);
    if (folder !== this.#made) {
      this.#disk.makeFolder(folder);
      this.#made = folder;
    }
    replaceFile(this.#disk, folder, path.slice(folder.length + 1), bytes, false);
  }
}
