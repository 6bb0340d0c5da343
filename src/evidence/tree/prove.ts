import type { Disk } from '../disk.ts';
import { logName } from '../read.ts';
import { parseCheckpointText, type Checkpoint } from '../tlog/checkpoint.ts';
import { BadTree, inclusionProof, leafHash, verifyInclusion } from '../tlog/merkle.ts';
import { parseNote } from '../tlog/note.ts';
import { formatProof } from '../tlog/proof.ts';
import { nodesOf, TILE_WIDTH, type TileReader } from '../tlog/tiles.ts';
import { leavesOf } from './leaves.ts';
import { nodesByRecords } from './nodes-by-records.ts';
import { shownCheckpoints } from './published.ts';
import { TileStore } from './tile-store.ts';

/** The record cannot be proved. Says why. */
export class NotProved extends Error {}

/** A `.tlog-proof`, the record that it is about, and the checkpoint that it leads to. */
export interface ProvedRecord {
  readonly proof: string;
  readonly record: Buffer;
  readonly log: string;
  readonly index: number;
  readonly size: number;
  /** Signatures on the checkpoint besides the log's own. */
  readonly cosignatures: number;
}

/**
 * Proves that a record is in the log of a folder, under its newest checkpoint; one with cosignatures when that covers the record. Works on
 * a live folder and on a copy. Rejects with NotProved, or what the disk says.
 */
export const proveRecord = async (disk: Disk, folder: string, index: number): Promise<ProvedRecord> => {
  const log = logName(folder, disk);
  const { note, checkpoint } = chooseCheckpoint(disk, folder, log, index);
  const leaves = new Map<number, Buffer>();
  const record = await recordAt(disk, folder, index, checkpoint.size);
  const lastTile = Math.floor(checkpoint.size / TILE_WIDTH) * TILE_WIDTH;
  for await (const { sequence, bytes } of leavesOf(disk, folder, lastTile, checkpoint.size)) leaves.set(sequence, leafHash(bytes));
  const hashes = byTiles(disk, folder, index, checkpoint, leafHash(record), leaves) ?? (await byRecords(disk, folder, index, checkpoint, leafHash(record)));
  const cosignatures = parseNote(note).signatures.filter(({ name }) => name !== log).length;
  return { proof: formatProof({ index, hashes, checkpoint: note }), record, log, index, size: checkpoint.size, cosignatures };
};

const chooseCheckpoint = (disk: Disk, folder: string, log: string, index: number): { readonly note: string; readonly checkpoint: Checkpoint } => {
  const { newest, witnessed } = shownCheckpoints(disk, folder);
  if (newest === undefined) throw new NotProved(`${folder} shows no signed checkpoint`);
  for (const note of [witnessed, newest]) {
    if (note === undefined) continue;
    const checkpoint = parseCheckpointText(parseNote(note).text);
    if (checkpoint.origin !== log) throw new NotProved(`the checkpoint in ${folder} is of another log: ${JSON.stringify(checkpoint.origin)}`);
    if (checkpoint.size > index) return { note, checkpoint };
    if (note === newest) throw new NotProved(`the newest signed checkpoint covers ${checkpoint.size} records, 0 to ${checkpoint.size - 1}: record ${index} is not among them`);
  }
  throw new NotProved('there is no checkpoint');
};

const recordAt = async (disk: Disk, folder: string, index: number, size: number): Promise<Buffer> => {
  let record: Buffer | undefined;
  for await (const { bytes } of leavesOf(disk, folder, index, Math.min(index + 1, size))) record = Buffer.from(bytes);
  if (!record) throw new NotProved(`there is no record ${index}`);
  return record;
};

/** Undefined when the tiles are not there, or do not lead to the signed root. */
const byTiles = (disk: Disk, folder: string, index: number, { size, root }: Checkpoint, leaf: Buffer, last: ReadonlyMap<number, Buffer>): Buffer[] | undefined => {
  const tiles = new TileStore(disk, folder);
  const read: TileReader = (tile) => {
    if (tile.level > 0 || tile.width === TILE_WIDTH) return tiles.read(tile);
    return Buffer.concat(Array.from({ length: tile.width }, (_, i) => last.get(tile.index * TILE_WIDTH + i) as Buffer));
  };
  try {
    const hashes = inclusionProof(index, size, nodesOf(size, read));
    return verifyInclusion(index, size, leaf, hashes, root) ? hashes : undefined;
  } catch (error) {
    if (error instanceof BadTree) return undefined;
    throw error;
  }
};

/** Reads all records once and keeps the few nodes that the proof needs. Throws NotProved when they are not those that were signed. */
const byRecords = async (disk: Disk, folder: string, index: number, { size, root }: Checkpoint, leaf: Buffer): Promise<Buffer[]> => {
  const found = await nodesByRecords(disk, folder, size, (ask) => void inclusionProof(index, size, ask));
  if (!found.root.equals(root)) throw new NotProved(`the first ${size} records in ${folder} are not those that were signed: run "wicketgate evidence verify"`);
  const hashes = inclusionProof(index, size, found.nodes);
  if (!verifyInclusion(index, size, leaf, hashes, root)) throw new NotProved(`record ${index} is not the one that was signed: run "wicketgate evidence verify"`);
  return hashes;
};
