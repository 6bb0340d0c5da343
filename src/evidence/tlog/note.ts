/** Signed notes, byte for byte as c2sp.org/signed-note v1, with Ed25519 keys (type 0x01). */
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, sign, verify, type KeyObject } from 'node:crypto';

/** Largest note that is read: room for 16 signatures of 5 kB and a long text. */
export const MOST_NOTE = 256 * 1024;
/** Most signature lines that are read; the specification asks for at least 16. */
export const MOST_SIGNATURES = 64;
/** Longest key name. */
const MOST_NAME = 256;

/** Signature type of notes signed with Ed25519. */
export const ED25519 = 0x01;
/** Signature type of Ed25519 cosignatures with a time. */
export const ED25519_COSIGNATURE = 0x04;

/** A note, key or name that is not as the specification wants it, or that is not signed as it must be. */
export class BadNote extends Error {}

/** One signature line: key name, key id, and what the key made of the text. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: number;
  readonly signature: Buffer;
}

/** A note taken apart. Its text is not to be believed before `openNote`. */
export interface Note {
  /** With its final newline, without the blank line. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A verifier key: `<name>+<hex key id>+<base64 of type and public key>`. */
export interface VerifierKey {
  readonly name: string;
  readonly keyId: number;
  readonly type: number;
  /** 32 bytes of Ed25519. */
  readonly publicKey: Buffer;
}

/** Verifies signatures of one key; made by `noteVerifier` and by `cosignatureVerifier`. */
export interface Verifier {
  readonly name: string;
  readonly keyId: number;
  readonly verify: (text: Buffer, signature: Buffer) => boolean;
}

/** A private key with its name. */
export interface Signer extends VerifierKey {
  readonly key: KeyObject;
}

/** Base64 of RFC 4648 section 4, in the one form that encodes: anything else is undefined. */
export const fromBase64 = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
};

/** Whether a text may name a key: not empty, no Unicode space, no plus, no control character. */
export const isKeyName = (name: string): boolean => name.length > 0 && name.length <= MOST_NAME && name.isWellFormed() && !/[\p{White_Space}+\p{Cc}]/u.test(name);

/** SHA-256(name || 0x0A || type || public key)[:4]. */
export const keyIdOf = (name: string, type: number, publicKey: Uint8Array): number =>
  hash('sha256', Buffer.concat([Buffer.from(`${name}\n`, 'utf8'), Buffer.of(type), publicKey]), 'buffer').readUInt32BE(0);

/** The text form of a verifier key. */
export const formatVkey = ({ name, keyId, type, publicKey }: VerifierKey): string => `${name}+${keyId.toString(16).padStart(8, '0')}+${Buffer.concat([Buffer.of(type), publicKey]).toString('base64')}`;

/** Reads a verifier key of Ed25519, type 0x01 or 0x04. Throws BadNote. */
export const parseVkey = (text: string): VerifierKey => {
  const { name, keyId, type, bytes } = parseKey(text);
  if (keyId !== keyIdOf(name, type, bytes)) throw new BadNote(`the verifier key of ${name} has a key id that is not its own`);
  return { name, keyId, type, publicKey: bytes };
};

const parseKey = (text: string): { readonly name: string; readonly keyId: number; readonly type: number; readonly bytes: Buffer } => {
  // Only the first two + divide: base64 has them as well.
  const [, name, id, key] = (text.length <= 1024 && /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text)) || [];
  const bytes = key === undefined ? undefined : fromBase64(key);
  if (name === undefined || id === undefined || !bytes || !isKeyName(name)) throw new BadNote('not a key as c2sp.org/signed-note writes it: <name>+<8 hex>+<base64>');
  const type = bytes[0] as number;
  if ((type !== ED25519 && type !== ED25519_COSIGNATURE) || bytes.length !== 33) throw new BadNote(`the key of ${name} is not of Ed25519 (type 01 or 04)`);
  return { name, keyId: Number.parseInt(id, 16), type, bytes: bytes.subarray(1) };
};

const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The key as Node's crypto takes it. Throws BadNote when it is no point of the curve. */
export const ed25519Public = (publicKey: Buffer): KeyObject => {
  try {
    return createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
  } catch (error) {
    throw new BadNote('not a public key of Ed25519', { cause: error });
  }
};

const signerOf = (name: string, type: number, key: KeyObject): Signer => {
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
  return { name, type, key, publicKey, keyId: keyIdOf(name, type, publicKey) };
};

/** A new key. Throws BadNote when the name cannot be a key's. */
export const generateSigner = (name: string, type: typeof ED25519 | typeof ED25519_COSIGNATURE = ED25519): Signer => {
  if (!isKeyName(name)) throw new BadNote('a key name has no spaces and no +');
  return signerOf(name, type, generateKeyPairSync('ed25519').privateKey);
};

/** The secret text form: `PRIVATE+KEY+<name>+<hex key id>+<base64 of type and seed>`, as Go's sumdb/note writes it. */
export const formatSkey = ({ name, keyId, type, key }: Signer): string => {
  const seed = key.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8.length);
  return `PRIVATE+KEY+${name}+${keyId.toString(16).padStart(8, '0')}+${Buffer.concat([Buffer.of(type), seed]).toString('base64')}`;
};

/** Reads a secret key. Throws BadNote, whose message has nothing of the key. */
export const parseSkey = (text: string): Signer => {
  const prefix = 'PRIVATE+KEY+';
  if (!text.startsWith(prefix)) throw new BadNote('not a private key of a note');
  const { name, keyId, type, bytes } = parseKey(text.slice(prefix.length));
  const signer = signerOf(name, type, createPrivateKey({ key: Buffer.concat([PKCS8, bytes]), format: 'der', type: 'pkcs8' }));
  if (signer.keyId !== keyId) throw new BadNote(`the private key of ${name} has a key id that is not its own`);
  return signer;
};

/** Verifies plain note signatures (type 0x01) of that key. Throws BadNote for a key of another type. */
export const noteVerifier = (key: VerifierKey): Verifier => {
  if (key.type !== ED25519) throw new BadNote(`the key of ${key.name} is not one that signs notes`);
  const known = ed25519Public(key.publicKey);
  return { name: key.name, keyId: key.keyId, verify: (text, signature) => signature.length === 64 && verify(null, text, known, signature) };
};

/** Signs a note's text. Throws BadNote when the text cannot be a note's. */
export const signNote = (text: string, signer: Signer): NoteSignature => {
  refuseText(text);
  if (signer.type !== ED25519) throw new BadNote(`the key of ${signer.name} is not one that signs notes`);
  return { name: signer.name, keyId: signer.keyId, signature: sign(null, Buffer.from(text, 'utf8'), signer.key) };
};

/** One signature line with its newline. */
export const formatSignature = ({ name, keyId, signature }: NoteSignature): string => {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(keyId);
  return `\u2014 ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
};

/** Reads one signature line, without its newline. Throws BadNote. */
export const parseSignature = (line: string): NoteSignature => {
  const [, name, coded] = /^\u2014 ([^ ]+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
  const bytes = coded === undefined ? undefined : fromBase64(coded);
  if (name === undefined || !isKeyName(name) || !bytes || bytes.length < 5) throw new BadNote('a line below the text is not a signature');
  return { name, keyId: bytes.readUInt32BE(0), signature: bytes.subarray(4) };
};

const refuseText = (text: string): void => {
  if (!text.endsWith('\n') || !text.isWellFormed() || hasControl(text)) throw new BadNote('the text of a note ends in a newline and has no other control characters');
};

// eslint-disable-next-line no-control-regex -- these are what is looked for
const hasControl = (text: string): boolean => /[\u0000-\u0009\u000b-\u001f]/.test(text);

/** Puts a note together. */
export const formatNote = ({ text, signatures }: Note): string => {
  refuseText(text);
  if (signatures.length === 0) throw new BadNote('a note has a signature');
  return `${text}\n${signatures.map(formatSignature).join('')}`;
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Takes a note apart, text and signatures at its last empty line; verifies nothing. Throws BadNote. */
export const parseNote = (note: string | Uint8Array): Note => {
  if (note.length > MOST_NOTE) throw new BadNote(`a note is larger than ${MOST_NOTE} bytes`);
  const whole = typeof note === 'string' ? note : decode(note);
  if (!whole.isWellFormed() || hasControl(whole)) throw new BadNote('a note is UTF-8 without control characters');
  const split = whole.lastIndexOf('\n\n');
  if (split < 0 || !whole.endsWith('\n')) throw new BadNote('a note has a text, an empty line, and signatures, each with its newline');
  const lines = whole.slice(split + 2, -1).split('\n');
  if (lines.length > MOST_SIGNATURES) throw new BadNote(`a note has more than ${MOST_SIGNATURES} signatures`);
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseSignature) };
};

const decode = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new BadNote('a note is UTF-8', { cause: error });
  }
};

/** A note whose text at least one known key signed. */
export interface OpenedNote {
  readonly text: string;
  /** Signatures of known keys, verified; one for each key. */
  readonly verified: readonly NoteSignature[];
  /** Signatures of keys that were not asked for: say nothing. */
  readonly others: readonly NoteSignature[];
}

/**
 * Opens a note: signatures of unknown keys are set aside; one of a known key that fails makes the whole note bad, and so does a
 * note that no known key signed. Throws BadNote.
 */
export const openNote = (note: string | Uint8Array | Note, verifiers: readonly Verifier[]): OpenedNote => {
  const { text, signatures } = typeof note === 'object' && 'signatures' in note ? note : parseNote(note);
  const bytes = Buffer.from(text, 'utf8');
  const verified: NoteSignature[] = [];
  const others: NoteSignature[] = [];
  for (const signature of signatures) {
    const known = verifiers.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId);
    if (!known) others.push(signature);
    else if (!known.verify(bytes, signature.signature)) throw new BadNote(`the signature of ${known.name} does not verify`);
    else if (!verified.some(({ name, keyId }) => name === known.name && keyId === known.keyId)) verified.push(signature);
  }
  if (verified.length === 0) throw new BadNote('no known key signed the note');
  return { text, verified, others };
};
