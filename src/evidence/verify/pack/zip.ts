/**
 * Reads the one form of zip file that a pack has: its files one behind the other, nothing between them, all deflated, and at the
 * end the digest of everything before. Anything else that a zip file may be is refused: what is read here is what every other program
 * reads too.
 */
import { concat, equal, inHex, textOf, utf8, type Sha256 } from './bytes.ts';
import { crc32 } from './crc32.ts';

/** It is no pack, or not one that this version reads. */
export class NotAPack extends Error {}

/** It ends as a pack does, and somebody altered what is needed to read on. */
export class PackAltered extends NotAPack {}

/** A file of the pack does not inflate to what its entry says. */
export class FileDamaged extends Error {}

const LOCAL = 30;
const DIRECTORY = 46;
const END = 22;
const COMMENT = 71;
const MOST_DIRECTORY = 16 * 1024 * 1024;
/** Inflated, in all. A pack of 4 GiB can say more than any disk holds. */
const MOST_INFLATED = 64 * 1024 ** 3;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,8}$/;

export interface ZipEntry {
  readonly path: string;
  readonly size: number;
  readonly compressed: number;
  readonly crc: number;
  /** Where its compressed bytes begin. */
  readonly at: number;
}

/** A pack that was opened: names and sizes are known, contents are not. */
export class Zip {
  readonly #blob: Blob;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  readonly #stated: string;

  constructor(blob: Blob, entries: ReadonlyMap<string, ZipEntry>, stated: string) {
    this.#blob = blob;
    this.entries = entries;
    this.#stated = stated;
  }

  /** The content of a file, piece by piece. Throws FileDamaged. */
  async *read(path: string): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const entry = this.entries.get(path);
    if (!entry) throw new FileDamaged(`${path} is missing`);
    const stream = this.#blob.slice(entry.at, entry.at + entry.compressed).stream().pipeThrough(new DecompressionStream('deflate-raw'));
    const reader = stream.getReader();
    let size = 0;
    let crc = 0;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        size += value.length;
        if (size > entry.size) throw new FileDamaged(`${path} is larger than it says`);
        crc = crc32(value, crc);
        yield value;
      }
    } catch (error) {
      throw error instanceof FileDamaged ? error : new FileDamaged(`${path} cannot be unpacked: its bytes were altered`, { cause: error });
    } finally {
      // Whoever stops reading early leaves nothing running.
      void reader.cancel().catch(() => undefined);
    }
    if (size !== entry.size || crc !== entry.crc) throw new FileDamaged(`${path} is not what its entry in the zip file says: its bytes were altered`);
  }

  /** A whole file, which may not be larger than `most`. Throws FileDamaged. */
  async whole(path: string, most: number): Promise<Uint8Array<ArrayBuffer>> {
    if ((this.entries.get(path)?.size ?? 0) > most) throw new FileDamaged(`${path} is larger than such a file may be`);
    const parts: Uint8Array[] = [];
    for await (const part of this.read(path)) parts.push(part);
    return concat(...parts);
  }

  /** The same as text. */
  async text(path: string, most: number): Promise<string> {
    const text = textOf(await this.whole(path, most));
    if (text === undefined) throw new FileDamaged(`${path} is not UTF-8`);
    return text;
  }

  /** Whether the zip file as a whole has the digest that stands at its end. */
  async sound(sha256: Sha256): Promise<boolean> {
    const hash = sha256.stream();
    const end = this.#blob.size - END - COMMENT;
    for (let at = 0; at < end; at += 1024 * 1024) hash.update(new Uint8Array(await this.#blob.slice(at, Math.min(end, at + 1024 * 1024)).arrayBuffer()));
    return `sha256:${inHex(hash.digest())}` === this.#stated;
  }
}

/** Opens a pack. Throws NotAPack or PackAltered, saying why. */
export const openZip = async (blob: Blob): Promise<Zip> => {
  const bytesAt = async (from: number, to: number): Promise<DataView> => new DataView(await blob.slice(from, to).arrayBuffer());
  if (blob.size < END + COMMENT) throw new NotAPack('it is too short for a pack');
  const endAt = blob.size - END - COMMENT;
  const end = await bytesAt(endAt, blob.size);
  const count = end.getUint16(10, true);
  const length = end.getUint32(12, true);
  const begin = end.getUint32(16, true);
  const stated = textOf(new Uint8Array(end.buffer, END)) ?? '';
  if (end.getUint32(0, true) !== 0x06054b50 || end.getUint16(20, true) !== COMMENT || !/^sha256:[0-9a-f]{64}$/.test(stated)) throw new NotAPack('it is not a pack as Wicketgate writes one: another file, a part of one, or one that was packed again');
  if (end.getUint32(4, true) !== 0 || end.getUint16(8, true) !== count || begin + length !== endAt || length > MOST_DIRECTORY) throw new PackAltered('the directory at its end was altered');
  const directory = new Uint8Array(await blob.slice(begin, endAt).arrayBuffer());
  const entries = new Map<string, ZipEntry>();
  const names = new Set<string>();
  let at = 0;
  let due = 0;
  let inflated = 0;
  while (at < directory.length) {
    const { entry, next } = entryAt(directory, at, due);
    const local = new Uint8Array(await blob.slice(due, entry.at).arrayBuffer());
    if (!equal(local, localOf(entry))) throw new PackAltered(`the header of ${entry.path} was altered`);
    // On disks that do not tell upper from lower case two names could be one.
    if (names.has(entry.path.toLowerCase())) throw new PackAltered(`it has two files named ${entry.path}`);
    names.add(entry.path.toLowerCase());
    entries.set(entry.path, entry);
    inflated += entry.size;
    due = entry.at + entry.compressed;
    at = next;
  }
  if (entries.size !== count || due !== begin) throw new PackAltered('its directory does not list what is in it');
  if (inflated > MOST_INFLATED) throw new PackAltered('it would unpack to more than 64 GiB');
  return new Zip(blob, entries, stated);
};

const entryAt = (directory: Uint8Array, at: number, due: number): { readonly entry: ZipEntry; readonly next: number } => {
  const view = new DataView(directory.buffer, directory.byteOffset + at, directory.length - at);
  if (view.byteLength < DIRECTORY) throw new PackAltered('its directory ends early');
  const next = at + DIRECTORY + view.getUint16(28, true);
  const path = textOf(directory.subarray(at + DIRECTORY, next)) ?? '';
  if (next > directory.length || !NAME.test(path)) throw new PackAltered('a file in it has a name that no file of a pack has');
  const entry = { path, crc: view.getUint32(16, true), compressed: view.getUint32(20, true), size: view.getUint32(24, true), at: due + LOCAL + path.length };
  if (!equal(directory.subarray(at, next), directoryOf(entry, due))) throw new PackAltered(`the directory entry of ${path} was altered`);
  return { entry, next };
};

/** A local header as a pack has it: everything that could vary does not. */
const localOf = ({ path, crc, compressed, size }: ZipEntry): Uint8Array => {
  const bytes = new Uint8Array(LOCAL);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x04034b50, true);
  fixed(view, 4);
  view.setUint32(14, crc, true);
  view.setUint32(18, compressed, true);
  view.setUint32(22, size, true);
  view.setUint16(26, path.length, true);
  return concat(bytes, utf8(path));
};

const directoryOf = ({ path, crc, compressed, size }: ZipEntry, at: number): Uint8Array => {
  const bytes = new Uint8Array(DIRECTORY);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(4, 20, true);
  fixed(view, 6);
  view.setUint32(16, crc, true);
  view.setUint32(20, compressed, true);
  view.setUint32(24, size, true);
  view.setUint16(28, path.length, true);
  view.setUint32(42, at, true);
  return concat(bytes, utf8(path));
};

/** Version 2.0, names in UTF-8, deflated, 1 January 1980. */
const fixed = (view: DataView, at: number): void => {
  view.setUint16(at, 20, true);
  view.setUint16(at + 2, 0x0800, true);
  view.setUint16(at + 4, 8, true);
  view.setUint16(at + 8, 0x0021, true);
};
