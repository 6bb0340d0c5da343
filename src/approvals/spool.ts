import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes that are sealed at a time: what is kept of the data in memory. */
const BLOCK = 64 * 1024;
const TAG = 16;
/** Most bytes that are kept for all commands together, and for those of one identity on one connection. */
const MOST_OF_ALL = 1024 ** 3;
const MOST_OF_ONE = 256 * 1024 ** 2;

/** Why no more data is kept. */
export class SpoolFull extends Error {
  override readonly name = 'SpoolFull';
}

/**
 * Data that follows commands, kept while people decide about it. Each spool is sealed under a key that is only in memory, in a file that has lost
 * its name by the time data comes: when the process ends, however it does, the system takes the file back, and nobody could read it.
 */
export class Spools {
  readonly #folder: string;
  readonly #used = new Map<string, number>();
  #all = 0;

  /** @param folder of these files alone. What a process has left there that was killed between making a file and taking its name is removed. */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) if (name.endsWith('.spool')) rmSync(join(folder, name), { force: true });
  }

  /**
   * @param owner whose room it takes
   * @param most bytes that it may hold
   */
  async open(owner: string, most: number): Promise<Spool> {
    const path = join(this.#folder, `${randomBytes(16).toString('hex')}.spool`);
    const file = await open(path, 'wx+', 0o600);
    try {
      await rm(path, { force: true });
    } catch (error) {
      await file.close();
      throw error;
    }
    return new Spool(file, most, (bytes) => this.#take(owner, bytes));
  }

  /** Counts room in, and out again with a negative number. */
  #take(owner: string, bytes: number): void {
    const used = (this.#used.get(owner) ?? 0) + bytes;
    if (bytes > 0 && used > MOST_OF_ONE) throw new SpoolFull(`commands of this identity that wait for approval on this connection have ${MOST_OF_ONE} bytes of data, which is the most`);
    if (bytes > 0 && this.#all + bytes > MOST_OF_ALL) throw new SpoolFull(`all commands that wait for approval have ${MOST_OF_ALL} bytes of data, which is the most`);
    this.#all += bytes;
    if (used === 0) this.#used.delete(owner);
    else this.#used.set(owner, used);
  }
}

/** The data of one command: written once, then read as often as wanted. Calls must not overlap; `close` may come at any time. */
export class Spool {
  readonly #file: FileHandle;
  readonly #most: number;
  readonly #take: (bytes: number) => void;
  readonly #key = randomBytes(32);
  readonly #hash = createHash('sha256');
  readonly #block = Buffer.allocUnsafeSlow(BLOCK);
  #filled = 0;
  #blocks = 0;
  #closed = false;
  #busy: Promise<unknown> = Promise.resolve();
  /** So far. */
  bytes = 0;

  constructor(file: FileHandle, most: number, take: (bytes: number) => void) {
    this.#file = file;
    this.#most = most;
    this.#take = take;
  }

  /** Adds data; a promise when it has to wait for the disk. Throws SpoolFull, and then has taken nothing of it. */
  add(data: Uint8Array): Promise<void> | undefined {
    if (this.#closed) throw new Error('the spool is closed');
    if (this.bytes + data.length > this.#most) throw new SpoolFull(`it brings more than ${this.#most} bytes of data, the most that is kept for people to approve`);
    this.#take(data.length);
    this.bytes += data.length;
    this.#hash.update(data);
    return this.#fill(data);
  }

  #fill(data: Uint8Array): Promise<void> | undefined {
    const fits = Math.min(data.length, BLOCK - this.#filled);
    this.#block.set(data.subarray(0, fits), this.#filled);
    this.#filled += fits;
    if (this.#filled < BLOCK) return undefined;
    const rest = data.subarray(fits);
    return this.#seal().then(() => this.#fill(rest));
  }

  /** No more data comes. SHA-256 of all of it, hex. */
  async finish(): Promise<string> {
    if (this.#filled > 0) await this.#seal();
    return this.#hash.digest('hex');
  }

  /** The data again, in pieces. Throws when it is not what was written. */
  async *read(): AsyncGenerator<Buffer, void, undefined> {
    let left = this.bytes;
    for (let at = 0; left > 0; at += 1) {
      const length = Math.min(BLOCK, left);
      const sealed = Buffer.allocUnsafe(length + TAG);
      const { bytesRead } = await this.#alone(() => this.#file.read(sealed, 0, sealed.length, at * (BLOCK + TAG)));
      if (bytesRead !== sealed.length) throw new Error('the spool is damaged');
      const decipher = createDecipheriv('aes-256-gcm', this.#key, nonceOf(at), { authTagLength: TAG }).setAuthTag(sealed.subarray(length));
      const piece = Buffer.concat([decipher.update(sealed.subarray(0, length)), decipher.final()]);
      left -= length;
      yield piece;
    }
  }

  /** Forgets the data. Harmless when it is closed already. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#key.fill(0);
    this.#block.fill(0);
    this.#take(-this.bytes);
    void this.#busy.then(() => this.#file.close()).catch(() => {});
  }

  async #seal(): Promise<void> {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(this.#blocks), { authTagLength: TAG });
    const sealed = Buffer.concat([cipher.update(this.#block.subarray(0, this.#filled)), cipher.final(), cipher.getAuthTag()]);
    const at = this.#blocks * (BLOCK + TAG);
    this.#blocks += 1;
    this.#filled = 0;
    const { bytesWritten } = await this.#alone(() => this.#file.write(sealed, 0, sealed.length, at));
    if (bytesWritten !== sealed.length) throw new Error('the disk took a part of it only');
  }

  /** The file is closed only when nothing is written or read. */
  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closed) return Promise.reject(new Error('the spool is closed'));
    const done = work();
    this.#busy = done.catch(() => {});
    return done;
  }
}

/** A key seals one spool, and each of its blocks once. */
const nonceOf = (block: number): Buffer => {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(block, 8);
  return nonce;
};
