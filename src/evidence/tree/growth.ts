import { CompactEdge, HASH_BYTES, type NodeSource } from '../tlog/merkle.ts';
import { TILE_BYTES, TILE_WIDTH, type Tile } from '../tlog/tiles.ts';

interface Partial {
  readonly bytes: Buffer;
  index: number;
  width: number;
}

/** A growing tree: its edge, and at each tile level the hashes of the tile that is not full yet. Takes the same memory however large it is. */
export class Growth {
  readonly #full: (tile: Tile, bytes: Buffer) => void;
  #edge = new CompactEdge();
  readonly #partials: Partial[] = [];

  /** `full` hears of each tile when it is full; the bytes are its own. */
  constructor(full: (tile: Tile, bytes: Buffer) => void) {
    this.#full = full;
  }

  /** Begins at a size that is a multiple of 256, whose tiles are there. */
  static at(size: number, nodes: NodeSource, full: (tile: Tile, bytes: Buffer) => void): Growth {
    const growth = new Growth(full);
    growth.#edge = CompactEdge.at(size, nodes);
    for (let level = 0, hashes = size; hashes > 0; level += 1, hashes = Math.floor(hashes / TILE_WIDTH)) {
      const index = Math.floor(hashes / TILE_WIDTH);
      const partial = { bytes: Buffer.alloc(TILE_BYTES), index, width: hashes % TILE_WIDTH };
      for (let i = 0; i < partial.width; i += 1) nodes(level * 8, index * TILE_WIDTH + i).copy(partial.bytes, i * HASH_BYTES);
      growth.#partials.push(partial);
    }
    return growth;
  }

  get size(): number {
    return this.#edge.size;
  }

  root(): Buffer {
    return this.#edge.root();
  }

  push(leaf: Buffer): void {
    this.#edge.push(leaf, this.#completed);
  }

  /** The tiles that are not full, as they stand now. */
  *partial(): Generator<{ readonly tile: Tile; readonly bytes: Buffer }, void, undefined> {
    for (const [level, { bytes, index, width }] of this.#partials.entries()) {
      if (width > 0) yield { tile: { level, index, width }, bytes: bytes.subarray(0, width * HASH_BYTES) };
    }
  }

  readonly #completed = (level: number, node: Buffer): void => {
    if (level % 8 !== 0) return;
    const tileLevel = level / 8;
    let partial = this.#partials[tileLevel];
    if (!partial) {
      partial = { bytes: Buffer.alloc(TILE_BYTES), index: 0, width: 0 };
      this.#partials[tileLevel] = partial;
    }
    node.copy(partial.bytes, partial.width * HASH_BYTES);
    partial.width += 1;
    if (partial.width < TILE_WIDTH) return;
    this.#full({ level: tileLevel, index: partial.index, width: TILE_WIDTH }, Buffer.from(partial.bytes));
    partial.index += 1;
    partial.width = 0;
  };
}
