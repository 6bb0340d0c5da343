import type { Disk, DiskFile } from '../disk.ts';

/** What happens to one operation: nothing special, an error code, only part of a write, or the power goes. */
export type Fate = 'ok' | 'EIO' | 'ENOSPC' | 'EROFS' | 'short' | 'power';
export interface Operation {
  readonly number: number;
  readonly kind: 'create' | 'write' | 'sync' | 'rename' | 'link' | 'remove' | 'syncFolder' | 'makeFolder';
  readonly path: string;
}

/** One thing happens at one operation. */
export const at = (number: number, fate: Fate) => (operation: Operation): Fate => (operation.number === number ? fate : 'ok');

interface PendingWrite {
  readonly position: number;
  readonly bytes: Buffer;
}

interface Inode {
  /** What a reader sees: the page cache. */
  cached: Buffer;
  /** What is on the medium. */
  medium: Buffer;
  /** Written since the last sync, in order. */
  pending: PendingWrite[];
}

export interface SimDiskOptions {
  readonly fate?: (operation: Operation) => Fate;
  /** Which attempts to look (open, read, list, find out) fail with EIO. Numbered apart, since the power may as well go at the next change. */
  readonly blind?: (number: number, path: string) => boolean;
  /** Mutations that the tests must notice: these syncs report success and do nothing. */
  readonly ignoreSync?: (path: string, kind: 'sync' | 'syncFolder') => boolean;
}

const SECTOR = 512;

/**
 * A disk in memory that keeps only what was synced. After a failed sync the pages count as clean, as on Linux: they can be read,
 * will never be written, and a later sync succeeds. When the power goes, each sector of each unsynced write is there or not, and
 * names changed since their folder was synced are changed or not (in order within a folder), as `powerCycle` is told.
 */
export class SimDisk implements Disk {
  readonly #options: SimDiskOptions;
  #names = new Map<string, Inode>();
  #mediumNames = new Map<string, Inode>();
  #nameChanges: { readonly folder: string; readonly apply: (names: Map<string, Inode>) => void }[] = [];
  #folders = new Set<string>(['/']);
  #locked = new Set<string>();
  operations = 0;
  looks = 0;
  off = false;

  constructor(options: SimDiskOptions = {}) {
    this.#options = options;
  }

  open(path: string, how: 'read' | 'write' | 'create'): DiskFile {
    if (how === 'create') {
      this.step('create', path);
      if (this.#names.has(path)) throw failure('EEXIST');
      const inode: Inode = { cached: Buffer.alloc(0), medium: Buffer.alloc(0), pending: [] };
      this.#change(path, (names) => names.set(path, inode));
      return new SimFile(this, path, inode);
    }
    this.look(path);
    const inode = this.#names.get(path);
    if (!inode) throw failure('ENOENT');
    return new SimFile(this, path, inode);
  }

  exists(path: string): boolean {
    this.look(path);
    return this.#names.has(path) || this.#folders.has(path);
  }

  list(folder: string): string[] {
    this.look(folder);
    const entries = [...this.#names.keys(), ...this.#folders].filter((path) => path !== folder && path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1).split('/')[0] as string);
    return [...new Set(entries)];
  }

  makeFolder(folder: string): void {
    this.step('makeFolder', folder);
    // Durable when it returns, as the port promises.
    for (let at = folder; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) this.#folders.add(at);
  }

  rename(from: string, to: string): void {
    this.step('rename', to);
    const inode = this.#names.get(from);
    if (!inode) throw failure('ENOENT');
    this.#change(to, (names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  link(from: string, to: string): boolean {
    this.step('link', to);
    const inode = this.#names.get(from);
    if (!inode) throw failure('ENOENT');
    if (this.#names.has(to)) return false;
    this.#change(to, (names) => names.set(to, inode));
    return true;
  }

  remove(path: string): void {
    this.step('remove', path);
    if (!this.#names.has(path)) throw failure('ENOENT');
    this.#change(path, (names) => names.delete(path));
  }

  syncFolder(folder: string): void {
    this.step('syncFolder', folder);
    if (this.#options.ignoreSync?.(folder, 'syncFolder')) return;
    this.#nameChanges = this.#nameChanges.filter((change) => {
      if (change.folder !== folder) return true;
      change.apply(this.#mediumNames);
      return false;
    });
  }

  realPath(path: string): string {
    return path;
  }

  mode(path: string): number {
    return this.#folders.has(path) ? 0o700 : 0o600;
  }

  space(): Promise<{ free: number; total: number }> {
    return Promise.resolve({ free: 50, total: 100 });
  }

  lock(folder: string): Promise<() => Promise<void>> {
    if (this.#locked.has(folder)) return Promise.reject(new Error('taken'));
    this.#locked.add(folder);
    return Promise.resolve(() => {
      this.#locked.delete(folder);
      return Promise.resolve();
    });
  }

  /** The disk after the power came back. `keep` decides for each sector of each unsynced write, and for each changed name. */
  powerCycle(keep: (what: 'sector' | 'name') => boolean, options: SimDiskOptions = {}): SimDisk {
    const after = new SimDisk(options);
    after.#folders = new Set(this.#folders);
    const names = new Map(this.#mediumNames);
    const stopped = new Set<string>();
    for (const { folder, apply } of this.#nameChanges) {
      if (stopped.has(folder)) continue;
      if (keep('name')) apply(names);
      else stopped.add(folder);
    }
    const revived = new Map<Inode, Inode>();
    for (const [path, inode] of names) {
      let copy = revived.get(inode);
      if (!copy) {
        const content = afterCrash(inode, keep);
        copy = { cached: content, medium: Buffer.from(content), pending: [] };
        revived.set(inode, copy);
      }
      after.#names.set(path, copy);
      after.#mediumNames.set(path, copy);
    }
    return after;
  }

  /** The files as a reader sees them. */
  get files(): ReadonlyMap<string, Buffer> {
    return new Map([...this.#names].map(([path, { cached }]) => [path, cached]));
  }

  /** Counts an operation and lets its fate happen. */
  step(kind: Operation['kind'], path: string): 'ok' | 'short' {
    if (this.off) throw failure('EIO');
    const fate = this.#options.fate?.({ number: this.operations, kind, path }) ?? 'ok';
    this.operations += 1;
    if (fate === 'power') {
      this.off = true;
      throw failure('EIO');
    }
    if (fate === 'EIO' || fate === 'ENOSPC' || fate === 'EROFS') throw failure(fate);
    return fate;
  }

  look(path: string): void {
    if (this.off) throw failure('EIO');
    this.looks += 1;
    if (this.#options.blind?.(this.looks - 1, path)) throw failure('EIO');
  }

  persist(path: string, inode: Inode, writes: readonly PendingWrite[]): void {
    if (this.#options.ignoreSync?.(path, 'sync')) return;
    for (const { position, bytes } of writes) inode.medium = overlay(inode.medium, position, bytes);
    inode.pending = inode.pending.filter((write) => !writes.includes(write));
  }

  #change(path: string, apply: (names: Map<string, Inode>) => void): void {
    apply(this.#names);
    this.#nameChanges.push({ folder: path.slice(0, path.lastIndexOf('/')), apply });
  }
}

class SimFile implements DiskFile {
  readonly #disk: SimDisk;
  readonly #path: string;
  readonly #inode: Inode;

  constructor(disk: SimDisk, path: string, inode: Inode) {
    this.#disk = disk;
    this.#path = path;
    this.#inode = inode;
  }

  get size(): number {
    return this.#inode.cached.length;
  }

  read(target: Buffer, position: number): number {
    this.#disk.look(this.#path);
    return this.#inode.cached.copy(target, 0, position);
  }

  write(bytes: Buffer, position: number): number {
    const took = this.#disk.step('write', this.#path) === 'short' ? Math.ceil(bytes.length / 2) : bytes.length;
    const taken = Buffer.from(bytes.subarray(0, took));
    this.#inode.cached = overlay(this.#inode.cached, position, taken);
    this.#inode.pending.push({ position, bytes: taken });
    return took;
  }

  writeLater(bytes: Buffer, position: number, then: (error: Error | undefined, written: number) => void): void {
    setImmediate(() => {
      let took: number;
      try {
        took = this.write(bytes, position);
      } catch (error) {
        then(error as Error, 0);
        return;
      }
      then(undefined, took);
    });
  }

  sync(then: (error?: Error) => void): void {
    // Covers what was written before it began, as fdatasync promises no more.
    const covered = [...this.#inode.pending];
    setImmediate(() => {
      try {
        this.#sync(covered);
      } catch (error) {
        then(error as Error);
        return;
      }
      then();
    });
  }

  syncData(): void {
    this.#sync([...this.#inode.pending]);
  }

  syncNow(): void {
    this.#sync([...this.#inode.pending]);
  }

  close(): void {
    // Nothing is held.
  }

  #sync(covered: readonly PendingWrite[]): void {
    try {
      this.#disk.step('sync', this.#path);
    } catch (error) {
      if (!this.#disk.off) this.#inode.pending = [];
      throw error;
    }
    this.#disk.persist(this.#path, this.#inode, covered);
  }
}

const overlay = (content: Buffer, position: number, bytes: Buffer): Buffer => {
  const end = position + bytes.length;
  const target = end > content.length ? Buffer.concat([content, Buffer.alloc(end - content.length)]) : content;
  bytes.copy(target, position);
  return target;
};

const afterCrash = ({ medium, pending, cached }: Inode, keep: (what: 'sector') => boolean): Buffer => {
  // The length of a file may be durable without its content.
  const content = Buffer.alloc(Math.max(medium.length, cached.length));
  medium.copy(content);
  for (const { position, bytes } of pending) {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + SECTOR - ((position + at) % SECTOR));
      if (keep('sector')) bytes.copy(content, position + at, at, end);
      at = end;
    }
  }
  return content;
};

const failure = (code: string): Error => Object.assign(new Error(code), { code });
