import { createCipheriv, createHash, hash, randomFillSync } from 'node:crypto';
import { FRAME_BODY, FRAME_HEADER, MOST_BODY, frameSize, sealFrame } from './format.ts';
import type { SealingKey } from './keys.ts';

const COMMIT = Buffer.from('wicketgate/commit/v1\0', 'latin1');
const SALT = 32;
const NONCE = 12;
const TAG = 16;
export const SEAL_VERSION = 1;

/** Bytes as they are, or compressed with zstd. */
export const RAW = 0;
export const ZSTD = 1;

/** One body on its way into the log, and afterwards the place where it stands, for the leaf that refers to it. */
export interface PendingBody {
  readonly key: SealingKey;
  readonly part: string;
  readonly salt: Buffer;
  readonly encoding: typeof RAW | typeof ZSTD;
  /** Bytes before compression. */
  readonly length: number;
  /** SHA-256 (hex) over the domain, the salt and the uncompressed bytes. */
  readonly commitment: string;
  /** What is sealed; empty once it has been. */
  stored: Uint8Array;
  /** Ordinal of the sealed frame, its place in it, and SHA-256 (hex) of the frame's payload; known once assembled. */
  frame: number;
  entry: number;
  sealed: string;
}

let pool = Buffer.alloc(0);
let poolUsed = 0;

/** Random bytes, each given out once. Drawn in bulk: one system call a record would cost more than its hash. */
const random = (bytes: number): Buffer => {
  if (poolUsed + bytes > pool.length) {
    pool = randomFillSync(Buffer.allocUnsafeSlow(512 * SALT));
    poolUsed = 0;
  }
  poolUsed += bytes;
  return pool.subarray(poolUsed - bytes, poolUsed);
};

export const newSalt = (): Buffer => random(SALT);

const scratch = Buffer.alloc(8192);
COMMIT.copy(scratch);

/** Commits to bytes without telling anything of them to who has no salt. */
export const commitmentTo = (salt: Uint8Array, bytes: Uint8Array): string => {
  const end = COMMIT.length + SALT + bytes.length;
  if (end > scratch.length) return createHash('sha256').update(COMMIT).update(salt).update(bytes).digest('hex');
  scratch.set(salt, COMMIT.length);
  scratch.set(bytes, COMMIT.length + SALT);
  return hash('sha256', scratch.subarray(0, end), 'hex');
};

/** A hash that has taken domain and salt, for bytes that come in pieces. */
export const startCommitment = (salt: Uint8Array): ReturnType<typeof createHash> => createHash('sha256').update(COMMIT).update(salt);

/** Prepares a body; the bytes must not change until they are sealed. Throws RangeError when it is too long. */
export const pendingBody = (key: SealingKey, part: string, bytes: Uint8Array): PendingBody => {
  if (bytes.length > MOST_BODY) throw new RangeError(`a body of ${bytes.length} bytes is longer than ${MOST_BODY}`);
  const salt = newSalt();
  return { key, part, salt, encoding: RAW, length: bytes.length, commitment: commitmentTo(salt, bytes), stored: bytes, frame: -1, entry: -1, sealed: '' };
};

/** Upper bound of what a body adds to the segment, with a frame of its own. */
const bodyBound = (body: PendingBody): number => entrySize(body) + FRAME_HEADER + 8 + 3 + 3 * body.key.id.length + NONCE + TAG;

const entrySize = (body: PendingBody): number => 4 + 2 + body.part.length + SALT + 4 + body.stored.length;

/** Bodies share a frame up to here: a reader that wants one opens them all. */
const FRAME_FULL = 1024 * 1024;

/**
 * Seals bodies, one frame for all of one key, and writes the frames to `target` from `at` on. Tells each body where it stands.
 * Gives the position behind the last frame.
 */
export const sealBodies = (target: Buffer, at: number, bodies: readonly PendingBody[], log: string, ordinal: number, durable: number): { readonly at: number; readonly ordinal: number } => {
  let position = at;
  let next = ordinal;
  for (const group of groupsOf(bodies)) {
    position = sealGroup(target, position, group, log, next, durable);
    next += 1;
  }
  return { at: position, ordinal: next };
};

const groupsOf = (bodies: readonly PendingBody[]): PendingBody[][] => {
  const groups: PendingBody[][] = [];
  const filling = new Map<SealingKey, { readonly group: PendingBody[]; size: number }>();
  for (const body of bodies) {
    const size = entrySize(body);
    let current = filling.get(body.key);
    if (!current || current.size + size > FRAME_FULL) {
      current = { group: [], size: 0 };
      groups.push(current.group);
      filling.set(body.key, current);
    }
    current.group.push(body);
    current.size += size;
  }
  return groups;
};

const sealGroup = (target: Buffer, at: number, group: readonly PendingBody[], log: string, ordinal: number, durable: number): number => {
  const { key } = group[0] as PendingBody;
  const plain = plainRoom(group.reduce((sum, body) => sum + entrySize(body), 0));
  let used = 0;
  for (const body of group) used = writeEntry(plain, used, body);

  const id = Buffer.from(key.id, 'utf8');
  const nonce = random(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key.secret, nonce);
  cipher.setAAD(sealContext(log, ordinal, key.id));
  const start = at + FRAME_HEADER;
  let end = target.writeUInt8(SEAL_VERSION, start);
  end = target.writeUInt16BE(id.length, end);
  end += id.copy(target, end);
  end += nonce.copy(target, end);
  end += cipher.update(plain).copy(target, end);
  cipher.final();
  end += cipher.getAuthTag().copy(target, end);
  plain.fill(0);

  const sealed = hash('sha256', target.subarray(start, end), 'hex');
  group.forEach((body, entry) => {
    body.frame = ordinal;
    body.entry = entry;
    body.sealed = sealed;
    body.stored = EMPTY;
  });
  return sealFrame(target, at, FRAME_BODY, ordinal, durable, end - start);
};

const EMPTY = new Uint8Array(0);

let room = Buffer.allocUnsafeSlow(16 * 1024);

/** Room for what is about to be sealed, used again for the next group; wiped after each. */
const plainRoom = (bytes: number): Buffer => {
  if (bytes > FRAME_FULL) return Buffer.allocUnsafeSlow(bytes);
  if (bytes > room.length) room = Buffer.allocUnsafeSlow(Math.min(FRAME_FULL, 2 * bytes));
  return room.subarray(0, bytes);
};

const writeEntry = (plain: Buffer, at: number, body: PendingBody): number => {
  let end = plain.writeUInt32BE(entrySize(body) - 4, at);
  end = plain.writeUInt8(body.encoding, end);
  end = plain.writeUInt8(body.part.length, end);
  end += plain.write(body.part, end, 'latin1');
  plain.set(body.salt, end);
  end = plain.writeUInt32BE(body.length, end + SALT);
  plain.set(body.stored, end);
  return end + body.stored.length;
};

/** What a sealed frame is bound to: it opens in its own log, at its own place, with its own key only. */
export const sealContext = (log: string, ordinal: number, keyId: string): Buffer => Buffer.from(`wicketgate/seal/v1\0${log}|${ordinal}|${keyId}`, 'utf8');

/** Total of the frames that bodies will take, an upper bound. */
export const bodiesBound = (bodies: readonly PendingBody[]): number => bodies.reduce((sum, body) => sum + frameSize(bodyBound(body)), 0);
