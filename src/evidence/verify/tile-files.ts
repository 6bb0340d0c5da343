/** Compares the hash tiles of a log folder (C2SP tlog-tiles) with the hashes computed from its records. */
import * as fs from 'node:fs';
import { statOf } from './stat.ts';
import type { Digest } from './tree.ts';
import type { Fault } from './verdict.ts';

const WIDTH = 256;
const HASH = 32;
const FULL = WIDTH * HASH;
const NAMED = 20;
const MOST_TILES = 2 ** 40;

/** One level: the hashes since its last full tile. */
interface Level {
  readonly hashes: Buffer;
  /** Hashes in the tile that is being filled. */
  filled: number;
  /** Full tiles so far: the index of the one being filled. */
  tiles: number;
  /** Tiles not found, with none found behind them: not written yet, perhaps. */
  absent: number;
}

/** Compares the tiles beside a log with the hashes that its records have, as they are read. */
export class TileFiles {
  readonly #folder: string;
  readonly #levels: Level[] = [];
  readonly faults: Fault[] = [];
  /** There are tiles to compare with. */
  readonly present: boolean;
  compared = 0;
  missing = 0;
  /** Full tiles of level 0 at the beginning: a log in use grows while it is read. */
  readonly #full: number;

  constructor(folder: string) {
    this.#folder = `${folder}/tlog/tile`;
    this.present = statOf(this.#folder)?.isDirectory() === true;
    this.#full = this.present ? this.#countFull() : 0;
  }

  /** The next hash of a level. */
  take(level: number, digest: Digest): void {
    const at = (this.#levels[level] ??= { hashes: Buffer.alloc(FULL), filled: 0, tiles: 0, absent: 0 });
    at.hashes.write(digest, at.filled * HASH, HASH, 'latin1');
    at.filled += 1;
    if (at.filled < WIDTH) return;
    const found = this.#compare(level, at, tilePath(at.tiles), FULL);
    if (found) {
      this.compared += 1;
      this.missing += at.absent;
      at.absent = 0;
    } else {
      at.absent += 1;
    }
    at.filled = 0;
    at.tiles += 1;
  }

  /** The records are at their end. Gives a sentence when tiles tell of records behind it. */
  finish(): string | undefined {
    for (const [level, at] of this.#levels.entries()) this.#comparePartial(level, at);
    return this.#full > (this.#levels[0]?.tiles ?? 0) ? `there are ${this.#full} full tiles, of ${this.#full * WIDTH} records` : undefined;
  }

  /** How many full tiles level 0 has, when none is missing between them. */
  #countFull(): number {
    const there = (index: number): boolean => (statOf(`${this.#folder}/0/${tilePath(index)}`)?.size ?? 0) > 0;
    let [some, none] = [0, 1];
    while (there(none - 1) && none < MOST_TILES) [some, none] = [none, none * 2];
    while (none - some > 1) {
      const middle = Math.floor((some + none) / 2);
      if (there(middle - 1)) some = middle;
      else none = middle;
    }
    return some;
  }

  /** Tiles of the right edge, in any width up to what there is. */
  #comparePartial(level: number, at: Level): void {
    const path = `${tilePath(at.tiles)}.p`;
    for (let width = 1; width <= at.filled; width += 1) if (this.#compare(level, at, `${path}/${width}`, width * HASH)) this.compared += 1;
  }

  /** Whether the file is there. What is wrong with it is a fault. */
  #compare(level: number, { hashes, tiles }: Level, path: string, length: number): boolean {
    const file = `${this.#folder}/${level}/${path}`;
    const stat = statOf(file);
    if (!stat) return false;
    const segment = `tlog/tile/${level}/${path}`;
    // A power cut leaves a file that was not synced without its bytes.
    if (stat.isFile() && stat.size === 0) return false;
    if (!stat.isFile() || stat.size !== length) {
      this.#fault({ what: `${segment} is no tile of ${length} bytes`, segment });
      return true;
    }
    const bytes = readOf(file);
    if (!bytes) {
      this.#fault({ what: `${segment} cannot be read`, segment });
      return true;
    }
    if (bytes.equals(hashes.subarray(0, length))) return true;
    if (bytes.every((byte) => byte === 0)) return false;
    let at = 0;
    while (at < length - 1 && bytes[at] === hashes[at]) at += 1;
    const hash = tiles * WIDTH + Math.floor(at / HASH);
    const covers = WIDTH ** level;
    this.#fault({ what: `${segment} does not agree with the records: its hash ${Math.floor(at / HASH)} is another${level > 0 ? ` than that of records ${hash * covers} to ${(hash + 1) * covers - 1}` : ''}`, segment, sequence: hash * covers });
    return true;
  }

  #fault(fault: Fault): void {
    if (this.faults.length < NAMED) this.faults.push(fault);
  }
}

/** `x001/x234/067` for tile 1,234,067. */
const tilePath = (index: number): string => {
  let path = String(index % 1000).padStart(3, '0');
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) path = `x${String(rest % 1000).padStart(3, '0')}/${path}`;
  return path;
};

const readOf = (path: string): Buffer | undefined => {
  try {
    return fs.readFileSync(path);
  } catch {
    return undefined;
  }
};
