import { createHash } from 'node:crypto';
import { statSync, watch, type FSWatcher } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { isConfigurationName, largestFile, listSources } from './files.ts';

/** Two reads this far apart must be equal: a list that is half written is often valid YAML that has lost its denies. */
const stableFor = 500;
/** Reads are given up after this long without two equal ones; the next rename begins anew. */
const longestWait = 30_000;

export interface Watching {
  close(): void;
}

export interface WatchOptions {
  /** A folder that can no longer be watched, or files that did not become stable. Watching the folder may have ended. */
  readonly onProblem?: (message: string) => void;
}

/** One look at all files: which files they are, and what they hold. */
interface Look {
  /** By name: device and inode. Another inode under the same name is what a rename leaves. */
  readonly identity: ReadonlyMap<string, string>;
  readonly content: string;
}

/**
 * Watches the configuration at `where` (a file or a folder) and calls `onStable` after an atomic rename brought a new file there and
 * two reads 500 ms apart were equal. Writing into a file, copying one there, and deleting one do nothing by themselves: such a file
 * passes through states that nobody meant. A link that is renamed counts too, since Kubernetes replaces mounted files that way.
 * Load after it resolved: a rename after that is then seen. Rejects with the system's error when the folder cannot be watched.
 */
export async function watchForRename(where: string, onStable: () => void, options: WatchOptions = {}): Promise<Watching> {
  const watching = new RenameWatch(where, onStable, options.onProblem ?? (() => undefined));
  await watching.ready;
  return watching;
}

class RenameWatch implements Watching {
  /** Settles when the files have been looked at for the first time; what comes later is compared with that. */
  readonly ready: Promise<void>;
  readonly #where: string;
  readonly #onStable: () => void;
  readonly #onProblem: (message: string) => void;
  readonly #watcher: FSWatcher;
  readonly #folder: string;
  #accepted: Look | undefined;
  /** Names that were written into since their file appeared: their next rename counts, they themselves do not. */
  readonly #written = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #since = 0;
  #closed = false;
  /** Looks happen one after the other, so that each compares with the one before. */
  #queue: Promise<void>;

  constructor(where: string, onStable: () => void, onProblem: (message: string) => void) {
    this.#where = where;
    this.#onStable = onStable;
    this.#onProblem = onProblem;
    this.#folder = statSync(where, { throwIfNoEntry: false })?.isDirectory() === true ? where : path.dirname(where);
    this.#watcher = watch(this.#folder, (event, name) => { this.#event(event, name); });
    this.#watcher.on('error', () => { onProblem(`${this.#folder} can no longer be watched; reload with SIGHUP`); });
    this.ready = look(where).then((first) => { this.#accepted = first; });
    this.#queue = this.ready;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#watcher.close();
  }

  #event(event: string, name: string | null): void {
    if (name !== null && !this.#concerns(name)) return;
    if (event === 'change') {
      if (name !== null) this.#written.add(name);
      return;
    }
    if (name !== null) this.#written.delete(name);
    if (this.#since === 0) this.#since = performance.now();
    this.#later(undefined);
  }

  /** Kubernetes renames a link called ..data, through which the files are reached. */
  #concerns(name: string): boolean {
    if (name.startsWith('..')) return true;
    return this.#folder === this.#where ? isConfigurationName(name) : name === path.basename(this.#where);
  }

  /** Looks now and, when it is what it was `stableFor` ago, is done. A new event in between starts over. */
  #later(before: Look | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#queue = this.#queue.then(() => this.#check(before));
    }, before === undefined ? 0 : stableFor);
  }

  async #check(before: Look | undefined): Promise<void> {
    if (this.#closed) return;
    const now = await look(this.#where);
    if (this.#closed) return;
    if (now === undefined || before === undefined || !equal(before, now)) {
      if (performance.now() - this.#since < longestWait) this.#later(now ?? { identity: new Map(), content: '' });
      else this.#end('the configuration keeps changing; it is looked at again after the next rename');
      return;
    }
    const renamed = [...now.identity].some(([name, inode]) => this.#accepted?.identity.get(name) !== inode && !this.#written.has(name));
    const changed = this.#accepted?.content !== now.content;
    this.#end();
    if (!renamed) return;
    this.#accepted = now;
    if (changed) this.#onStable();
  }

  #end(problem?: string): void {
    this.#since = 0;
    if (problem !== undefined) this.#onProblem(problem);
  }
}

/** Undefined while something cannot be read, which is never stable. */
async function look(where: string): Promise<Look | undefined> {
  try {
    const identity = new Map<string, string>();
    const hash = createHash('sha256');
    for (const file of await listSources(where)) {
      const before = await stat(file, { bigint: true });
      if (before.size > largestFile) return undefined;
      const bytes = await readFile(file);
      identity.set(path.basename(file), `${before.dev}:${before.ino}`);
      hash.update(`${file}\0${bytes.length}\0`).update(bytes);
    }
    return { identity, content: hash.digest('hex') };
  } catch {
    return undefined;
  }
}

const equal = (a: Look, b: Look): boolean => a.content === b.content && a.identity.size === b.identity.size && [...a.identity].every(([name, inode]) => b.identity.get(name) === inode);
