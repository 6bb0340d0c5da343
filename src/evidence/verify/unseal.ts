import { createDecipheriv, createHash, hash } from 'node:crypto';
import * as fs from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';

const MOST_ENTRY = 16 * 1024 * 1024;
/** Keys that are remembered: one for each connection and day. */
const MOST_KEYS = 10_000;
const COMMIT = Buffer.from('wicketgate/commit/v1\0');
/** Begins with what every commitment begins with. */
const scratch = Buffer.concat([COMMIT, Buffer.alloc(4096)]);

/** What a sealed frame turned out to hold. */
export type Unsealed = { readonly kind: 'opened'; readonly commitments: readonly string[] } | { readonly kind: 'no_key'; readonly key: string } | { readonly kind: 'wrong'; readonly why: string };

/** Opens sealed frames with a copy of the keys folder and computes the commitments of what is in them. */
export class Unsealer {
  readonly #folder: string;
  readonly #kek: Buffer;
  readonly #keys = new Map<string, Buffer | undefined>();

  /** Throws with a plain sentence when the folder has no usable key-encryption key. */
  constructor(folder: string) {
    this.#folder = folder;
    const text = readBounded(`${folder}/sealing.kek`);
    if (text === undefined) throw new Error(`${folder} holds no sealing.kek`);
    const found = /^wicketgate-kek-1 ([A-Za-z0-9+/]{43}=)\n?$/.exec(text);
    if (!found) throw new Error(`${folder}/sealing.kek is not a key-encryption key of this version`);
    this.#kek = Buffer.from(found[1] as string, 'base64');
  }

  open(log: string, ordinal: number, payload: Buffer): Unsealed {
    if (payload.length < 3 || payload[0] !== 1) return { kind: 'wrong', why: 'it is not a sealed body of this version' };
    const idEnd = 3 + payload.readUInt16BE(1);
    if (payload.length < idEnd + 28) return { kind: 'wrong', why: 'it is too short' };
    const id = payload.toString('utf8', 3, idEnd);
    const key = this.#key(id);
    if (!key) return { kind: 'no_key', key: id };
    let plain: Buffer;
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, payload.subarray(idEnd, idEnd + 12), { authTagLength: 16 });
      decipher.setAAD(Buffer.from(`wicketgate/seal/v1\0${log}|${ordinal}|${id}`, 'utf8'));
      decipher.setAuthTag(payload.subarray(payload.length - 16));
      plain = Buffer.concat([decipher.update(payload.subarray(idEnd + 12, payload.length - 16)), decipher.final()]);
    } catch {
      return { kind: 'wrong', why: 'its key does not open it at this place of this log' };
    }
    const commitments = entriesOf(plain);
    return commitments ? { kind: 'opened', commitments } : { kind: 'wrong', why: 'its content is malformed' };
  }

  /** Whether the key with that id is there. */
  has(id: string): boolean {
    return this.#key(id) !== undefined;
  }

  #key(id: string): Buffer | undefined {
    if (!this.#keys.has(id)) {
      if (this.#keys.size >= MOST_KEYS) this.#keys.clear();
      this.#keys.set(id, this.#unwrap(id));
    }
    return this.#keys.get(id);
  }

  #unwrap(id: string): Buffer | undefined {
    const found = /^(.+)\/(\d{4}-\d\d-\d\d)\/[0-9a-f]{8}$/s.exec(id);
    if (!found) return undefined;
    const folder = [...Buffer.from(found[1] as string, 'utf8')].map((byte) => (/[A-Za-z0-9_-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`)).join('');
    const text = readBounded(`${this.#folder}/sealing/${folder}/${found[2]}.key`);
    if (text === undefined) return undefined;
    try {
      const saved = JSON.parse(text) as { id: string; nonce: string; wrapped: string };
      // A key made again for the same day is another key: the one asked for is gone.
      if (saved.id !== id) return undefined;
      const wrapped = Buffer.from(saved.wrapped, 'hex');
      const decipher = createDecipheriv('aes-256-gcm', this.#kek, Buffer.from(saved.nonce, 'hex'), { authTagLength: 16 });
      decipher.setAAD(Buffer.from(`wicketgate/wrap/v1\0${id}`, 'utf8'));
      decipher.setAuthTag(wrapped.subarray(32));
      return Buffer.concat([decipher.update(wrapped.subarray(0, 32)), decipher.final()]);
    } catch {
      return undefined;
    }
  }
}

const readBounded = (path: string): string | undefined => {
  try {
    const stat = fs.lstatSync(path);
    return stat.isFile() && stat.size <= 4096 ? fs.readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
};

/** The commitments of all entries, or undefined when the content is not as it must be. */
const entriesOf = (plain: Buffer): string[] | undefined => {
  const commitments: string[] = [];
  for (let at = 0; at < plain.length; ) {
    if (at + 6 > plain.length) return undefined;
    const end = at + 4 + plain.readUInt32BE(at);
    const encoding = plain[at + 4];
    const salt = at + 6 + (plain[at + 5] as number);
    const data = salt + 36;
    if (end > plain.length || data > end) return undefined;
    const length = plain.readUInt32BE(salt + 32);
    const bytes = encoding === 0 ? plain.subarray(data, end) : encoding === 1 ? inflate(plain.subarray(data, end), length) : undefined;
    if (!bytes || bytes.length !== length) return undefined;
    commitments.push(commitmentTo(plain.subarray(salt, salt + 32), bytes));
    at = end;
  }
  return commitments;
};

/** One call for small bodies, which nearly all are: to make a hash object costs more than to hash them. */
const commitmentTo = (salt: Buffer, bytes: Buffer): string => {
  const length = COMMIT.length + salt.length + bytes.length;
  if (length > scratch.length) return createHash('sha256').update(COMMIT).update(salt).update(bytes).digest('hex');
  salt.copy(scratch, COMMIT.length);
  bytes.copy(scratch, COMMIT.length + salt.length);
  return hash('sha256', scratch.subarray(0, length), 'hex');
};

const inflate = (bytes: Buffer, length: number): Buffer | undefined => {
  if (length > MOST_ENTRY) return undefined;
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, length) });
  } catch {
    return undefined;
  }
};
