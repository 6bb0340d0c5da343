import { randomInt } from 'node:crypto';
import { KEK_FILE } from '../keys.ts';
import { nodeDisk } from '../node-disk.ts';
import { leafHash, rootFromInclusion, inclusionProof } from '../tlog/merkle.ts';
import { nodesOf, TILE_WIDTH, tilePath } from '../tlog/tiles.ts';
import { verify } from '../verify/verify.ts';
import { Growth } from './growth.ts';
import { leavesOf } from './leaves.ts';
import { TileStore } from './tile-store.ts';

/** What is to be checked: the tree of `size` records, whose signed root (base64) is known. */
export interface CheckRequest {
  readonly scope: 'sample' | 'full';
  readonly folder: string;
  readonly size: number;
  readonly root: string;
  /** The keys folder: with its key in clear, the whole check opens the sealed bodies as well. */
  readonly keysFolder: string;
}

/** `found`: what is wrong; with `ok`, what was put right: tiles are derived, so a wrong one is written again. */
export interface CheckResult {
  readonly ok: boolean;
  readonly found?: string;
}

/**
 * Checks a log's records against its signed tree: 256 of them chosen by chance, or all. All of them also by the verifier, which shares no
 * code with what writes. Rejects when the log cannot be read.
 */
export const selfCheck = async ({ scope, folder, size, root, keysFolder }: CheckRequest): Promise<CheckResult> => {
  const signed = Buffer.from(root, 'base64');
  if (scope === 'sample') return checkSample(folder, size, signed);
  const own = await checkTree(folder, size, signed);
  if (!own.ok) return own;
  // A wrapped key is opened once, by the gateway's own thread, and given to no other.
  const { integrity, completeness } = await verify(folder, nodeDisk.exists(`${keysFolder}/${KEK_FILE}`) ? { keys: keysFolder } : {});
  if (!integrity.ok) return { ok: false, found: integrity.fault?.what ?? 'the log was altered' };
  const gaps = completeness.verdict === 'incomplete' ? `${completeness.gapCount} gaps, the first: ${completeness.gaps[0]?.what ?? 'unknown'}` : undefined;
  const found = [own.found, gaps].filter((one) => one !== undefined).join('; ');
  return { ok: gaps === undefined, ...(found === '' ? {} : { found }) };
};

const checkSample = async (folder: string, size: number, root: Buffer): Promise<CheckResult> => {
  const full = Math.floor(size / TILE_WIDTH);
  // What is not in a full tile yet is little, and was checked at the start.
  if (full === 0) return checkTree(folder, size, root);
  const index = randomInt(full);
  const tiles = new TileStore(nodeDisk, folder);
  const tile = { level: 0, index, width: TILE_WIDTH };
  const kept = tiles.full(tile);
  const from = index * TILE_WIDTH;
  const hashes: Buffer[] = [];
  for await (const { bytes } of leavesOf(nodeDisk, folder, from, from + TILE_WIDTH)) hashes.push(leafHash(bytes));
  if (kept && !kept.equals(Buffer.concat(hashes))) return { ok: false, found: `records ${from} to ${from + TILE_WIDTH - 1} are not those of ${tilePath(tile)}` };
  // The part of the tree beyond the last full tile is the writer's; what full tiles hold must lead to the root of their own tree.
  const covered = full * TILE_WIDTH;
  try {
    const nodes = nodesOf(covered, tiles.read);
    const leaf = hashes[randomInt(TILE_WIDTH)] as Buffer;
    const at = from + hashes.indexOf(leaf);
    const proved = rootFromInclusion(at, covered, leaf, inclusionProof(at, covered, nodes));
    const rest = Growth.at(covered, nodes, () => undefined);
    if (!proved?.equals(rest.root())) return { ok: false, found: `record ${at} is not in the tree that the tiles hold` };
    for await (const { bytes } of leavesOf(nodeDisk, folder, covered, size)) rest.push(leafHash(bytes));
    if (rest.root().equals(root)) return { ok: true };
  } catch {
    // A tile is missing: the whole check finds out which, and makes it again.
  }
  return checkTree(folder, size, root);
};

/** Makes the tree again from the records, and tiles that are missing or wrong with it. */
const checkTree = async (folder: string, size: number, root: Buffer): Promise<CheckResult> => {
  const tiles = new TileStore(nodeDisk, folder);
  const wrong: string[] = [];
  let made = 0;
  const growth = new Growth((tile, bytes) => {
    if (tiles.full(tile)?.equals(bytes)) return;
    made += 1;
    if (wrong.length < 3) wrong.push(tilePath(tile));
    tiles.write(tile, bytes);
  });
  for await (const { bytes } of leavesOf(nodeDisk, folder, 0, size)) growth.push(leafHash(bytes));
  if (!growth.root().equals(root)) return { ok: false, found: `the ${size} records are not those that were signed` };
  return made === 0 ? { ok: true } : { ok: true, found: `${made} tiles were missing or wrong and were made again: ${wrong.join(', ')}` };
};
