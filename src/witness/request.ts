import { parseCheckpointText, parseDecimal, type Checkpoint } from '../evidence/tlog/checkpoint.ts';
import { HASH_BYTES } from '../evidence/tlog/merkle.ts';
import { BadNote, fromBase64, parseNote, type Note } from '../evidence/tlog/note.ts';

/** Largest body: 63 lines of proof and a checkpoint with many signatures fit in well. */
export const MOST_BODY = 64 * 1024;
const MOST_PROOF = 63;

/** The body of an add-checkpoint request, taken apart. Nothing of it is verified. */
export interface AddCheckpoint {
  /** Size of the tree that the proof begins at. */
  readonly old: number;
  readonly proof: readonly Buffer[];
  readonly note: Note;
  readonly checkpoint: Checkpoint;
}

/** Not what the specification says a request is. */
export class BadRequest extends Error {}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the body of an add-checkpoint request. Throws BadRequest. */
export const parseAddCheckpoint = (body: Uint8Array): AddCheckpoint => {
  if (body.length > MOST_BODY) throw new BadRequest(`larger than ${MOST_BODY} bytes`);
  const text = decode(body);
  const split = text.indexOf('\n\n');
  if (split < 0) throw new BadRequest('no empty line before the checkpoint');
  const [first = '', ...lines] = text.slice(0, split).split('\n');
  const old = first.startsWith('old ') ? parseDecimal(first.slice(4)) : undefined;
  if (old === undefined) throw new BadRequest('the first line is not "old" and a size');
  if (lines.length > MOST_PROOF) throw new BadRequest(`more than ${MOST_PROOF} lines of proof`);
  const proof = lines.map((line) => {
    const hash = fromBase64(line);
    if (hash?.length !== HASH_BYTES) throw new BadRequest('a line of the proof is not a hash in base64');
    return hash;
  });
  try {
    const note = parseNote(text.slice(split + 2));
    return { old, proof, note, checkpoint: parseCheckpointText(note.text) };
  } catch (error) {
    throw error instanceof BadNote ? new BadRequest(error.message) : error;
  }
};

const decode = (body: Uint8Array): string => {
  try {
    return utf8.decode(body);
  } catch {
    throw new BadRequest('not UTF-8');
  }
};
