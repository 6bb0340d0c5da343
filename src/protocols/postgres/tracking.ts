import type { Catalog, NameContext } from '../../sql/catalog.ts';
import type { StatementFacts } from '../../sql/facts.ts';
import type { TargetCatalogs } from './catalogs.ts';
import { loadCatalog } from './catalog.ts';
import type { Link } from './link.ts';
import { lookup } from './lookup.ts';
import type { TransactionStatus } from './messages.ts';
import { applicationName, changesNames, splitSearchPath } from './settings.ts';

/**
 * What of the target's session decides how the next statement is understood, and keeping it true: the name context, the
 * catalog (the shared snapshot, or the session's own view after it changed something), and the application_name.
 */
export class Tracking {
  readonly #link: Link;
  readonly #catalogs: TargetCatalogs;
  #names: NameContext;
  #namesStale: boolean;
  /** A tracked setting was changed in the block that is open: its end may bring the old value back. */
  #changedInBlock = false;
  /** The session's own view: it did DDL that others cannot see yet, or has temporary objects. */
  #own: Catalog | undefined;
  #ownStale = false;
  /** The shared snapshot that was true when the own view was taken: when that moves on, others have changed something. */
  #ownBeside = '';
  #catalogChangedInBlock = false;
  #temporary = false;
  #clientName: string;
  #reportedName: string;
  #shared: Catalog;

  constructor(link: Link, catalogs: TargetCatalogs, start: { readonly catalog: Catalog; readonly searchPath: readonly string[] | undefined; readonly clientName: string; readonly reportedName: string }) {
    this.#link = link;
    this.#catalogs = catalogs;
    this.#shared = start.catalog;
    this.#names = { searchPath: start.searchPath ?? [] };
    this.#namesStale = start.searchPath === undefined;
    this.#clientName = start.clientName;
    this.#reportedName = start.reportedName;
  }

  get catalog(): Catalog {
    return this.#own ?? this.#shared;
  }

  get names(): NameContext {
    return this.#names;
  }

  /** Names what understanding rests on: equal keys, equal understanding. */
  get under(): string {
    return `${this.catalog.id} ${this.#names.searchPath.join(',')}`;
  }

  /** The target has done a statement. */
  completed(facts: StatementFacts): void {
    if (changesNames(facts)) {
      this.#namesStale = true;
      this.#changedInBlock = true;
    }
    if (facts.transaction === 'rollback_to') {
      if (this.#changedInBlock) this.#namesStale = true;
      if (this.#catalogChangedInBlock) this.#ownStale = true;
    }
    if (facts.changesCatalog || facts.effects.some((effect) => effect.class === 'unknown')) {
      this.#catalogChangedInBlock = true;
      this.#ownStale = true;
      if (facts.effects.some(({ object }) => object?.schema?.startsWith('pg_temp') === true)) this.#temporary = true;
    }
  }

  ready(status: TransactionStatus): void {
    if (status !== 'I') return;
    if (this.#changedInBlock) this.#namesStale = true;
    this.#changedInBlock = false;
    if (!this.#catalogChangedInBlock) return;
    this.#catalogChangedInBlock = false;
    // Committed or rolled back: either way others' snapshot is worth nothing any more.
    this.#catalogs.invalidate();
    this.#own = undefined;
    this.#ownStale = this.#temporary;
  }

  /** What the client is told of a parameter, or undefined when it need not know. Ends the session when a pin has moved. */
  parameter(name: string, value: string): string | undefined {
    if (name === 'application_name') return this.#applicationName(value);
    if ((name === 'client_encoding' && value !== 'UTF8') || (name === 'standard_conforming_strings' && value !== 'on')) {
      this.#link.end(this.#link.gated.refuse('protocol', `the target changed ${name}, by which statements are read`));
    }
    // Reported by PostgreSQL 18 and later: saves the look-up.
    if (name === 'search_path') {
      this.#searchPath = value;
      this.#namesStale = true;
    }
    return value;
  }

  #searchPath: string | undefined;

  #applicationName(value: string): string | undefined {
    this.#reportedName = value;
    const pinned = this.#pinnedName('');
    const own = value.startsWith(pinned) ? value.slice(pinned.length).trimStart() : value;
    const news = own !== this.#clientName;
    this.#clientName = own;
    return news ? own : undefined;
  }

  #pinnedName(own: string): string {
    const { id, principal } = this.#link.gated.session;
    return applicationName(id, principal.identity, own);
  }

  /** Something was named that the catalog does not have: asks again. True when there is a newer one. */
  async renew(): Promise<boolean> {
    if (this.#own) return false;
    const { id } = this.#shared;
    this.#shared = await this.#catalogs.probe();
    return this.#shared.id !== id;
  }

  /** What has to be known before the next message is decided. Undefined: all is known. Only while the target owes nothing. */
  refresh(): Promise<void> | undefined {
    // In a failed block the target runs nothing but its end; what was known before holds for judging that.
    if (this.#link.status === 'E') return undefined;
    const shared = this.#catalogs.fresh();
    if (shared) this.#shared = shared;
    if (this.#own && shared?.id !== this.#ownBeside) this.#ownStale = true;
    const needed = this.#namesStale || this.#ownStale || !shared || this.#reportedName !== this.#pinnedName(this.#clientName);
    return needed ? this.#refresh() : undefined;
  }

  async #refresh(): Promise<void> {
    const link = this.#link;
    const name = this.#pinnedName(this.#clientName);
    if (this.#reportedName !== name) {
      // In a block for its length only: the client's own SET LOCAL ends there, and what it set for longer shows again.
      await lookup(link, 'pin', `SET ${link.status === 'T' ? 'LOCAL ' : ''}application_name = '${name.replaceAll("'", "''")}'`);
      this.#reportedName = name;
    }
    if (this.#namesStale) await this.#readNames();
    // Between BEGIN and the first statement nothing may take a snapshot; only a statement makes the own view stale, so
    // when it is, the block has had one.
    if (this.#ownStale && (link.status === 'T' || this.#temporary)) {
      this.#shared = await this.#catalogs.current();
      this.#ownBeside = this.#shared.id;
      this.#own = await loadCatalog((sql) => lookup(link, 'lookup', sql));
      this.#ownStale = false;
      if (this.#temporary) await this.#readNames();
    } else if (!this.#own) {
      this.#shared = await this.#catalogs.current();
      this.#ownStale = false;
    }
  }

  /** SHOW takes no snapshot, so it may stand between BEGIN and SET TRANSACTION. */
  async #readNames(): Promise<void> {
    const link = this.#link;
    const path = this.#searchPath ?? (await lookup(link, 'lookup', 'SHOW search_path'))[0]?.[0] ?? '';
    this.#searchPath = undefined;
    const set = (await lookup(link, 'lookup', 'SHOW role'))[0]?.[0] ?? 'none';
    const role = set === 'none' ? (await lookup(link, 'lookup', 'SHOW session_authorization'))[0]?.[0] : set;
    const schemas = splitSearchPath(path, role ?? link.gated.connection.credential.username);
    const temporary = this.#temporary ? (await lookup(link, 'lookup', 'SELECT nspname FROM pg_catalog.pg_namespace WHERE oid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()'))[0]?.[0] : undefined;
    this.#names = { searchPath: temporary != null && !schemas.includes(temporary) ? [temporary, ...schemas] : schemas };
    this.#namesStale = false;
  }
}

