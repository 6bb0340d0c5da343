import type { Disk } from '../disk.ts';
import type { KeysFolder } from '../keys.ts';
import { logName } from '../read.ts';
import { openWith } from '../unseal.ts';
import { OtherHistory, fillSlice, standingOf, type FillParts } from './fill.ts';
import { checkFilters, type SearchFilters } from './filters.ts';
import { findCommands, type FindParts } from './find.ts';
import { hitOf, nothingKnown, type Hit, type HitParts } from './hits.ts';
import { IndexFile, isDamage } from './index-file.ts';
import { OpenedFilters } from './opened-filters.ts';

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
  /** As in `FillParts`. */
  readonly breathe?: () => void;
}

/** The index of one log, kept in step with it. */
export class LogIndex {
  readonly #place: IndexPlace;
  readonly #log: string;
  readonly #filters = new OpenedFilters();
  #index: IndexFile;

  constructor(place: IndexPlace) {
    this.#place = place;
    this.#log = place.disk ? logName(place.folder, place.disk) : logName(place.folder);
    this.#index = IndexFile.open(place.indexes, this.#log);
    // One that was made without keys has no texts.
    if (place.keys && this.#index.get('keyed') === 0) this.#index.empty();
  }

  /**
   * Takes in the next part of the log; true when there is more. An index that does not fit the log is made again. `wait`: for
   * another process or thread that is at it; whoever does not wait gets what SQLite throws then, and leaves tidying up to the others.
   */
  step(mostFrames?: number, wait = true): boolean {
    try {
      const more = fillSlice(this.#parts, mostFrames, wait);
      if (!more && wait && this.#index.get('vacuum') === 1) {
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

  /** What finding commands by their texts needs. */
  get finding(): FindParts {
    const { keys } = this.#place;
    return { keyOf: (id) => keys?.forReading(id), filters: this.#filters };
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
    const found = findCommands(this.#index, filters, limit + 1, this.finding);
    const opener = keys && openWith(keys);
    const parts: HitParts = { ...this.#parts, opener, known: nothingKnown() };
    const hits = found.slice(0, limit).map((sequence) => hitOf(parts, sequence, filters));
    return { log: this.#log, size, root, head, hits, more: found.length > limit };
  }

  close(): void {
    this.#index.close();
  }

  get #parts(): FillParts {
    const { folder, keys, disk, breathe } = this.#place;
    return { index: this.#index, folder, log: this.#log, keys, ...(disk ? { disk } : {}), ...(breathe ? { breathe } : {}) };
  }
}
