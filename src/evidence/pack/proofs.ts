import type { Disk } from '../disk.ts';
import { leavesOf } from '../tree/leaves.ts';
import { nodesByRecords } from '../tree/nodes-by-records.ts';
import { TileStore } from '../tree/tile-store.ts';
import { BadTree, consistencyProof, inclusionProof, leafHash, nodeHash, verifyConsistency, verifyInclusion, type NodeSource } from '../tlog/merkle.ts';
import { nodesOf, TILE_WIDTH, type TileReader } from '../tlog/tiles.ts';
import { NotWritten } from './zip-file.ts';

/** What a pack proves with one tree. */
export interface Wanted {
  readonly opening: { readonly size: number; readonly root: Buffer } | undefined;
  readonly closing: { readonly size: number; readonly root: Buffer };
  /** Records to be proved, by sequence, with their leaf hashes. */
  readonly leaves: ReadonlyMap<number, Buffer>;
}

export interface Proved {
  /** Roots of the complete subtrees that the tree of the opening checkpoint is made of, the largest first. */
  readonly edge: readonly Buffer[];
  readonly consistency: readonly Buffer[];
  readonly paths: ReadonlyMap<number, readonly Buffer[]>;
}

/** Makes the proofs out of the log's tiles; where they are missing or wrong, out of all records. Rejects with NotWritten when the records are not those that were signed. */
export const proofsOf = async (disk: Disk, folder: string, wanted: Wanted): Promise<Proved> => (await byTiles(disk, folder, wanted)) ?? byRecords(disk, folder, wanted);

const make = ({ opening, closing, leaves }: Wanted, nodes: NodeSource): Proved => ({
  edge: opening ? edgeOf(opening.size, nodes) : [],
  consistency: opening ? consistencyProof(opening.size, closing.size, nodes) : [],
  paths: new Map([...leaves.keys()].map((index) => [index, inclusionProof(index, closing.size, nodes)])),
});

const holds = ({ opening, closing, leaves }: Wanted, { edge, consistency, paths }: Proved): boolean =>
  (!opening || (rootOfEdge(edge).equals(opening.root) && verifyConsistency(opening.size, opening.root, closing.size, closing.root, consistency))) &&
  [...leaves].every(([index, leaf]) => verifyInclusion(index, closing.size, leaf, paths.get(index) ?? [], closing.root));

const edgeOf = (size: number, nodes: NodeSource): Buffer[] => {
  const edge: Buffer[] = [];
  let begin = 0;
  for (let level = 53; level >= 0; level -= 1) {
    const width = 2 ** level;
    if (Math.floor(size / width) % 2 === 0) continue;
    edge.push(nodes(level, begin / width));
    begin += width;
  }
  return edge;
};

const rootOfEdge = (edge: readonly Buffer[]): Buffer => edge.reduceRight((root, node) => nodeHash(node, root));

const byTiles = async (disk: Disk, folder: string, wanted: Wanted): Promise<Proved | undefined> => {
  const { size } = wanted.closing;
  const last = new Map<number, Buffer>();
  for await (const { sequence, bytes } of leavesOf(disk, folder, Math.floor(size / TILE_WIDTH) * TILE_WIDTH, size)) last.set(sequence, leafHash(bytes));
  const tiles = new TileStore(disk, folder);
  const read: TileReader = (tile) => {
    if (tile.level > 0 || tile.width === TILE_WIDTH) return tiles.read(tile);
    return Buffer.concat(Array.from({ length: tile.width }, (_, i) => last.get(tile.index * TILE_WIDTH + i) as Buffer));
  };
  try {
    const proved = make(wanted, nodesOf(size, read));
    return holds(wanted, proved) ? proved : undefined;
  } catch (error) {
    if (error instanceof BadTree) return undefined;
    throw error;
  }
};

const byRecords = async (disk: Disk, folder: string, wanted: Wanted): Promise<Proved> => {
  const { size, root } = wanted.closing;
  const found = await nodesByRecords(disk, folder, size, (ask) => void make(wanted, ask));
  const proved = make(wanted, found.nodes);
  if (!found.root.equals(root) || !holds(wanted, proved)) throw new NotWritten(`the first ${size} records in ${folder} are not those that were signed: run "wicketgate evidence verify"`);
  return proved;
};
