import { createDecipheriv } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { SEAL_VERSION, ZSTD, sealContext } from './bodies.ts';
import type { Disk } from './disk.ts';
import { MOST_BODY } from './format.ts';
import { KeysFolder } from './keys.ts';
import { nodeDisk } from './node-disk.ts';

/** One body, in the clear. */
export interface OpenedBody {
  readonly part: string;
  readonly salt: Buffer;
  readonly bytes: Buffer;
}

/** A sealed frame that its key does not open: altered, or moved from another place or log. */
export class SealBroken extends Error {}

/** Opens sealed bodies. */
export interface BodyOpener {
  /** The bodies of a sealed frame, in order; undefined when the key is gone. Throws SealBroken, KeysUnusable. */
  open(log: string, ordinal: number, sealed: Buffer): readonly OpenedBody[] | undefined;
}

/** With the keys of a folder, which is only read. Throws KeysUnusable. */
export const openBodies = (keysFolder: string, disk: Disk = nodeDisk, kek?: Buffer): BodyOpener => {
  return openWith(KeysFolder.open(disk, keysFolder, false, kek));
};

/** The same with a folder that is open already. */
export const openWith = (keys: KeysFolder): BodyOpener => ({ open: (log, ordinal, sealed) => openFrame(keys, log, ordinal, sealed) });

const openFrame = (keys: KeysFolder, log: string, ordinal: number, sealed: Buffer): readonly OpenedBody[] | undefined => {
  try {
    if (sealed[0] !== SEAL_VERSION) throw new Error('unknown version');
    const idEnd = 3 + sealed.readUInt16BE(1);
    const id = sealed.toString('utf8', 3, idEnd);
    const key = keys.forReading(id);
    if (!key) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(idEnd, idEnd + 12), { authTagLength: 16 });
    decipher.setAAD(sealContext(log, ordinal, id));
    decipher.setAuthTag(sealed.subarray(-16));
    return entriesOf(Buffer.concat([decipher.update(sealed.subarray(idEnd + 12, -16)), decipher.final()]));
  } catch (error) {
    throw new SealBroken(`the sealed body ${ordinal} does not open with its key`, { cause: error });
  }
};

const entriesOf = (plain: Buffer): OpenedBody[] => {
  const entries: OpenedBody[] = [];
  for (let at = 0; at < plain.length; ) {
    const end = at + 4 + plain.readUInt32BE(at);
    const encoding = plain.readUInt8(at + 4);
    const saltAt = at + 6 + plain.readUInt8(at + 5);
    const length = plain.readUInt32BE(saltAt + 32);
    const stored = plain.subarray(saltAt + 36, end);
    const bytes = encoding === ZSTD ? zstdDecompressSync(stored, { maxOutputLength: Math.min(MOST_BODY, Math.max(1, length)) }) : stored;
    if (bytes.length !== length) throw new Error('a body is not as long as it says');
    entries.push({ part: plain.toString('latin1', at + 6, saltAt), salt: plain.subarray(saltAt, saltAt + 32), bytes });
    at = end;
  }
  return entries;
};
