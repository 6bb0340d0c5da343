import { readSmall, replaceFile, type Disk } from '../disk.ts';
import { fileNameOf, KeysUnusable } from '../keys.ts';
import { BadNote, formatSkey, formatVkey, generateSigner, parseSkey, type Signer } from '../tlog/note.ts';

const CURRENT = 'current.skey';
const NEXT = 'next.skey';

/** A key that is about to take over. Its record, if there is one, is none of the first `since` records of the log. */
export interface Successor {
  readonly signer: Signer;
  readonly since: number;
}

/** The keys that sign a log's checkpoints: the one in use, and its successor while it is being replaced. In the keys folder, 0600. */
export class SigningKeys {
  readonly #disk: Disk;
  readonly #folder: string;
  #current: Signer;
  #next: Successor | undefined;

  private constructor(disk: Disk, folder: string, current: Signer, next: Successor | undefined) {
    this.#disk = disk;
    this.#folder = folder;
    this.#current = current;
    this.#next = next;
  }

  /** Opens the keys of a log. `create`: nothing was ever signed, so that a first key may be made. Throws KeysUnusable. */
  static open(disk: Disk, keysFolder: string, log: string, create: boolean): SigningKeys {
    const folder = `${keysFolder}/signing/${fileNameOf(log)}`;
    if (!disk.exists(`${folder}/${CURRENT}`)) {
      if (!create) throw new KeysUnusable(`the keys folder ${keysFolder} has not the key that signs ${log}, which has signed checkpoints already: restore ${folder}/${CURRENT}`);
      disk.makeFolder(folder);
      write(disk, folder, CURRENT, [formatSkey(generateSigner(log))]);
    }
    // An earlier start may have made the key and failed before its name was durable: nothing is signed with one that may be gone.
    disk.syncFolder(folder);
    const next = disk.exists(`${folder}/${NEXT}`) ? read(disk, folder, NEXT, log) : undefined;
    return new SigningKeys(disk, folder, read(disk, folder, CURRENT, log).signer, next);
  }

  get current(): Signer {
    return this.#current;
  }

  /** The successor, from `makeNext` to `finish`. */
  get next(): Successor | undefined {
    return this.#next;
  }

  /** Makes the successor, durable before it is named anywhere. `since`: records in the log. */
  makeNext(since: number): Signer {
    const signer = generateSigner(this.#current.name);
    write(this.#disk, this.#folder, NEXT, [formatSkey(signer), String(since)]);
    this.#next = { signer, since };
    return signer;
  }

  /** The successor takes over; the old secret is gone. */
  finish(): void {
    if (!this.#next) return;
    const { signer } = this.#next;
    if (formatVkey(signer) !== formatVkey(this.#current)) write(this.#disk, this.#folder, CURRENT, [formatSkey(signer)]);
    this.#current = signer;
    this.#next = undefined;
    this.#disk.remove(`${this.#folder}/${NEXT}`);
    this.#disk.syncFolder(this.#folder);
  }
}

const write = (disk: Disk, folder: string, name: string, lines: readonly string[]): void => replaceFile(disk, folder, name, Buffer.from(lines.map((line) => `${line}\n`).join(''), 'utf8'), true);

const read = (disk: Disk, folder: string, name: string, log: string): Successor => {
  const path = `${folder}/${name}`;
  const mode = disk.mode(path);
  if (mode !== undefined && (mode & 0o077) !== 0) throw new KeysUnusable(`${path} can be read by others (mode ${mode.toString(8)}): chmod 600`);
  try {
    const [key = '', since = '0'] = readSmall(disk, path, 4096).toString('utf8').split('\n');
    const signer = parseSkey(key);
    if (signer.name === log && /^[0-9]{0,15}$/.test(since)) return { signer, since: Number(since) };
  } catch (error) {
    if (!(error instanceof BadNote)) throw error;
  }
  throw new KeysUnusable(`${path} is not the key that signs ${log}`);
};
