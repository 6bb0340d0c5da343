import type { Disk, DiskFile } from './disk.ts';
import { segmentName } from './format.ts';
import { headerFrame, makeSegment } from './segments.ts';

/** The segment that is written, and the one prepared behind it. */
export class SegmentRow {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #log: string;
  readonly #bytes: number;
  number: number;
  file: DiskFile;
  /** Where the next frame goes. */
  position: number;
  #size: number;
  #next: { readonly file: DiskFile; readonly start: number; readonly size: number } | undefined;
  #preparing: Promise<void> | undefined;
  /** Why the next segment could not be made, until it could. */
  failure: string | undefined;

  constructor(disk: Disk, folder: string, log: string, bytes: number, current: { readonly number: number; readonly file: DiskFile; readonly position: number }) {
    this.#disk = disk;
    this.#folder = folder;
    this.#log = log;
    this.#bytes = bytes;
    this.number = current.number;
    this.file = current.file;
    this.position = current.position;
    this.#size = current.file.size;
  }

  /** Bytes left in the current segment. */
  get left(): number {
    return this.#size - this.position;
  }

  /** Bytes that the prepared segment takes; 0 while there is none. */
  get ahead(): number {
    return this.#next ? this.#next.size - this.#next.start : 0;
  }

  get segmentBytes(): number {
    return this.#bytes;
  }

  /** Prepares the next segment, unless there is one or one is being made. Never rejects: `failure` tells. */
  prepare(): Promise<void> {
    if (this.#next) return Promise.resolve();
    this.#preparing ??= this.#make().finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  async #make(): Promise<void> {
    const number = this.number + 1;
    const header = { v: 1, log: this.#log, segment: number };
    try {
      const path = `${this.#folder}/${segmentName(number)}`;
      const file = this.#disk.exists(path) ? openMade(this.#disk, this.#folder, path) : await makeSegment(this.#disk, this.#folder, header, this.#bytes);
      this.#next = { file, start: headerFrame(header).length, size: file.size };
      this.failure = undefined;
    } catch (error) {
      this.failure = describe(error);
    }
  }

  /** Goes over to the prepared segment. The current one must be durable. False when none is ready. */
  advance(): boolean {
    if (!this.#next) return false;
    this.file.close();
    this.#use(this.number + 1, this.#next.file, this.#next.start);
    return true;
  }

  /** Goes over to a segment that takes the place of the current one's tail. */
  async supersede(durable: number, content: Buffer): Promise<void> {
    await this.#preparing;
    const header = { v: 1, log: this.#log, segment: this.number + 1, supersedes: durable };
    const start = headerFrame(header).length + content.length;
    const file = await makeSegment(this.#disk, this.#folder, header, Math.max(this.#bytes, start + this.#bytes / 2), content);
    try {
      this.#next?.file.close();
      this.file.close();
    } catch {
      // Their disk failed: nothing of theirs is needed any more.
    }
    this.#use(this.number + 1, file, start);
  }

  /** A fresh look at the current segment, past the descriptor that failed. */
  reopen(): DiskFile {
    return this.#disk.open(`${this.#folder}/${segmentName(this.number)}`, 'read');
  }

  async close(): Promise<void> {
    await this.#preparing;
    this.#next?.file.close();
    this.#next = undefined;
    this.file.close();
  }

  #use(number: number, file: DiskFile, position: number): void {
    this.number = number;
    this.file = file;
    this.position = position;
    this.#size = file.size;
    this.#next = undefined;
  }
}

/** A segment that was made before: whoever made it may have failed before its name was durable. */
const openMade = (disk: Disk, folder: string, path: string): DiskFile => {
  disk.syncFolder(folder);
  return disk.open(path, 'write');
};

/** What a failed disk said, for people. */
export const describe = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
      return 'the disk is full';
    case 'EDQUOT':
      return 'the disk quota is used up';
    case 'EROFS':
      return 'the disk is read-only';
    case 'EACCES':
    case 'EPERM':
      return 'the folder may not be written';
    case 'EIO':
      return 'the disk reports an input/output error';
    default:
      return code ?? message;
  }
};
