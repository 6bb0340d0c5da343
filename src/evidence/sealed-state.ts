import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { KeysFolder } from './keys.ts';

const DOMAIN = 'wicketgate/state/v1\0';
const VERSION = 1;
const NONCE = 12;
const TAG = 16;

const context = (id: string): Buffer => Buffer.from(`${DOMAIN}${id}`, 'utf8');

/** Seals what is kept outside the log under the same key as bodies of that connection and UTC day (`YYYY-MM-DD`): it goes when they go. Throws what the disk throws. */
export const sealState = (keys: KeysFolder, connection: string, day: string, bytes: Uint8Array): Uint8Array => {
  const { id, secret } = keys.forWriting(connection, day);
  const name = Buffer.from(id, 'utf8');
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', secret, nonce, { authTagLength: TAG }).setAAD(context(id));
  const head = Buffer.from([VERSION, name.length >> 8, name.length & 0xff]);
  return Buffer.concat([head, name, nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
};

/** Opens it; undefined when its key was destroyed. Throws when it is not what was sealed. */
export const openState = (keys: KeysFolder, sealed: Uint8Array): Uint8Array | undefined => {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const at = 3 + (bytes.length >= 3 ? bytes.readUInt16BE(1) : 0);
  if (bytes[0] !== VERSION || bytes.length < at + NONCE + TAG) throw new Error('sealed state is damaged');
  const id = bytes.toString('utf8', 3, at);
  const secret = keys.forReading(id);
  if (!secret) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(at, at + NONCE), { authTagLength: TAG }).setAAD(context(id)).setAuthTag(bytes.subarray(-TAG));
  return Buffer.concat([decipher.update(bytes.subarray(at + NONCE, -TAG)), decipher.final()]);
};
