import type { Catalog } from '../sql/catalog.ts';

/** A column that a pattern has protected, by what does not change when it or its table is renamed. */
export interface RememberedColumn {
  /** Cluster and database, in which OIDs have their meaning. */
  readonly cluster: string;
  readonly pattern: string;
  readonly relation: number;
  readonly column: number;
}

/** Where remembered columns outlive the process. */
export interface ProtectionStore {
  load(cluster: string): readonly RememberedColumn[];
  /** On the disk when it returns; all or none. */
  add(columns: readonly RememberedColumn[]): void;
  remove(columns: readonly RememberedColumn[]): void;
}

/** What is remembered of one target. */
export interface KnownColumns {
  has(pattern: string, relation: number, column: number): boolean;
  remember(pattern: string, relation: number, column: number): void;
  /** Keeps what is new, before anything is shown under it. Throws what the store throws. */
  keep(): void;
}

class Known implements KnownColumns {
  readonly #columns = new Map<string, Map<number, Set<number>>>();
  readonly #cluster: string;
  readonly #store: ProtectionStore | undefined;
  #news: RememberedColumn[] = [];

  constructor(cluster: string, catalog: Catalog, store: ProtectionStore | undefined) {
    this.#cluster = cluster;
    this.#store = store;
    const stored = store?.load(cluster) ?? [];
    const there = new Set(catalog.relations.map(({ oid }) => oid));
    // Dropped since: the server will give the number to another table one day.
    const gone = stored.filter(({ relation }) => !there.has(relation));
    if (gone.length > 0) store?.remove(gone);
    for (const { pattern, relation, column } of stored) if (there.has(relation)) this.#add(pattern, relation, column);
  }

  has(pattern: string, relation: number, column: number): boolean {
    return this.#columns.get(pattern)?.get(relation)?.has(column) === true;
  }

  remember(pattern: string, relation: number, column: number): void {
    if (this.has(pattern, relation, column)) return;
    this.#add(pattern, relation, column);
    if (this.#store) this.#news.push({ cluster: this.#cluster, pattern, relation, column });
  }

  keep(): void {
    if (this.#news.length === 0) return;
    this.#store?.add(this.#news);
    this.#news = [];
  }

  #add(pattern: string, relation: number, column: number): void {
    let relations = this.#columns.get(pattern);
    if (relations === undefined) this.#columns.set(pattern, (relations = new Map<number, Set<number>>()));
    const columns = relations.get(relation);
    if (columns === undefined) relations.set(relation, new Set([column]));
    else columns.add(column);
  }
}

/**
 * Which columns each pattern has protected, by OID and attribute number, so that a column stays protected when it or its table is renamed.
 * Shared by all sessions. With a store it outlives the process, by the target's own name of cluster and database: what was restored into
 * another cluster has other OIDs, and is protected by its names. A target that does not tell its name is remembered by the process alone.
 */
export class ProtectionMemory {
  readonly #store: ProtectionStore | undefined;
  readonly #connection: string;
  readonly #known: Map<string, Known>;

  constructor(store?: ProtectionStore, connection = '', known = new Map<string, Known>()) {
    this.#store = store;
    this.#connection = connection;
    this.#known = known;
  }

  /** The same memory, for a connection whose target may not tell its name. */
  of(connection: string): ProtectionMemory {
    return new ProtectionMemory(this.#store, connection, this.#known);
  }

  on(catalog: Catalog): KnownColumns {
    const { cluster } = catalog;
    // No cluster is called so.
    const key = cluster ?? `connection ${this.#connection}`;
    let known = this.#known.get(key);
    if (!known) this.#known.set(key, (known = new Known(key, catalog, cluster === undefined ? undefined : this.#store)));
    return known;
  }
}
