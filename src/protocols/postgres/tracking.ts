import type { BoundValue } from '../../model/approval.ts';
import type { Effect } from '../../model/command.ts';
import type { Catalog, NameContext } from '../../sql/catalog.ts';
import type { StatementFacts } from '../../sql/facts.ts';
import { changingQuery, CONTEXT, contextOf, CUSTOM_NAME, customSetting, type SessionContext } from './bound.ts';
import type { TargetCatalogs } from './catalogs.ts';
import { asPostgres } from './connection.ts';
import type { Link } from './link.ts';
import { lookup } from './lookup.ts';
import type { TransactionStatus } from './messages.ts';
import { readOwnView, type OwnView } from './own-view.ts';
import { applicationName, changesNames, type Changed } from './settings.ts';
import { changesTemporaryOnly } from './temporary.ts';

/** Most settings of an application's own making that are told apart in one session. */
const MOST_CUSTOM = 64;

/** Done, it has ended the transaction that it ran in. */
export const endsTransaction = ({ transaction }: StatementFacts): boolean => transaction === 'commit' || transaction === 'rollback' || transaction === 'prepare';

/**
 * What of the target's session decides how the next statement is understood, and keeping it true: the name context, the
 * catalog (the shared snapshot, or the session's own view after it changed something), and the application_name.
 */
export class Tracking {
  readonly #link: Link;
  readonly #catalogs: TargetCatalogs;
  #names: NameContext;
  /** A new session's path is the server's to tell: roles and databases may set one. */
  #namesStale = true;
  #namesAt = -1;
  /** A tracked setting was changed in the block that is open: its end may bring the old value back. */
  #changedInBlock = false;
  /** The session's own view: it did DDL that others cannot see yet, or has temporary objects. */
  #own: OwnView | undefined;
  #ownStale = false;
  #catalogChangedInBlock = false;
  /** Of that, something that is not temporary, or may not be. */
  #sharedChangedInBlock = false;
  #temporary = false;
  /** The end of a transaction that may have changed what is shared is on its way, or was done and has not been told of: says that it has ended. */
  #settle: ((how: 'seen' | 'unseen') => void) | undefined;
  /** What an approval would be bound to, as last read, and whether it may have changed since. */
  #context: SessionContext | undefined;
  #contextStale = true;
  #contextChangedInBlock = false;
  /** Settings of an application's own making that were set in this session. */
  #customSettings: Set<string> | undefined;
  #clientName: string;
  #reportedName: string;
  #shared: Catalog;

  constructor(link: Link, catalogs: TargetCatalogs, start: { readonly catalog: Catalog; readonly clientName: string; readonly reportedName: string; readonly login: string | undefined }) {
    this.#link = link;
    this.#catalogs = catalogs;
    this.#shared = start.catalog;
    this.#names = { searchPath: [], ...(start.login === undefined ? {} : { login: start.login }) };
    this.#clientName = start.clientName;
    this.#reportedName = start.reportedName;
    // Nearly always the target has said the same: then one text is kept.
    const pinned = this.#pinnedName(start.clientName);
    this.#pinned = pinned === start.reportedName ? start.reportedName : pinned;
  }

  get reached(): BoundValue {
    return this.#catalogs.reached;
  }

  get catalog(): Catalog {
    return this.#own?.catalog ?? this.#shared;
  }

  get names(): NameContext {
    return this.#names;
  }

  /** Names what understanding rests on: equal keys, equal understanding. */
  get under(): string {
    const { id } = this.catalog;
    // A reload may have changed what is vouched for.
    const { functions } = asPostgres(this.#link.gated.connection);
    if (this.#underCatalog !== id || this.#underNames !== this.#names || this.#underFunctions !== functions) {
      this.#underCatalog = id;
      this.#underNames = this.#names;
      this.#underFunctions = functions;
      this.#under = JSON.stringify([id, functions, this.#names.login, ...this.#names.searchPath]);
    }
    return this.#under;
  }

  #under = '';
  #underCatalog = '';
  #underNames: NameContext | undefined;
  #underFunctions: readonly string[] | undefined;

  /** What the open transaction has changed and its end may change back. */
  get changed(): Changed {
    return { names: this.#changedInBlock, objects: this.#catalogChangedInBlock };
  }

  /**
   * A statement was sent, or done: from here on what it may have changed is not known. Told at both moments, because a
   * portal that stops midway has already run, and because what was read back in between may be older.
   */
  ran(facts: StatementFacts): void {
    const unknown = facts.effects.some((effect) => effect.class === 'unknown');
    if (facts.settings.length > 0 || unknown) {
      this.#contextStale = this.#contextChangedInBlock = true;
      for (const { name } of facts.settings) if (name.includes('.') && (this.#customSettings?.size ?? 0) <= MOST_CUSTOM) (this.#customSettings ??= new Set()).add(name);
    }
    if (changesNames(facts)) {
      this.#namesStale = true;
      this.#changedInBlock = true;
    }
    if (facts.changesCatalog || unknown) {
      this.#catalogChangedInBlock = true;
      this.#sharedChangedInBlock ||= !changesTemporaryOnly(facts);
      this.#ownStale = true;
      this.#namesStale = true;
      if (unknown || facts.effects.some(({ object }) => object?.schema?.startsWith('pg_temp') === true)) this.#temporary = true;
    }
    // Where a message goes on behind COMMIT, the target commits long before it tells of it. Otherwise the two are one, and a long definition alone slows nobody down.
    if (this.#sharedChangedInBlock && endsTransaction(facts)) this.#settle ??= this.#catalogs.unsettled();
  }

  #settled(how: 'seen' | 'unseen'): void {
    this.#settle?.(how);
    this.#settle = undefined;
  }

  /** The session has ended, and whatever is on its way goes on unseen. */
  left(): void {
    if (this.#sharedChangedInBlock) this.#settle ??= this.#catalogs.unsettled();
    this.#settled('unseen');
  }

  /** The target has done a statement. */
  completed(facts: StatementFacts): void {
    this.ran(facts);
    if (facts.transaction === 'rollback_to') {
      this.#contextStale ||= this.#contextChangedInBlock;
      if (this.#changedInBlock) this.#namesStale = true;
      if (this.#catalogChangedInBlock) this.#ownStale = true;
    }
    // With AND CHAIN the next transaction is open already, and the status never says that one has ended.
    if (endsTransaction(facts)) this.#transactionEnded();
  }

  ready(status: TransactionStatus): void {
    if (status === 'I') this.#transactionEnded();
    this.#settled('seen');
  }

  #transactionEnded(): void {
    if (this.#contextChangedInBlock) this.#contextStale = true;
    this.#contextChangedInBlock = false;
    if (this.#changedInBlock) this.#namesStale = true;
    this.#changedInBlock = false;
    if (!this.#catalogChangedInBlock) return;
    this.#catalogChangedInBlock = false;
    // Committed or rolled back: either way others' snapshot is worth nothing any more, unless only this session's own has changed.
    if (this.#sharedChangedInBlock) this.#catalogs.invalidate();
    else this.#catalogs.doubt();
    this.#sharedChangedInBlock = false;
    this.#own = undefined;
    this.#ownStale = this.#temporary;
  }

  /** What an approval would be bound to is not known as it is now. */
  get contextStale(): boolean {
    return this.#contextStale;
  }

  /** Reads what an approval would be bound to, in the client's session: only while the target owes it nothing. Rejects when it cannot be read. */
  async readContext(): Promise<void> {
    const custom = [...(this.#customSettings ?? [])];
    if (custom.length > MOST_CUSTOM || !custom.every((name) => CUSTOM_NAME.test(name))) throw new Error('settings of this session cannot be named');
    this.#context = contextOf(await lookup(this.#link, 'lookup', [CONTEXT, ...custom.map(customSetting)].join(' ')));
    this.#contextStale = false;
  }

  /** What other sessions do with what a command touches; only while the target owes nothing. Rejects when that cannot be asked. */
  async others(effects: readonly Effect[]): Promise<'changing' | 'locking' | 'nothing'> {
    const query = changingQuery(effects, this.catalog);
    const changing = query === undefined ? null : (await lookup(this.#link, 'lookup', query))[0]?.[0];
    return changing == null ? 'nothing' : changing === 't' ? 'changing' : 'locking';
  }

  /** What an approval is bound to besides the message; undefined when it is not known. */
  get context(): SessionContext | undefined {
    return this.#contextStale ? undefined : this.#context;
  }

  /** What the client is told of a parameter, or undefined when it need not know. Ends the session when a pin has moved. */
  parameter(name: string, value: string): string | undefined {
    if (name === 'application_name') return this.#applicationName(value);
    if ((name === 'client_encoding' && value !== 'UTF8') || (name === 'standard_conforming_strings' && value !== 'on')) {
      this.#link.end(this.#link.gated.refuse('protocol', `the target changed ${name}, by which statements are read`));
    }
    // Reported by PostgreSQL 18 and later.
    if (name === 'search_path') this.#namesStale = true;
    if (name === 'session_authorization') this.#names = { ...this.#names, login: value };
    return value;
  }

  #applicationName(value: string): string | undefined {
    this.#reportedName = value;
    const pinned = this.#pinnedName('');
    const own = value.startsWith(pinned) ? value.slice(pinned.length).trimStart() : value;
    const news = own !== this.#clientName;
    this.#clientName = own;
    if (news) this.#pinned = this.#pinnedName(own);
    return news ? own : undefined;
  }

  #pinnedName(own: string): string {
    const { id, principal } = this.#link.gated.session;
    return applicationName(id, principal.identity, own);
  }

  /** Worked out when the client's own text changes, not for each message. */
  #pinned: string;

  /** Something was named that the catalog does not have: asks again. True when there is a newer one. */
  async renew(): Promise<boolean> {
    if (this.#own) return false;
    const { id } = this.#shared;
    this.#shared = await this.#catalogs.probe();
    return this.#shared.id !== id;
  }

  /**
   * Asks the target now whether its catalog is still the one that was understood under: a snapshot that was true a moment ago is not enough
   * for what people have approved. Rejects when it cannot be asked.
   */
  async confirm(): Promise<{ readonly id: string; readonly moved: boolean }> {
    const before = this.#own?.beside ?? this.#shared.id;
    this.#shared = await this.#catalogs.probe();
    return { id: this.#shared.id, moved: this.#shared.id !== before };
  }

  /** What names mean may have changed since it was read: nothing that rests on names may be decided before `refresh`. */
  stale(idle: boolean): boolean {
    // In a failed block the target runs nothing but its end; what was known before holds for judging that.
    if (this.#link.status === 'E') return false;
    const shared = this.#catalogs.fresh();
    if (shared) this.#shared = shared;
    this.#compareOwn();
    // In the middle of a series what is missing stays so.
    if (idle && this.#own && performance.now() >= this.#own.againAt) this.#ownStale = true;
    // A schema of the path may have come, gone, or been closed to the role.
    // In the middle of a series it cannot be asked; what the series itself changes is told apart from that.
    if (idle && this.#namesAt !== this.#catalogs.generation) this.#namesStale = true;
    return this.#namesStale || this.#ownStale || !shared;
  }

  /** Others have changed something since the own view was taken. That the snapshot is only doubted does not say so. */
  #compareOwn(): void {
    if (this.#own && this.#shared.id !== this.#own.beside) this.#ownStale = true;
  }

  /** The actor's name stands where it should, or cannot be put there now. */
  get pinned(): boolean {
    return this.#link.status === 'E' || this.#reportedName === this.#pinned;
  }

  /** Puts the actor's name back in front of what the client has set. SET takes no snapshot, so it may stand anywhere. */
  pin(): Promise<void> | undefined {
    if (this.pinned) return undefined;
    const name = this.#pinned;
    // In a block for its length only: the client's own SET LOCAL ends there, and what it set for longer shows again.
    const local = this.#link.status === 'T' ? 'LOCAL ' : '';
    return lookup(this.#link, 'pin', `SET ${local}application_name = '${name.replaceAll("'", "''")}'`).then(() => {
      this.#reportedName = name;
    });
  }

  /**
   * Reads again what names mean. What only the client's own session can tell is asked there, so only while the target owes
   * it nothing (`idle`), and only for a statement that needs it: the look-up takes a snapshot, which must not come before
   * SET TRANSACTION. False: it would have to be asked now and cannot be. Rejects when the target does not answer.
   */
  async refresh(idle: boolean): Promise<boolean> {
    const link = this.#link;
    this.#shared = await this.#catalogs.current();
    // Only now is it known whether anything has changed.
    this.#compareOwn();
    if (idle && this.#namesAt !== this.#catalogs.generation) this.#namesStale = true;
    const inSession = this.#ownStale && (link.status === 'T' || this.#temporary);
    if ((inSession || this.#namesStale) && !idle) return false;
    if (inSession) {
      const shared = this.#shared;
      // What is shared differs only when the open transaction may have changed it, unseen by others.
      const own = await readOwnView(link, shared, !this.#sharedChangedInBlock);
      this.#own = own.catalog === shared ? undefined : own;
    }
    this.#ownStale = false;
    if (!this.#namesStale) return true;
    this.#namesAt = this.#catalogs.generation;
    // The server's own answer: what exists and may be used, with the implicit schemas in their places.
    const rows = await lookup(link, 'lookup', EFFECTIVE_PATH);
    this.#names = { ...this.#names, searchPath: schemasOf(rows) };
    this.#namesStale = false;
    return true;
  }
}

/** The schemas that names are looked up in, in order, one a row. */
export const EFFECTIVE_PATH = 'SELECT schema FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY AS path(schema, place) ORDER BY path.place';

/** Its rows. Schemas that are not there are not part of it. */
export const schemasOf = (rows: readonly (readonly (string | null)[])[]): string[] => rows.flatMap(([schema]) => (schema == null ? [] : [schema]));
