/** C2SP signed-note and tlog-cosignature, reading side. Everything here may come from an adversary. */
import { createPublicKey, hash, verify, type KeyObject } from 'node:crypto';

/** Larger texts are no notes. */
export const MOST_NOTE = 64 * 1024;
const MOST_SIGNATURES = 256;

const ED25519 = 0x01;
const COSIGNATURE = 0x04;

/** A public key that signs notes: `<name>+<key id>+<key>`. */
export interface VerifierKey {
  readonly vkey: string;
  readonly name: string;
  /** Four bytes, hex. */
  readonly id: string;
  /** `log`: signs the text. `witness`: signs the text and a time. */
  readonly role: 'log' | 'witness';
  readonly key: KeyObject;
}

export interface SignatureLine {
  readonly name: string;
  readonly id: string;
  /** What follows the key id. */
  readonly bytes: Buffer;
}

export interface Note {
  /** With the newline at its end: what is signed. */
  readonly text: string;
  readonly signatures: readonly SignatureLine[];
}

/** A vkey or a note that is none. */
export class NotANote extends Error {}

const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
/** Unicode spaces and plus are not for names of keys. */
const NAME = /^[^\p{White_Space}+\p{Cc}]{1,512}$/u;

/** Reads a vkey. Throws NotANote, saying why. */
export const parseVkey = (vkey: string): VerifierKey => {
  // The base64 may hold a plus of its own.
  const [, name = '', id = '', base64 = ''] = /^([^+]*)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{1,8192})$/.exec(vkey) ?? [];
  if (!NAME.test(name)) throw new NotANote('a verifier key is <name>+<8 hex>+<base64>');
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) throw new NotANote('the key of a verifier key is not base64');
  if (bytes.length !== 33 || (bytes[0] !== ED25519 && bytes[0] !== COSIGNATURE)) throw new NotANote('only Ed25519 verifier keys are known (types 1 and 4)');
  const computed = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`, 'utf8'), bytes]), 'hex').slice(0, 8);
  if (computed !== id) throw new NotANote(`the id of the verifier key is ${id}, but its name and key give ${computed}`);
  return { vkey, name, id, role: bytes[0] === ED25519 ? 'log' : 'witness', key: publicKey(bytes.subarray(1)) };
};

const publicKey = (bytes: Buffer): KeyObject => {
  try {
    return createPublicKey({ key: Buffer.concat([SPKI, bytes]), format: 'der', type: 'spki' });
  } catch (error) {
    throw new NotANote('the bytes of the verifier key are no Ed25519 key', { cause: error });
  }
};

/** Splits a note into its text and its signatures. Throws NotANote, saying why. */
export const parseNote = (note: string): Note => {
  if (note.length > MOST_NOTE) throw new NotANote('it is longer than a note may be');
  if (!note.isWellFormed()) throw new NotANote('it is not UTF-8');
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) throw new NotANote('it holds control characters');
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) throw new NotANote('it has no text and signatures with an empty line between');
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > MOST_SIGNATURES) throw new NotANote('it has more signatures than are read');
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignature) };
};

const parseSignature = (line: string): SignatureLine => {
  const [, name = '', base64 = ''] = /^\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  if (!NAME.test(name) || bytes.length < 5 || bytes.toString('base64') !== base64) throw new NotANote('a signature line is malformed');
  return { name, id: bytes.toString('hex', 0, 4), bytes: bytes.subarray(4) };
};

/** Whether that key signed the note: `absent` when the note has no line of it. A note with a `wrong` line is not to be believed at all. */
export const signedBy = (note: Note, key: VerifierKey): 'good' | 'absent' | 'wrong' => {
  let found: 'good' | 'absent' = 'absent';
  for (const line of note.signatures) {
    if (line.name !== key.name || line.id !== key.id) continue;
    if (!holds(note.text, line.bytes, key)) return 'wrong';
    found = 'good';
  }
  return found;
};

/** The time (Unix seconds) that a witness put into its cosignature; undefined without one. */
export const cosignedAt = (note: Note, key: VerifierKey): number | undefined => {
  const line = note.signatures.find(({ name, id }) => name === key.name && id === key.id);
  return key.role === 'witness' && line?.bytes.length === 72 ? Number(line.bytes.readBigUInt64BE(0)) : undefined;
};

const holds = (text: string, bytes: Buffer, { role, key }: VerifierKey): boolean => {
  if (role === 'log') return bytes.length === 64 && verify(null, Buffer.from(text, 'utf8'), key, bytes);
  if (bytes.length !== 72) return false;
  const signed = `cosignature/v1\ntime ${bytes.readBigUInt64BE(0)}\n${text}`;
  return verify(null, Buffer.from(signed, 'utf8'), key, bytes.subarray(8));
};
