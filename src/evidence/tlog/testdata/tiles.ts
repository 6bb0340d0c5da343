import { BadTree } from '../merkle.ts';
import { TILE_WIDTH, type Tile } from '../tiles.ts';

/** The tiles of a tree of `size` leaves, level by level, each level's partial one last. */
export function* tilesOf(size: number): Generator<Tile, void, undefined> {
  for (let level = 0, hashes = size; hashes > 0; level += 1, hashes = Math.floor(hashes / TILE_WIDTH)) {
    const full = Math.floor(hashes / TILE_WIDTH);
    for (let index = 0; index < full; index += 1) yield { level, index, width: TILE_WIDTH };
    if (hashes % TILE_WIDTH > 0) yield { level, index: full, width: hashes % TILE_WIDTH };
  }
}

/** Takes a bundle apart: views into it. Throws BadTree when it does not end with an entry or has more than 256. */
export const parseBundle = (bundle: Buffer): Buffer[] => {
  const entries: Buffer[] = [];
  for (let at = 0; at < bundle.length; ) {
    const end = at + 2 <= bundle.length ? at + 2 + bundle.readUInt16BE(at) : Number.POSITIVE_INFINITY;
    if (end > bundle.length || entries.length === TILE_WIDTH) throw new BadTree('not a bundle of at most 256 entries');
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return entries;
};
