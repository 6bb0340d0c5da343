import type { IndexFile } from './index-file.ts';
import { BlockSeal, FILTER_BYTES, mayHold } from './texts.ts';

/** Bytes of opened filters that are kept: of about two million commands. Of more the newest are. */
const MOST_BYTES = 32 * 1024 * 1024;

/** A block of texts, as its row says. */
export interface BlockRow {
  readonly id: number;
  readonly key: string;
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

interface Opened extends BlockRow {
  readonly filter: Buffer;
}

/**
 * Filters of blocks of texts that were opened, for the searches that follow: to open them is most of what a search would do. In memory
 * only, and a key that was destroyed takes its filters from here as well.
 */
export class OpenedFilters {
  readonly #most: number;
  readonly #opened = new Map<number, Opened>();
  readonly #seals = new Map<string, { readonly secret: Buffer; readonly seal: BlockSeal }>();
  #made: unknown;
  /** Smallest id that is kept. */
  #least = Infinity;

  /** @param mostBytes for tests */
  constructor(mostBytes = MOST_BYTES) {
    this.#most = Math.floor(mostBytes / FILTER_BYTES);
  }

  /** Number of filters that are kept. */
  get size(): number {
    return this.#opened.size;
  }

  /** To be called before each search: an index that was made again has other blocks under the same ids. */
  begin(index: IndexFile): void {
    const made = index.get('made');
    if (made === this.#made) return;
    this.#made = made;
    this.#opened.clear();
    this.#least = Infinity;
  }

  /** Opens the blocks of a key; undefined when it is gone. */
  sealOf(key: string, keyOf: (id: string) => Buffer | undefined): BlockSeal | undefined {
    const secret = keyOf(key);
    const known = this.#seals.get(key);
    if (known && known.secret === secret) return known.seal;
    this.#seals.delete(key);
    if (!secret) {
      for (const [id, opened] of this.#opened) if (opened.key === key) this.#opened.delete(id);
      this.#least = Math.min(...this.#opened.keys());
      return undefined;
    }
    const seal = new BlockSeal(secret, key);
    this.#seals.set(key, { secret, seal });
    return seal;
  }

  /** Whether a text with these bits may be in the block. Throws when its filter does not open. */
  mayHold(index: IndexFile, row: BlockRow, seal: BlockSeal, bits: readonly number[]): boolean {
    const known = this.#opened.get(row.id);
    // A block that was added to has more texts.
    if (known && known.count === row.count && known.last === row.last && known.first === row.first && known.key === row.key) return mayHold(known.filter, bits);
    const { filter: sealed } = index.sql('SELECT filter FROM text WHERE id = ?').get(row.id) as { filter: Uint8Array };
    const filter = seal.openFilter(sealed);
    this.#keep({ ...row, filter });
    return mayHold(filter, bits);
  }

  #keep(opened: Opened): void {
    if (!this.#opened.has(opened.id) && this.#opened.size >= this.#most) {
      // Ids grow with time, and what is newer is asked for more often.
      if (opened.id < this.#least) return;
      this.#opened.delete(this.#least);
      this.#least = Math.min(...this.#opened.keys());
    }
    this.#opened.set(opened.id, opened);
    this.#least = Math.min(this.#least, opened.id);
  }
}
