import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readSmall, replaceFile, type Disk } from './disk.ts';

/** A data key: seals the bodies of one connection on one UTC day. Destroying its file makes them unreadable for good. */
export interface SealingKey {
  /** `<connection>/<day>/<8 hex>`: the last part tells a key from one made again for the same day. */
  readonly id: string;
  readonly secret: Buffer;
}

const KEK_FILE = 'sealing.kek';
const WRAP = 'wicketgate/wrap/v1\0';

/** The keys folder cannot be used: missing, readable by others, or with another key than the one that wrapped. */
export class KeysUnusable extends Error {}

/** Connection names become file names; whatever is not plainly a name is written as %XX, so that no path can be made of it. */
export const fileNameOf = (connection: string): string =>
  Buffer.from(connection, 'utf8').reduce((name, byte) => name + (/[A-Za-z0-9_-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`), '');

/** The keys folder: one key-encryption key, and the data keys that it wraps under `sealing/<connection>/<day>.key`. */
export class KeysFolder {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #kek: Buffer;
  readonly #kekId: string;
  readonly #made = new Map<string, SealingKey>();

  private constructor(disk: Disk, folder: string, kek: Buffer) {
    this.#disk = disk;
    this.#folder = folder;
    this.#kek = kek;
    this.#kekId = createHash('sha256').update('wicketgate/kek-id/v1\0').update(kek).digest('hex').slice(0, 16);
  }

  /** Opens the folder; makes it with a new key-encryption key when `create` is set and there is none. Throws KeysUnusable. */
  static open(disk: Disk, folder: string, create: boolean): KeysFolder {
    const path = `${folder}/${KEK_FILE}`;
    if (create) disk.makeFolder(folder);
    if (!disk.exists(folder)) throw new KeysUnusable(`there is no keys folder ${folder}`);
    refuseOpenToOthers(disk, folder, 0o700);
    if (!disk.exists(path)) {
      if (!create) throw new KeysUnusable(`there is no ${KEK_FILE} in ${folder}`);
      if (disk.exists(`${folder}/sealing`)) throw new KeysUnusable(`${folder} holds sealing keys but not the ${KEK_FILE} that wrapped them: restore it, nothing new is sealed without it`);
      replaceFile(disk, folder, KEK_FILE, Buffer.from(`wicketgate-kek-1 ${randomBytes(32).toString('base64')}\n`), true);
    }
    refuseOpenToOthers(disk, path, 0o600);
    const [magic, text] = readSmall(disk, path, 4096).toString('latin1').trim().split(' ');
    const kek = Buffer.from(text ?? '', 'base64');
    if (magic !== 'wicketgate-kek-1' || kek.length !== 32) throw new KeysUnusable(`${path} is not a key-encryption key of this version`);
    return new KeysFolder(disk, folder, kek);
  }

  /** The key for new bodies of a connection on a UTC day (`YYYY-MM-DD`); made, durable, before it is used. Throws what the disk throws. */
  forWriting(connection: string, day: string): SealingKey {
    const name = `${connection}/${day}`;
    let key = this.#made.get(name);
    if (!key) {
      key = this.#read(connection, day) ?? this.#make(connection, day);
      // A new day: keys of days gone are not needed again.
      for (const other of this.#made.keys()) if (!other.endsWith(day)) this.#made.delete(other);
      this.#made.set(name, key);
    }
    return key;
  }

  /** The key with that id, or undefined when it was destroyed or never here. Throws KeysUnusable when it cannot be unwrapped. */
  forReading(id: string): Buffer | undefined {
    const [, connection, day] = /^(.+)\/(\d{4}-\d{2}-\d{2})\/[0-9a-f]{8}$/.exec(id) ?? [];
    if (connection === undefined || day === undefined) return undefined;
    const name = `${connection}/${day}`;
    let key = this.#made.get(name);
    if (!key) {
      key = this.#read(connection, day);
      if (key) this.#made.set(name, key);
    }
    return key?.id === id ? key.secret : undefined;
  }

  #read(connection: string, day: string): SealingKey | undefined {
    const path = `${this.#folder}/sealing/${fileNameOf(connection)}/${day}.key`;
    if (!this.#disk.exists(path)) return undefined;
    refuseOpenToOthers(this.#disk, path, 0o600);
    try {
      const { id, nonce, wrapped } = JSON.parse(readSmall(this.#disk, path, 4096).toString('utf8')) as { id: string; nonce: string; wrapped: string };
      const bytes = Buffer.from(wrapped, 'hex');
      const open = createDecipheriv('aes-256-gcm', this.#kek, Buffer.from(nonce, 'hex'), { authTagLength: 16 });
      open.setAAD(Buffer.from(WRAP + id, 'utf8'));
      open.setAuthTag(bytes.subarray(32));
      return { id, secret: Buffer.concat([open.update(bytes.subarray(0, 32)), open.final()]) };
    } catch (error) {
      throw new KeysUnusable(`${path} cannot be unwrapped with the ${KEK_FILE} of this folder`, { cause: error });
    }
  }

  #make(connection: string, day: string): SealingKey {
    const id = `${connection}/${day}/${randomBytes(4).toString('hex')}`;
    const secret = randomBytes(32);
    const nonce = randomBytes(12);
    const wrap = createCipheriv('aes-256-gcm', this.#kek, nonce);
    wrap.setAAD(Buffer.from(WRAP + id, 'utf8'));
    const wrapped = Buffer.concat([wrap.update(secret), wrap.final(), wrap.getAuthTag()]);
    const sealing = `${this.#folder}/sealing`;
    const folder = `${sealing}/${fileNameOf(connection)}`;
    this.#disk.makeFolder(folder);
    const text = JSON.stringify({ v: 1, id, kek: this.#kekId, nonce: nonce.toString('hex'), wrapped: wrapped.toString('hex') });
    replaceFile(this.#disk, folder, `${day}.key`, Buffer.from(`${text}\n`, 'utf8'), true);
    for (const parent of [sealing, this.#folder]) this.#disk.syncFolder(parent);
    return { id, secret };
  }
}

const refuseOpenToOthers = (disk: Disk, path: string, most: number): void => {
  const mode = disk.mode(path);
  if (mode !== undefined && (mode & 0o777 & ~most) !== 0) {
    throw new KeysUnusable(`${path} may be read by others (mode ${(mode & 0o777).toString(8)}): chmod ${most.toString(8)} it`);
  }
};
