/** C2SP signed-note, tlog-checkpoint and tlog-cosignature, reading side, with the Ed25519 that browsers have. */
import { concat, fromBase64, inHex, utf8, type Sha256 } from './bytes.ts';

const MOST_NOTE = 64 * 1024;
const MOST_SIGNATURES = 256;
const ED25519 = 1;
const COSIGNATURE = 4;
/** Unicode spaces and plus are not for names of keys. */
const NAME = /^[^\p{White_Space}+\p{Cc}]{1,512}$/u;

/** A vkey, a note or a policy that is none. */
export class BadNote extends Error {}

export interface VerifierKey {
  readonly vkey: string;
  readonly name: string;
  readonly id: string;
  /** `log`: signs the text. `witness`: signs the text and a time. */
  readonly role: 'log' | 'witness';
  readonly publicKey: Uint8Array<ArrayBuffer>;
}

interface SignatureLine {
  readonly name: string;
  readonly id: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Note {
  /** With the newline at its end: what is signed. */
  readonly text: string;
  readonly signatures: readonly SignatureLine[];
}

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: Note;
}

/** Reads a vkey, `<name>+<8 hex>+<base64>`. Throws BadNote, saying why. */
export const parseVkey = (vkey: string, sha256: Sha256): VerifierKey => {
  // The base64 may hold a plus of its own.
  const [, name = '', id = '', base64 = ''] = /^([^+]*)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{1,200})$/.exec(vkey) ?? [];
  const bytes = fromBase64(base64);
  if (!NAME.test(name) || !bytes) throw new BadNote('a verifier key is written <name>+<8 hex digits>+<base64>');
  if (bytes.length !== 33 || (bytes[0] !== ED25519 && bytes[0] !== COSIGNATURE)) throw new BadNote('only Ed25519 verifier keys are known');
  const computed = inHex(sha256.of(concat(utf8(`${name}\n`), bytes)).subarray(0, 4));
  if (computed !== id) throw new BadNote(`the id of the verifier key is ${id}, but its name and key give ${computed}: a part was mistyped`);
  return { vkey, name, id, role: bytes[0] === ED25519 ? 'log' : 'witness', publicKey: bytes.slice(1) };
};

/** Splits a note into its text and its signatures. Throws BadNote. */
export const parseNote = (note: string): Note => {
  if (note.length > MOST_NOTE || !note.isWellFormed() || /[\u0000-\u0009\u000b-\u001f]/.test(note)) throw new BadNote('it is no signed note');
  const split = note.lastIndexOf('\n\n');
  const lines = note.slice(split + 2, -1).split('\n');
  if (split < 0 || !note.endsWith('\n') || lines.length > MOST_SIGNATURES) throw new BadNote('it is no signed note');
  return { text: note.slice(0, split + 1), signatures: lines.map(signatureIn) };
};

const signatureIn = (line: string): SignatureLine => {
  const [, name = '', base64 = ''] = /^\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  const bytes = fromBase64(base64);
  if (!NAME.test(name) || !bytes || bytes.length < 5) throw new BadNote('a signature line is malformed');
  return { name, id: inHex(bytes.subarray(0, 4)), bytes: bytes.slice(4) };
};

/** Reads a checkpoint; its signatures are not looked at. Throws BadNote. */
export const parseCheckpoint = (text: string): Checkpoint => {
  const note = parseNote(text);
  const [origin = '', size = '', root = '', ...extensions] = note.text.slice(0, -1).split('\n');
  const bytes = fromBase64(root);
  if (origin === '' || !/^(?:0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)) || bytes?.length !== 32 || extensions.includes('')) throw new BadNote('it is no checkpoint');
  return { origin, size: Number(size), root: bytes, note };
};

/** Whether that key signed the note: `absent` when it has no line of it. A note with a `wrong` line is not to be believed at all. */
export const signedBy = async (note: Note, key: VerifierKey): Promise<'good' | 'absent' | 'wrong'> => {
  let found: 'good' | 'absent' = 'absent';
  for (const line of note.signatures) {
    if (line.name !== key.name || line.id !== key.id) continue;
    if (!(await holds(note.text, line.bytes, key))) return 'wrong';
    found = 'good';
  }
  return found;
};

/** The time (Unix seconds) that a witness put into its cosignature; undefined without one. */
export const cosignedAt = (note: Note, key: VerifierKey): number | undefined => {
  const line = note.signatures.find(({ name, id }) => name === key.name && id === key.id);
  return key.role === 'witness' && line?.bytes.length === 72 ? secondsIn(line.bytes) : undefined;
};

const secondsIn = (bytes: Uint8Array): number => Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));

const holds = async (text: string, bytes: Uint8Array<ArrayBuffer>, { role, publicKey }: VerifierKey): Promise<boolean> => {
  if (bytes.length !== (role === 'log' ? 64 : 72)) return false;
  const signed = role === 'log' ? text : `cosignature/v1\ntime ${new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)}\n${text}`;
  return verifyEd25519(publicKey, bytes.slice(role === 'log' ? 0 : 8), utf8(signed));
};

/** Throws NoEd25519 where the browser has none. */
export const verifyEd25519 = async (publicKey: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>): Promise<boolean> => {
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify']);
  } catch (error) {
    // Bytes that are no key: nobody can have signed with them.
    if ((error as Error).name === 'DataError') return false;
    throw new NoEd25519('this browser cannot check Ed25519 signatures', { cause: error });
  }
  return crypto.subtle.verify('Ed25519', key, signature, message);
};

/** The browser is too old to check signatures. */
export class NoEd25519 extends Error {}
