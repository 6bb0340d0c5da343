import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { DeflatedStream, type Deflated } from './deflated.ts';

/** The largest sizes and counts that can be said without zip64. */
const MOST_BYTES = 0xffff_ffff;
const MOST_FILES = 0xffff;
const UTF8 = 0x0800;
const DEFLATED = 8;
const VERSION = 20;
/** The file's comment: `sha256:` and the digest of everything before the end record, so that no byte can change unseen. */
const COMMENT = 71;
/** 1 January 1980: a pack says when it was made in its manifest, and is otherwise the same each time. */
const DATE = 0x0021;

/** A pack that this form of zip file cannot hold, or a file that is there already. */
export class NotWritten extends Error {}

interface Entry extends Deflated {
  readonly path: string;
  readonly at: number;
}

/** Writes a zip file under another name, which `finish` makes its own; the folder keeps nothing of one that was given up. */
export class ZipFile {
  readonly #path: string;
  readonly #draft: string;
  readonly #file: number;
  readonly #entries: Entry[] = [];
  #at = 0;

  /** Throws NotWritten when something is there already, or what the disk says. */
  constructor(path: string) {
    if (fs.existsSync(path)) throw new NotWritten(`${path} is there already`);
    this.#path = path;
    this.#draft = `${path}.draft`;
    fs.rmSync(this.#draft, { force: true });
    this.#file = fs.openSync(this.#draft, 'wx', 0o600);
  }

  get entries(): readonly (Deflated & { readonly path: string })[] {
    return this.#entries;
  }

  /** One file, whose content `write` gives. */
  add(path: string, write: (stream: DeflatedStream) => void): Deflated {
    const entry = this.open(path);
    write(entry.stream);
    return entry.end();
  }

  /** One file whose content comes in pieces; the next can begin when this one has ended. */
  open(path: string): { readonly stream: DeflatedStream; readonly end: () => Deflated } {
    const at = this.#at;
    this.#put(header(path, { crc: 0, size: 0, compressed: 0 }));
    const stream = new DeflatedStream((bytes) => this.#put(bytes));
    return { stream, end: () => this.#end(path, at, stream.finish()) };
  }

  /** One file that was compressed before into a file of its own. */
  addDeflated(path: string, file: string, deflated: Deflated): void {
    const at = this.#at;
    this.#put(header(path, deflated));
    const source = fs.openSync(file, 'r');
    try {
      const window = Buffer.allocUnsafe(1024 * 1024);
      for (let read = fs.readSync(source, window); read > 0; read = fs.readSync(source, window)) this.#put(window.subarray(0, read));
    } finally {
      fs.closeSync(source);
    }
    this.#entries.push({ path, at, ...deflated });
  }

  /** Writes the directory; the file is durable, and has its name, when this returns. */
  finish(): void {
    const begin = this.#at;
    if (this.#entries.length > MOST_FILES) throw new NotWritten(`the pack has more than ${MOST_FILES} files`);
    for (const entry of this.#entries) this.#put(directoryEntry(entry));
    const end = Buffer.alloc(22 + COMMENT);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(this.#entries.length, 8);
    end.writeUInt16LE(this.#entries.length, 10);
    end.writeUInt32LE(this.#at - begin, 12);
    end.writeUInt32LE(begin, 16);
    end.writeUInt16LE(COMMENT, 20);
    end.write(`sha256:${this.#digest()}`, 22, 'latin1');
    this.#put(end);
    fs.fsyncSync(this.#file);
    fs.closeSync(this.#file);
    // A link does not take the place of what has come there meanwhile, as a rename would.
    fs.linkSync(this.#draft, this.#path);
    fs.rmSync(this.#draft);
    const folder = fs.openSync(dirname(this.#path), 'r');
    fs.fsyncSync(folder);
    fs.closeSync(folder);
  }

  /** Gives up: removes what was written. */
  abandon(): void {
    try {
      fs.closeSync(this.#file);
    } catch {
      // Closed by finish.
    }
    fs.rmSync(this.#draft, { force: true });
  }

  #end(path: string, at: number, deflated: Deflated): Deflated {
    if (deflated.size > MOST_BYTES) throw new NotWritten(`${path} has more than 4 GiB: export a shorter period`);
    const bytes = header(path, deflated);
    fs.writeSync(this.#file, bytes, 0, bytes.length, at);
    this.#entries.push({ path, at, ...deflated });
    return deflated;
  }

  /** Of everything so far. Read again, as headers were written when their files had ended. */
  #digest(): string {
    const hash = createHash('sha256');
    const file = fs.openSync(this.#draft, 'r');
    try {
      const window = Buffer.allocUnsafe(1024 * 1024);
      for (let read = fs.readSync(file, window); read > 0; read = fs.readSync(file, window)) hash.update(window.subarray(0, read));
    } finally {
      fs.closeSync(file);
    }
    return hash.digest('hex');
  }

  #put(bytes: Buffer): void {
    if (this.#at + bytes.length > MOST_BYTES) throw new NotWritten('the pack is larger than 4 GiB, which this form of zip file cannot hold: export a shorter period');
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.#file, bytes, done, bytes.length - done, this.#at + done);
    this.#at += bytes.length;
  }
}

const header = (path: string, { crc, size, compressed }: Pick<Deflated, 'crc' | 'size' | 'compressed'>): Buffer => {
  const name = Buffer.from(path, 'latin1');
  const bytes = Buffer.alloc(30 + name.length);
  bytes.writeUInt32LE(0x04034b50, 0);
  bytes.writeUInt16LE(VERSION, 4);
  bytes.writeUInt16LE(UTF8, 6);
  bytes.writeUInt16LE(DEFLATED, 8);
  bytes.writeUInt16LE(DATE, 12);
  bytes.writeUInt32LE(crc, 14);
  bytes.writeUInt32LE(compressed, 18);
  bytes.writeUInt32LE(size, 22);
  bytes.writeUInt16LE(name.length, 26);
  name.copy(bytes, 30);
  return bytes;
};

const directoryEntry = ({ path, at, crc, size, compressed }: Entry): Buffer => {
  const name = Buffer.from(path, 'latin1');
  const bytes = Buffer.alloc(46 + name.length);
  bytes.writeUInt32LE(0x02014b50, 0);
  bytes.writeUInt16LE(VERSION, 4);
  bytes.writeUInt16LE(VERSION, 6);
  bytes.writeUInt16LE(UTF8, 8);
  bytes.writeUInt16LE(DEFLATED, 10);
  bytes.writeUInt16LE(DATE, 14);
  bytes.writeUInt32LE(crc, 16);
  bytes.writeUInt32LE(compressed, 20);
  bytes.writeUInt32LE(size, 24);
  bytes.writeUInt16LE(name.length, 28);
  bytes.writeUInt32LE(at, 42);
  name.copy(bytes, 46);
  return bytes;
};
