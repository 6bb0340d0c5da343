/** Checkpoints of a log, byte for byte as c2sp.org/tlog-checkpoint v1: signed notes that name a tree. */
import { HASH_BYTES } from './merkle.ts';
import { BadNote, formatNote, fromBase64, openNote, parseNote, signNote, type NoteSignature, type OpenedNote, type Signer, type Verifier } from './note.ts';

/** What a checkpoint says. */
export interface Checkpoint {
  /** Name of the log. */
  readonly origin: string;
  /** Leaves in the tree. */
  readonly size: number;
  readonly root: Buffer;
  /** Further lines, opaque; this log writes none. */
  readonly extensions: readonly string[];
}

/** A decimal number without leading zeroes that is a safe integer, or undefined. */
export const parseDecimal = (text: string): number | undefined => {
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
};

/** The note's text. */
export const formatCheckpointText = ({ origin, size, root, extensions = [] }: Omit<Checkpoint, 'extensions'> & Partial<Pick<Checkpoint, 'extensions'>>): string => {
  const text = `${origin}\n${size}\n${root.toString('base64')}\n${extensions.map((line) => `${line}\n`).join('')}`;
  // What could not be read back is not written.
  parseCheckpointText(text);
  return text;
};

/** Reads a checkpoint's text: of a note that was opened. Throws BadNote. */
export const parseCheckpointText = (text: string): Checkpoint => {
  const [origin = '', sizeLine = '', rootLine = '', ...rest] = text.split('\n');
  const end = rest.pop();
  const size = parseDecimal(sizeLine);
  const root = fromBase64(rootLine);
  if (origin === '' || size === undefined || root?.length !== HASH_BYTES || end !== '' || rest.includes('')) {
    throw new BadNote('not the text of a checkpoint: origin, size, root, each on a line, and no empty line');
  }
  return { origin, size, root, extensions: rest };
};

/** Signs a checkpoint; more signers than one while a key is being replaced. Gives the note. */
export const signCheckpoint = (checkpoint: Pick<Checkpoint, 'origin' | 'size' | 'root'>, signers: readonly Signer[]): string => {
  const text = formatCheckpointText(checkpoint);
  return formatNote({ text, signatures: signers.map((signer) => signNote(text, signer)) });
};

/** A checkpoint that known keys signed. */
export interface OpenedCheckpoint extends OpenedNote {
  readonly checkpoint: Checkpoint;
}

/** Opens a checkpoint of the log `origin`. `verifiers` are keys of the log. Throws BadNote. */
export const openCheckpoint = (note: string | Uint8Array, origin: string, verifiers: readonly Verifier[]): OpenedCheckpoint => {
  const opened = openNote(note, verifiers);
  const checkpoint = parseCheckpointText(opened.text);
  if (checkpoint.origin !== origin) throw new BadNote(`a checkpoint of another log: ${JSON.stringify(checkpoint.origin)}`);
  return { ...opened, checkpoint };
};

/** The note with further signatures, such as cosignatures; one that is there already is not repeated. Their validity is the caller's to check. */
export const addSignatures = (note: string | Uint8Array, added: readonly NoteSignature[]): string => {
  const { text, signatures } = parseNote(note);
  const same = (a: NoteSignature, b: NoteSignature): boolean => a.name === b.name && a.keyId === b.keyId && a.signature.equals(b.signature);
  return formatNote({ text, signatures: [...signatures, ...added.filter((one) => !signatures.some((other) => same(one, other)))] });
};
