import type { PostgresConnectionConfig } from '../../config/resolved.ts';
import type { Logger } from '../../model/logger.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import type { BoundValue } from '../../model/approval.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { catalogVersionQuery, clusterQuery, isWhole, LOCK_MS, lockedViewsQuery, type WithoutDefinition } from './catalog-queries.ts';
import { loadCatalog } from './catalog.ts';
import { dialConnection } from './dial-connection.ts';
import { QueryConnection, QueryError } from './query.ts';
import { EFFECTIVE_PATH, schemasOf } from './tracking.ts';

/** How often a target that is in use is asked whether its catalog has changed. */
const PROBE_MS = 500;
/** A snapshot is not relied on for longer than this without the target having said that it is still true. */
const TRUSTED_MS = 1_500;
/** A connection of the gateway's own is closed when nobody has asked for so long. */
const IDLE_MS = 60_000;
const LOOKUP_MS = 30_000;
/** How long a definition of a session that has ended may still come to its end at the target. */
const UNSEEN_MS = 10_000;
const LOCK_NOT_AVAILABLE = '55P03';

/** The shared catalog snapshot of one target, over a connection of the gateway's own with the same credential. */
export class TargetCatalogs {
  readonly #connection: PostgresConnectionConfig;
  readonly #secrets: Secrets;
  readonly #log: Logger;
  #catalog: Catalog | undefined;
  #version = '';
  /** Where a session that has just opened looks up names without a schema; undefined while it has not been asked on the connection that is open. */
  #path: readonly string[] | undefined;
  /** When the catalog was last known to be true, in milliseconds of the monotonic clock. */
  #trueAt = -Infinity;
  #changes = 0;
  #generation = 0;
  #incomplete = false;
  /** Changes seen when the look-up under way began, and when the one that gave the snapshot began. */
  #loadingChanges = 0;
  #loadedChanges = -1;
  #loading: Promise<Catalog> | undefined;
  #queries: QueryConnection | undefined;
  #idle: NodeJS.Timeout | undefined;
  #closed = false;
  #holders = 0;
  /** Transactions with definitions whose end was sent and is not known yet: the target may have committed them by now. */
  #unsettled = 0;
  #retired = false;

  constructor(connection: PostgresConnectionConfig, secrets: Secrets, log: Logger) {
    this.#connection = connection;
    this.#secrets = secrets;
    this.#log = log;
  }

  /** Where the sessions that hold it lead, and as whom: an approval is for that. The password may change. */
  get reached(): BoundValue {
    const { target: { host, port, tls, database }, credential: { username } } = this.#connection;
    return { host, port, tls, database, username };
  }

  /** The snapshot when it was true a moment ago; undefined when `current` has to be awaited. Asking keeps it true. */
  fresh(): Catalog | undefined {
    const age = performance.now() - this.#trueAt;
    if (age >= TRUSTED_MS || this.#unsettled > 0) return undefined;
    // In the background, so that no command waits for it; when it fails, the next one that is too late does.
    if (age >= PROBE_MS && this.#catalog) this.#reload().catch(() => {});
    return this.#catalog;
  }

  #reload(): Promise<Catalog> {
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** Asks the target now, however young the snapshot is. */
  async probe(): Promise<Catalog> {
    // A load under way may have asked before what is looked for came to be.
    if (this.#loading) await this.#loading;
    return this.#reload();
  }

  /** Moves on whenever the target's catalog has: also with schemas and rights, which the snapshot does not hold. */
  get generation(): number {
    return this.#generation;
  }

  /** DDL was seen: the snapshot is worth nothing. */
  invalidate(): void {
    this.doubt();
    this.#version = '';
  }

  /** DDL was seen that changes nothing shared: the snapshot stays if the target says that it is still true. It is asked before the next decision. */
  doubt(): void {
    this.#changes += 1;
    this.#trueAt = -Infinity;
  }

  /**
   * A session has sent what ends a transaction that may have changed something shared. Until it calls back nobody relies on a snapshot without asking. With `unseen` the session
   * has ended before it knew: the target may be doing it still.
   */
  unsettled(): (how: 'seen' | 'unseen') => void {
    this.#unsettled += 1;
    return (how) => {
      if (how === 'seen') this.#unsettled -= 1;
      else setTimeout(() => (this.#unsettled -= 1), UNSEEN_MS).unref();
    };
  }

  /** A snapshot that is true now. Rejects when the target cannot be asked. */
  async current(): Promise<Catalog> {
    for (;;) {
      const fresh = this.fresh();
      if (fresh) return fresh;
      // A look-up that began before a change was seen may not know of it.
      if (this.#loading && this.#loadingChanges !== this.#changes) await this.#loading.catch(() => {});
      const changes = this.#changes;
      const catalog = await this.#reload();
      if (changes === this.#changes && this.#loadedChanges === changes) return catalog;
    }
  }

  /** The snapshot with the search_path that role and database give to a session that has just opened. Rejects when the target cannot be asked. */
  async names(): Promise<{ readonly catalog: Catalog; readonly searchPath: readonly string[] }> {
    const catalog = await this.current();
    if (this.#path === undefined) await this.probe();
    return { catalog, searchPath: this.#path ?? [] };
  }

  /** A session relies on it from here on. */
  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#retired && this.#holders === 0) this.close();
  }

  /** The connection is configured in another way now: it serves the sessions that hold it, and then closes. */
  retire(): void {
    this.#retired = true;
    if (this.#holders === 0) this.close();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#idle);
    this.#hangUp();
  }

  #hangUp(): void {
    this.#queries?.close();
    this.#queries = undefined;
  }

  async #load(): Promise<Catalog> {
    const asked = performance.now();
    const changes = this.#changes;
    this.#loadingChanges = changes;
    try {
      const run = await this.#runner();
      const version = (await run(catalogVersionQuery)).flat().join(' ');
      let catalog = this.#catalog;
      if (this.#path === undefined || version !== this.#version) this.#path = schemasOf(await run(EFFECTIVE_PATH));
      if (!catalog || version !== this.#version) {
        catalog = await this.#read(run);
        this.#catalog = catalog;
        // With definitions missing it is read again at the next look.
        this.#version = this.#incomplete ? '' : version;
        this.#generation += 1;
      }
      this.#loadedChanges = changes;
      if (changes === this.#changes) this.#trueAt = asked;
      return catalog;
    } catch (error) {
      this.#hangUp();
      throw error;
    }
  }

  /** A view on something that is locked exclusively cannot be printed; it must not hold up what does not touch it. */
  async #read(run: (sql: string) => Promise<(string | null)[][]>): Promise<Catalog> {
    const cluster = await this.#cluster(run);
    const read = async (without: WithoutDefinition): Promise<Catalog | undefined> => {
      try {
        this.#incomplete = !isWhole(without);
        return await loadCatalog(run, without, cluster);
      } catch (error) {
        if (error instanceof QueryError && error.sqlState === LOCK_NOT_AVAILABLE) return undefined;
        throw error;
      }
    };
    // Others may have been locked since that was asked.
    const found = await read([]) ?? await read((await run(lockedViewsQuery)).map(([oid]) => Number(oid))) ?? await read('all');
    if (!found) throw new Error('the catalog could not be read for locks that others hold');
    return found;
  }

  /** Asked each time: another server may stand at the address. */
  async #cluster(run: (sql: string) => Promise<(string | null)[][]>): Promise<string | undefined> {
    try {
      return (await run(clusterQuery))[0]?.[0] ?? undefined;
    } catch (error) {
      if (error instanceof QueryError) return undefined;
      throw error;
    }
  }

  async #runner(): Promise<(sql: string) => Promise<(string | null)[][]>> {
    if (this.#closed) throw new Error('the catalog of this connection is closed');
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#hangUp(), IDLE_MS);
    this.#idle.unref();
    if (this.#queries === undefined || this.#queries.closed) {
      const upstream = await dialConnection(this.#connection, this.#secrets, {
        parameters: [['application_name', 'wicketgate catalog'], ['client_encoding', 'UTF8'], ['lock_timeout', String(LOCK_MS)]],
        deadlineMs: LOOKUP_MS,
      });
      this.#queries = new QueryConnection(upstream);
      // A setting of a role reaches new connections only.
      this.#path = undefined;
      if (this.#closed) this.#hangUp();
      this.#log.debug({ connection: this.#connection.name }, 'catalog connection opened');
    }
    const queries = this.#queries;
    if (!queries) throw new Error('closed');
    return (sql) => queries.query(sql, { deadlineMs: LOOKUP_MS });
  }
}
