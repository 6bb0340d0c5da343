import type { Disk } from '../disk.ts';
import type { KeysFolder } from '../keys.ts';
import { logName } from '../read.ts';
import { openWith } from '../unseal.ts';
import { OtherHistory, fillSlice, standingOf, type FillParts } from './fill.ts';
import { checkFilters, type SearchFilters } from './filters.ts';
import { findCommands } from './find.ts';
import { hitOf, type Hit, type HitParts } from './hits.ts';
import { IndexFile, isDamage } from './index-file.ts';

/** What a search found, and what it was drawn from: whoever doubts it can compare size and root with a checkpoint of the log. */
export interface SearchAnswer {
  readonly log: string;
  /** Records that were searched: the first `size` of the log. */
  readonly size: number;
  /** Root of the Merkle tree over them (RFC 6962), base64, and leaf hash of the last, hex. */
  readonly root: string;
  readonly head: string;
  /** Newest first. */
  readonly hits: readonly Hit[];
  /** There are more than were asked for. */
  readonly more: boolean;
}

export interface IndexPlace {
  /** The log's folder. */
  readonly folder: string;
  /** Where indexes are kept. */
  readonly indexes: string;
  /** Opens texts; without it none is searched or shown. */
  readonly keys: KeysFolder | undefined;
  readonly disk?: Disk;
}

/** The index of one log, kept in step with it. */
export class LogIndex {
  readonly #place: IndexPlace;
  readonly #log: string;
  #index: IndexFile;

  constructor(place: IndexPlace) {
    this.#place = place;
    this.#log = place.disk ? logName(place.folder, place.disk) : logName(place.folder);
    this.#index = IndexFile.open(place.indexes, this.#log);
    // One that was made without keys has no texts.
    if (place.keys && this.#index.get('keyed') === 0) this.#index.empty();
  }

  /** Takes in the next part of the log; true when there is more. An index that does not fit the log is made again. */
  step(mostFrames?: number): boolean {
    try {
      const more = fillSlice(this.#parts, mostFrames);
      if (!more && this.#index.get('vacuum') === 1) {
        this.#index.vacuum();
        this.#index.set('vacuum', 0);
      }
      return more;
    } catch (error) {
      if (error instanceof OtherHistory) {
        if (this.size === 0) throw error;
        this.#index.empty();
        return true;
      }
      if (!isDamage(error)) throw error;
      this.rebuild();
      return true;
    }
  }

  /** Its tables, for questions other than a search. Another one after `rebuild`. */
  get file(): IndexFile {
    return this.#index;
  }

  /** What a reader of commands needs. */
  get reading(): HitParts {
    const { keys, disk } = this.#place;
    return { index: this.#index, folder: this.#place.folder, log: this.#log, opener: keys && openWith(keys), ...(disk ? { disk } : {}) };
  }

  /** Records that are in the index. */
  get size(): number {
    return Number(this.#index.get('size') ?? 0);
  }

  /** Throws away what there is, for the next steps to make again. */
  rebuild(): void {
    this.#index.discard();
    this.#index = IndexFile.open(this.#place.indexes, this.#log);
  }

  /** Throws BadFilter, IndexDiffers. An index that is damaged is made again first. */
  search(filters: SearchFilters, limit: number): SearchAnswer {
    checkFilters(filters);
    try {
      return this.#search(filters, limit);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.rebuild();
      while (this.step());
      return this.#search(filters, limit);
    }
  }

  #search(filters: SearchFilters, limit: number): SearchAnswer {
    const { keys } = this.#place;
    const { size, head, root } = standingOf(this.#index);
    const found = findCommands(this.#index, filters, limit + 1, (id) => keys?.forReading(id));
    const opener = keys && openWith(keys);
    const parts: HitParts = { ...this.#parts, opener, opened: new Map() };
    const hits = found.slice(0, limit).map((sequence) => hitOf(parts, sequence, filters));
    return { log: this.#log, size, root, head, hits, more: found.length > limit };
  }

  close(): void {
    this.#index.close();
  }

  get #parts(): FillParts {
    const { folder, keys, disk } = this.#place;
    return { index: this.#index, folder, log: this.#log, keys, ...(disk ? { disk } : {}) };
  }
}
