/** Proofs that a record is in a log, to be checked offline, byte for byte as c2sp.org/tlog-proof v1. Files end in `.tlog-proof`. */
import { openCheckpoint, parseDecimal, type OpenedCheckpoint } from './checkpoint.ts';
import { HASH_BYTES, verifyInclusion } from './merkle.ts';
import { BadNote, fromBase64, MOST_NOTE, parseNote, type Verifier } from './note.ts';

const HEADER = 'c2sp.org/tlog-proof@v1';
/** No tree that can be counted is higher. */
const MOST_HASHES = 63;
const MOST_EXTRA = 64 * 1024;

/** A proof taken apart. Nothing of it is verified; `extra` never is. */
export interface Proof {
  /** Place of the record in the log. */
  readonly index: number;
  /** From the leaf's sibling up. */
  readonly hashes: readonly Buffer[];
  readonly extra?: Buffer;
  /** The signed note, verbatim. */
  readonly checkpoint: string;
}

/** Writes a proof. */
export const formatProof = ({ index, hashes, extra, checkpoint }: Proof): string => {
  const extraLine = extra ? `extra ${extra.toString('base64')}\n` : '';
  return `${HEADER}\n${extraLine}index ${index}\n${hashes.map((hash) => `${hash.toString('base64')}\n`).join('')}\n${checkpoint}`;
};

/** Reads a proof of at most 384 KiB. Throws BadNote. */
export const parseProof = (proof: string | Uint8Array): Proof => {
  if (proof.length > MOST_NOTE + 2 * MOST_EXTRA) throw new BadNote('a proof is too large');
  const text = typeof proof === 'string' ? proof : Buffer.from(proof).toString('utf8');
  const split = text.indexOf('\n\n');
  if (split < 0) throw new BadNote('a proof has an empty line before its checkpoint');
  const [header, ...lines] = text.slice(0, split).split('\n');
  if (header !== HEADER) throw new BadNote(`not a proof: it does not begin with ${HEADER}`);
  const extra = lines[0]?.startsWith('extra ') === true ? fromBase64((lines.shift() as string).slice(6)) : null;
  if (extra === undefined || (extra !== null && extra.length > MOST_EXTRA)) throw new BadNote('the extra data of the proof is not base64, or too long');
  const line = lines.shift() ?? '';
  const index = line.startsWith('index ') ? parseDecimal(line.slice(6)) : undefined;
  if (index === undefined) throw new BadNote('the proof does not say the index');
  if (lines.length > MOST_HASHES) throw new BadNote('a proof has more hashes than any tree is high');
  const hashes = lines.map((coded) => {
    const hash = fromBase64(coded);
    if (hash?.length !== HASH_BYTES) throw new BadNote('a line of the proof is not a hash');
    return hash;
  });
  const checkpoint = text.slice(split + 2);
  parseNote(checkpoint);
  return { index, hashes, checkpoint, ...(extra && { extra }) };
};

/**
 * Verifies that the leaf with that hash is in the log `origin`, under a checkpoint that one of its keys signed. Whether enough
 * witnesses cosigned is for the caller to judge by `others`. Throws BadNote.
 */
export const verifyProof = (proof: Proof, leaf: Buffer, origin: string, verifiers: readonly Verifier[]): OpenedCheckpoint => {
  const opened = openCheckpoint(proof.checkpoint, origin, verifiers);
  const { size, root } = opened.checkpoint;
  if (!verifyInclusion(proof.index, size, leaf, proof.hashes, root)) throw new BadNote(`the record is not leaf ${proof.index} of the tree of ${size} leaves`);
  return opened;
};
