/** C2SP tlog-checkpoint, reading side. */
import { NotANote, parseNote, type Note } from './note.ts';
import { digestOf, type Digest } from './tree.ts';

/** What a log states about itself at one size, with the signatures on it. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Digest;
  readonly note: Note;
}

/** Reads a checkpoint; its signatures are not looked at. Throws NotANote, saying why. */
export const parseCheckpoint = (text: string): Checkpoint => {
  const note = parseNote(text);
  const [origin = '', size = '', root = '', ...extensions] = note.text.slice(0, -1).split('\n');
  if (origin === '' || !/^(?:0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) throw new NotANote('it does not begin with an origin and a size');
  const digest = digestOf(root);
  if (digest === undefined) throw new NotANote('its third line is no root');
  if (extensions.includes('')) throw new NotANote('an extension line is empty');
  return { origin, size: Number(size), root: digest, note };
};
