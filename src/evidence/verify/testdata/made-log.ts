/**
 * Makes log folders byte by byte, after docs/reference/evidence.md and the C2SP texts alone: neither the writer's code nor the
 * verifier's has a part in it. So a test can make any log, also such as an adversary would who may write everything but has no key.
 */
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';

export interface MadeRecord {
  readonly record: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970, and microseconds of the run's own clock. */
  readonly wall: number;
  readonly mono: number;
  /** Sealed bodies, written before the leaf: any bytes. */
  readonly bodies?: readonly Buffer[];
}

export interface MadeLog {
  readonly name: string;
  readonly leaves: readonly Buffer[];
}

const sha256 = (...parts: readonly Uint8Array[]): Buffer => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

export const leafHashOf = (leaf: Buffer): Buffer => sha256(Buffer.of(0), leaf);

/** MTH of RFC 6962, section 2.1, as it is defined there. */
export const rootOf = (hashes: readonly Buffer[]): Buffer => {
  if (hashes.length === 0) return sha256();
  if (hashes.length === 1) return hashes[0] as Buffer;
  const k = splitOf(hashes.length);
  return sha256(Buffer.of(1), rootOf(hashes.slice(0, k)), rootOf(hashes.slice(k)));
};

/** PATH of RFC 6962, section 2.1.1. */
export const pathOf = (index: number, hashes: readonly Buffer[]): Buffer[] => {
  if (hashes.length === 1) return [];
  const k = splitOf(hashes.length);
  return index < k ? [...pathOf(index, hashes.slice(0, k)), rootOf(hashes.slice(k))] : [...pathOf(index - k, hashes.slice(k)), rootOf(hashes.slice(0, k))];
};

const splitOf = (size: number): number => {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
};

/** JSON with sorted names. Test records hold nothing that RFC 8785 would write otherwise. */
export const sorted = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${sorted(member)}`).join(',')}}`;
};

const frame = (type: number, number: number, durable: number, payload: Buffer): Buffer => {
  const bytes = Buffer.alloc(Math.ceil((32 + payload.length) / 8) * 8);
  bytes.write('WGF1', 0, 'latin1');
  bytes.writeUInt32BE(payload.length, 8);
  bytes.writeUIntBE(number, 12, 6);
  bytes.writeUIntBE(durable, 18, 6);
  bytes[24] = type;
  payload.copy(bytes, 32);
  bytes.writeUInt32BE(crc32(bytes.subarray(8, 32 + payload.length)), 4);
  return bytes;
};

/** Writes a log folder. `perSegment` records go into each segment; behind the last frame of the last there are zeros. */
export const makeLog = (folder: string, name: string, records: readonly MadeRecord[], perSegment = 50): MadeLog => {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(join(folder, 'log.json'), `${JSON.stringify({ format: 1, log: name })}\n`);
  const leaves: Buffer[] = [];
  let prev = '0'.repeat(64);
  let ordinal = 0;
  const segments: Buffer[][] = [];
  for (const [seq, { record, wall, mono, bodies = [] }] of records.entries()) {
    if (seq % perSegment === 0) segments.push([frame(1, segments.length, seq, Buffer.from(sorted({ v: 1, log: name, segment: segments.length })))]);
    const into = segments.at(-1) as Buffer[];
    const references = bodies.map((body) => {
      into.push(frame(3, ordinal, Math.max(0, seq - 3), body));
      ordinal += 1;
      return { c: sha256(body, Buffer.of(1)).toString('hex'), part: 'statement', frame: ordinal - 1, entry: 0, sealed: sha256(body).toString('hex') };
    });
    const leaf = Buffer.from(sorted({ v: 1, log: name, seq, time: new Date(wall).toISOString(), mono, prev, record, bodies: references.length > 0 ? references : undefined }));
    into.push(frame(2, seq, Math.max(0, seq - 3), leaf));
    leaves.push(leaf);
    prev = leafHashOf(leaf).toString('hex');
  }
  for (const [i, frames] of segments.entries()) fs.writeFileSync(join(folder, `${String(i).padStart(8, '0')}.seg`), Buffer.concat([...frames, Buffer.alloc(i === segments.length - 1 ? 4096 : 64)]));
  return { name, leaves };
};

/** A key that signs notes. */
export interface NoteKey {
  readonly name: string;
  readonly vkey: string;
  readonly id: Buffer;
  readonly secret: KeyObject;
}

export const makeKey = (name: string, type: 1 | 4 = 1): NoteKey => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.concat([Buffer.of(type), publicKey.export({ format: 'der', type: 'spki' }).subarray(12)]);
  const id = sha256(Buffer.from(`${name}\n`), raw).subarray(0, 4);
  return { name, vkey: `${name}+${id.toString('hex')}+${raw.toString('base64')}`, id, secret: privateKey };
};

export const noteBy = (text: string, ...keys: readonly NoteKey[]): string =>
  `${text}\n${keys.map(({ name, id, secret }) => `\u2014 ${name} ${Buffer.concat([id, sign(null, Buffer.from(text), secret)]).toString('base64')}\n`).join('')}`;

/** The same note with the cosignature of a witness. */
export const cosigned = (note: string, { name, id, secret }: NoteKey, time: number): string => {
  const seconds = Buffer.alloc(8);
  seconds.writeBigUInt64BE(BigInt(time));
  const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time}\n${note.slice(0, note.lastIndexOf('\n\n') + 1)}`), secret);
  return `${note}\u2014 ${name} ${Buffer.concat([id, seconds, signature]).toString('base64')}\n`;
};

export const checkpointText = (log: MadeLog, size: number): string => `${log.name}\n${size}\n${rootOf(log.leaves.slice(0, size).map(leafHashOf)).toString('base64')}\n`;

export const checkpointOf = (log: MadeLog, size: number, ...keys: readonly NoteKey[]): string => noteBy(checkpointText(log, size), ...keys);

/** The text of a rotation: signed by the key before. */
export const rotationNote = (log: string, before: NoteKey, after: NoteKey): string => noteBy(`wicketgate/key-rotation/v1\n${log}\n${after.vkey}\n`, before);

/** Writes history and latest checkpoint, one line for each note. */
export const storeCheckpoints = (folder: string, notes: readonly { readonly note: string; readonly wall: number }[]): void => {
  fs.mkdirSync(join(folder, 'tlog', 'checkpoints'), { recursive: true });
  for (const { note, wall } of notes) {
    const time = new Date(wall).toISOString();
    fs.appendFileSync(join(folder, 'tlog', 'checkpoints', `${time.slice(0, 10)}.jsonl`), `${JSON.stringify({ time, note })}\n`);
  }
  const last = notes.at(-1);
  if (last) fs.writeFileSync(join(folder, 'tlog', 'checkpoint'), last.note);
};

/** Writes all full hash tiles. */
export const storeTiles = (folder: string, log: MadeLog): void => {
  let hashes = log.leaves.map(leafHashOf);
  for (let level = 0; hashes.length >= 256; level += 1) {
    const above: Buffer[] = [];
    for (let tile = 0; (tile + 1) * 256 <= hashes.length; tile += 1) {
      const of = hashes.slice(tile * 256, (tile + 1) * 256);
      const path = join(folder, 'tlog', 'tile', String(level), String(tile).padStart(3, '0'));
      fs.mkdirSync(dirname(path), { recursive: true });
      fs.writeFileSync(path, Buffer.concat(of));
      above.push(rootOf(of));
    }
    hashes = above;
  }
};
