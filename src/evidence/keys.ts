import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { createOnce, readSmall, replaceFile, writeAll, type Disk } from './disk.ts';

/** A data key: seals the bodies of one connection on one UTC day. Destroying its file makes them unreadable for good. */
export interface SealingKey {
  /** `<connection>/<day>/<8 hex>`: the last part tells a key from one made again for the same day. */
  readonly id: string;
  readonly secret: Buffer;
}

export const KEK_FILE = 'sealing.kek';
/** The same, wrapped by a key of somebody else's; a command of the configuration unwraps it. */
export const WRAPPED_KEK_FILE = 'sealing.kek.wrapped';
const WRAP = 'wicketgate/wrap/v1\0';

/** The keys folder cannot be used: missing, readable by others, or with another key than the one that wrapped. */
export class KeysUnusable extends Error {}

/** Connection names become file names; whatever is not plainly a name is written as %XX, so that no path can be made of it. */
export const fileNameOf = (connection: string): string =>
  Buffer.from(connection, 'utf8').reduce((name, byte) => name + (/[A-Za-z0-9_-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`), '');

/** A key-encryption key as its file has it; undefined when that is something else. */
export const parseKek = (bytes: Buffer): Buffer | undefined => {
  const [magic, text] = bytes.toString('latin1').trim().split(' ');
  const kek = Buffer.from(text ?? '', 'base64');
  return magic === 'wicketgate-kek-1' && kek.length === 32 ? kek : undefined;
};

/** Connection and UTC day of a data key's id. */
export const partsOf = (id: string): { readonly connection: string; readonly day: string } | undefined => {
  const [, connection, day] = /^(.+)\/(\d{4}-\d{2}-\d{2})\/[0-9a-f]{8}$/s.exec(id) ?? [];
  return connection === undefined || day === undefined ? undefined : { connection, day };
};

const KEY_FILE = /^\d{4}-\d{2}-\d{2}\.key$/;

/** Stands for the id in a file whose key was overwritten, and which was not removed any more. */
const ERASED = '';

/** The id that a key's file names; ERASED when it was overwritten; undefined when it is neither. */
const idIn = (disk: Disk, path: string): string | undefined => {
  const bytes = readSmall(disk, path, 4096);
  if (bytes.every((byte) => byte === 0)) return ERASED;
  try {
    const { id } = JSON.parse(bytes.toString('utf8')) as { id: unknown };
    return typeof id === 'string' && id !== '' ? id : undefined;
  } catch {
    return undefined;
  }
};

/** The keys folder: one key-encryption key, and the data keys that it wraps under `sealing/<connection>/<day>.key`. */
export class KeysFolder {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #kek: Buffer;
  readonly #kekId: string;
  readonly #made = new Map<string, SealingKey>();
  /** Of those, which have names that are known to be durable. */
  readonly #named = new Set<string>();
  /** What was asked for last: each command asks for the same. */
  #last: { readonly connection: string; readonly day: string; readonly key: SealingKey } | undefined;

  private constructor(disk: Disk, folder: string, kek: Buffer) {
    this.#disk = disk;
    this.#folder = folder;
    this.#kek = kek;
    this.#kekId = createHash('sha256').update('wicketgate/kek-id/v1\0').update(kek).digest('hex').slice(0, 16);
  }

  /**
   * Opens the folder; makes it with a new key-encryption key when `create` is set and there is none. `kek`: the key-encryption key, where
   * the folder has it wrapped. Throws KeysUnusable.
   */
  static open(disk: Disk, folder: string, create: boolean, kek?: Buffer): KeysFolder {
    const path = `${folder}/${KEK_FILE}`;
    if (create) disk.makeFolder(folder);
    if (!disk.exists(folder)) throw new KeysUnusable(`there is no keys folder ${folder}`);
    refuseOpenToOthers(disk, folder, 0o700);
    if (kek || disk.exists(`${folder}/${WRAPPED_KEK_FILE}`)) {
      if (disk.exists(path)) throw new KeysUnusable(`${folder} holds ${KEK_FILE} in clear beside the wrapped one: remove it, once the wrapped one is known to open`);
      if (!kek) throw new KeysUnusable(`${folder}/${WRAPPED_KEK_FILE} opens with gateway.keyCommand of the configuration only`);
      const unwrapped = new KeysFolder(disk, folder, kek);
      if (create) unwrapped.#refuseForeign();
      return unwrapped;
    }
    if (!disk.exists(path)) {
      if (!create) throw new KeysUnusable(`there is no ${KEK_FILE} in ${folder}`);
      if (disk.exists(`${folder}/sealing`)) throw new KeysUnusable(`${folder} holds sealing keys but not the ${KEK_FILE} that wrapped them: restore it, nothing new is sealed without it`);
      makeKek(disk, folder);
    }
    refuseOpenToOthers(disk, path, 0o600);
    // Before anything is wrapped with it: who made it may have failed before its name was durable.
    if (create) {
      removeDrafts(disk, folder);
      disk.syncFolder(folder);
    }
    const read = parseKek(readSmall(disk, path, 4096));
    if (!read) throw new KeysUnusable(`${path} is not a key-encryption key of this version`);
    const keys = new KeysFolder(disk, folder, read);
    if (create) keys.#refuseForeign();
    return keys;
  }

  /** The key for new bodies of a connection on a UTC day (`YYYY-MM-DD`); made, durable, before it is used. Throws what the disk throws. */
  forWriting(connection: string, day: string): SealingKey {
    const last = this.#last;
    if (last && last.connection === connection && last.day === day) return last.key;
    const name = `${connection}/${day}`;
    let key = this.#made.get(name);
    if (!key || !this.#named.has(name)) {
      key ??= this.#read(connection, day) ?? this.#make(connection, day);
      // Also of one that was found: an earlier attempt may have put it there and failed before its name was durable.
      this.#syncNames(connection);
      // A new day: keys of days gone are not needed again.
      for (const other of this.#made.keys()) if (!other.endsWith(day)) this.#made.delete(other);
      for (const other of this.#named) if (!other.endsWith(day)) this.#named.delete(other);
      this.#made.set(name, key);
      this.#named.add(name);
    }
    this.#last = { connection, day, key };
    return key;
  }

  /** The key with that id, or undefined when it was destroyed or never here. Throws KeysUnusable when it cannot be unwrapped. */
  forReading(id: string): Buffer | undefined {
    const { connection, day } = partsOf(id) ?? {};
    if (connection === undefined || day === undefined) return undefined;
    const name = `${connection}/${day}`;
    let key = this.#made.get(name);
    if (!key) {
      key = this.#read(connection, day);
      if (key) this.#made.set(name, key);
    }
    return key?.id === id ? key.secret : undefined;
  }

  /** Ids of all data keys in the folder, in no order. Throws KeysUnusable when one cannot be read. */
  list(): string[] {
    const sealing = `${this.#folder}/sealing`;
    if (!this.#disk.exists(sealing)) return [];
    return this.#disk.list(sealing).flatMap((connection) =>
      this.#disk
        .list(`${sealing}/${connection}`)
        .filter((name) => KEY_FILE.test(name))
        .map((name) => {
          const id = idIn(this.#disk, `${sealing}/${connection}/${name}`);
          if (id === undefined) throw new KeysUnusable(`${sealing}/${connection}/${name} does not name its key: it is damaged`);
          return id;
        })
        .filter((id) => id !== ERASED),
    );
  }

  /**
   * Destroys a key for good: its file is overwritten, removed, and the removal made durable. False when it was not there. A key that
   * was made again for the same day has another id and stays.
   */
  destroy(id: string): boolean {
    const { connection, day } = partsOf(id) ?? {};
    if (connection === undefined || day === undefined) return false;
    const folder = `${this.#folder}/sealing/${fileNameOf(connection)}`;
    const path = `${folder}/${day}.key`;
    this.forget(id);
    if (!this.#disk.exists(path)) return false;
    const found = idIn(this.#disk, path);
    // What names no key was being destroyed when the machine stopped: key files are put in place whole.
    if (found !== undefined && found !== ERASED && found !== id) return false;
    const file = this.#disk.open(path, 'write');
    try {
      writeAll(file, Buffer.alloc(file.size), 0);
      file.syncNow();
    } finally {
      file.close();
    }
    this.#disk.remove(path);
    this.#disk.syncFolder(folder);
    return true;
  }

  /** With another key-encryption key than the one that wrapped, each login would be refused: said before anyone comes. */
  #refuseForeign(): void {
    const sealing = `${this.#folder}/sealing`;
    if (!this.#disk.exists(sealing)) return;
    for (const connection of this.#disk.list(sealing)) {
      // The newest that is not destroyed.
      const newest = this.#disk.list(`${sealing}/${connection}`).filter((name) => KEY_FILE.test(name)).sort().reverse();
      newest.find((name) => this.#unwrap(`${sealing}/${connection}/${name}`) !== undefined);
    }
  }

  /** Forgets a key that somebody else destroyed; `forReading` then looks for it again. */
  forget(id: string): void {
    this.#last = undefined;
    for (const [name, key] of this.#made) {
      if (key.id !== id) continue;
      key.secret.fill(0);
      this.#made.delete(name);
    }
  }

  #read(connection: string, day: string): SealingKey | undefined {
    const path = `${this.#folder}/sealing/${fileNameOf(connection)}/${day}.key`;
    return this.#disk.exists(path) ? this.#unwrap(path) : undefined;
  }

  /** Undefined for a file whose key was overwritten. */
  #unwrap(path: string): SealingKey | undefined {
    refuseOpenToOthers(this.#disk, path, 0o600);
    const text = readSmall(this.#disk, path, 4096);
    if (text.every((byte) => byte === 0)) return undefined;
    try {
      const { id, nonce, wrapped } = JSON.parse(text.toString('utf8')) as { id: string; nonce: string; wrapped: string };
      const bytes = Buffer.from(wrapped, 'hex');
      const open = createDecipheriv('aes-256-gcm', this.#kek, Buffer.from(nonce, 'hex'), { authTagLength: 16 });
      open.setAAD(Buffer.from(WRAP + id, 'utf8'));
      open.setAuthTag(bytes.subarray(32));
      return { id, secret: Buffer.concat([open.update(bytes.subarray(0, 32)), open.final()]) };
    } catch (error) {
      throw new KeysUnusable(`${path} cannot be unwrapped with the ${KEK_FILE} of this folder: restore the one that wrapped it`, { cause: error });
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
    const bytes = Buffer.from(`${text}\n`, 'utf8');
    if (createOnce(this.#disk, folder, `${day}.key`, bytes)) return { id, secret };
    // Another gateway on this folder was first: what it sealed must stay readable.
    const first = this.#read(connection, day);
    if (first) return first;
    // What is there was overwritten by a purge that did not come to remove it.
    replaceFile(this.#disk, folder, `${day}.key`, bytes, true);
    return { id, secret };
  }

  #syncNames(connection: string): void {
    const sealing = `${this.#folder}/sealing`;
    for (const folder of [`${sealing}/${fileNameOf(connection)}`, sealing, this.#folder]) this.#disk.syncFolder(folder);
  }
}

/** Another gateway may start on this folder at this moment: the first one's key is the key of both. */
const makeKek = (disk: Disk, folder: string): void => {
  try {
    createOnce(disk, folder, KEK_FILE, Buffer.from(`wicketgate-kek-1 ${randomBytes(32).toString('base64')}\n`));
  } catch (error) {
    // The other one was first, and has removed the draft of this one.
    if (!disk.exists(`${folder}/${KEK_FILE}`)) throw error;
  }
};

/** A draft that a crash left may be a second name of the key: it would outlast the day when the key is wrapped and removed. */
const removeDrafts = (disk: Disk, folder: string): void => {
  for (const name of disk.list(folder).filter((entry) => entry.startsWith(`${KEK_FILE}.`) && entry.endsWith('.draft'))) {
    try {
      disk.remove(`${folder}/${name}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
};

const refuseOpenToOthers = (disk: Disk, path: string, most: number): void => {
  const mode = disk.mode(path);
  if (mode !== undefined && (mode & 0o777 & ~most) !== 0) {
    throw new KeysUnusable(`${path} may be read by others (mode ${(mode & 0o777).toString(8)}): chmod ${most.toString(8)} it`);
  }
};
