/** A C2SP tlog-proof: that one record is in a log, offline, with nothing but the record and keys that are trusted. */
import * as fs from 'node:fs';
import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { LEAF, SegmentReader } from './frames.ts';
import { MOST_NOTE, NotANote, signedBy, type VerifierKey } from './note.ts';
import { cosignaturesOn, type Policy } from './policy.ts';
import { digestOf, inHex, leafDigest, rootOfInclusion, type Digest } from './tree.ts';

const HEAD = 'c2sp.org/tlog-proof@v1';
const MOST_STEPS = 64;

export interface TlogProof {
  readonly index: number;
  readonly path: readonly Digest[];
  readonly checkpoint: Checkpoint;
}

/** What became of a proof. */
export type ProofVerdict =
  | { readonly ok: true; readonly checkpoint: Checkpoint; readonly index: number; readonly leaf: string; readonly witnesses: readonly string[] }
  | { readonly ok: false; readonly why: string };

/** Reads a proof. Throws NotANote, saying why. */
export const parseProof = (text: string): TlogProof => {
  if (text.length > 2 * MOST_NOTE) throw new NotANote('it is longer than a proof may be');
  const end = text.indexOf('\n\n');
  const lines = end < 0 ? [] : text.slice(0, end).split('\n');
  if (lines.shift() !== HEAD) throw new NotANote(`it does not begin with ${HEAD}`);
  if (lines[0]?.startsWith('extra ')) lines.shift();
  const index = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '')?.[1];
  if (index === undefined || !Number.isSafeInteger(Number(index))) throw new NotANote('it names no index');
  if (lines.length > MOST_STEPS) throw new NotANote('its path is longer than any');
  const path = lines.map((line) => {
    const digest = digestOf(line);
    if (digest === undefined) throw new NotANote('a step of its path is no hash');
    return digest;
  });
  return { index: Number(index), path, checkpoint: parseCheckpoint(text.slice(end + 2)) };
};

/** Judges a proof about the record `leaf` (its bytes as they stand in the log). Throws NotANote when it is no proof at all. */
export const verifyProof = (text: string, leaf: Buffer, keys: readonly VerifierKey[], policy: Policy | undefined): ProofVerdict => {
  const { index, path, checkpoint } = parseProof(text);
  const { origin, size, root, note } = checkpoint;
  const fitting = keys.filter(({ name }) => name === origin);
  if (fitting.length === 0) return { ok: false, why: `the proof is about the log ${origin}, of which no key was given` };
  const signatures = fitting.map((key) => signedBy(note, key));
  if (signatures.includes('wrong') || !signatures.includes('good')) return { ok: false, why: 'its checkpoint is not signed by a key that was given: altered, or a wrong key' };
  const digest = leafDigest(leaf);
  if (rootOfInclusion(index, size, digest, path) !== root) return { ok: false, why: `this record is not record ${index} of the log: the path does not lead from it to the signed root` };
  const { by, wrong, enough } = policy ? cosignaturesOn(note, policy) : { by: [], wrong: undefined, enough: true };
  if (wrong !== undefined) return { ok: false, why: `the cosignature of the witness ${wrong} is wrong` };
  if (!enough) return { ok: false, why: `only ${by.length} witnesses of the policy cosigned its checkpoint, which is not enough for it` };
  return { ok: true, checkpoint, index, leaf: inHex(digest), witnesses: by };
};

/** The bytes of one record of a log folder, by its sequence; only checksums are looked at. Undefined when it is not there. */
export const recordBytes = (folder: string, sequence: number): Buffer | undefined => {
  const names = fs.readdirSync(folder).filter((name) => /^\d{8}\.seg$/.test(name)).sort().reverse();
  for (const name of names) {
    const reader = new SegmentReader(`${folder}/${name}`);
    try {
      while (reader.next()) {
        if (reader.type !== LEAF) continue;
        if (reader.number === sequence) return Buffer.from(reader.payload());
        // The segments before this one hold what is smaller.
        if (reader.number > sequence) break;
      }
    } finally {
      reader.close();
    }
  }
  return undefined;
};
