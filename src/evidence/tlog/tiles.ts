/** Tiles of a log's tree and bundles of its entries, byte for byte as c2sp.org/tlog-tiles. */
import { BadTree, HASH_BYTES, nodeHash, type NodeSource } from './merkle.ts';

/** Hashes of a full tile, entries of a full bundle. */
export const TILE_WIDTH = 256;
/** Tree levels in a tile. */
const TILE_HEIGHT = 8;
/** Bytes of a full tile. */
export const TILE_BYTES = TILE_WIDTH * HASH_BYTES;
/** Longest entry: its length is written with 16 bits. */
const MOST_ENTRY = 65_535;
/** Levels beyond this would hold more leaves than a safe integer counts. */
const MOST_LEVEL = 6;

/** A tile: full when its width is 256. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

const indexPath = (index: number, width: number): string => {
  if (!Number.isSafeInteger(index) || index < 0 || !Number.isInteger(width) || width < 1 || width > TILE_WIDTH) throw new BadTree('not a tile');
  let path = String(index % 1000).padStart(3, '0');
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) path = `x${String(rest % 1000).padStart(3, '0')}/${path}`;
  return width === TILE_WIDTH ? path : `${path}.p/${width}`;
};

/** Path of a hash tile below the log's prefix: `tile/0/x001/x234/067`, `tile/0/067.p/12`. */
export const tilePath = ({ level, index, width }: Tile): string => `tile/${level}/${indexPath(index, width)}`;

/** Path of a bundle of entries: `tile/entries/x001/067`. */
export const entriesPath = (index: number, width: number = TILE_WIDTH): string => `tile/entries/${indexPath(index, width)}`;

/** The tile in a tree of `size` leaves that holds hash `index` of tile level `level`. Throws BadTree when the tree has no such hash. */
export const tileWith = (level: number, index: number, size: number): Tile => {
  const hashes = Math.floor(size / TILE_WIDTH ** level);
  if (level < 0 || level > MOST_LEVEL || index < 0 || index >= hashes) throw new BadTree(`a tree of ${size} leaves has no such hash`);
  const tile = Math.floor(index / TILE_WIDTH);
  return { level, index: tile, width: Math.min(TILE_WIDTH, hashes - tile * TILE_WIDTH) };
};

/** The root of 2^n hashes that stand one after the other. */
export const subtreeRoot = (hashes: Buffer): Buffer => {
  let row: Buffer[] = [];
  for (let at = 0; at < hashes.length; at += HASH_BYTES) row.push(hashes.subarray(at, at + HASH_BYTES));
  while (row.length > 1) {
    const above: Buffer[] = [];
    for (let i = 0; i < row.length; i += 2) above.push(nodeHash(row[i] as Buffer, row[i + 1] as Buffer));
    row = above;
  }
  return Buffer.from(row[0] as Buffer);
};

/** Reads a tile that is there. Gives its hashes one after the other; at least `width` of them. */
export type TileReader = (tile: Tile) => Buffer;

/** The nodes of a tree of `size` leaves, out of its tiles. Keeps the last tiles that were used. Throws BadTree for tiles of the wrong length. */
export const nodesOf = (size: number, read: TileReader, kept = 16): NodeSource => {
  const recent = new Map<string, Buffer>();
  const bytesOf = (tile: Tile): Buffer => {
    const name = `${tile.level}/${tile.index}`;
    let bytes = recent.get(name);
    if (!bytes) {
      bytes = read(tile);
      if (bytes.length < tile.width * HASH_BYTES || bytes.length > TILE_BYTES || bytes.length % HASH_BYTES !== 0) throw new BadTree(`${tilePath(tile)} has ${bytes.length} bytes`);
    } else recent.delete(name);
    recent.set(name, bytes);
    if (recent.size > kept) recent.delete(recent.keys().next().value as string);
    return bytes;
  };
  return (level, index) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const count = 2 ** (level % TILE_HEIGHT);
    const tile = tileWith(tileLevel, (index + 1) * count - 1, size);
    const from = (index * count - tile.index * TILE_WIDTH) * HASH_BYTES;
    return subtreeRoot(bytesOf(tile).subarray(from, from + count * HASH_BYTES));
  };
};

/** Puts a bundle together: each entry with its length in 16 bits before it. */
export const formatBundle = (entries: readonly Uint8Array[]): Buffer => {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > MOST_ENTRY) throw new BadTree('an entry is longer than 65,535 bytes');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return Buffer.concat(parts);
};
