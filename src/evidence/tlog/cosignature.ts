/** Cosignatures of checkpoints with Ed25519, byte for byte as c2sp.org/tlog-cosignature v1 (type 0x04). */
import { sign, verify } from 'node:crypto';
import { parseCheckpointText } from './checkpoint.ts';
import { BadNote, ED25519_COSIGNATURE, ed25519Public, type NoteSignature, type Signer, type Verifier, type VerifierKey } from './note.ts';

const SIGNATURE_BYTES = 64;

/** What is signed: two lines, then the checkpoint's whole text. */
const messageOf = (text: string | Buffer, seconds: number): Buffer => Buffer.concat([Buffer.from(`cosignature/v1\ntime ${seconds}\n`, 'utf8'), typeof text === 'string' ? Buffer.from(text, 'utf8') : text]);

/** Cosigns the text of a checkpoint at that time (POSIX seconds). Throws BadNote when the text is none. */
export const cosign = (text: string, seconds: number, signer: Signer): NoteSignature => {
  parseCheckpointText(text);
  if (signer.type !== ED25519_COSIGNATURE) throw new BadNote(`the key of ${signer.name} is not one that cosigns`);
  if (!Number.isSafeInteger(seconds) || seconds < 0) throw new BadNote('a cosignature has a time in whole seconds');
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(seconds));
  return { name: signer.name, keyId: signer.keyId, signature: Buffer.concat([time, sign(null, messageOf(text, seconds), signer.key)]) };
};

/** When a cosignature says that it was made (POSIX seconds), or undefined when it has not the form of one. Says nothing about its validity. */
export const cosignatureTime = ({ signature }: Pick<NoteSignature, 'signature'>): number | undefined => {
  if (signature.length !== 8 + SIGNATURE_BYTES) return undefined;
  const seconds = signature.readBigUInt64BE(0);
  return seconds <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seconds) : undefined;
};

/** Verifies cosignatures of that key, for `openNote`. Throws BadNote for a key of another type. */
export const cosignatureVerifier = (key: VerifierKey): Verifier => {
  if (key.type !== ED25519_COSIGNATURE) throw new BadNote(`the key of ${key.name} is not one that cosigns`);
  const known = ed25519Public(key.publicKey);
  return {
    name: key.name,
    keyId: key.keyId,
    verify: (text, signature) => {
      const seconds = cosignatureTime({ signature });
      return seconds !== undefined && verify(null, messageOf(text, seconds), known, signature.subarray(8));
    },
  };
};
