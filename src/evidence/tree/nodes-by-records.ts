import type { Disk } from '../disk.ts';
import { CompactEdge, leafHash, rootAt, type NodeSource } from '../tlog/merkle.ts';
import { leavesOf } from './leaves.ts';

/** Reads the first `size` records once and keeps the few nodes that `proofs` asks for. Gives their tree's root with them. */
export const nodesByRecords = async (disk: Disk, folder: string, size: number, proofs: (ask: NodeSource) => void): Promise<{ readonly root: Buffer; readonly nodes: NodeSource }> => {
  const needed = new Map<string, Buffer>();
  const unknown = Buffer.alloc(32);
  const ask: NodeSource = (level, index) => {
    needed.set(`${level}/${index}`, unknown);
    return unknown;
  };
  proofs(ask);
  rootAt(size, ask);
  const edge = new CompactEdge();
  const completed = (level: number, node: Buffer): void => {
    // The subtree that was just completed ends with the leaf that is being pushed.
    const name = `${level}/${Math.floor(edge.size / 2 ** level)}`;
    if (needed.has(name)) needed.set(name, Buffer.from(node));
  };
  for await (const { bytes } of leavesOf(disk, folder, 0, size)) edge.push(leafHash(bytes), completed);
  return { root: edge.root(), nodes: (level, index) => needed.get(`${level}/${index}`) as Buffer };
};
